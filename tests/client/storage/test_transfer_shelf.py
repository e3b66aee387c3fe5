"""A transfer set is on the shelf whole and true, or it is not there."""

from __future__ import annotations

import numpy as np
import pytest

from client.refusal import RequestRefusedError
from client.storage.transfer_shelf import TransferShelf
from common.messages import RefusalReason
from common.transfer_messages import TransferChunk
from common.transfer_set import TransferSet
from tests.client.support import SHAPE, make_transfer_set
from tests.rules import naming

SET = make_transfer_set()
ROW_BYTES = SET.inputs[0].nbytes


def chunk(first=0, rows=10, **changes):
    values = {
        "transfer_set_id": SET.content_id,
        "first_row": first,
        "num_rows": len(SET),
        "inputs": SET.inputs[first : first + rows],
    }
    return TransferChunk(**(values | changes))


def receive(shelf, one):
    return shelf.receive(one, input_shape=SHAPE)


def refusal(shelf, one):
    with pytest.raises(RequestRefusedError) as refused:
        receive(shelf, one)
    return refused.value.reason


def deliver(shelf):
    return [receive(shelf, chunk(first)) for first in (0, 10, 20)]


def test_a_delivered_set_is_there_also_after_a_restart(tmp_path):
    """Rows come in order, the last one puts the set on the shelf."""
    shelf = TransferShelf.on_disk(tmp_path / "sets")
    seen = []
    for first in (0, 10, 20):
        assert shelf.find(SET.content_id) is None
        seen.append(receive(shelf, chunk(first)))

    assert [(one.next_row, one.is_complete) for one in seen] == [
        (10, False),
        (20, False),
        (30, True),
    ]
    for one in (shelf, TransferShelf.on_disk(tmp_path / "sets")):
        np.testing.assert_array_equal(one.find(SET.content_id).inputs, SET.inputs)
    assert [path.suffix for path in (tmp_path / "sets").iterdir()] == [".safetensors"]


def test_a_delivery_goes_on_after_a_restart(tmp_path):
    """What was received stays; a repeated chunk changes nothing."""
    receive(TransferShelf.on_disk(tmp_path), chunk(0, 15))
    shelf = TransferShelf.on_disk(tmp_path)

    repeated = receive(shelf, chunk(0, 10))
    overlapping = receive(shelf, chunk(10, 10))
    last = receive(shelf, chunk(20, 10))

    assert [repeated.next_row, overlapping.next_row] == [15, 20]
    assert last.is_complete
    assert receive(shelf, chunk(0, 10)).is_complete


def test_half_a_row_of_a_crash_is_written_over(tmp_path):
    """A torn write is no row."""
    receive(TransferShelf.on_disk(tmp_path), chunk(0, 10))
    (spool,) = tmp_path.iterdir()
    spool.write_bytes(spool.read_bytes() + b"x" * (ROW_BYTES // 2))
    shelf = TransferShelf.on_disk(tmp_path)

    assert receive(shelf, chunk(10, 20)).is_complete
    np.testing.assert_array_equal(shelf.find(SET.content_id).inputs, SET.inputs)


def test_other_content_than_the_id_says_never_gets_there(tmp_path):
    """The whole set is checked by its content id, and begins anew."""
    shelf = TransferShelf.on_disk(tmp_path)
    wrong = SET.inputs.copy()
    wrong[7, 0, 0, 0] += 1
    receive(shelf, chunk(0, 10, inputs=wrong[:10]))

    with naming("Rule 9: a site takes whatever is called the transfer set."):
        reason = refusal(shelf, chunk(10, 20))

    assert reason is RefusalReason.TRANSFER_SET_MISMATCH
    assert list(tmp_path.iterdir()) == []
    assert deliver(shelf)[-1].is_complete


def test_rows_that_differ_from_those_there_drop_the_spool(tmp_path):
    """Nobody can block a set by delivering a wrong start of it."""
    shelf = TransferShelf.on_disk(tmp_path)
    receive(shelf, chunk(0, 10, inputs=SET.inputs[:10] + 1))

    assert refusal(shelf, chunk(0)) is RefusalReason.TRANSFER_SET_MISMATCH
    assert deliver(shelf)[-1].is_complete


def test_a_first_chunk_of_another_length_begins_anew(tmp_path):
    """Neither can a wrong number of rows."""
    shelf = TransferShelf.on_disk(tmp_path)
    receive(shelf, chunk(0, 10, num_rows=31))

    assert deliver(shelf)[-1].is_complete


NAN = np.full((10, *SHAPE), np.nan, np.float32)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (chunk(20), RefusalReason.MALFORMED_REQUEST),
        (chunk(10, num_rows=40), RefusalReason.MALFORMED_REQUEST),
        (chunk(inputs=NAN), RefusalReason.MALFORMED_REQUEST),
        (chunk(transfer_set_id="../ledger"), RefusalReason.MALFORMED_REQUEST),
        (chunk(transfer_set_id="A" * 64), RefusalReason.MALFORMED_REQUEST),
        (chunk(inputs=NAN[:, :, 1:]), RefusalReason.TRANSFER_SET_MISMATCH),
        (chunk(num_rows=10**15), RefusalReason.TRANSFER_SET_MISMATCH),
    ],
    ids=["out of order", "length", "nan", "path", "letters", "shape", "large"],
)
def test_a_bad_chunk_is_refused_and_a_good_one_still_taken(tmp_path, bad, reason):
    """Whatever comes, the delivery can go on."""
    folder = tmp_path / "sets"
    shelf = TransferShelf.on_disk(folder)
    if bad.first_row > 0:
        receive(shelf, chunk(0, 5))

    assert refusal(shelf, bad) is reason
    assert deliver(shelf)[-1].is_complete
    assert sorted(path.name for path in tmp_path.rglob("*.s*")) == [
        f"{SET.content_id}.safetensors"
    ]


def test_all_sets_together_stay_below_the_limit(tmp_path):
    """A server cannot fill the disk; unfinished deliveries make room."""
    shelf = TransferShelf.on_disk(tmp_path, most_bytes=2 * SET.inputs.nbytes)
    receive(shelf, chunk(transfer_set_id="0" * 64))
    receive(shelf, chunk(transfer_set_id="1" * 64))
    assert deliver(shelf)[-1].is_complete

    reason = refusal(shelf, chunk(transfer_set_id="2" * 64, num_rows=60))

    assert reason is RefusalReason.TRANSFER_SET_MISMATCH
    assert shelf.find(SET.content_id) is not None


def test_a_damaged_file_is_no_set_and_can_come_again(tmp_path):
    """Bits that rot on disk never become labels."""
    shelf = TransferShelf.on_disk(tmp_path)
    deliver(shelf)
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    restarted = TransferShelf.on_disk(tmp_path)

    assert restarted.find(SET.content_id) is None
    assert deliver(restarted)[-1].is_complete


def test_a_shelf_in_memory_takes_nothing():
    """A simulated site has its set from the start."""
    other = TransferSet(inputs=SET.inputs + 1)
    shelf = TransferShelf.in_memory(other)

    assert shelf.find(other.content_id) is other
    assert not shelf.takes(SET.content_id)
    assert refusal(shelf, chunk()) is RefusalReason.TRANSFER_SET_MISMATCH
