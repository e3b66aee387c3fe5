"""What is said of data: counts and shapes, and no private value."""

import pytest

from common.errors import DataError
from simulations.check.of_data import load_for_check
from tests.simulations.check.tools import texts, warnings
from tests.simulations.tiny import tiny_config

SCHEMA = """
[label]
column = "ill"
classes = ["no", "yes"]
[columns]
age = { kind = "numeric", low = 0, high = 100 }
"""


@pytest.fixture
def hospitals(tmp_path):
    """Two natural sites: 20 rows and 60 rows."""
    rows = [
        f"{name},{30 + row},{'yes' if row % 2 else 'no'}"
        for name, count in (("a", 20), ("b", 60))
        for row in range(count)
    ]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["clinic,age,ill", *rows]) + "\n")
    schema = tmp_path / "schema.toml"
    schema.write_text(SCHEMA)
    return {
        "data__name": "csv",
        "data__path": str(table),
        "data__schema": str(schema),
        "data__partition": "by:clinic",
        "data__validation": 4,
        "data__test": 4,
        "sites": 2,
        "models": "linear:2",
    }


def test_counts_what_is_used_and_what_is_left_over():
    """1,797 digits, each in one part or in none."""
    config = tiny_config()

    parts, found = load_for_check(config)

    assert found[0].figures["examples"] == 1797
    assert found[0].figures["input_shape"] == parts.input_shape
    counts = dict(found[1].figures)
    assert counts == {
        "transfer": 60,
        "validation": 100,
        "test": 300,
        "private": 120,
        "left_over": 1797 - 60 - 100 - 300 - 120,
    }


def test_says_how_to_compare_the_transfer_set():
    """Private rows are not read for it: a person compares schemas."""
    _, found = load_for_check(tiny_config())

    assert "shape (1, 8, 8), values from 0 to 1" in found[-1].text


def test_a_pool_that_is_too_small_is_an_error():
    """The same one that a run would give."""
    with pytest.raises(DataError, match=r"data\.per-site"):
        load_for_check(tiny_config(data__per_site="900"))


def test_a_natural_site_far_from_its_nominal_size_is_a_warning(hospitals):
    """Noise follows the nominal size, so the one that is far off is named."""
    config = tiny_config(
        **hospitals,
        data__per_site="8,50",
        train__batch_size=4,
        transfer__size=10,
        transfer__per_round=10,
        privacy__delta=1e-4,
    )

    _, found = load_for_check(config)

    (warning,) = warnings(found)
    assert warning.startswith("a has ")
    assert "data.per-site says 8" in warning


def test_a_stand_in_is_called_one(hospitals):
    """Rows held out of the private ones are no public transfer set."""
    config = tiny_config(
        **hospitals,
        data__per_site="14,42",
        train__batch_size=4,
        transfer__size=0,
        transfer__per_round=10,
        transfer__from_private=0.2,
        privacy__delta=1e-4,
    )

    _, found = load_for_check(config)

    assert any("stand-in" in text for text in warnings(found))
    assert not any("public schema" in text for text in texts(found))
