"""Metadata of safetensors files, in a canonical order."""

import subprocess
import sys

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load, save

from common.safetensors_header import metadata_of, with_metadata

TENSORS = {"a": torch.arange(3.0), "b": torch.zeros(2, 2, dtype=torch.int32)}
METADATA = {"z": "last", "a": "first", "ä": 'quote " and \n line'}


def test_tensors_and_metadata_are_what_the_library_reads(tmp_path):
    """The file is ordinary safetensors; any program reads it."""
    path = tmp_path / "file.safetensors"
    path.write_bytes(with_metadata(save(TENSORS), METADATA))

    with safe_open(path, framework="pt") as file:
        assert file.metadata() == METADATA
        assert torch.equal(file.get_tensor("a"), TENSORS["a"])
        assert torch.equal(file.get_tensor("b"), TENSORS["b"])


@pytest.mark.parametrize("length", range(9))
def test_tensors_begin_at_a_multiple_of_eight(length):
    """Whatever the length of the metadata."""
    content = with_metadata(save(TENSORS), {"x": "y" * length})

    assert int.from_bytes(content[:8], "little") % 8 == 0
    assert torch.equal(load(content)["a"], TENSORS["a"])


def test_metadata_are_replaced_and_not_added_to():
    """What stood there before is gone."""
    content = with_metadata(save(TENSORS, metadata={"old": "1"}), {"new": "2"})

    assert metadata_of(content) == {"new": "2"}
    assert metadata_of(with_metadata(save(TENSORS), {})) == {}
    assert metadata_of(save(TENSORS)) == {}


def test_the_same_in_every_process():
    """The library alone writes many keys in an order that differs by process."""
    code = (
        "import hashlib, torch\n"
        "from safetensors.torch import save\n"
        "from common.safetensors_header import with_metadata\n"
        "metadata = {str(number): 'x' for number in range(9)}\n"
        "content = with_metadata(save({'a': torch.zeros(1)}), metadata)\n"
        "print(hashlib.sha256(content).hexdigest())"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }

    assert len(hashes) == 1
    shuffled = dict(reversed(METADATA.items()))
    assert with_metadata(save(TENSORS), shuffled) == with_metadata(
        save(TENSORS), METADATA
    )
