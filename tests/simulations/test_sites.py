"""Simulated sites: the same Site, with data dealt out by the partition."""

import itertools
import math

import pytest

from client.storage.store import Store
from common.config import Config
from common.data.parts import load_parts
from common.errors import LedgerCorruptedError
from common.privacy.budget import PrivacyBudget
from simulations import sites
from simulations.sites import (
    build_sites,
    open_site,
    open_store,
    private_examples,
    private_indices,
    site_policy,
)
from tests.common.data.table_files import write_table
from tests.simulations.tiny import SITES, tiny_config


@pytest.fixture(autouse=True)
def no_sites_from_before():
    """The entry point holds sites for as long as the process lives."""
    sites._sites_of_process.cache_clear()
    yield
    sites._sites_of_process.cache_clear()


def _rows(inputs):
    return {row.tobytes() for row in inputs}


@pytest.mark.parametrize("scheme", ["iid", "dirichlet", "shards"])
def test_no_private_example_is_at_two_sites_or_public(scheme):
    """What the sites hold, and the public parts, are all disjoint."""
    config = tiny_config(data__partition=scheme)
    parts = load_parts(config)

    held = [_rows(one.inputs) for one in private_examples(config, parts)]
    public = [
        _rows(part.inputs) for part in (parts.transfer, parts.validation, parts.test)
    ]

    assert [len(rows) for rows in held] == [40, 40, 40]
    for first, second in itertools.combinations([*held, *public], 2):
        assert first.isdisjoint(second)


def test_the_partition_is_seeded():
    """The same seed deals out alike, another one does not."""
    config, other = tiny_config(), tiny_config(seed=2)
    parts = load_parts(config)

    dealt = [rows.tolist() for rows in private_indices(config, parts)]

    assert [rows.tolist() for rows in private_indices(config, parts)] == dealt
    assert [rows.tolist() for rows in private_indices(other, parts)] != dealt


def test_natural_sites_hold_their_own_rows(tmp_path):
    """As the data name them; the nominal examples stay what the config says."""
    keys = write_table(tmp_path) | {
        "data.partition": "by:ward",
        "sites": 2,
        "models": "linear:2",
    }
    config = Config(name="x").with_overrides(keys)
    parts = load_parts(config)

    held = private_examples(config, parts)

    assert sum(map(len, held)) == len(parts.private_pool)
    for number, examples in enumerate(held):
        own = parts.private_pool.inputs[parts.natural_sites.numbers == number]
        assert _rows(examples.inputs) == _rows(own)
        assert site_policy(config, number, num_classes=2).nominal_examples == 10


def test_a_policy_is_as_permissive_as_the_run():
    """Name, size and model of the site; the run's budget as the lifetime budget."""
    config = tiny_config(data__per_site="30,40,50")

    policy = site_policy(config, 1, num_classes=10)

    assert policy.site_name == policy.dataset_id == "site-01"
    assert policy.nominal_examples == 40
    assert policy.model == "cnn"
    assert policy.budget == PrivacyBudget(epsilon=4.0, delta=1e-3)
    assert not policy.allow_non_private


def test_a_policy_without_privacy_says_so():
    """Only where the config does: an unlimited budget is a decision."""
    config = tiny_config(privacy__mechanism="none", allow_non_private=True)

    policy = site_policy(config, 0, num_classes=10)

    assert policy.allow_non_private
    assert policy.budget.is_unlimited
    assert math.isinf(policy.budget.epsilon)


def test_sites_share_a_store_and_not_a_ledger(tmp_path):
    """One file, a ledger a dataset id."""
    config = tiny_config()
    parts = load_parts(config)
    store = open_store(tmp_path / "ledger.sqlite")

    built = build_sites(config, parts, private_examples(config, parts), store=store)

    assert tuple(site.policy.site_name for site in built) == SITES
    rows = store.connection.execute("SELECT dataset_id FROM fingerprints").fetchall()
    assert sorted(row[0] for row in rows) == list(SITES)


def test_the_store_survives_a_kill_only(tmp_path):
    """A simulation does not wait for the disk; a custodian's default does."""
    synchronous = "PRAGMA synchronous"

    fast = open_store(tmp_path / "a.sqlite").connection.execute(synchronous).fetchone()
    safe = Store(tmp_path / "b.sqlite").connection.execute(synchronous).fetchone()

    assert (fast, safe) == ((0,), (2,))


def test_a_store_that_is_no_database_is_one_line(tmp_path):
    """Not SQLite's own error, of which a user would see a traceback."""
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"no database " * 100)

    with pytest.raises(LedgerCorruptedError) as caught:
        open_store(path)

    assert str(caught.value) == (
        f"{path} cannot be believed: file is not a database. Nothing is spent or "
        "released on its word. Put back the newest copy."
    )


def test_the_entry_point_finds_a_nodes_site(tmp_path):
    """By the partition id; the sites of a process are built once."""
    config = tiny_config(tmp_path)
    run_config = config.to_run_config()

    found = [open_site({"partition-id": number}, run_config) for number in (2, 0, 2)]

    assert [site.policy.site_name for site in found] == [SITES[2], SITES[0], SITES[2]]
    assert found[0] is found[2]
    assert (tmp_path / "ledger.sqlite").exists()


def test_the_entry_point_keeps_runs_apart(tmp_path):
    """Another run is other sites, in its own folder."""
    runs: list[Config] = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        runs.append(tiny_config(tmp_path / name))

    first, second = (
        open_site({"partition-id": 0}, run.to_run_config()) for run in runs
    )

    assert first is not second
    assert (tmp_path / "b" / "ledger.sqlite").exists()
