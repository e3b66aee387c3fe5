"""Envelopes as Flower records."""

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from hypothesis import given

from common.envelope import Envelope, MessageKind
from common.errors import InvalidReplyError
from common.records import RAW, from_record, over_the_wire, serialised_size, to_record
from tests.common.test_messages import same
from tests.rules import naming
from tests.strategies import ENVELOPES


@given(ENVELOPES)
def test_envelope_survives_flower_and_protobuf(envelope):
    """What arrives after the real serialisation is what was sent."""
    record, size = over_the_wire(to_record(envelope))

    assert same(from_record(record, envelope.kind), envelope)
    assert size == serialised_size(to_record(envelope))


def test_size_is_that_of_the_bytes_on_the_wire():
    """A payload of 40,000 bytes costs these, names and shape, but no header."""
    payload = np.zeros((1000, 10), np.float32)
    envelope = Envelope(kind=MessageKind.ROUND, arrays={"soft_labels": payload})

    size = serialised_size(to_record(envelope))

    assert 40_000 < size < 40_100


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("layout", ["C", "F"])
def test_bytes_travel_in_one_order_whatever_an_array_has(order, layout):
    """Byte order and layout in memory are nobody's business but the sender's."""
    values = np.array([[1, 2, 3], [4, 5, 6]], dtype=f"{order}i4", order=layout)

    content = to_record(Envelope(kind=MessageKind.ROUND, arrays={"a": values}))
    arrived = from_record(content, MessageKind.ROUND).arrays["a"]

    assert content["arrays"]["a"].data == bytes.fromhex(
        "010000000200000003000000040000000500000006000000"
    )
    assert arrived.tolist() == values.tolist()
    assert arrived.dtype == np.int32
    assert arrived.flags.writeable


@pytest.mark.parametrize("value", [1j, "text", None, True, 2**40], ids=repr)
def test_arrays_of_other_types_do_not_travel(value):
    """A sender finds out, not the receiver."""
    values = np.array([value], np.uint64 if value == 2**40 else None)
    envelope = Envelope(kind=MessageKind.ROUND, arrays={"a": values})

    with pytest.raises(ValueError, match=r"arrays of type \S+ do not travel"):
        to_record(envelope)


def record(*, arrays=None, fields=None):
    return RecordDict(
        {
            "arrays": arrays if arrays is not None else ArrayRecord({}),
            "fields": fields if fields is not None else ConfigRecord({}),
        }
    )


def array(data, stype=RAW, dtype="float32", shape=(1,)):
    return ArrayRecord({"a": Array(dtype, shape, stype, data)})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (RecordDict({}), "has records [], expected [arrays, fields]"),
        (RecordDict({"arrays": ArrayRecord({})}), "has records ['arrays']"),
        (
            RecordDict({**record(), "metrics": MetricRecord({"loss": 0.1})}),
            "has records ['arrays', 'fields', 'metrics']",
        ),
        (
            RecordDict({"arrays": ConfigRecord({}), "fields": ConfigRecord({})}),
            "has records of other types",
        ),
        (record(fields=ConfigRecord({"a": [1, 2]})), "has a field a that is no scalar"),
        (record(fields=ConfigRecord({"a": b"x"})), "has a field a that is no scalar"),
        (record(arrays=array(b"")), "has an array whose bytes do not fill its"),
        (record(arrays=array(b"12345")), "has an array whose bytes do not fill its"),
        (
            record(arrays=array(b"1234", shape=(-1, -1))),
            "has an array whose bytes do not fill its shape",
        ),
        (
            record(arrays=array(b"", shape=(2**40, 2**40, 2**40))),
            "has an array whose bytes do not fill its shape",
        ),
        (
            record(arrays=array(b"", shape=(0, 2**62, 2**62))),
            "has an array of a shape that no array can have",
        ),
        (
            record(arrays=array(b"1234", shape=(1,) * 100)),
            "has an array of a shape that no array can have",
        ),
        (record(arrays=array(b"1234", stype="torch")), "of another serialisation or"),
        (record(arrays=array(b"1234", stype="numpy.ndarray")), "of another serialis"),
        (record(arrays=array(b"12345678", dtype="object")), "serialisation or type"),
        (record(arrays=array(b"1234", dtype="<f4")), "serialisation or type than raw"),
        (record(arrays=array(b"1", dtype="bool")), "serialisation or type than raw"),
    ],
)
def test_foreign_records_are_refused(content, message):
    """Whatever a stranger's record holds, the answer is one line."""
    with pytest.raises(InvalidReplyError) as caught:
        from_record(content, MessageKind.ROUND)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pickled_array_is_refused(tmp_path):
    """An object array, which only pickle could read, is never unpickled."""
    path = tmp_path / "a.npy"
    np.save(path, np.array([{"evil": True}], object), allow_pickle=True)
    content = record(arrays=array(path.read_bytes(), stype="numpy.ndarray"))

    with (
        naming("Rule 13: an array was unpickled."),
        pytest.raises(InvalidReplyError, match="another serialisation or type"),
    ):
        from_record(content, MessageKind.ROUND)
