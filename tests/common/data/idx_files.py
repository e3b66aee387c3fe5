"""Writes small IDX files for tests."""

import gzip
import struct

import numpy as np


def idx_bytes(array, *, type_byte=0x08):
    """Returns the IDX bytes of an array of bytes."""
    array = np.asarray(array, np.uint8)
    header = struct.pack(
        f">BBBB{array.ndim}I", 0, 0, type_byte, array.ndim, *array.shape
    )
    return header + array.tobytes()


def write_idx_folder(folder, *, train=60, test=20, compressed=False, height=4):
    """Writes the four files of a small data set; label i % 10, pixel values by seed."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    for part, count in (("train", train), ("t10k", test)):
        contents = {
            f"{part}-images-idx3-ubyte": rng.integers(0, 256, (count, height, 4)),
            f"{part}-labels-idx1-ubyte": np.arange(count) % 10,
        }
        for name, array in contents.items():
            content = idx_bytes(array)
            suffix = ".gz" if compressed else ""
            (folder / f"{name}{suffix}").write_bytes(
                gzip.compress(content) if compressed else content
            )
    return folder
