"""Who was missed in a deployed run, and who answered in which round."""

import json

from simulations.report.attendance import attendance
from simulations.report.missed import missed_rows
from simulations.rounds import round_figures
from tests.simulations.run_folders import make_deployed_summary, make_lines

SILENT, AWAY, BUSY = (
    {"site": "north", "reason": "silent"},
    {"site": "north", "reason": "not-connected"},
    {"site": "south", "reason": "busy"},
)


def _metrics(changes):
    lines = [json.loads(line) for line in make_lines()]
    for number, change in changes.items():
        lines[number - 1] |= change
    return [round_figures(json.dumps(line)) for line in lines]


def _rows(changes):
    rows = missed_rows(make_deployed_summary(), _metrics(changes))
    return {row.name: (row.missed, row.why) for row in rows}


def test_rounds_are_gathered_by_reason():
    """Neighbouring rounds become a span."""
    missed = {"absences": [SILENT]}

    rows = _rows({2: missed, 3: missed, 4: missed, 7: missed, 9: {"absences": [AWAY]}})

    assert rows["north"] == (
        "5 rounds",
        (
            "rounds 2 to 4, 7: was asked and gave no answer in time",
            "round 9: was not connected, so it was not asked",
        ),
    )
    assert rows["south"] == ("none", ())


def test_a_rejected_reply_is_a_missed_round():
    """With Flower's reason in plain words."""
    rows = _rows({5: {"rejections": [{"site": "south", "reason": "app-failed"}]}})

    assert rows["south"] == (
        "1 round",
        ("round 5: its relay failed; the log of its node says more",),
    )


def test_a_site_that_no_promise_names_has_a_row_too():
    """Names come from what happened, not from the config."""
    rows = _rows({1: {"absences": [{"site": "late-joiner", "reason": "busy"}]}})

    assert list(rows) == ["late-joiner", "north", "south", "west"]


def test_whoever_took_no_part_comes_last_with_the_reason():
    """One that was turned away has said why; of the other nothing is known."""
    away = [{"site": "east", "reason": "refused: plan-not-allowed"}]

    rows = _rows({10: {"turned_away": away}})

    assert rows["east"] == (
        "took no part",
        ("it refused: its policy does not allow the plan",),
    )
    assert rows["west"][0] == "took no part"
    assert rows["west"][1][0].startswith("it never connected")


def test_the_rounds_name_who_was_missed():
    """A line each below the round, and a column for whoever was not asked."""
    page = attendance(_metrics({2: {"absences": [BUSY]}}))

    assert "Not asked" in page.columns
    assert "Silent" not in page.columns
    assert page.rows[1].is_odd
    assert page.rows[1].reasons == (
        "south: was still at work on an earlier message, so it was not asked",
    )
    assert page.sentence.endswith("Not every site could be asked.")


def test_without_accuracy_there_is_no_column_of_it():
    """Nor a word for none."""
    nothing = {"test_accuracy": None, "validation_accuracy": None}
    metrics = _metrics({n: {"global_student": nothing} for n in range(1, 11)})

    page = attendance(metrics)

    assert "Accuracy" not in page.columns
    assert not any("None" in cell for row in page.rows for cell in row.cells)
