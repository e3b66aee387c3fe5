"""`fedstill transfer build`."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from common.data.transfer_file import read_transfer_set
from common.errors import DataError
from server.transfer_cli import app
from tests.common.data.table_files import NUM_INPUTS, write_table


def invoke(*arguments):
    return CliRunner().invoke(app, ["transfer", "build", *map(str, arguments)])


@pytest.fixture
def source(tmp_path):
    """Public examples."""
    path = tmp_path / "public.npy"
    np.save(path, np.ones((5, 2, 3), np.float32))
    return path


def test_it_writes_a_transfer_set_and_prints_its_id(source, tmp_path):
    """The id by which others know whether they have the same one."""
    output = tmp_path / "t.npz"

    result = invoke(source, "--output", output)

    assert result.exit_code == 0, result.output
    written = read_transfer_set(output)
    assert f"content id: {written.content_id}" in result.stdout
    assert "5 examples of 1 x 2 x 3" in result.stdout


def test_the_id_does_not_depend_on_the_format(source, tmp_path):
    """As JSON, for programs."""
    figures = [
        json.loads(invoke(source, "--output", tmp_path / name, "--format=json").stdout)
        for name in ("t.npz", "t.safetensors")
    ]

    assert figures[0]["content_id"] == figures[1]["content_id"]
    assert figures[0]["shape"] == [5, 1, 2, 3]


def test_a_table_needs_its_schema(tmp_path):
    """Without one nothing is written."""
    table, schema = write_table(tmp_path)["data.path"], tmp_path / "schema.toml"
    output = tmp_path / "t.npz"

    without = invoke(table, "--output", output)
    assert isinstance(without.exception, DataError)
    assert not output.exists()

    assert invoke(table, "--output", output, "--schema", schema).exit_code == 0
    assert read_transfer_set(output).inputs.shape == (60, NUM_INPUTS)


def test_help_has_examples():
    """What a command is for is shown, not only told."""
    result = invoke("--help")

    assert result.exit_code == 0
    assert "fedstill transfer build" in result.stdout
