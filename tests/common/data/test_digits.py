"""The bundled digits."""

import numpy as np

from common.data.digits import load_digits


def test_digits_are_all_there_and_in_range():
    """1,797 images of ten classes, from black to white."""
    digits = load_digits()
    inputs = digits.inputs(np.arange(len(digits)))

    assert inputs.shape == (1797, 1, 8, 8)
    assert (inputs.min(), inputs.max()) == (0, 1)
    assert np.bincount(digits.labels).tolist() == [
        *(178, 182, 177, 183, 181, 182, 181, 179, 174, 180)
    ]
