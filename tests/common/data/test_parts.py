"""Transfer set, validation, test and private pool."""

import itertools

import numpy as np
import pytest

from common.config import Config
from common.data.parts import load_parts, load_public_parts
from tests.common.data.idx_files import write_idx_folder


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
