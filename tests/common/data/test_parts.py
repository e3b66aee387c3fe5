"""Transfer set, validation, test and private pool."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.config import Config
from common.data.cut import hold_out
from common.data.data_set import NaturalSites
from common.data.parts import load_parts, load_public_parts
from common.errors import DataError
from tests.common.data.idx_files import write_idx_folder
from tests.common.data.table_files import NUM_INPUTS, write_table


def idx_config(folder, **changes):
    return Config(name="x").with_overrides(
        {
            "sites": 3,
            "models": "mlp:3",
            "data.name": "idx",
            "data.path": str(write_idx_folder(folder)),
            "data.per-site": "10",
            "data.validation": 5,
            "data.test": 0,
            "transfer.size": 20,
            "transfer.per-round": 20,
            "train.batch-size": 10,
            "baselines.enabled": False,
            **changes,
        }
    )


def rows(inputs):
    """The distinct examples, each as its bytes."""
    return {example.tobytes() for example in inputs}


@pytest.fixture(params=["digits", "idx"])
def config(request, tmp_path):
    """A config of each data set."""
    return Config(name="x") if request.param == "digits" else idx_config(tmp_path)


def test_no_example_is_in_two_parts(config):
    """Private, transfer, validation and test examples are disjoint."""
    parts = load_parts(config)

    pieces = [
        rows(part.inputs)
        for part in (parts.private_pool, parts.transfer, parts.validation, parts.test)
    ]

    for first, second in itertools.combinations(pieces, 2):
        assert first.isdisjoint(second)
    # Sets of bytes say this only if no two examples of the data set are the same.
    assert sum(map(len, pieces)) == sum(
        len(part)
        for part in (parts.private_pool, parts.transfer, parts.validation, parts.test)
    )


def test_parts_have_the_asked_sizes(config):
    """As many examples as the config says."""
    parts = load_parts(config)

    assert len(parts.transfer) == config.transfer.size
    assert len(parts.validation) == config.data.validation
    assert len(parts.private_pool) == sum(config.nominal_examples)
    assert len(parts.test) == (config.data.test or 20)


def test_digits_demo_uses_every_digit_once():
    """397 + 100 + 300 + 10 x 100 = 1,797."""
    parts = load_parts(Config(name="x"))
    sizes = [
        len(part)
        for part in (parts.private_pool, parts.transfer, parts.validation, parts.test)
    ]

    assert sizes == [1000, 397, 100, 300]
    assert (parts.num_classes, parts.input_shape) == (10, (1, 8, 8))


def test_server_and_sites_cut_alike(config):
    """The server's public parts are those of the simulation, without private ones."""
    parts, public = load_parts(config), load_public_parts(config)

    assert public.transfer.content_id == parts.transfer.content_id
    np.testing.assert_array_equal(public.test.inputs, parts.test.inputs)
    np.testing.assert_array_equal(public.validation.labels, parts.validation.labels)
    assert not hasattr(public, "private_pool")


def test_cut_depends_on_the_seed_alone(config):
    """Another seed cuts otherwise; other keys do not move the transfer set."""
    same = config.with_overrides({"rounds": 3, "privacy.epsilon": 2.0})
    other = config.with_overrides({"seed": 2})

    first, second, third = (
        load_public_parts(variant).transfer.content_id
        for variant in (config, same, other)
    )

    assert first == second
    assert first != third


def test_a_dirichlet_partition_picks_from_all_the_rest(tmp_path):
    """It deals out by class, so it needs more than it takes."""
    config = idx_config(tmp_path, **{"data.partition": "dirichlet"})

    assert len(load_parts(config).private_pool) == 60 - 20 - 5


def test_test_examples_come_from_the_test_files(tmp_path):
    """Of IDX data, the reported accuracy is on the published test images."""
    config = idx_config(tmp_path, **{"data.test": 7})
    everything = load_parts(config.with_overrides({"data.test": 0}))

    some = load_parts(config)

    assert len(some.test) == 7
    assert rows(some.test.inputs) <= rows(everything.test.inputs)
    assert some.transfer.content_id == everything.transfer.content_id


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_real_data_fit_the_shipped_configs(real_data, name):
    """9,000 transfer, 1,000 validation and 10 x 5,000 private examples fit."""
    config = Config(name="x").with_overrides(
        {
            "data.name": "idx",
            "data.path": str(real_data(name)),
            "data.per-site": "5000",
            "data.validation": 1000,
            "data.test": 0,
            "transfer.size": 9000,
        }
    )

    parts = load_parts(config)

    assert len(parts.private_pool) == 50_000
    assert len(parts.test) == 10_000
    assert np.bincount(parts.validation.labels, minlength=10).min() > 50


@pytest.mark.parametrize(
    ("seed", "content_id"),
    [(1, "5b11c68390f84405"), (2, "be02f50b0c70e23e")],
)
def test_the_split_of_digits_is_the_one_of_the_first_version(seed, content_id):
    """What was published with a seed can be had again."""
    parts = load_public_parts(Config(name="x").with_overrides({"seed": seed}))

    assert parts.transfer.content_id.startswith(content_id)


def table_config(folder, **changes):
    return Config(name="x").with_overrides(write_table(folder) | changes)


def test_a_natural_site_keeps_all_that_is_not_public(tmp_path):
    """However many nominal examples it states."""
    config = table_config(
        tmp_path,
        **{
            "data.partition": "by:ward",
            "sites": 2,
            "models": "linear:2",
            "data.per-site": "3,500",
        },
    )

    parts = load_parts(config)

    assert len(parts.private_pool) == 60 - 10 - 5 - 5
    assert parts.natural_sites.names == ("north", "south")
    assert len(parts.natural_sites.numbers) == len(parts.private_pool)


def test_a_dealt_out_pool_has_no_natural_sites(config):
    """The partition decides alone."""
    assert load_parts(config).natural_sites is None


def test_held_out_rows_stand_in_for_a_transfer_set(tmp_path):
    """A share of what would be private, and then it is not private."""
    changes = {"transfer.size": 0, "transfer.from-private": 0.2}
    config = table_config(tmp_path, **changes)

    parts = load_parts(config)

    assert len(parts.transfer) == 10  # a fifth of 60 - 5 - 5
    assert len(parts.private_pool) == 30  # 3 x 10 of the 40 that are left
    assert rows(parts.transfer.inputs).isdisjoint(rows(parts.private_pool.inputs))


@given(st.floats(0.1, 0.9), st.lists(st.integers(0, 2), min_size=30, max_size=60))
def test_the_share_is_that_of_every_site(share, numbers):
    """Rounded down at each, so that no site gives more than its share."""
    sites = NaturalSites(names=("a", "b", "c"), numbers=np.asarray(numbers))
    pool = np.random.default_rng(1).permutation(len(numbers))

    held, kept = hold_out(pool, share, sites)

    assert sorted([*held, *kept]) == sorted(pool)
    for number in range(3):
        total = numbers.count(number)
        assert np.sum(sites.numbers[held] == number) == int(share * total)


def test_a_transfer_set_of_its_own_leaves_more_to_the_sites(tmp_path):
    """Nothing of the data set is public for it."""
    path = tmp_path / "transfer.npz"
    own = np.ones((9, NUM_INPUTS), np.float32)
    np.savez(path, inputs=own)
    config = table_config(
        tmp_path,
        **{
            "transfer.size": 0,
            "transfer.path": str(path),
            "data.per-site": "16",
        },
    )

    parts = load_parts(config)

    np.testing.assert_array_equal(parts.transfer.inputs, own)
    assert len(parts.private_pool) == 48


def test_a_transfer_set_of_other_examples_is_told_of(tmp_path):
    """Its shape must be that of the data set."""
    path = tmp_path / "transfer.npz"
    np.savez(path, inputs=np.ones((9, 4), np.float32))
    changes = {"transfer.size": 0, "transfer.path": str(path)}

    with pytest.raises(DataError, match=r"examples of shape \(4,\), must be \(6,\)"):
        load_parts(table_config(tmp_path, **changes))
