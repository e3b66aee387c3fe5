"""Student files: safetensors whose header says what the student is.

Weights alone do not say what model they are of. A student file needs neither the run
that made it nor a transfer set; it holds no time, path or machine, so the same student
gives the same bytes. Reading one runs no code of its author's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load
from torch import Tensor, nn

from common.code_names import is_code_name
from common.errors import DataError
from common.features.map import empty_map
from common.models.zoo import ZOO, build_model
from common.own_code import current_folder_first, import_callable, in_one_line
from common.run_folder import RunFolder
from common.safetensors_header import metadata_of, with_metadata
from common.student_description import FORMAT, StudentDescription
from common.weights import all_finite, odd_names, to_bytes

Builder = Callable[[StudentDescription], nn.Module]

HEAD = "head"  # public features, then a linear layer
_CONSEQUENCE = "Nothing was loaded."


def student_to_bytes(module: nn.Module, description: StudentDescription) -> bytes:
    """Returns the content of a student file.

    Args:
        module: maps [batch, *input_shape] to logits [batch, num_classes].
        description: what ``module`` is.
    """
    return student_from_weights(to_bytes(module), description)


def student_from_weights(weights: bytes, description: StudentDescription) -> bytes:
    """Returns the content of a student file.

    Args:
        weights: from :func:`common.weights.to_bytes`.
        description: what they are the weights of.
    """
    return with_metadata(weights, description.to_metadata())


def load_student(path: Path | str, *, allow_code: bool = False) -> nn.Module:
    """Returns the student in a file, ready to use.

    Args:
        path: a student file, or a run folder, whose global student is meant.
        allow_code: whether a model of the user's own may be imported, which runs code.

    Raises:
        DataError: no such file, no student file, or a student that cannot be built.
    """
    module, _ = open_student(path, allow_code=allow_code)
    return module


def open_student(
    path: Path | str, *, allow_code: bool = False
) -> tuple[nn.Module, StudentDescription]:
    """Returns the student in a file, and what the file says that it is.

    Args:
        path: as in :func:`load_student`.
        allow_code: as in :func:`load_student`.

    Raises:
        DataError: as in :func:`load_student`.
    """
    path = Path(path)
    try:
        file = RunFolder(path).global_student if path.is_dir() else path
        content = file.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        fault = getattr(error, "strerror", None) or "this is no name of a file"
        raise DataError(
            f"{path} cannot be read as a student: {fault}. It must be a student file "
            f"(.safetensors) or a run folder with one. {_CONSEQUENCE}"
        ) from error
    return read_student(content, source=str(file), allow_code=allow_code)


def read_student(
    content: bytes, *, source: str = "The content", allow_code: bool = False
) -> tuple[nn.Module, StudentDescription]:
    """Returns the student in a file's content, in evaluation mode.

    Args:
        content: of a student file; it may come from anybody.
        source: whose content it is, for messages.
        allow_code: as in :func:`load_student`.

    Raises:
        DataError: no student file, an unknown architecture, one that needs
            ``allow_code``, or weights that do not fit or are not finite.
    """
    state, description = _parse(content, source)
    module = _build(description, source, allow_code=allow_code)
    odd = odd_names(module, state)
    if odd:
        raise DataError(
            f"{source}: the weights do not fit the architecture "
            f"{description.architecture!r}, other names, shapes or types: "
            f"{', '.join(odd)}. {_CONSEQUENCE}"
        )
    if any(tensor.is_meta for tensor in module.state_dict().values()):
        module.to_empty(device="cpu")
    module.load_state_dict(state)
    if not all_finite(module):
        raise DataError(
            f"{source}: the student has a weight that is NaN or infinite. "
            f"{_CONSEQUENCE}"
        )
    return module.eval(), description


def _parse(content: bytes, source: str) -> tuple[dict[str, Tensor], StudentDescription]:
    try:
        state = load(content)
        metadata = metadata_of(content)
    except Exception as error:  # damaged headers fail in many ways
        raise DataError(
            f"{source} is not a student file: it is not safetensors. {_CONSEQUENCE}"
        ) from error
    if metadata.get("format") != FORMAT:
        raise DataError(
            f"{source} is not a student file: its header has format "
            f"{metadata.get('format')!r}, must be {FORMAT!r}. {_CONSEQUENCE}"
        )
    try:
        return state, StudentDescription.from_metadata(metadata)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{source} is not a student file: its header is malformed. {error} "
            f"{_CONSEQUENCE}"
        ) from error


def _build(
    description: StudentDescription, source: str, *, allow_code: bool
) -> nn.Module:
    name = description.architecture
    builder = BUILDERS.get(name)
    if builder is None and is_code_name(name):
        if not allow_code:
            raise DataError(
                f"{source}: the student is a model of its author's own, {name!r}, and "
                "loading it runs that code. If you trust it, say allow_code=True or "
                f"--allow-code. {_CONSEQUENCE}"
            )
        builder = _own_model
    if builder is None:
        raise DataError(
            f"{source}: unknown architecture {name!r}, must be one of "
            f"{', '.join(BUILDERS)} or module:factory. {_CONSEQUENCE}"
        )
    try:
        return builder(description)
    except Exception as error:  # builders of others fail in ways of their own
        raise DataError(
            f"{source}: architecture {name!r} cannot be built for examples of shape "
            f"{description.input_shape} and {description.num_classes} classes "
            f"({in_one_line(error)}). {_CONSEQUENCE}"
        ) from error


def _zoo_model(description: StudentDescription) -> nn.Module:
    # Without memory: a header may ask for sizes that the file does not have.
    with torch.device("meta"):
        return build_model(
            description.architecture,
            input_shape=description.input_shape,
            num_classes=description.num_classes,
            seed=0,
        )


def _head(description: StudentDescription) -> nn.Module:
    layout = description.features or {}
    features = empty_map(layout)
    if tuple(layout["input_shape"]) != description.input_shape:
        raise ValueError("the features are of examples of another shape")
    # Not initialised: that would draw from everybody's generator.
    linear = nn.utils.skip_init(  # type: ignore[no-untyped-call]
        nn.Linear, features.dimension, description.num_classes, bias=False
    )
    return nn.Sequential(features, linear)


def _own_model(description: StudentDescription) -> nn.Module:
    factory = import_callable(description.architecture)
    with current_folder_first():
        student: nn.Module = factory(description.input_shape, description.num_classes)
    return student


# Architecture -> how to build it, with any weights; all on "meta", or nothing.
BUILDERS: dict[str, Builder] = {**dict.fromkeys(ZOO, _zoo_model), HEAD: _head}
