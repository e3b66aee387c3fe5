"""The owner's log: one line a request, whatever a client writes into it."""

import io
import json

import pytest

from client.custodian.rejection import Rejection
from client.custodian.request_log import RequestLog
from common.envelope import Envelope, MessageKind
from tests.client.custodian.support import NOW

REPLY = Envelope(kind=MessageKind.ROUND)


def _line(**fields):
    stream = io.StringIO()
    request = Envelope(kind=MessageKind.ROUND, fields=fields)
    log = RequestLog(stream, clock=lambda: NOW)
    log.replied(request, REPLY, bytes_in=1, bytes_out=2)
    assert stream.getvalue().count("\n") == 1, "Rule 9: more than one line."
    assert stream.getvalue().isascii()
    return json.loads(stream.getvalue())


@pytest.mark.parametrize(
    "name", ['x\n{"outcome": "answered"}', "\x1b[2J", "\u2028", "\ud800", "../../etc"]
)
def test_no_name_can_forge_a_line(name):
    """Line breaks, terminal codes and broken text are escaped."""
    assert _line(run_id=name)["run"] == name


def test_long_names_are_cut_off():
    """A client cannot fill the owner's disk by a name."""
    run = _line(run_id="x" * 10_000)["run"]

    assert len(run) == 64, f"Rule 9: {len(run)} characters of a name were logged."


@pytest.mark.parametrize("number", [2**64, True, "3", 0.5])
def test_what_is_no_round_is_left_out(number):
    """Only a whole number of ordinary size is a round."""
    assert _line(round_number=number)["round"] is None


def test_lines_are_numbered():
    """An owner sees when lines are missing."""
    stream = io.StringIO()
    log = RequestLog(stream, clock=lambda: NOW)

    for _ in range(3):
        log.rejected(Rejection.CUT_OFF)

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["number"] for line in lines] == [1, 2, 3]


def test_nothing_says_how_long_the_work_took():
    """Training time depends on the sizes of private samples."""
    assert set(_line()) == {
        "time",
        "number",
        "kind",
        "run",
        "round",
        "outcome",
        "reason",
        "bytes_in",
        "bytes_out",
        "ledger_entries",
    }


class _FullDisk(io.StringIO):
    def write(self, text):
        raise OSError(28, "No space left on device")


def test_a_full_disk_stops_no_reply():
    """What was charged is released; the number shows that a line is missing."""
    RequestLog(_FullDisk()).rejected(Rejection.CUT_OFF)
