"""What the report says, in words and tables; pure functions of the run's files."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from common.byte_text import bytes_text
from common.config import Config
from simulations.data_wording import dealt_out, transfer_examples
from simulations.summary import LocalStudentFigures, Summary
from simulations.wording import (
    epsilon_text,
    of_count,
    percent,
    points,
    times_text,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A headline figure.

    Attributes:
        label: what it is.
        value: the figure.
        remark: what to compare it with.
        is_warning: whether to print it in red.
    """

    label: str
    value: str
    remark: str
    is_warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow:
    """A site in the table; accuracies on the common test part, in [0, 1].

    Attributes:
        name: its public name.
        model: its architecture.
        examples: its nominal examples.
        alone: accuracy by itself; None where the baseline was not run.
        student: its local student's accuracy.
    """

    name: str
    model: str
    examples: int
    alone: float | None
    student: float

    @property
    def gain(self) -> str:
        """The difference in percentage points, with its sign."""
        return "" if self.alone is None else points(self.student - self.alone)


def lede(config: Config, summary: Summary) -> str:
    """Returns the sentence under the headline: who learned what from whom."""
    if not summary.is_simulation:
        return _deployed_lede(config, summary)
    counts = Counter(config.site_models)
    models = " and ".join(_comma(f"{count} {name}" for name, count in counts.items()))
    sizes = sorted(set(config.nominal_examples))
    size = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    students = "additive heads" if config.has_heads else "models"
    return (
        f"{of_count(config.sites, 'site')} ({models}) with {size} private examples of "
        f"{config.data.name} each, {dealt_out(config)}, learned from one another's "
        f"soft labels on {transfer_examples(config)} for "
        f"{of_count(summary.rounds, 'round')}; {students} answered."
    )


def _deployed_lede(config: Config, summary: Summary) -> str:
    students = "additive heads" if config.has_heads else "models of their own"
    return (
        f"{of_count(summary.num_sites, 'site')}, each on a machine of its own with "
        "data that never left it, learned from one another's soft labels on "
        f"{transfer_examples(config)} for {of_count(summary.rounds, 'round')}; "
        f"{students} answered."
    )


def cards(summary: Summary) -> tuple[Card, ...]:
    """Returns the headline figures."""
    students = summary.local_students
    return (
        _global_card(summary),
        _sites_card(summary) if students is None else _local_card(summary, students),
        _privacy_card(summary),
        _wire_card(summary),
    )


def site_rows(config: Config, summary: Summary) -> tuple[SiteRow, ...]:
    """Returns the sites in order of their names; of a deployment none."""
    alone, students = summary.baselines.alone, summary.local_students
    if students is None:
        return ()
    return tuple(
        SiteRow(
            name=name,
            model="head" if config.has_heads else model,
            examples=examples,
            alone=None if alone is None else alone.by_site.get(name),
            student=students.by_site[name],
        )
        for name, model, examples in zip(
            config.site_names, config.site_models, config.nominal_examples, strict=True
        )
        if name in students.by_site
    )


def reproduce(summary: Summary) -> str:
    """Returns the commands, to be typed in the run folder, that do the run again."""
    if not summary.is_simulation:
        return "fedstill run config.toml --deployment DIR --output ANOTHER"
    again = shlex.quote(f"../{summary.name}-again")
    return f"fedstill simulate config.toml --output {again}"


def flattened(values: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Returns nested JSON or TOML as dotted keys and text."""
    result: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            result |= flattened(value, f"{prefix}{key}.")
        else:
            result[f"{prefix}{key}"] = _plain(value)
    return result


def _global_card(summary: Summary) -> Card:
    accuracy = summary.global_student.test_accuracy
    if accuracy is None:
        return Card(
            label="Global student",
            value="not measured",
            remark="[evaluation] path names what to measure on",
        )
    alone = summary.baselines.alone
    remark = (
        "on the test part" if summary.is_simulation else "on the coordinator's examples"
    )
    if alone is not None:
        gain = points(accuracy - alone.best_test_accuracy)
        remark = f"{gain} points on the best site alone"
    return Card(label="Global student", value=percent(accuracy), remark=remark)


def _sites_card(summary: Summary) -> Card:
    return Card(
        label="Sites",
        value=f"{summary.num_sites}",
        remark="how well their own students do, they alone know",
    )


def _local_card(summary: Summary, students: LocalStudentFigures) -> Card:
    mean = students.mean_test_accuracy
    alone = summary.baselines.alone
    remark = f"mean of {of_count(len(students.by_site), 'site')}"
    if alone is not None:
        remark += f"; alone {percent(alone.mean_test_accuracy)}"
    return Card(label="Local students", value=percent(mean), remark=remark)


def _privacy_card(summary: Summary) -> Card:
    privacy = summary.privacy
    if not privacy.is_private:
        return Card(
            label="Privacy", value="none", remark="epsilon is infinite", is_warning=True
        )
    return Card(
        label="Epsilon of a site",
        value=epsilon_text(privacy.max_epsilon),
        remark=f"at delta {privacy.delta:g}, per {privacy.unit}",
    )


def _wire_card(summary: Summary) -> Card:
    wire = summary.bytes
    replies = "sent by all sites"
    if wire.up:
        ratio = wire.fedavg_equivalent_up / wire.up
        replies = (
            f"sent by all sites; FedAvg {times_text(ratio)} times that"
            if ratio >= 1
            else f"sent by all sites; FedAvg {bytes_text(wire.fedavg_equivalent_up)}"
        )
    return Card(label="Bytes", value=bytes_text(wire.up), remark=replies)


def _comma(parts: Iterator[str]) -> Iterator[str]:
    """Joins all but the last part by commas, for an "and" before the last."""
    *most, last = parts
    if most:
        yield ", ".join(most)
    yield last


def _plain(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(_plain(one) for one in value)
    return f"{value}"
