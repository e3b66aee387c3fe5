"""``fedstill run``: one federation on separate machines, and its report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from common.atomic_file import write_atomically
from common.config import DEPLOYED, Config, load_config
from common.deployment.layout import DeploymentFolder
from common.errors import ConfigError, OutputExistsError
from common.run_folder import RunFolder
from common.run_plan import Scalar
from server.deployment.federation_file import load_federation_file
from server.deployment.flower_cli import FlowerCli
from server.deployment.run_record import last_run_of
from server.deployment.run_watch import MOST_TRIES, RunWatch, Watcher
from server.outcome import Outcome, RunState, read_outcome
from server.run_lock import is_worked_on
from simulations.locate import find_config
from simulations.summary import Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedRun:
    """A run that is about to be started, or to go on.

    Attributes:
        config: of the run, ``output`` included.
        deployment: where it runs.
        folder: the run folder, an absolute path.
    """

    config: Config
    deployment: DeploymentFolder
    folder: RunFolder


def prepare_run(
    config: Path | str,
    deployment: Path,
    *,
    output: Path | None = None,
    overrides: Mapping[str, Scalar] | None = None,
) -> DeployedRun:
    """Returns a new run that can be started; nothing is written.

    Args:
        config: a TOML file, or the name of a bundled config.
        deployment: the folder that ``fedstill deploy init`` made.
        output: the run folder; by default ``runs/<name>`` of the deployment.
        overrides: dotted kebab keys to values, as after ``--set``.

    Raises:
        FedstillError: bad config or data, or a taken folder.
    """
    # Imported here: they need torch's second.
    from common.data.parts import load_public_parts  # noqa: PLC0415
    from server.planning import make_run_plan  # noqa: PLC0415

    place = _deployment(deployment)
    resolved = load_config(
        find_config(config), {**(overrides or {}), "engine": DEPLOYED}
    )
    _require_sites(resolved, place)
    root = output or Path(resolved.output or place.runs / resolved.name)
    folder = RunFolder(root.absolute())
    if folder.config.exists():
        raise OutputExistsError(
            f"Run folder {folder.root} holds a run already. Continue it with --resume "
            f"{folder.root} or choose another --output. Nothing was run."
        )
    # The ServerApp would find these faults too, half a minute later.
    parts = load_public_parts(resolved)
    make_run_plan(resolved, parts.transfer, num_classes=parts.num_classes)
    return DeployedRun(
        config=resolved.with_overrides({"output": str(folder.root), "resume": False}),
        deployment=place,
        folder=folder,
    )


def reopen_run(run_folder: Path, deployment: Path) -> DeployedRun:
    """Returns a run that was started before.

    Args:
        run_folder: of the run.
        deployment: the folder that ``fedstill deploy init`` made.

    Raises:
        ConfigError: either folder is none, or the run was a simulation.
    """
    place, folder = _deployment(deployment), RunFolder(run_folder.absolute())
    if not folder.config.exists():
        raise ConfigError(
            f"{folder.root} holds no run, so there is nothing to resume. Nothing was "
            "run."
        )
    config = load_config(folder.config)
    if config.engine != DEPLOYED:
        raise ConfigError(
            f"{folder.root} holds a simulation: its engine is {config.engine!r}. "
            "`fedstill simulate ... --resume` goes on with it. Nothing was run."
        )
    return DeployedRun(config=config, deployment=place, folder=folder)


def carry_out(
    run: DeployedRun, watcher: Watcher, *, retries: bool = True
) -> tuple[RunWatch, Callable[[], Outcome]]:
    """Starts a run, or finds the one that is under way; returns how to follow it.

    Args:
        run: new, or started before.
        watcher: who is told of its rounds.
        retries: whether a ServerApp that dies is started again.

    Returns:
        (the run that can be stopped, what follows it to its end).

    Raises:
        FedstillError: Flower did not start it.
    """
    watch = RunWatch(
        FlowerCli(run.deployment),
        run.deployment,
        run.config,
        run.folder,
        watcher,
        tries=MOST_TRIES if retries else 0,
    )
    found = read_outcome(run.folder)
    if found is not None and found.state is RunState.COMPLETED:
        return watch, lambda: found
    started = last_run_of(run.deployment, run.folder.root)
    if started is not None and is_worked_on(run.folder):
        watcher.say("The run is under way; following it.")
        watch.attach(started)
    else:
        watch.start()
    return watch, watch.follow


def write_results(run: DeployedRun) -> Summary | None:
    """Writes what the finished rounds came to; returns None where there are none."""
    if not run.folder.metrics.exists() or not run.folder.metrics.read_bytes():
        return None
    # Imported here: charts take a second, and nobody waits for them before the start.
    from simulations.deployed_summary import summarise_deployed  # noqa: PLC0415
    from simulations.model_card import write_model_card  # noqa: PLC0415
    from simulations.report.page import write_report  # noqa: PLC0415

    names = load_federation_file(run.deployment.federation).sites.names
    summary = summarise_deployed(run.config, run.folder, federation=names)
    write_atomically(run.folder.summary, summary.to_json().encode())
    write_model_card(run.folder, summary)
    write_report(run.folder)
    return summary


def _deployment(path: Path) -> DeploymentFolder:
    folder = DeploymentFolder(path.absolute())
    if not folder.federation.is_file():
        raise ConfigError(
            f"{folder.root} is no deployment: `fedstill deploy init` makes one, and "
            "--deployment says where it is. Nothing was run."
        )
    return folder


def _require_sites(config: Config, deployment: DeploymentFolder) -> None:
    names = load_federation_file(deployment.federation).sites.names
    if config.sites > len(names):
        raise ConfigError(
            f"sites = {config.sites}: must be <= {len(names)}, the sites in "
            f"{deployment.federation}: {', '.join(names)}. Nothing was run."
        )
