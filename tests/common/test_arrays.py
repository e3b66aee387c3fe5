"""Read-only arrays."""

import numpy as np
import pytest

from common.arrays import read_only


def test_result_cannot_be_written_to():
    """Writing to the result raises."""
    result = read_only(np.zeros(3), np.float32)

    with pytest.raises(ValueError, match="read-only"):
        result[0] = 1


def test_result_does_not_share_memory():
    """Changing the original later does not change the result."""
    original = np.zeros(3, np.float32)
    result = read_only(original, np.float32)

    original[0] = 1

    assert result.tolist() == [0, 0, 0]


def test_result_is_contiguous_and_of_the_stated_type():
    """A transposed array comes back C-contiguous and in the asked type."""
    result = read_only(np.arange(6).reshape(2, 3).T, np.float32)

    assert result.flags.c_contiguous
    assert result.dtype == np.float32
    assert result.tolist() == [[0, 3], [1, 4], [2, 5]]
