"""Probes on digits: run once, kept, gone on with; absent sites are absent."""

import pytest

from common.data.parts import load_public_parts
from common.data.transfer_file import read_transfer_set
from common.errors import OutputExistsError
from common.models.zoo import build_model
from common.weights import to_bytes
from simulations.engines.inline import Faults
from simulations.frontier import probing
from simulations.frontier.probes import Probe, Section, tasks_of
from simulations.frontier.traffic import traffic_by_probe, weight_bytes
from tests.simulations.frontier.digits import head_config

PROBES = (
    Probe(name="full", words="all there", meaning=""),
    Probe(
        name="gone",
        words="one is gone",
        meaning="",
        faults=Faults(gone_after={2: 1}),
    ),
    Probe(name="few", words="few", meaning="", changes={"transfer.per-round": 20}),
)
FAULTY = Probe(
    name="none", words="", meaning="", faults=Faults(gone_after={0: 1, 1: 1, 2: 1})
)


def _tasks(base, *probes, seeds=(1,)):
    section = Section(title="", probes=probes or PROBES)
    return tasks_of(base, (section,), seeds=seeds)


@pytest.mark.e2e
def test_a_probe_is_run_once_and_kept(tmp_path, monkeypatch):
    """A second call reads what the first one wrote."""
    base = head_config(round__deadline=1.0)
    folder = probing.open_folder(base, tmp_path / "limits")
    tasks, told = _tasks(base), []

    rows = probing.run_probes(
        tasks, folder, listener=lambda one, row: told.append(probing.line(one, row))
    )

    assert list(rows) == [one.probe.name for one in tasks]
    assert [line.partition(":")[0] for line in told] == [
        f"{name}, seed 1" for name in rows
    ]
    monkeypatch.setattr(probing, "federation", None)
    again = probing.open_folder(base, tmp_path / "limits")
    assert probing.run_probes(tasks, again) == rows
    assert list(folder.work.iterdir()) == []


@pytest.mark.e2e
def test_a_site_that_is_gone_sends_nothing(tmp_path):
    """Two replies a round in place of three, and the run goes through.

    Replies name the run: those of names of one length have one size.
    """
    base = head_config(round__deadline=1.0)
    folder = probing.open_folder(base, tmp_path)

    rows = probing.run_probes(_tasks(base, *PROBES[:2]), folder)

    present, gone = (rows[name][0].result for name in ("full", "gone"))
    assert len(present.curve) == len(gone.curve)
    assert gone.curve[-1].bytes_up * 3 == present.curve[-1].bytes_up * 2
    assert gone.test_accuracy != present.test_accuracy


@pytest.mark.e2e
def test_a_probe_that_fails_spares_the_others_and_is_tried_again(tmp_path):
    """With nobody there the run stops; its row says why."""
    base = head_config(round__deadline=0.1)
    folder = probing.open_folder(base, tmp_path)

    rows = probing.run_probes(_tasks(base, FAULTY, PROBES[0]), folder)

    assert "No site takes part" in rows["none"][0].error
    assert rows["full"][0].error == ""
    assert len(list(folder.cells.iterdir())) == 1


@pytest.mark.e2e
def test_bytes_are_those_of_a_reply_beside_weights_in_its_envelope(tmp_path):
    """8 bits an entry; whatever is not payload is added to the weights."""
    base = head_config()
    folder = probing.open_folder(base, tmp_path)
    tasks = _tasks(base, PROBES[0], PROBES[2])
    rows = probing.run_probes(tasks, folder)

    found = traffic_by_probe(tasks, rows, weights=10_000, num_classes=10)

    for name, labels in (("full", 50), ("few", 20)):
        result = rows[name][0].result
        reply = result.curve[-1].bytes_up / len(result.curve) / 3
        assert found[name].reply == reply
        assert 10_000 < found[name].fedavg < 10_600
        assert found[name].fedavg == pytest.approx(10_000 + reply - 10 * labels, abs=8)
    assert found["few"].times_fewer > found["full"].times_fewer > 1


def test_weights_are_weighed_as_a_file():
    """Of the network that DP-FedAvg sends."""
    network = build_model("cnn", input_shape=(1, 28, 28), num_classes=10, seed=5)

    weighed = weight_bytes("cnn", input_shape=(1, 28, 28), num_classes=10)

    assert weighed == len(to_bytes(network))
    assert weighed > 4 * sum(one.numel() for one in network.parameters())


def test_the_other_world_is_a_transfer_set_and_written_once(tmp_path):
    """The inputs of the other config's, without labels."""
    base, path = head_config(), tmp_path / probing.OTHER_WORLD

    probing.write_other_world(base, path)

    expected = load_public_parts(base).transfer.content_id
    assert read_transfer_set(path).content_id == expected
    probing.write_other_world(head_config(transfer__size=55), path)
    assert read_transfer_set(path).content_id == expected


def test_another_base_does_not_go_on_in_the_folder(tmp_path):
    """Its rows would stand beside those of this one."""
    probing.open_folder(head_config(), tmp_path / "limits")

    with pytest.raises(OutputExistsError, match="Only the same config can resume"):
        probing.open_folder(
            head_config(sites=2, models="linear:2"), tmp_path / "limits"
        )
