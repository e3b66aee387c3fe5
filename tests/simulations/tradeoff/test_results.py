"""The tidy files, and the lines and curves that are drawn from them."""

import csv
import io
import json
import math
import random

import pytest

from simulations.tradeoff.cell_files import row_from_json, row_to_json
from simulations.tradeoff.cells import Cell, CellResult, Row
from simulations.tradeoff.curves import curves_of
from simulations.tradeoff.folder import TradeoffFolder
from simulations.tradeoff.labels import line_names, spread_text
from simulations.tradeoff.lines import LineKey, lines_of
from simulations.tradeoff.results import COLUMNS, write_results
from tests.simulations.tradeoff.rows import make_row, make_sweep


def _cell(**changes):
    return Cell(
        **{
            "method": "federation",
            "mechanism": "dp-sgd",
            "rule": "mean",
            "partition": "iid",
            "epsilon": 1.0,
            "seed": 1,
            **changes,
        }
    )


def _row(accuracy, **changes):
    result = CellResult(test_accuracy=accuracy, epsilon_spent=1.0)
    return Row(cell=_cell(**changes), delta=1e-3, result=result)


def test_both_files_hold_every_cell_in_an_order_of_their_own(tmp_path):
    """Whichever cell ended first, the bytes are the same."""
    rows = list(make_sweep(tmp_path).rows)
    folder = TradeoffFolder(tmp_path)
    write_results(folder, rows)
    before = folder.results_csv.read_bytes(), folder.results_jsonl.read_bytes()
    random.Random(1).shuffle(rows)

    write_results(folder, rows)

    assert (
        folder.results_csv.read_bytes(),
        folder.results_jsonl.read_bytes(),
    ) == before
    table = list(csv.DictReader(io.StringIO(before[0].decode())))
    lines = [json.loads(line) for line in before[1].splitlines()]
    assert len(table) == len(lines) == len(rows)
    assert tuple(table[0]) == COLUMNS
    for cells, line in zip(table, lines, strict=True):
        assert cells["method"] == line["cell"]["method"]
        assert float(cells["test_accuracy"]) == line["result"]["test_accuracy"]


def test_infinity_and_what_was_not_measured_are_told_apart(tmp_path):
    """`inf` and nothing in the table, null in JSON, which knows no infinity."""
    row = Row(
        cell=_cell(epsilon=math.inf),
        delta=1e-3,
        result=CellResult(test_accuracy=0.5, epsilon_spent=math.inf),
    )
    folder = TradeoffFolder(tmp_path)

    write_results(folder, [row])

    (line,) = csv.DictReader(folder.results_csv.open())
    assert (line["epsilon"], line["epsilon_spent"]) == ("inf", "inf")
    assert line["validation_accuracy"] == ""
    assert row_from_json(folder.results_jsonl.read_bytes()) == row


def test_a_failed_cell_is_a_row_with_its_error(tmp_path):
    """It has no numbers, and no mean counts it."""
    failed = Row(cell=_cell(seed=2), delta=1e-3, error="No site, no data.")
    folder = TradeoffFolder(tmp_path)

    write_results(folder, [failed, _row(0.5)])

    table = list(csv.DictReader(folder.results_csv.open()))
    assert [line["error"] for line in table] == ["", "No site, no data."]
    assert table[1]["test_accuracy"] == ""
    ((line,),) = (one.spreads for one in lines_of([failed, _row(0.5)]))
    assert line.values == {1: 0.5}


@pytest.mark.parametrize("options", [{}, {"result": 1, "error": "x"}])
def test_a_row_has_a_result_or_an_error(options):
    """Never both, never neither."""
    with pytest.raises(ValueError, match="either a result or an error"):
        Row(cell=_cell(), delta=1e-3, **options)


def test_nan_is_no_epsilon():
    """An unknown epsilon has to arrive as infinite."""
    with pytest.raises(ValueError, match="epsilon_spent=nan"):
        CellResult(test_accuracy=0.5, epsilon_spent=math.nan)
    with pytest.raises(ValueError, match="epsilon=nan"):
        _cell(epsilon=math.nan)


def test_rows_survive_json():
    """Curve and all."""
    for epsilon in (0.5, math.inf):
        row = make_row(_cell(epsilon=epsilon))

        assert row_from_json(row_to_json(row)) == row


def test_a_line_has_mean_spread_and_every_seed():
    """Means over seeds, epsilons ascending."""
    rows = [_row(0.75, seed=2), _row(0.5, seed=1), _row(0.9, epsilon=4.0)]

    (line,) = lines_of(rows)

    first, last = line.spreads
    assert (first.epsilon, last.epsilon) == (1.0, 4.0)
    assert (first.mean, first.low, first.high) == (0.625, 0.5, 0.75)
    assert first.values == {1: 0.5, 2: 0.75}
    assert first.deviation == pytest.approx(0.25 / math.sqrt(2))
    assert last.deviation is None
    assert spread_text(first) == "62.5 ± 17.7"
    assert spread_text(last) == "90.0"
    assert spread_text(line.at(2.0)) == "\N{EN DASH}"


def test_a_curve_is_the_mean_of_its_seeds_and_knows_its_price():
    """Bytes until an accuracy is first reached, or nothing."""
    rows = [make_row(_cell(seed=seed)) for seed in (1, 2)]

    (curve,) = curves_of(rows, epsilon=1.0)

    points = [row.result.curve[3] for row in rows]
    assert curve.accuracy[3] == pytest.approx(
        (points[0].test_accuracy + points[1].test_accuracy) / 2
    )
    assert curve.bytes_to(curve.accuracy[3]) == curve.bytes_up[3]
    assert curve.bytes_to(1.0) is None
    assert curves_of(rows, epsilon=4.0) == ()


def test_names_say_no_more_than_tells_lines_apart():
    """Mechanism and rule only where they differ."""
    keys = [
        LineKey(partition="iid", method=method, mechanism=mechanism, rule=rule)
        for method, mechanism, rule in (
            ("federation", "dp-head", "log-opinion-pool"),
            ("federation", "dp-sgd", "mean"),
            ("federation", "dp-sgd", "era"),
            ("alone", "dp-sgd", ""),
        )
    ]

    assert list(line_names(keys).values()) == [
        "federation dp-head",
        "federation dp-sgd mean",
        "federation dp-sgd era",
        "alone",
    ]
    assert line_names(keys[1:2])[keys[1]] == "federation"
