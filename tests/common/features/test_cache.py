"""Bases by their content: in memory, on disk, or fitted."""

from pathlib import Path

import numpy as np
import pytest

from common.features import cache
from common.features.batches import featurise
from common.features.cache import content_id, default_cache, public_basis
from common.features.patches import KMeansPatches, PatchSettings
from common.transfer_set import TransferSet
from common.weights import to_bytes
from tests.common.features.support import IMAGES, digits, same_bytes

IMAGES_SET = TransferSet(inputs=digits(60))
ROWS = TransferSet(inputs=np.random.default_rng(1).random((40, 5), np.float32))
STANDARDISED = ("standardised",)


@pytest.fixture
def fits(monkeypatch):
    """What was fitted; the memory starts empty."""
    cache._remembered.cache_clear()
    fitted, fit = [], cache.fit_basis

    def counting(features, inputs):
        fitted.append(features)
        return fit(features, inputs)

    monkeypatch.setattr(cache, "fit_basis", counting)
    yield fitted
    cache._remembered.cache_clear()


def another_process():
    """What a new process would remember: nothing."""
    cache._remembered.cache_clear()


def test_an_equal_transfer_set_gets_the_same_basis(tmp_path, fits):
    """Content counts, not the object."""
    equal = TransferSet(inputs=IMAGES_SET.inputs.copy())

    first = public_basis(IMAGES, IMAGES_SET, folder=tmp_path)

    assert public_basis(IMAGES, equal, folder=tmp_path) is first
    assert fits == [IMAGES]


def test_another_process_reads_the_file(tmp_path, fits):
    """The same bytes as fitted, without a fit."""
    fitted = public_basis(IMAGES, IMAGES_SET, folder=tmp_path)
    another_process()

    read = public_basis(IMAGES, IMAGES_SET, folder=tmp_path)

    assert read is not fitted
    assert to_bytes(read) == to_bytes(fitted)
    assert same_bytes(featurise(read, digits(20)), featurise(fitted, digits(20)))
    assert len(fits) == 1


def test_equal_bases_have_equal_files(tmp_path, fits):
    """No time, path or machine inside."""
    for folder in ("one", "two"):
        public_basis(STANDARDISED, ROWS, folder=tmp_path / folder)
        another_process()

    one, two = (next((tmp_path / name).iterdir()) for name in ("one", "two"))
    assert one.name == two.name
    assert one.read_bytes() == two.read_bytes()


def flipped(content):
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: b"\xff" * 8 + content[8:],
        flipped,
        lambda content: content.replace(b'"layout"', b'"lay0ut"'),
        lambda content: content.replace(b"standardised", b"standardized"),
        lambda content: content.replace(b'\\"dimension\\": 5', b'\\"dimension\\": 6'),
    ],
    ids=["empty", "half", "header", "bit", "metadata", "set", "dimension"],
)
def test_a_damaged_file_is_ignored_and_written_again(tmp_path, fits, damage):
    """It is a convenience, and never believed blindly."""
    fitted = public_basis(STANDARDISED, ROWS, folder=tmp_path)
    file = next(tmp_path.iterdir())
    whole = file.read_bytes()
    assert damage(whole) != whole
    file.write_bytes(damage(whole))
    another_process()

    again = public_basis(STANDARDISED, ROWS, folder=tmp_path)

    assert to_bytes(again) == to_bytes(fitted)
    assert file.read_bytes() == whole
    assert len(fits) == 2


def test_a_file_of_another_transfer_set_is_ignored(tmp_path, fits):
    """Even under the right name."""
    other = TransferSet(inputs=1 - ROWS.inputs)
    public_basis(STANDARDISED, other, folder=tmp_path / "other")
    foreign = next((tmp_path / "other").iterdir())
    right = content_id(STANDARDISED, ROWS.content_id)
    foreign.rename(tmp_path / f"{right}.safetensors")

    public_basis(STANDARDISED, ROWS, folder=tmp_path)

    assert len(fits) == 2


def test_a_folder_that_cannot_be_written_is_no_cache(tmp_path, fits):
    """Nothing is kept, and nothing fails."""
    taken = tmp_path / "file"
    taken.write_text("not a folder")

    for _ in range(2):
        public_basis(STANDARDISED, ROWS, folder=taken / "features")
        another_process()

    assert len(fits) == 2
    assert taken.read_text() == "not a folder"


def test_names_order_and_transfer_set_make_the_id():
    """Another one of any is another basis."""
    ids = {
        content_id(features, transfer_set_id)
        for features in (IMAGES, IMAGES[::-1], ("pixels",))
        for transfer_set_id in ("a" * 64, "b" * 64)
    }

    assert len(ids) == 6


def test_parameters_make_the_id(monkeypatch):
    """Other defaults do not find the files of older ones."""
    before = content_id(IMAGES, "a" * 64)
    monkeypatch.setattr(KMeansPatches, "choices", (PatchSettings(centroids=7),) * 2)

    assert content_id(IMAGES, "a" * 64) != before
    assert content_id(("pixels",), "a" * 64) == content_id(("pixels",), "a" * 64)


def test_the_default_folder_is_the_users_cache(monkeypatch, fits, tmp_path):
    """As the XDG base directory specification has it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "fedstill" / "features"
    public_basis(STANDARDISED, ROWS)
    assert len(list(default_cache().iterdir())) == 1

    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache() == Path.home() / ".cache" / "fedstill" / "features"
