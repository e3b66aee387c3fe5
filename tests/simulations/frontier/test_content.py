"""What is written about the sweeps: every figure, every verdict, every failure."""

import xml.etree.ElementTree as ET
from dataclasses import replace

from simulations.frontier.content import BYTES_FIGURE, FIGURE, frontier_text
from simulations.frontier.figure import bytes_svg, frontier_svg
from simulations.frontier.sweeps import FASHION_MNIST, HEADS, SWEEPS, SweepResult
from simulations.frontier.tables import DASH, accuracy_table
from simulations.tradeoff.cells import Row
from tests.simulations.frontier.made import made_results

SVG = "{http://www.w3.org/2000/svg}"


def _cells(text):
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def _only(results, names):
    return [one for one in results if one.spec.name in names]


def test_a_row_holds_mean_and_deviation_at_every_epsilon(tmp_path):
    """Of the seeds' own accuracies, in per cent to one decimal."""
    results = made_results(tmp_path)
    for one in results[:1]:
        fixed = [
            replace(
                row,
                result=replace(row.result, test_accuracy=0.97 + row.cell.seed / 1000),
            )
            for row in one.sweep.rows
        ]
        results[0] = replace(one, sweep=replace(one.sweep, rows=tuple(fixed)))

    head, *rows = _cells(accuracy_table(results))

    assert head == [
        *("data set", "partition", "method"),
        *["0.5", "1", "2", "4", "8", "∞"],
    ]
    assert rows[0] == ["MNIST", "iid", "**federation**", *["97.2 ± 0.1"] * 6]
    assert all(len(row) == len(head) for row in rows)
    for data_set in ("MNIST", "Fashion-MNIST"):
        for partition in ("iid", "Dirichlet 0.5", "Dirichlet 0.1"):
            names = [row[2] for row in rows if row[:2] == [data_set, partition]]
            assert names[:5] == [
                "**federation**",
                "alone",
                "alone, no privacy",
                "pooled",
                "DP-FedAvg",
            ]


def test_the_cnn_stands_in_one_row_with_a_single_seed_without_privacy(tmp_path):
    """Two sweeps of it, one line; elsewhere a dash."""
    rows = _cells(accuracy_table(made_results(tmp_path)))

    (ours,) = [row for row in rows if row[2] == "federation, cnn"]
    assert ours[:2] == ["Fashion-MNIST", "Dirichlet 0.1"]
    assert ["±" in cell for cell in ours[3:]] == [
        False,
        True,
        False,
        True,
        False,
        False,
    ]
    assert [cell == DASH for cell in ours[3:]] == [
        True,
        False,
        True,
        False,
        True,
        False,
    ]


def test_the_text_says_what_is_met_and_what_is_not(tmp_path):
    """The made-up accuracies are far from what was asked."""
    text = frontier_text(made_results(tmp_path), seeds=3, command="the command")

    assert "MNIST, accuracy at the worst skew, at epsilon 0.5, 1, 2, 4;" in text
    assert "(≥ 97: **not met**)" in text
    assert "(> 0: met)" in text
    assert "not measured" not in text
    for part in (FIGURE, BYTES_FIGURE, "torch 2.13.0", "`the command`", "3 seeds"):
        assert part in text


def test_the_text_says_what_had_fewer_seeds(tmp_path):
    """A mean over one seed is not one over five."""
    text = frontier_text(made_results(tmp_path), seeds=5, command="")

    assert (
        "over 5 seeds; of a cnn at epsilon 1 and 4, 3 seeds; "
        "of a cnn at epsilon inf, 1 seed."
    ) in text


def test_missing_sweeps_are_not_measured_and_not_met(tmp_path):
    """Half of the page can be written; nothing in it is claimed."""
    results = _only(made_results(tmp_path), {"mnist"})

    text = frontier_text(results, seeds=3, command="")

    assert "**not measured**" in text
    assert "Fashion-MNIST, accuracy at the worst skew, at epsilon 0.5, 1, 2, 4" in text


def test_a_failed_cell_is_told(tmp_path):
    """With the line that says why."""
    results = made_results(tmp_path)
    first, *others = results[0].sweep.rows
    failed = Row(cell=first.cell, delta=first.delta, error="no | memory")
    sweep = replace(results[0].sweep, rows=(failed, *others))
    results[0] = SweepResult(spec=results[0].spec, sweep=sweep)

    text = frontier_text(results, seeds=3, command="")

    assert "**1 cells failed" not in text
    assert "**1 cell failed and is missing above:**" in text
    assert ": no | memory" in text


def test_cost_is_the_sum_over_cells_and_bytes_are_those_of_a_site(tmp_path):
    """3.2 seconds a cell and 21,000 bytes a round of three sites, as made."""
    results = made_results(tmp_path)
    cells = sum(len(one.sweep.rows) for one in results)

    text = frontier_text(results, seeds=3, command="")

    assert f"{cells} cells took 0 h {round(cells * 3.2 / 60):02d} min" in text
    assert "| MNIST | federation | 54 | 3.2 s | 7 kB |" in text
    assert f"| MNIST | alone, no privacy | 9 | 3.2 s | {DASH} |" in text


def test_bytes_to_equal_accuracy_are_told_or_said_not_to_be_reached(tmp_path):
    """Made rows: ours is better and smaller."""
    text = frontier_text(made_results(tmp_path), seeds=3, command="")

    rows = [row for row in _cells(text) if "ends" in row[1]]
    assert [row[0] for row in rows] == ["1", "1", "4", "4"]
    assert rows[0][1].endswith("where DP-FedAvg ends")
    assert rows[0][3].startswith("federation: ")
    assert rows[0][3].endswith("kB")
    assert rows[1][3] == "DP-FedAvg: not reached in 10 rounds"


def test_pictures_are_whole_and_have_a_panel_a_partition(tmp_path):
    """Well-formed, ids unique, colours with a value."""
    results = made_results(tmp_path)

    for svg, panels in ((frontier_svg(results), 6), (bytes_svg(results), 2)):
        root = ET.fromstring(svg)
        ids = [one.get("id") for one in root.iter() if one.get("id")]
        assert len(root.findall(f"{SVG}svg")) == panels
        assert len(ids) == len(set(ids))
        for name in ("ink", "ours", "pooled", "alone", "paper"):
            assert f"--{name}: #" in root.find(f"{SVG}style").text


def test_both_kinds_of_students_are_swept_as_asked():
    """Heads on the whole grid of both data sets, the cnn where it was asked for."""
    heads = [one for one in SWEEPS if one.students == HEADS]
    cnn = [one for one in SWEEPS if one.students != HEADS]

    assert {one.data_set for one in heads} == {"mnist", "fashion-mnist"}
    assert all(one.epsilons == "0.5,1,2,4,8,inf" for one in heads)
    assert all(len(one.partitions) == 3 for one in heads)
    assert [(one.data_set, one.epsilons, one.most_seeds) for one in cnn] == [
        (FASHION_MNIST, "1,4", 3),
        (FASHION_MNIST, "inf", 1),
    ]
