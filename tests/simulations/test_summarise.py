"""The figures of a run: what was counted is what was sent, trained and spent."""

import json
import math
from collections import Counter

import numpy as np
import pytest
from flwr.common.serde import message_to_proto, recorddict_to_proto

from common.errors import DataError
from common.run_folder import RunFolder
from common.student_file import load_student
from common.weights import to_bytes
from server.checkpoint import checkpoint_path
from simulations.engines import inline
from simulations.federation import run_federation
from simulations.report.points import points
from simulations.rounds import read_rounds
from simulations.simulate import simulate
from simulations.summarise import BaselineRuns, summarise
from simulations.summary import Summary
from tests.simulations.tiny import SITES, read_lines, tiny_config

pytestmark = pytest.mark.e2e

CLASSES = 10


def _counting_grid(counts):
    """A grid that serialises whatever passes, by itself and for a second time."""

    class CountingGrid(inline.InlineGrid):
        def push_messages(self, messages):
            sent = list(messages)
            ids = super().push_messages(sent)
            for message in sent:
                counts["down"] += _size(message)
                counts["whole down"] += _whole_size(message)
            return ids

        def pull_messages(self, message_ids):
            replies = super().pull_messages(message_ids)
            for message in replies:
                counts["up"] += _size(message)
                counts["whole up"] += _whole_size(message)
                if message.metadata.message_type == "train.distill":
                    counts["soft_labels_up"] += _size(message)
                    payload = message.content["arrays"]["soft_labels"]
                    counts["entries"] += math.prod(payload.shape)
            return replies

    return CountingGrid


def _size(message):
    return len(recorddict_to_proto(message.content).SerializeToString())


def _whole_size(message):
    return len(message_to_proto(message).SerializeToString())


def _run_counted(config, monkeypatch):
    counts = Counter()
    monkeypatch.setattr(inline, "InlineGrid", _counting_grid(counts))
    return simulate(config), counts


def test_bytes_are_those_of_the_serialised_messages(tmp_path, monkeypatch):
    """Hellos, rounds and finish; each way, and of the replies that hold labels."""
    summary, counts = _run_counted(tiny_config(tmp_path / "run"), monkeypatch)

    assert summary.bytes.up == pytest.approx(counts["up"], rel=0.01)
    assert summary.bytes.down == pytest.approx(counts["down"], rel=0.01)
    assert summary.bytes.soft_labels_up == pytest.approx(
        counts["soft_labels_up"], rel=0.01
    )
    assert 0 < summary.bytes.soft_labels_up < summary.bytes.up


def test_metadata_make_no_difference_worth_a_word(tmp_path, monkeypatch):
    """At the demo's size, whole messages are as large as the summary says."""
    config = tiny_config(
        tmp_path / "run", rounds=4, transfer__size=397, transfer__per_round=397
    )

    summary, counts = _run_counted(config, monkeypatch)

    assert summary.bytes.up == pytest.approx(counts["whole up"], rel=0.01)
    assert summary.bytes.down == pytest.approx(counts["whole down"], rel=0.01)


@pytest.mark.parametrize(("codec", "bytes_per_entry"), [("float32", 4), ("float16", 2)])
def test_a_codec_shows_in_the_bytes(tmp_path, monkeypatch, codec, bytes_per_entry):
    """The float32 equivalent is entries times four bytes, whatever was sent."""
    config = tiny_config(tmp_path / "run", codec__name=codec)

    summary, counts = _run_counted(config, monkeypatch)

    replies = config.rounds * config.sites
    assert counts["entries"] == replies * config.transfer.per_round * CLASSES
    assert summary.bytes.float32_equivalent_up == counts["entries"] * 4
    overhead = summary.bytes.soft_labels_up - counts["entries"] * bytes_per_entry
    assert 0 < overhead < replies * 600


def test_fedavg_would_send_the_global_students_weights(tmp_path):
    """One upload of the weights, without the file's header, for each reply."""
    summary = simulate(tiny_config(tmp_path / "run"))

    student = load_student(tmp_path / "run")
    assert summary.bytes.fedavg_equivalent_up == 2 * 3 * len(to_bytes(student))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run with every baseline; (its summary, its folder)."""
    folder = tmp_path_factory.mktemp("summarise") / "run"
    return simulate(tiny_config(folder, baselines__enabled=True)), folder


def test_every_point_of_the_report_stands_in_the_run_folder(finished):
    """Of a real run: no plotted number is computed, rounded or made up."""
    _, root = finished
    folder = RunFolder(root)
    text = folder.summary.read_text()
    known = _numbers(read_lines(root)) | _numbers(json.loads(text))
    known |= {math.inf}  # where a baseline without privacy stands

    data = points(read_rounds(folder.metrics), Summary.from_json(text))

    plotted = [*data.rounds, *data.accuracy, *data.epsilon]
    plotted += [level.accuracy for level in data.levels]
    plotted += [level.epsilon for level in data.levels]
    plotted += [amount.count for amount in data.amounts]
    assert len(plotted) == 3 * 2 + 2 * 4 + 4
    assert [one for one in plotted if one not in known] == []


def _numbers(value):
    if isinstance(value, dict):
        return set().union(*map(_numbers, value.values()))
    if isinstance(value, list):
        return set().union(*map(_numbers, value))
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {value} if is_number else set()


def test_the_report_shows_the_figures_of_the_run(finished):
    """The page carries the accuracies that stand in the summary."""
    summary, root = finished
    page = (root / "report.html").read_text()

    for accuracy in (
        summary.global_student.test_accuracy,
        summary.baselines.pooled.test_accuracy,
        *summary.local_students.by_site.values(),
        *summary.baselines.alone.by_site.values(),
    ):
        assert f"{100 * accuracy:.1f}%" in page


def test_means_and_bests_are_of_the_sites(finished):
    """Recomputed from the figures by site."""
    summary, _ = finished
    local, alone = summary.local_students, summary.baselines.alone

    assert tuple(local.by_site) == tuple(sorted(alone.by_site)) == SITES
    assert local.mean_test_accuracy == pytest.approx(
        np.mean(list(local.by_site.values()))
    )
    assert local.by_model == {
        "mlp": local.by_site["site-00"],
        "cnn": local.by_site["site-01"],
        "linear": local.by_site["site-02"],
    }
    assert alone.mean_test_accuracy == pytest.approx(
        np.mean(list(alone.by_site.values()))
    )
    assert alone.best_test_accuracy == max(alone.by_site.values())


def test_seconds_are_those_of_the_rounds(finished):
    """Without the baselines, which are not what the run took."""
    summary, root = finished

    total = sum(line["seconds"] for line in read_lines(root))
    assert summary.seconds == pytest.approx(total, abs=0.06)


def test_a_model_that_several_sites_have_is_averaged(tmp_path):
    """By model is a mean over the sites that have it."""
    summary = simulate(tiny_config(tmp_path / "run", models="mlp:2,linear:1"))

    by_site = summary.local_students.by_site
    assert summary.local_students.by_model == {
        "mlp": pytest.approx((by_site["site-00"] + by_site["site-01"]) / 2),
        "linear": by_site["site-02"],
    }


def test_a_run_folder_without_a_checkpoint_is_not_summed_up(tmp_path):
    """Bytes stand nowhere else, and none are guessed."""
    federation = run_federation(tiny_config(tmp_path))
    folder = RunFolder(tmp_path)
    checkpoint_path(folder).unlink()

    with pytest.raises(DataError, match=r"has no checkpoint\. No summary was written"):
        summarise(federation, folder, None)


def test_baselines_come_as_they_were_measured(tmp_path):
    """Nothing of them is recomputed here."""
    federation = run_federation(tiny_config(tmp_path))
    runs = BaselineRuns(
        alone={"site-00": 0.25, "site-01": 0.75, "site-02": 0.5},
        pooled={"test_accuracy": 0.9},
        no_privacy={
            "global_student_test_accuracy": 0.8,
            "local_mean_test_accuracy": 0.7,
        },
    )

    baselines = summarise(federation, RunFolder(tmp_path), runs).baselines

    assert baselines.alone.mean_test_accuracy == 0.5
    assert baselines.alone.best_test_accuracy == 0.75
    assert baselines.pooled.test_accuracy == 0.9
    assert baselines.no_privacy.global_student_test_accuracy == 0.8
    assert baselines.no_privacy.local_mean_test_accuracy == 0.7
