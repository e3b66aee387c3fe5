"""The transfer set and its content id."""

import hashlib

import numpy as np
import pytest

from common.transfer_set import TransferSet


def test_content_id_is_over_schema_type_shape_and_bytes():
    """The id can be recomputed from its documented definition."""
    inputs = np.arange(6, dtype=np.float32).reshape(2, 3)

    content_id = TransferSet(inputs=inputs).content_id

    text = b"fedstill-transfer-set-1|<f4|(2, 3)|" + inputs.tobytes()
    assert content_id == hashlib.sha256(text).hexdigest()


def test_content_id_knows_values_order_and_shape():
    """One changed value, another order or another shape is another transfer set."""
    inputs = np.arange(6, dtype=np.float32).reshape(2, 3)
    changed = inputs.copy()
    changed[0, 0] = 0.5

    ids = {
        TransferSet(inputs=variant).content_id
        for variant in (inputs, changed, inputs[::-1], inputs.reshape(3, 2))
    }

    assert len(ids) == 4


def test_content_id_does_not_depend_on_memory_layout():
    """The same numbers give the same id, contiguous or not, 32 or 64 bits."""
    inputs = np.arange(6, dtype=np.float32).reshape(2, 3)

    ids = {
        TransferSet(inputs=variant).content_id
        for variant in (inputs, np.asfortranarray(inputs), inputs.astype(np.float64))
    }

    assert len(ids) == 1


def test_inputs_are_read_only():
    """Nobody can change a transfer set whose id was agreed."""
    transfer = TransferSet(inputs=np.zeros((2, 3), np.float32))

    with pytest.raises(ValueError, match="read-only"):
        transfer.inputs[0, 0] = 1

    assert len(transfer) == 2


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.zeros((0, 3)), "at least one example, got (0, 3)"),
        (np.zeros(3), "at least one example, got (3,)"),
        (np.array([[1.0, np.nan]]), "Expected finite transfer inputs."),
        (np.array([[1.0, -np.inf]]), "Expected finite transfer inputs."),
        (np.array([[1e300]]), "Expected finite transfer inputs."),
    ],
)
def test_refuses_what_is_no_transfer_set(inputs, message):
    """No examples, no features, or values that float32 cannot hold are refused."""
    with pytest.raises(ValueError, match="Expected") as caught:
        TransferSet(inputs=inputs)

    assert message in str(caught.value)
