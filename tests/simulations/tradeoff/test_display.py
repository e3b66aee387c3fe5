"""What a person watches while a sweep runs."""

import io

from rich.console import Console

from simulations.tradeoff.cells import Row
from simulations.tradeoff.display import results_table, showing_sweep
from tests.simulations.tradeoff.rows import make_sweep


def _console(*, is_terminal):
    return Console(file=io.StringIO(), force_terminal=is_terminal, width=120)


def test_a_log_has_a_line_a_cell(tmp_path):
    """Number, cell, accuracy, bytes, time; failures with their error."""
    console = _console(is_terminal=False)
    first, second, third, *_ = make_sweep(tmp_path).rows
    failed = Row(cell=third.cell, delta=1e-3, error="It fell over.")

    with showing_sweep(console, rows=[first], total=12) as display:
        display.on_row(second)
        display.on_row(failed)

    lines = console.file.getvalue().splitlines()
    assert lines[0].startswith("cell  2/12  federation, dp-sgd, enhanced-era, iid, ")
    assert "accuracy" in lines[0]
    assert lines[1].endswith("failed: It fell over.")
    assert len(lines) == 2


def test_a_terminal_has_a_table_that_fills(tmp_path):
    """And a bar below it."""
    console = _console(is_terminal=True)
    rows = make_sweep(tmp_path).rows

    with showing_sweep(console, rows=rows[:1], total=12) as display:
        display.on_row(rows[1])

    shown = console.file.getvalue()
    assert "iid" in shown
    assert "2/12" in shown


def test_the_table_has_a_column_an_epsilon(tmp_path):
    """Mean and deviation; a dash where a method has none."""
    console = Console(file=io.StringIO(), width=80)

    console.print(results_table(make_sweep(tmp_path).rows))

    shown = console.file.getvalue()
    rows = [line.split() for line in shown.splitlines()]
    assert rows[1] == ["0.5", "1", "2", "4", "8", "\N{INFINITY}"]
    assert ["Dirichlet", "0.5"] in rows
    (ours, _) = (row for row in rows if row[:1] == ["federation"])
    assert all("\N{PLUS-MINUS SIGN}" in text for text in ours[1:])
    (level, _) = (row for row in rows if row[:2] == ["alone,", "no"])
    assert level.count("\N{EN DASH}") == 5
