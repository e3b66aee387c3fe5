"""summary.json, written and read."""

import json
import math

import pytest

from common.errors import DataError
from simulations.summary import GlobalStudentFigures, PrivacyFigures, Summary
from tests.simulations.run_folders import make_deployed_summary, make_summary


@pytest.mark.parametrize("is_private", [True, False])
@pytest.mark.parametrize("has_baselines", [True, False])
def test_reads_what_it_wrote(is_private, has_baselines):
    """A summary survives the way to JSON and back, whatever it holds."""
    summary = make_summary(is_private=is_private, has_baselines=has_baselines)

    assert Summary.from_json(summary.to_json()) == summary


def test_has_the_documented_keys():
    """Other programs find the figures under the names that the design gives them."""
    figures = json.loads(make_summary(exhausted_at=4).to_json())

    assert figures["global_student"]["test_accuracy"] == 0.858
    assert figures["local_students"]["by_site"]["site-01"] == 0.86
    assert set(figures["local_students"]["by_model"]) == {"mlp", "cnn", "linear"}
    assert figures["baselines"]["alone"]["best_test_accuracy"] == 0.485
    assert figures["baselines"]["pooled"] == {"test_accuracy": 0.963}
    assert set(figures["baselines"]["no_privacy"]) == {
        "global_student_test_accuracy",
        "local_mean_test_accuracy",
    }
    assert figures["privacy"]["budget_exhausted_at_round"] == 4
    assert set(figures["bytes"]) == {
        "up",
        "down",
        "soft_labels_up",
        "float32_equivalent_up",
        "fedavg_equivalent_up",
    }


@pytest.mark.parametrize("accuracy", [0.858, None])
def test_reads_what_it_wrote_of_a_deployed_run(accuracy):
    """Null for what nobody but the sites knows, and for what was not measured."""
    summary = make_deployed_summary(accuracy=accuracy)

    values = json.loads(summary.to_json())
    assert values["local_students"] is None
    assert values["global_student"]["test_accuracy"] == accuracy
    assert Summary.from_json(summary.to_json()) == summary
    assert not summary.is_simulation


def test_reads_what_was_written_before_there_were_deployed_runs():
    """Keys that came later may be missing."""
    values = json.loads(make_summary().to_json())
    del values["sites"], values["never_came"], values["personal_students"]

    summary = Summary.from_json(json.dumps(values))

    assert summary == make_summary()
    assert summary.is_simulation


def test_writes_an_infinite_epsilon_as_null():
    """JSON knows no infinity, so a run without privacy has null."""
    text = make_summary(is_private=False).to_json()

    assert json.loads(text)["privacy"]["max_epsilon"] is None
    assert json.loads(text)["privacy"]["sum_epsilon"] is None
    assert math.isinf(Summary.from_json(text).privacy.max_epsilon)


def test_an_unknown_epsilon_is_refused():
    """NaN may not pass for a small number."""
    with pytest.raises(ValueError, match="Expected max_epsilon=nan"):
        PrivacyFigures(
            mechanism="dp-sgd",
            max_epsilon=math.nan,
            sum_epsilon=1.0,
            delta=1e-3,
            unit="example",
        )


def test_an_accuracy_is_a_share():
    """An accuracy in percent is refused."""
    with pytest.raises(ValueError, match=r"Expected test_accuracy=85\.8 in \[0, 1\]\."):
        GlobalStudentFigures(test_accuracy=85.8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"rounds": "many"},
            (
                "runs/a/summary.json: rounds: Input should be a valid integer, unable "
                "to parse string as an integer. The summary cannot be read."
            ),
        ),
        (
            {"global_student": {}},
            (
                "runs/a/summary.json: global_student.test_accuracy: Field required. "
                "The summary cannot be read."
            ),
        ),
        (
            {"global_student": {"test_accuracy": 2.0}},
            (
                "runs/a/summary.json: global_student: Value error, Expected "
                "test_accuracy=2.0 in [0, 1]. The summary cannot be read."
            ),
        ),
    ],
)
def test_names_the_key_that_is_wrong(change, message):
    """A summary that nobody wrote is refused in a line that names the file and key."""
    values = json.loads(make_summary().to_json()) | change

    with pytest.raises(DataError) as caught:
        Summary.from_json(json.dumps(values), source="runs/a/summary.json")

    assert str(caught.value) == message


def test_half_a_file_is_refused():
    """A truncated summary is a data error, not a traceback."""
    with pytest.raises(DataError, match="the whole file: Invalid JSON"):
        Summary.from_json(make_summary().to_json()[:40])
