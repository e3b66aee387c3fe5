"""A transfer set in a file of its own."""

import gzip

import numpy as np
import pytest

from common.data.schema import load_schema
from common.data.transfer_file import (
    build_transfer_set,
    read_transfer_set,
    write_transfer_set,
)
from common.errors import DataError
from common.transfer_set import TransferSet
from tests.common.data.idx_files import idx_bytes
from tests.common.data.table_files import NUM_INPUTS, write_table

INPUTS = np.random.default_rng(1).random((7, 3)).astype(np.float32)
ENDINGS = pytest.mark.parametrize("ending", [".npz", ".safetensors"])


@ENDINGS
def test_it_comes_back_with_its_content_id(tmp_path, ending):
    """Whatever the format."""
    written = TransferSet(inputs=INPUTS)

    write_transfer_set(tmp_path / f"t{ending}", written)

    assert read_transfer_set(tmp_path / f"t{ending}").content_id == written.content_id


@ENDINGS
def test_the_same_transfer_set_gives_the_same_bytes(tmp_path, ending):
    """No time and no path inside."""
    for name in ("a", "b"):
        write_transfer_set(tmp_path / f"{name}{ending}", TransferSet(inputs=INPUTS))

    first, second = (tmp_path / f"{name}{ending}" for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


def test_images_are_scaled_like_a_data_set_of_them(tmp_path):
    """Gzipped IDX, a byte a pixel."""
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx_bytes(np.full((5, 2, 2), 255))))

    built = build_transfer_set(str(path))

    assert built.inputs.shape == (5, 1, 2, 2)
    assert built.inputs.max() == 1.0


def test_a_table_is_encoded_by_its_schema(tmp_path):
    """Without its labels."""
    keys = write_table(tmp_path)

    built = build_transfer_set(
        keys["data.path"], schema=load_schema(tmp_path / "schema.toml")
    )

    assert built.inputs.shape == (60, NUM_INPUTS)


@pytest.mark.parametrize("name", ["x.csv", "x.jpg"])
def test_what_needs_a_schema_says_so(tmp_path, name):
    """One line with what is allowed."""
    (tmp_path / name).write_text("a\n1\n")

    with pytest.raises(DataError, match=r"a table needs --schema\. Nothing was run"):
        build_transfer_set(str(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("other.npz", "must hold inputs, it holds x"),
        ("bad.npz", "is not an .npz file of plain numbers, or is damaged"),
        ("bad.safetensors", "is not a safetensors file"),
        ("empty.npz", "with at least one example"),
        ("none.npz", "cannot be read: No such file"),
    ],
)
def test_what_is_no_transfer_set_is_told_of(tmp_path, name, message):
    """By the name of the file."""
    np.savez(tmp_path / "other.npz", x=INPUTS)
    np.savez(tmp_path / "empty.npz", inputs=INPUTS[:0])
    for bad in ("bad.npz", "bad.safetensors"):
        (tmp_path / bad).write_bytes(b"no such thing")

    with pytest.raises(DataError) as caught:
        read_transfer_set(tmp_path / name)

    assert message in str(caught.value)
    assert name in str(caught.value)


def test_another_ending_is_refused_before_anything_is_written(tmp_path):
    """The ending is the format."""
    with pytest.raises(DataError, match=r"must end in \.npz or \.safetensors"):
        write_transfer_set(tmp_path / "t.bin", TransferSet(inputs=INPUTS))

    assert list(tmp_path.iterdir()) == []
