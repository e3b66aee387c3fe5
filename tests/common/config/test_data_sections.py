"""The sections about data; contradictions are in test_bad_input."""

import pytest

from common.config import Config
from common.config.data_sections import Data, Transfer


@pytest.mark.parametrize(
    ("partition", "is_natural", "column"),
    [
        ("iid", False, ""),
        ("by:file", True, ""),
        ("by:ward", True, "ward"),
        ("by: ward no", True, "ward no"),
    ],
)
def test_a_partition_may_name_the_sites_column(partition, is_natural, column):
    """A file is not a column."""
    data = Data(partition=partition)

    assert data.has_natural_sites is is_natural
    assert data.site_column == column


@pytest.mark.parametrize("values", [{"from-private": 0.2}, {"path": "t.npz"}])
def test_the_size_of_the_transfer_set_follows_from_the_data(values):
    """So that no number stands there that nobody looked at."""
    transfer = Transfer.model_validate(values)

    assert transfer.size == 0
    assert transfer.size_follows
    assert transfer.is_stand_in is ("from-private" in values)


def test_otherwise_the_config_states_the_size():
    """And private rows stand in for nothing."""
    assert Transfer().size == 397
    assert not Transfer().size_follows
    assert not Transfer().is_stand_in


def test_a_size_that_follows_comes_back_from_a_run_config():
    """Flower's run config names every key."""
    config = Config(name="x").with_overrides(
        {"transfer.size": 0, "transfer.from-private": 0.2}
    )

    assert Config.from_run_config(config.to_run_config()) == config
    assert Config.from_toml(config.to_toml()) == config


def test_the_schema_has_its_plain_key():
    """In the file it is `schema`."""
    assert Config(name="x").to_run_config()["data.schema"] == ""
