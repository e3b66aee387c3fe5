"""The figures of a deployed run whose ``fedstill run`` did not live to write them.

The run goes on without the command that started it. So its folder can hold rounds, and
no summary or one of fewer rounds.
"""

from __future__ import annotations

from common.atomic_file import write_atomically
from common.config import DEPLOYED, Config, load_config
from common.errors import ConfigError, DataError
from common.run_folder import RunFolder
from simulations.model_card import write_model_card
from simulations.rounds import read_rounds
from simulations.summary import Summary


def refresh_results(folder: RunFolder) -> None:
    """Writes summary and model card of a deployed run where they lag behind its rounds.

    A simulation is left as it is: its figures cannot be had from its files alone.

    Raises:
        DataError: no round has finished, or a file cannot be read.
    """
    config = _deployed_config(folder)
    old = _summary(folder)
    if config is None or (old is not None and old.is_simulation):
        return
    if old is not None and old.rounds == len(read_rounds(folder.metrics)):
        return
    # Imported here: it needs torch, and most reports do not need it.
    from simulations.deployed_summary import summarise_deployed  # noqa: PLC0415

    names = () if old is None else (*old.sites, *old.never_came)
    summary = summarise_deployed(config, folder, federation=names)
    write_atomically(folder.summary, summary.to_json().encode())
    write_model_card(folder, summary)


def _deployed_config(folder: RunFolder) -> Config | None:
    try:
        config = load_config(folder.config)
    except ConfigError:
        return None  # the report says what is wrong with it
    return config if config.engine == DEPLOYED else None


def _summary(folder: RunFolder) -> Summary | None:
    try:
        text = folder.summary.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        fault = getattr(error, "strerror", None) or "not UTF-8 text"
        raise DataError(
            f"{folder.summary} cannot be read: {fault}. No report was written."
        ) from error
    return Summary.from_json(text, source=str(folder.summary))
