"""Whole federations in this process, with faults on purpose."""

import pytest

from client.app import app as real_client_app
from common.errors import DataError, QuorumMissedError
from simulations import federation as federation_module
from simulations.engines.inline import Faults
from simulations.federation import run_federation
from tests.simulations.tiny import SITES, read_files, read_lines, tiny_config

pytestmark = pytest.mark.e2e

# Long enough for three tiny sites to answer, short enough to wait for in a test: nodes
# of the engine answer at once or never.
SHORT = 0.3


def _attendance(folder):
    keys = ("cohort", "accepted", "rejected", "silent")
    return [tuple(line[key] for key in keys) for line in read_lines(folder)]


def _rejections(folder):
    return [
        (line["round"], one["site"], one["reason"])
        for line in read_lines(folder)
        for one in line["rejections"]
    ]


def _after(pushes, action):
    """A ClientApp like ours that does something else from a push on, at site 1."""
    seen = 0

    def app(message, context):
        nonlocal seen
        if context.node_config["partition-id"] == 1:
            seen += 1
            if seen > pushes:
                return action(message)
        return real_client_app(message, context)

    return app


def _raise(message):
    raise RuntimeError("a value of private data: 4711")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A federation without faults; (federation, its folder)."""
    folder = tmp_path_factory.mktemp("federation") / "run"
    return run_federation(tiny_config(folder)), folder


def test_every_site_takes_part(finished):
    """Two rounds of three sites, nobody missing."""
    _, folder = finished

    assert _attendance(folder) == [(3, 3, 0, 0)] * 2


def test_the_same_config_twice_gives_the_same_bytes(finished, tmp_path):
    """Students and metrics, whatever the folder is called; seconds excepted."""
    first, folder = finished

    again = run_federation(tiny_config(tmp_path / "again"))

    name = "global_student.safetensors"
    assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
    for one, other in zip(first.sites, again.sites, strict=True):
        run_id = first.config.run_id
        assert one.student_bytes(run_id) == other.student_bytes(run_id)
    assert [line | {"seconds": 0} for line in read_lines(tmp_path / "again")] == [
        line | {"seconds": 0} for line in read_lines(folder)
    ]


def test_another_seed_gives_other_bytes(finished, tmp_path):
    """The comparison above can fail."""
    _, folder = finished

    run_federation(tiny_config(tmp_path, seed=2))

    name = "global_student.safetensors"
    assert (tmp_path / name).read_bytes() != (folder / name).read_bytes()


def test_a_node_that_never_answers_is_left_out(tmp_path):
    """It is waited for until the deadline, and the others go on without it."""
    config = tiny_config(tmp_path, round__deadline=SHORT)

    run_federation(config, faults=Faults(silent_from={2: 1}))

    assert _attendance(tmp_path) == [(2, 2, 0, 0)] * 2


def test_a_node_that_falls_silent_is_counted_and_the_round_goes_on(tmp_path):
    """It said hello (push 1) and answered round 1, and not round 2."""
    config = tiny_config(tmp_path, round__deadline=SHORT)

    run_federation(config, faults=Faults(silent_from={1: 3}))

    assert _attendance(tmp_path) == [(3, 3, 0, 0), (3, 2, 0, 1)]


def test_a_silent_site_may_have_trained(tmp_path):
    """The server counts it as spending; the ledger says what was spent at most."""
    config = tiny_config(tmp_path, round__deadline=SHORT)

    federation = run_federation(config, faults=Faults(silent_from={1: 3}))

    spent = federation.epsilon_spent()
    last = read_lines(tmp_path)[-1]["privacy"]["epsilon"]
    assert spent["site-01"] < spent["site-00"] <= last * 1.0001


def test_a_late_joiner_takes_part(tmp_path):
    """It is said hello to before round 2, and asked in it."""
    config = tiny_config(tmp_path, rounds=3, round__deadline=SHORT)

    run_federation(config, faults=Faults(absent_until={2: 2}))

    assert _attendance(tmp_path) == [(2, 2, 0, 0), (3, 3, 0, 0), (3, 3, 0, 0)]


def test_a_node_that_leaves_is_rejected_once_and_then_not_asked(tmp_path):
    """Gone between the request of round 2 and its answer."""
    config = tiny_config(tmp_path, rounds=3)

    run_federation(config, faults=Faults(gone_after={0: 3}))

    assert _attendance(tmp_path) == [(3, 3, 0, 0), (3, 2, 1, 0), (2, 2, 0, 0)]
    assert _rejections(tmp_path) == [(2, "site-00", "site-unavailable")]


def test_an_app_that_raises_is_rejected_and_the_round_goes_on(tmp_path, monkeypatch):
    """Its exception's text reaches neither the metrics nor any other file."""
    monkeypatch.setattr(federation_module, "client_app", _after(2, _raise))

    run_federation(tiny_config(tmp_path))

    assert _attendance(tmp_path) == [(3, 3, 0, 0), (3, 2, 1, 0)]
    assert _rejections(tmp_path) == [(2, "site-01", "app-failed")]
    assert (
        [name for name, data in read_files(tmp_path).items() if b"4711" in data]
        == [
            # none
        ]
    )


def test_too_few_answers_stop_the_run_and_it_can_be_resumed(tmp_path, monkeypatch):
    """The checkpoint of the round before stays, and a resume ends as if nothing was."""
    config = tiny_config(tmp_path / "a", round__quorum=1.0)
    with monkeypatch.context() as patch:
        patch.setattr(federation_module, "client_app", _after(2, _raise))
        with pytest.raises(QuorumMissedError, match="Round 2 has 2 usable replies of"):
            run_federation(config)

    run_federation(config.with_overrides({"resume": True}))
    run_federation(config.with_overrides({"output": str(tmp_path / "b")}))

    name = "global_student.safetensors"
    assert _attendance(tmp_path / "a") == [(3, 3, 0, 0)] * 2
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_site_that_cannot_be_built_is_told_of_by_its_own_error(tmp_path, monkeypatch):
    """Not by the closed reason that is all the server may hear."""

    def build_sites(*arguments, **options):
        raise DataError("The private examples are of another shape.")

    monkeypatch.setattr(federation_module, "build_sites", build_sites)

    with pytest.raises(DataError) as caught:
        run_federation(tiny_config(tmp_path))

    assert str(caught.value) == "The private examples are of another shape."


def test_the_listener_hears_of_every_round(tmp_path):
    """While the run goes on, in order."""
    heard = []

    run_federation(tiny_config(tmp_path, rounds=3), listener=heard.append)

    assert [result.round_number for result in heard] == [1, 2, 3]
    assert [result.test_accuracy for result in heard] == [
        line["global_student"]["test_accuracy"] for line in read_lines(tmp_path)
    ]


def test_accuracies_are_by_site_on_the_examples_given(finished):
    """In [0, 1], and others on other examples."""
    federation, _ = finished

    on_test = federation.local_accuracies(federation.parts.test)
    on_validation = federation.local_accuracies(federation.parts.validation)

    assert tuple(on_test) == tuple(on_validation) == SITES
    assert on_test != on_validation
