"""The two real tables of the page `docs/own-data.md`, from the configs it prints."""

import re

import numpy as np
import pytest

from common.config import load_config
from common.data.parts import load_parts
from simulations.simulate import simulate
from simulations.sites import private_indices
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "own-data.md").read_text()
HOSPITALS = ("cleveland", "hungarian", "switzerland", "va")
MOST_LINES = 25


@pytest.fixture
def configs(tmp_path, real_data):
    """The page's files, beside the real data, as a reader would have them."""
    for name in ("uci-adult", "uci-heart-disease"):
        (tmp_path / name).symlink_to(real_data(name))
    for name, text in re.findall(
        r"^<!-- file: (\S+) -->\n+```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
    ):
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("name", ["adult", "hospitals"])
def test_a_real_table_takes_a_short_config(configs, name):
    """Under 25 lines."""
    assert len((configs / f"{name}.toml").read_text().splitlines()) < MOST_LINES


def test_every_row_of_adult_is_read(configs):
    """Both files, with the test file's odd first line and its dots."""
    parts = load_parts(load_config(configs / "adult.toml"))

    assert len(parts.test) == 16_281
    assert len(parts.private_pool) == 32_561 - 5_000 - 1_000
    assert parts.num_classes == 2
    # adult.names: 23.93% earn more than 50,000 dollars.
    assert parts.private_pool.labels.mean() == pytest.approx(0.2393, abs=0.005)
    assert parts.private_pool.inputs.min() == 0
    assert parts.private_pool.inputs.max() == 1


def test_each_hospital_is_a_site(configs):
    """In the order of the file names; each gives a fifth, and all else is private."""
    config = load_config(configs / "hospitals.toml")
    parts = load_parts(config)

    held = private_indices(config, parts)

    assert [name.split(".")[1] for name in parts.natural_sites.names] == [*HOSPITALS]
    assert len(parts.transfer) + len(parts.private_pool) == 920 - 60 - 200
    assert len(parts.transfer) == pytest.approx(0.2 * 660, abs=4)
    assert sorted(np.concatenate(held)) == list(range(len(parts.private_pool)))
    ill = [parts.private_pool.labels[rows].mean() for rows in held]
    assert ill[2] > 0.9  # Switzerland: 115 of 123
    assert ill[1] < 0.5  # Hungary: 106 of 294


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["adult", "hospitals"])
def test_a_real_table_runs(configs, name):
    """And the global student learns more than the larger class."""
    summary = simulate(
        configs / f"{name}.toml",
        output=configs / "run",
        overrides={"rounds": 2, "baselines.enabled": False},
    )

    accuracy = summary.global_student.test_accuracy
    assert accuracy > {"adult": 0.77, "hospitals": 0.6}[name]
