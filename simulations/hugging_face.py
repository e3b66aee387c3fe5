"""Hugging Face data sets, by hub name or from a local folder, through flwr-datasets.

A folder is what ``save_to_disk`` wrote, or images or tables that ``load_dataset``
finds by themselves. Only simulations read them: a site has no such extra.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from datasets import (
    ClassLabel,
    Dataset,
    DatasetDict,
    Image,
    disable_progress_bars,
    load_from_disk,
)
from datasets.exceptions import DatasetsError
from flwr_datasets import FederatedDataset
from numpy.typing import NDArray

from common.config.data_sections import Data
from common.data.data_set import DataSet, NaturalSites
from common.data.files import is_folder
from common.data.npz import ArrayExamples
from common.data.parquet_files import table_of
from common.data.schema import load_schema
from common.data.tables import data_set_of
from common.errors import DataError

TRAIN, TEST = "train", "test"
IMAGE_COLUMNS = ("image", "img")
LABEL_COLUMN = "label"
_SAVED = ("dataset_dict.json", "dataset_info.json")
_COLOUR_AXES = 3


def load_hugging_face(data: Data) -> DataSet:
    """Returns a Hugging Face data set, in memory.

    The split ``train``, or the only one there is, is cut into parts; a split ``test``
    is the test part. With ``data.schema`` the columns are those of a table.

    Raises:
        DataError: there is no such data set, or its columns do not fit.
    """
    disable_progress_bars()  # a simulation shows its own
    # What is read from a local folder leaves no copy in the user's cache.
    with tempfile.TemporaryDirectory() as cache:
        splits = _splits(data.path, cache=cache)
        train, test = _train(splits, data), splits.get(TEST)
        if test is train:
            test = None
        if data.schema_path:
            return _tables(train, test, data)
        return DataSet(
            examples=_examples(train, data, name=TRAIN),
            test=None if test is None else _examples(test, data, name=TEST),
            sites=_sites(train, data),
        )


def _splits(path: str, *, cache: str) -> Mapping[str, Dataset]:
    folder = Path(path)
    is_local = is_folder(folder)
    try:
        if is_local and any((folder / name).exists() for name in _SAVED):
            saved = load_from_disk(path)
            return saved if isinstance(saved, DatasetDict) else {TRAIN: saved}
        options = {"cache_dir": cache} if is_local else {}
        federated = FederatedDataset(
            dataset=path, partitioners={TRAIN: 1}, shuffle=False, **options
        )
        return _all_splits(federated)
    except (DatasetsError, OSError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        place = "folder" if is_local else "hub name"
        raise _fault(
            path, f"the {place} cannot be read as a data set ({reason})"
        ) from error


def _all_splits(federated: Any) -> dict[str, Dataset]:  # noqa: ANN401
    """Returns every split; flwr-datasets names them only where one is missing."""
    found = {TRAIN: federated.load_split(TRAIN)}
    try:
        found[TEST] = federated.load_split(TEST)
    except ValueError:
        return found
    return found


def _train(splits: Mapping[str, Dataset], data: Data) -> Dataset:
    if TRAIN in splits:
        return splits[TRAIN]
    if len(splits) == 1:
        return next(iter(splits.values()))
    raise _fault(data.path, f"must have a split train, it has {', '.join(splits)}")


def _tables(train: Dataset, test: Dataset | None, data: Data) -> DataSet:
    def table(split: Dataset, name: str) -> Any:  # noqa: ANN401
        columns = {column: split[column][:] for column in split.column_names}
        return table_of(columns, source=f"{data.path}, {name}")

    return data_set_of(
        [table(train, TRAIN)],
        data=data,
        schema=load_schema(Path(data.schema_path)),
        test=None if test is None else [table(test, TEST)],
    )


def _examples(split: Dataset, data: Data, *, name: str) -> ArrayExamples:
    source = f"{data.path}, {name}"
    inputs = (data.input_column,) if data.input_column else IMAGE_COLUMNS
    column = _column(split, inputs, data, key="input-column")
    label = _column(
        split, (data.label_column or LABEL_COLUMN,), data, key="label-column"
    )
    is_image = isinstance(split.features[column], Image)
    return ArrayExamples(
        array=_pixels(split[column], source) if is_image else _numbers(split, column),
        labels=np.array(split[label][:]),
        num_classes=_num_classes(split, label, data),
        source=source,
    )


def _num_classes(split: Dataset, label: str, data: Data) -> int:
    feature = split.features[label]
    if data.classes or not isinstance(feature, ClassLabel):
        if not data.classes:
            raise DataError(
                f"[data] classes = 0: must be the number of classes, >= 2, {data.path} "
                f"has no class names for {label}. Nothing was run."
            )
        return data.classes
    return int(feature.num_classes)


def _pixels(images: Any, source: str) -> NDArray[np.uint8]:  # noqa: ANN401
    """Returns images as bytes, [num_images, channels, height, width]."""
    arrays: list[NDArray[np.uint8]] = []
    for row, image in enumerate(images):
        array = np.asarray(image)
        if array.dtype == np.bool_:
            array = array.astype(np.uint8) * np.uint8(255)
        colours = (
            array.transpose(2, 0, 1) if array.ndim == _COLOUR_AXES else array[None]
        )
        first = arrays[0] if arrays else colours
        if colours.dtype != np.uint8 or colours.shape != first.shape:
            raise DataError(
                f"{source}: image {row} has shape {colours.shape} and type "
                f"{colours.dtype}, must be {first.shape} and uint8. Nothing was run."
            )
        arrays.append(colours)
    return np.stack(arrays)


def _numbers(split: Dataset, column: str) -> NDArray[Any]:
    # A copy: the file below goes with the temporary folder.
    return np.array(split.with_format("numpy")[column][:])


def _sites(split: Dataset, data: Data) -> NaturalSites | None:
    if not data.site_column:
        return None
    column = _column(split, (data.site_column,), data, key="partition")
    return NaturalSites.of([str(value) for value in split[column]])


def _column(split: Dataset, names: tuple[str, ...], data: Data, *, key: str) -> str:
    """Returns the first of some columns that there is."""
    for name in names:
        if name in split.column_names:
            return name
    wanted = " or ".join(names)
    raise _fault(
        data.path,
        f"there is no column {wanted} ([data] {key}), only "
        f"{', '.join(split.column_names)}",
    )


def _fault(path: str, fault: str) -> DataError:
    return DataError(f'[data] path = "{path}": {fault}. Nothing was run.')
