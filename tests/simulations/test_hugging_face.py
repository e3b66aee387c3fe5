"""Hugging Face data sets in local folders."""

import datasets
import numpy as np
import pytest
from PIL import Image

from common.config.data_sections import Data
from common.errors import DataError
from simulations.hugging_face import load_hugging_face
from tests.common.data.table_files import NUM_INPUTS, SCHEMA, table_rows, write_csv

IMAGES = np.random.default_rng(1).integers(0, 256, (2, 2, 6, 5, 4, 3), np.uint8)
VALUES = {
    "signal": [[0.5, 1.0], [2.0, 3.0], [4.0, 5.0]],
    "label": [2, 0, 1],
    "owner": ["b", "a", "b"],
}


def load(path, **changes):
    return load_hugging_face(
        Data.model_validate({"name": "hugging-face", "path": str(path)} | changes)
    )


@pytest.fixture
def image_folder(tmp_path):
    """Folders named by split and class, as `imagefolder` wants them."""
    for split, name in enumerate(("train", "test")):
        for label, animal in enumerate(("cat", "dog")):
            folder = tmp_path / "images" / name / animal
            folder.mkdir(parents=True)
            for number, image in enumerate(IMAGES[split, label]):
                Image.fromarray(image).save(folder / f"{number}.png")
    return tmp_path / "images"


@pytest.fixture
def saved(tmp_path):
    """What `save_to_disk` wrote."""
    folder = tmp_path / "saved"
    datasets.Dataset.from_dict(VALUES).save_to_disk(folder)
    return folder


def test_a_folder_of_images_is_a_data_set(image_folder):
    """Classes are its folders, colours come first, and test is the test part."""
    loaded = load(image_folder)

    assert loaded.examples.input_shape == (3, 5, 4)
    assert loaded.examples.num_classes == 2
    assert (len(loaded.examples), len(loaded.test)) == (12, 12)
    first = loaded.examples.select(np.asarray([0, 6]))
    assert first.labels.tolist() == [0, 1]
    expected = IMAGES[0, :, 0].transpose(0, 3, 1, 2).astype(np.float32) / 255
    np.testing.assert_array_equal(first.inputs, expected)


def test_a_saved_data_set_is_read_by_its_columns(saved):
    """Numbers stay as they are; the config says how many classes there are."""
    loaded = load(saved, **{"input-column": "signal", "classes": 3})

    assert loaded.test is None
    assert loaded.examples.labels.tolist() == [2, 0, 1]
    assert loaded.examples.inputs(np.arange(3)).tolist() == VALUES["signal"]


def test_a_column_may_name_the_sites(saved):
    """In sorted order."""
    keys = {"input-column": "signal", "classes": 3, "partition": "by:owner"}

    sites = load(saved, **keys).sites

    assert sites.names == ("a", "b")
    assert sites.numbers.tolist() == [1, 0, 1]


def test_a_table_is_read_by_a_schema(tmp_path):
    """The same one as for a CSV file."""
    folder = tmp_path / "table"
    folder.mkdir()
    write_csv(folder / "train.csv", table_rows())
    (tmp_path / "schema.toml").write_text(SCHEMA)

    loaded = load(folder, schema=str(tmp_path / "schema.toml"))

    assert loaded.examples.input_shape == (NUM_INPUTS,)
    assert loaded.examples.num_classes == 2


def test_nothing_of_a_local_folder_stays_in_the_cache(image_folder, tmp_path):
    """Private images have no copy that nobody knows of."""
    before = set(datasets.config.HF_DATASETS_CACHE.rglob("*.arrow"))

    load(image_folder)

    assert set(datasets.config.HF_DATASETS_CACHE.rglob("*.arrow")) == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": 3}, "there is no column image or img ([data] input-column), only"),
        ({"input-column": "signal"}, "[data] classes = 0: must be the number of"),
        (
            {"input-column": "signal", "classes": 3, "label-column": "y"},
            "there is no column y ([data] label-column), only signal, label, owner",
        ),
        (
            {"input-column": "signal", "classes": 2},
            "row 0 has label 2, must be in [0, 2)",
        ),
        (
            {"input-column": "owner", "classes": 3},
            "must be numbers",
        ),
        (
            {"input-column": "signal", "classes": 3, "partition": "by:x"},
            "there is no column x ([data] partition)",
        ),
    ],
)
def test_columns_that_do_not_fit_are_told_of_in_one_line(saved, changes, message):
    """With the columns that there are."""
    with pytest.raises(DataError) as caught:
        load(saved, **changes)

    assert message in str(caught.value)
    assert str(caught.value).endswith("Nothing was run.")
    assert "\n" not in str(caught.value)


def test_images_of_two_sizes_are_told_of(image_folder):
    """By the first that differs."""
    Image.fromarray(IMAGES[0, 0, 0][:3]).save(image_folder / "train" / "cat" / "9.png")

    with pytest.raises(DataError, match=r"image 6 has shape \(3, 3, 4\)"):
        load(image_folder)


def test_a_folder_without_data_is_told_of(tmp_path):
    """One line, whatever the library says."""
    with pytest.raises(DataError, match="the folder cannot be read") as caught:
        load(tmp_path)

    assert "\n" not in str(caught.value)
