"""Envelopes as Flower records."""

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from hypothesis import given

from common.envelope import Envelope, MessageKind
from common.errors import InvalidReplyError
from common.records import from_record, over_the_wire, serialised_size, to_record
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
    """A payload of 40,000 bytes costs these and a few hundred for names."""
    payload = np.zeros((1000, 10), np.float32)
    envelope = Envelope(kind=MessageKind.ROUND, arrays={"soft_labels": payload})

    size = serialised_size(to_record(envelope))

    assert 40_000 < size < 40_500


def record(*, arrays=None, fields=None):
    return RecordDict(
        {
            "arrays": arrays if arrays is not None else ArrayRecord({}),
            "fields": fields if fields is not None else ConfigRecord({}),
        }
    )


def array(data, stype="numpy.ndarray"):
    return ArrayRecord({"a": Array("float32", (1,), stype, data)})


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
        (record(arrays=array(b"")), "has an array that is not NPY"),
        (record(arrays=array(b"\x93NUMPY garbage")), "has an array that is not NPY"),
        (record(arrays=array(b"x", stype="torch")), "has an array that is not NPY"),
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

    with (
        naming("Rule 13: an array was unpickled."),
        pytest.raises(InvalidReplyError, match="has an array that is not NPY"),
    ):
        from_record(record(arrays=array(path.read_bytes())), MessageKind.ROUND)
