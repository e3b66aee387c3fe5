"""The results of a run in the terminal, and what to do next."""

from __future__ import annotations

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from common.byte_text import bytes_text
from common.run_folder import RunFolder
from simulations.personal_figures import mean_comparison
from simulations.summary import Summary
from simulations.wording import (
    accuracy_text,
    epsilon_text,
    of_count,
    percent,
    points,
    seconds_text,
    times_text,
)

Row = tuple[str, str, str]


def print_results(console: Console, summary: Summary, folder: RunFolder) -> None:
    """Prints the results, the privacy of the run, and a last line: what to do next."""
    console.print()
    console.print(Group(_table(summary), _privacy_line(summary), _cost_line(summary)))
    console.print()
    # soft_wrap: a path that is broken over two lines cannot be clicked or copied.
    console.print(next_step(folder), soft_wrap=True, highlight=False)


def next_step(folder: RunFolder) -> str:
    """Returns the last line: the page to open."""
    return f"Next: open {folder.report} in a browser."


def result_rows(summary: Summary) -> list[Row]:
    """Returns (who, accuracy, remark) rows, ours first and then the baselines."""
    accuracy = accuracy_text(summary.global_student.test_accuracy)
    ours = ("Global student", accuracy, _gain(summary))
    return [
        ours,
        *local_rows(summary),
        *personal_rows(summary),
        *baseline_rows(summary),
    ]


def local_rows(summary: Summary) -> list[Row]:
    """Returns (who, accuracy, remark) of the local students; of a deployment none."""
    students = summary.local_students
    if students is None:
        return []
    mean = percent(students.mean_test_accuracy)
    return [
        ("Local students, mean", mean, of_count(len(students.by_site), "site")),
        *(
            (f"  {model}", percent(accuracy), "")
            for model, accuracy in students.by_model.items()
        ),
    ]


def personal_rows(summary: Summary) -> list[Row]:
    """Returns (who, accuracy, remark) of the personal students, if there are any."""
    figures = summary.personal_students
    if figures is None:
        return []
    mean = mean_comparison(tuple(figures.by_site.values()))
    alone, everybody, personal = mean.alone, mean.global_student, mean.personal
    return [
        (
            "Personal students, own class mix",
            percent(personal.own_mix),
            _others(alone.own_mix, everybody.own_mix),
        ),
        (
            "Personal students, everybody's mix",
            percent(personal.test_accuracy),
            _others(alone.test_accuracy, everybody.test_accuracy),
        ),
    ]


def baseline_rows(summary: Summary) -> list[Row]:
    """Returns (who, accuracy, remark) of the baselines that were run."""
    baselines, rows = summary.baselines, list[Row]()
    same = "same privacy" if summary.privacy.is_private else "no privacy"
    if baselines.alone:
        alone = baselines.alone
        rows += [
            ("Alone, mean", percent(alone.mean_test_accuracy), same),
            ("Alone, best site", percent(alone.best_test_accuracy), same),
        ]
    if baselines.no_privacy:
        figures = baselines.no_privacy
        rows.append(
            (
                "Federation without privacy",
                percent(figures.global_student_test_accuracy),
                "global student",
            )
        )
    if baselines.pooled:
        accuracy = percent(baselines.pooled.test_accuracy)
        rows.append(("All data pooled", accuracy, "no privacy"))
    return rows


def _table(summary: Summary) -> Table:
    table = Table(
        title=f"{summary.name}: {of_count(summary.rounds, 'round')}",
        title_justify="left",
        title_style="bold",
        caption_justify="left",
    )
    table.add_column("Student")
    table.add_column("Test accuracy", justify="right")
    table.add_column("", style="dim")
    rows = result_rows(summary)
    ours = len(rows) - len(baseline_rows(summary))
    for number, (who, accuracy, remark) in enumerate(rows):
        table.add_row(
            who,
            accuracy,
            remark,
            style="bold" if number == 0 else None,
            end_section=number == ours - 1,
        )
    return table


def _others(alone: float, everybody: float) -> str:
    return f"alone {percent(alone)}, global {percent(everybody)}"


def _gain(summary: Summary) -> str:
    alone, accuracy = summary.baselines.alone, summary.global_student.test_accuracy
    if accuracy is None:
        return f"{of_count(summary.num_sites, 'site')}; no [evaluation] path"
    if alone is None:
        return "" if summary.is_simulation else of_count(summary.num_sites, "site")
    gain = accuracy - alone.best_test_accuracy
    return f"{points(gain)} points on best site alone"


def _privacy_line(summary: Summary) -> Text:
    privacy = summary.privacy
    if not privacy.is_private:
        return Text(
            "No privacy: students and soft labels may reveal single examples.",
            style="bold red",
        )
    text = Text(
        f"Privacy: epsilon {epsilon_text(privacy.max_epsilon)} at delta "
        f"{privacy.delta:g} per {privacy.unit} and site "
        f"(over all sites: {epsilon_text(privacy.sum_epsilon)})."
    )
    if privacy.budget_exhausted_at_round is not None:
        text.append(
            f" A budget had ended by round {privacy.budget_exhausted_at_round}.",
            style="yellow",
        )
    return text


def _cost_line(summary: Summary) -> Text:
    wire = summary.bytes
    text = (
        f"Sent by the sites: {bytes_text(wire.up)}, of which soft-label replies "
        f"{bytes_text(wire.soft_labels_up)}"
    )
    if wire.up:
        ratio = wire.fedavg_equivalent_up / wire.up
        text += (
            f"; FedAvg: {bytes_text(wire.fedavg_equivalent_up)} "
            f"({times_text(ratio)} times as much)"
        )
    return Text(f"{text}. Took {seconds_text(summary.seconds)}.")
