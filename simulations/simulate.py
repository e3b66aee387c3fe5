"""``fedstill.simulate``: one federation, its baselines, its report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from common.atomic_file import write_atomically
from common.code_names import as_file_name
from common.config import Config, load_config
from common.data.describe import describe
from common.errors import ConfigError
from common.run_folder import RunFolder
from common.run_plan import Scalar
from common.student_file import student_to_bytes
from server.progress import RoundListener
from simulations import baselines
from simulations.federation import Federation, run_federation
from simulations.locate import choose_run_folder, find_config
from simulations.model_card import write_model_card
from simulations.personal import run_personal_students
from simulations.report.page import write_report
from simulations.summarise import BaselineRuns, summarise
from simulations.summary import Summary

Stage = Callable[[str], None]


def simulate(
    config: Path | str | Config,
    *,
    output: Path | None = None,
    resume: bool = False,
    overrides: Mapping[str, Scalar] | None = None,
    listener: RoundListener = lambda _: None,
    on_stage: Stage = lambda _: None,
) -> Summary:
    """Runs a simulation and leaves a run folder.

    Args:
        config: a TOML file, the name of a bundled config, or a config.
        output: the run folder; by default ``runs/<name>``.
        resume: whether to continue the run in an existing folder.
        overrides: dotted kebab keys to values, as after ``--set``.
        listener: told about every finished round.
        on_stage: told what is being done, in a few words.

    Returns:
        The figures, as in ``summary.json``.

    Raises:
        FedstillError: bad config or data, a taken folder, a missed quorum, a refusal.
    """
    resolved = _resolve(config, overrides or {}, output=output, resume=resume)
    folder = choose_run_folder(resolved)
    on_stage("federation")
    federation = run_federation(resolved, listener=listener)
    _save_local_students(federation, folder)
    runs = _run_baselines(federation, folder, on_stage)
    if resolved.personal_student.enabled:
        on_stage("personal students")
    personal = run_personal_students(federation, folder)
    on_stage("report")
    summary = summarise(federation, folder, runs, personal=personal)
    write_atomically(folder.summary, summary.to_json().encode())
    write_model_card(folder, summary)
    write_report(folder)
    return summary


def _resolve(
    config: Path | str | Config,
    overrides: Mapping[str, Scalar],
    *,
    output: Path | None,
    resume: bool,
) -> Config:
    if isinstance(config, Config):
        resolved = config.with_overrides(overrides)
    else:
        resolved = load_config(find_config(config), overrides)
    if resolved.engine != "inline":
        raise ConfigError(
            f"engine = {resolved.engine!r}: `simulate` runs the engine 'inline'. For "
            "Flower's own engine use `flwr run`. Nothing was run."
        )
    chosen = choose_run_folder(resolved, output).root
    return resolved.with_overrides(
        {"output": str(chosen.absolute()), "resume": resume or resolved.resume}
    )


def _run_baselines(
    federation: Federation, folder: RunFolder, on_stage: Stage
) -> BaselineRuns | None:
    config, parts = federation.config, federation.parts
    if not config.baselines.enabled:
        return None
    on_stage("baseline: each site alone")
    alone = baselines.alone(
        config,
        parts,
        folder.baselines,
        private_rounds=federation.private_rounds(),
    )
    on_stage("baseline: all private data pooled")
    pooled = baselines.pooled(config, parts, folder.baselines)
    on_stage("baseline: the federation without privacy")
    no_privacy = baselines.no_privacy(config, folder.baselines)
    return BaselineRuns(alone=alone, pooled=pooled, no_privacy=no_privacy)


def _save_local_students(federation: Federation, folder: RunFolder) -> None:
    folder.local_students.mkdir(exist_ok=True)
    config = federation.config
    for name, model, site in zip(
        config.site_names, config.site_models, federation.sites, strict=True
    ):
        kind = "head" if config.has_heads else model
        student = site.released_student(config.run_id)
        description = describe(federation.parts, kind, student)
        path = folder.local_students / f"{name}-{as_file_name(kind)}.safetensors"
        write_atomically(path, student_to_bytes(student, description))
