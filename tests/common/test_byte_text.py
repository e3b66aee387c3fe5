"""Numbers of bytes as people read them."""

import pytest

from common.byte_text import bytes_text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (163_420, "163 kB"),
        (999_600, "1 MB"),
        (1_634_200, "1.63 MB"),
        (3.2e15, "3.2e+03 TB"),
    ],
)
def test_writes_bytes(count, text):
    """Decimal units, three digits."""
    assert bytes_text(count) == text
