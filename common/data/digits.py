"""The digits bundled with scikit-learn: 1,797 images of 8 x 8, public domain.

Alpaydin & Kaynak (1998), "Optical Recognition of Handwritten Digits" (test part),
https://archive.ics.uci.edu/dataset/80.
"""

from __future__ import annotations

import numpy as np

from common.data.examples import Images

NUM_CLASSES = 10
WHITE = 16


def load_digits() -> Images:
    """Returns all images; labels are digits."""
    # Imported here: scikit-learn takes a second that IDX data need not pay.
    from sklearn import datasets  # noqa: PLC0415

    bundled = datasets.load_digits()
    return Images(
        pixels=np.asarray(bundled.images, np.uint8),
        labels=np.asarray(bundled.target, np.uint8),
        white=WHITE,
        num_classes=NUM_CLASSES,
        source="digits",
    )
