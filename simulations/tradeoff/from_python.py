"""``fedstill.tradeoff``: a whole sweep and its report, without a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from common.config import Config, load_config
from common.run_plan import Scalar
from simulations.locate import find_config
from simulations.report.tradeoff_page import write_tradeoff_report
from simulations.tradeoff.axes import SEPARATOR, read_axes
from simulations.tradeoff.folder import choose_folder
from simulations.tradeoff.tradeoff import Sweep, run_tradeoff


def tradeoff(
    config: Path | str | Config,
    *,
    epsilon: Iterable[float],
    seeds: int,
    lists: Mapping[str, Iterable[str] | None],
    output: Path | None = None,
    resume: bool = False,
    jobs: int = 1,
    overrides: Mapping[str, Scalar] | None = None,
) -> Sweep:
    """Runs a sweep and writes its results and its report.

    Args:
        config: a TOML file, the name of a bundled config, or a config.
        epsilon: the most that a site may spend, each > 0; infinite for no privacy.
        seeds: how many seeds, from the config's own upwards.
        lists: ``mechanism``, ``rule``, ``partition`` and ``baselines``; None takes
            what the config says.
        output: the folder; by default ``runs/<name>-tradeoff``.
        resume: whether to continue in an existing folder.
        jobs: how many cells run at a time, each in a process of its own from two on.
        overrides: dotted kebab keys to values.

    Raises:
        FedstillError: bad config, axes or data, or a taken folder.
    """
    changes = overrides or {}
    if isinstance(config, Config):
        base = config.with_overrides(changes)
    else:
        base = load_config(find_config(config), changes)
    axes = read_axes(
        base,
        epsilon=SEPARATOR.join(f"{float(one)!r}" for one in epsilon),
        seeds=seeds,
        **{name: _joined(values) for name, values in lists.items()},
    )
    sweep = run_tradeoff(
        base,
        axes,
        choose_folder(base, output),
        jobs=jobs,
        resume=resume,
        fixed=tuple(changes),
    )
    write_tradeoff_report(sweep)
    return sweep


def _joined(values: Iterable[str] | None) -> str | None:
    if values is None or isinstance(values, str):
        return values
    return SEPARATOR.join(values)
