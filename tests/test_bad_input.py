"""Whatever is wrong with a config or data: one line, and nothing is half-written."""

import re

import pytest

from common.config import load_config
from common.data.parts import load_parts
from common.errors import FedstillError
from common.seeds import derive_seed
from simulations.partition import partition
from tests.bad_input import CASES, CONFIG, IDX
from tests.common.data.idx_files import write_idx_folder

JARGON = re.compile(r"pydantic|https?:|Traceback|Input should|type=|\n|  ")


def prepare_run(folder, overrides):
    """Everything that a simulation reads before it starts."""
    config = load_config(folder / CONFIG, overrides)
    parts = load_parts(config)
    return partition(
        parts.private_pool.labels,
        sizes=config.nominal_examples,
        scheme=config.data.partition,
        alpha=config.data.alpha,
        shards_per_site=config.data.shards_per_site,
        seed=derive_seed(config.seed, "partition"),
    )


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_told_in_one_line(case, tmp_path):
    """One line with key, value and what is allowed; the exit code; nothing written."""
    case.prepare(tmp_path)
    before = files(tmp_path)

    with pytest.raises(FedstillError) as caught:
        prepare_run(tmp_path, case.overrides)

    message = str(caught.value)
    assert type(caught.value) is case.error
    assert caught.value.exit_code == case.exit_code
    assert [part for part in case.expected if part not in message] == [], message
    assert not JARGON.search(message)
    assert message.endswith("Nothing was run.")
    assert message.count("Nothing was run.") == 1
    assert files(tmp_path) == before


def test_the_table_is_long_enough():
    """At least 40 cases, each with a name of its own and something to read."""
    names = [case.name for case in CASES]

    assert len(CASES) >= 40
    assert len(set(names)) == len(names)
    assert all(case.expected and all(case.expected) for case in CASES)


def test_the_undamaged_data_can_be_run(tmp_path):
    """The cases fail for what they damage, not for what they share."""
    (tmp_path / CONFIG).write_text(IDX)
    write_idx_folder(tmp_path / "data")

    parts = prepare_run(tmp_path, {})

    assert [len(rows) for rows in parts] == [10, 10, 10]
