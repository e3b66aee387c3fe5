"""What can be said of a config before any data are read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from common.config import Config
from common.errors import ConfigError
from common.findings import Level
from common.head_plan import planned_rounds
from simulations.check.finding import Finding, Group
from simulations.locate import choose_run_folder
from simulations.wording import of_count

# A site of a fifth of the largest adds as much noise, and a fifth of the evidence.
VERY_UNEQUAL = 5
_CONSEQUENCE = " Nothing was run."
_Line = partial(Finding, group=Group.CONFIG)


def config_problems(error: ConfigError) -> Iterator[Finding]:
    """Yields an error for each problem of a config that cannot be read."""
    for line in str(error).splitlines():
        text = line.removesuffix(_CONSEQUENCE)
        yield _Line(level=Level.ERROR, text=text)


def config_findings(config: Config) -> Iterator[Finding]:
    """Yields what a valid config asks for, and what about it is odd."""
    rounds = planned_rounds(config)
    yield _Line(
        level=Level.OK,
        text=f"{config.name}: {of_count(config.sites, 'site')}, "
        f"{of_count(rounds, 'round')}, mechanism {config.privacy.mechanism}, consensus "
        f"by {config.aggregation_rule}, codec {config.codec_name}, global student "
        f"{config.global_student_model}.",
        figures={"sites": config.sites, "rounds": rounds, "run_id": config.run_id},
    )
    yield from _sizes(config)
    if config.codec_name == "float16":
        yield _Line(
            level=Level.WARNING,
            text="codec.name = float16 turns probabilities below 6e-8 into 0 and takes "
            "rows off the simplex by up to 4e-4: logit with 8 bits is half the bytes "
            "and keeps both.",
        )
    if not config.data.is_at_sites:
        yield from _of_simulations(config)


def _of_simulations(config: Config) -> Iterator[Finding]:
    folder = choose_run_folder(config).root
    if folder.exists() and not config.resume:
        yield _Line(
            level=Level.WARNING,
            text=f"The run folder {folder} exists: give --output DIR, or --resume to "
            "continue the run in it.",
        )
    if not config.baselines.enabled:
        yield _Line(
            level=Level.WARNING,
            text="baselines.enabled = false: the report will not say whether the "
            "federation is better than each site alone.",
        )


def _sizes(config: Config) -> Iterator[Finding]:
    smallest, largest = min(config.nominal_examples), max(config.nominal_examples)
    if smallest * VERY_UNEQUAL <= largest:
        yield _Line(
            level=Level.WARNING,
            text=f"data.per-site goes from {smallest:,} to {largest:,}: a small site "
            "adds as much noise as a large one and little evidence. The consensus may "
            "be better without the smallest.",
            figures={"smallest": smallest, "largest": largest},
        )
