"""A consensus rule of the user's own: ``module:function``, imported at the server.

The server's operator runs code of his own here, on soft labels that the sites have
released; privacy does not depend on what it does with them. A site never imports it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from common.errors import ConfigError
from common.own_code import current_folder_first, import_callable, in_one_line
from common.soft_labels import log_softmax
from server.aggregation.inputs import checked

Rule = Callable[[NDArray[np.floating]], NDArray[np.float64]]


def load_rule(name: str) -> Rule:
    """Returns the user's rule, whose outcome is checked and normalised.

    Args:
        name: ``module:function``, in the current folder or the environment. The
            function maps log probabilities, float64 [num_sites, num_examples,
            num_classes], to a consensus in logarithms [num_examples, num_classes];
            rows need not be normalised.

    Raises:
        ConfigError: nothing of that name can be imported and called. The rule itself
            raises it where its function fails, or gives something else.
    """
    try:
        function = import_callable(name)
    except ValueError as error:
        raise ConfigError(_text(name, f"{error}. Nothing was run.")) from error

    def rule(log_probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
        wide = checked(log_probabilities)
        try:
            with current_folder_first():
                # A copy: the function may work in place.
                outcome = function(wide.copy())
        except Exception as error:  # code of others fails in ways of its own
            raise _fault(name, f"it failed ({in_one_line(error)})") from error
        return _normalised(name, outcome, shape=wide.shape[1:])

    return rule


def _normalised(
    name: str, outcome: object, *, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Returns a function's outcome as rows of log probabilities."""
    array = np.asarray(outcome)
    if array.dtype.kind not in "iuf":
        raise _fault(name, f"it gave {type(outcome).__name__}, must be an array")
    if array.shape != shape:
        raise _fault(
            name,
            f"its outcome has shape {array.shape}, must be {shape}, examples by "
            "classes",
        )
    logs = array.astype(np.float64)
    bad = np.isnan(logs).any(axis=1) | np.isposinf(logs).any(axis=1)
    bad |= np.isneginf(logs).all(axis=1)  # nothing is left to normalise
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise _fault(
            name,
            f"its outcome for example {row} of the round is {logs[row]}, must be "
            "logarithms of probabilities without NaN or infinity",
        )
    return log_softmax(logs)


def _fault(name: str, fault: str) -> ConfigError:
    text = f"{' '.join(fault.split())}. The round was not finished; mend the rule and "
    return ConfigError(_text(name, f"{text}continue with --resume."))


def _text(name: str, fault: str) -> str:
    return f'[aggregation] rule = "{name}": {fault}'
