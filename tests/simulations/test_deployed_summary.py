"""The figures of a deployed run are what the coordinator can know, and no more."""

import json
import math

import pytest

from common.config import load_config
from common.errors import DataError
from common.run_folder import RunFolder
from simulations.deployed_summary import summarise_deployed
from simulations.sites import open_store
from simulations.summary import Summary
from tests.simulations.deployed_folders import FAULTS, make_deployed_folder
from tests.simulations.tiny import read_lines


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three rounds, undisturbed."""
    return make_deployed_folder(tmp_path_factory.mktemp("deployed") / "run")


@pytest.fixture(scope="module")
def summary(folder):
    return summarise_deployed(
        load_config(folder.config), folder, federation=["site-01", "ward-9", "ward-8"]
    )


def _ledgers(folder):
    """What the sites have spent by their own ledgers."""
    config, store = load_config(folder.config), open_store(folder.ledger)
    return [
        store.ledger(name)
        .spent(delta=config.privacy.delta, run_id=config.run_id)
        .epsilon
        for name in config.site_names
    ]


def test_what_only_a_site_knows_is_not_there(summary):
    """No site's student, no baseline, no personal student."""
    assert summary.local_students is None
    assert summary.personal_students is None
    assert summary.baselines.alone is None
    assert not summary.is_simulation


def test_sites_are_named(summary):
    """Those that took part, and those of the federation that did not."""
    assert summary.sites == ("site-00", "site-01", "site-02")
    assert summary.num_sites == 3
    assert summary.never_came == ("ward-8", "ward-9")


def test_epsilon_is_the_most_that_the_sites_can_have_spent(summary, folder):
    """The largest is that of the last line of metrics; the sum is over all sites."""
    last = read_lines(folder.root)[-1]["privacy"]

    assert summary.privacy.max_epsilon == pytest.approx(last["epsilon"]), (
        "Rule 11: a deployed run shows the most that its sites can have spent."
    )
    assert summary.privacy.sum_epsilon == pytest.approx(3 * last["epsilon"])
    assert summary.privacy.max_epsilon <= 4.0


def test_the_round_that_a_run_broke_off_in_counts(tmp_path):
    """Sites that were asked in it have spent, though it never came to an end."""
    folder = make_deployed_folder(tmp_path / "run", faults=FAULTS, rounds=6)
    config = load_config(folder.config)
    spent = _ledgers(folder)

    summary = summarise_deployed(config, folder)

    last = read_lines(folder.root)[-1]["privacy"]["epsilon"]
    assert summary.rounds < 6
    assert max(spent) > last, "the case is one in which finished rounds are too few"
    assert summary.privacy.max_epsilon >= max(spent), (
        "Rule 11: an ended run reports less than its sites' ledgers hold."
    )
    assert summary.privacy.sum_epsilon >= sum(spent)


def test_a_finished_run_counts_no_round_in_which_a_site_was_not_asked(tmp_path):
    """Two of three sites a round: what the server counts is what the ledgers hold."""
    folder = make_deployed_folder(tmp_path / "run", round__fraction=0.5)
    spent = _ledgers(folder)

    summary = summarise_deployed(load_config(folder.config), folder)

    assert min(spent) < max(spent)
    assert summary.privacy.max_epsilon == pytest.approx(max(spent))
    assert summary.privacy.sum_epsilon == pytest.approx(sum(spent))


def test_bytes_and_accuracy_are_those_of_the_run(summary, folder):
    """As in a simulation."""
    lines = read_lines(folder.root)

    assert summary.rounds == 3
    assert summary.global_student.test_accuracy == pytest.approx(
        lines[-1]["global_student"]["test_accuracy"]
    )
    assert summary.bytes.soft_labels_up == sum(
        line["bytes"]["soft_labels_up"] for line in lines
    )
    assert summary.bytes.float32_equivalent_up == 9 * 50 * 10 * 4


def test_comes_back_from_its_file(summary):
    """With null where there is nothing."""
    text = summary.to_json()

    assert json.loads(text)["local_students"] is None
    assert Summary.from_json(text) == summary


def test_accuracy_may_be_missing(folder, tmp_path):
    """It is null then, in the figures as in the metrics."""
    copy = RunFolder(tmp_path / "run")
    copy.root.mkdir()
    copy.config.write_bytes(folder.config.read_bytes())
    copy.checkpoint.mkdir()
    for path in folder.checkpoint.iterdir():
        (copy.checkpoint / path.name).write_bytes(path.read_bytes())
    lines = read_lines(folder.root)
    for line in lines:
        line["global_student"] = dict.fromkeys(line["global_student"])
    copy.metrics.write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    summary = summarise_deployed(load_config(copy.config), copy)

    assert summary.global_student.test_accuracy is None


def test_run_without_privacy_is_infinite(tmp_path):
    """Never zero."""
    folder = make_deployed_folder(
        tmp_path / "run", privacy__mechanism="none", allow_non_private=True
    )

    summary = summarise_deployed(load_config(folder.config), folder)

    assert math.isinf(summary.privacy.max_epsilon)


def test_run_without_a_round_has_no_figures(folder, tmp_path):
    """One line says so."""
    empty = RunFolder(tmp_path)

    with pytest.raises(DataError, match="has no finished round"):
        summarise_deployed(load_config(folder.config), empty)
