"""How a custodian ends."""

import os
import signal
import threading

import pytest

from client.custodian.request_log import RequestLog
from client.custodian.server import serve
from common.errors import ConfigError
from tests.client.custodian.support import SECONDS, Echo, Slow, door
from tests.client.support import reason_of


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_request_in_flight_finish(number):
    """The reply leaves, then the custodian is gone and its handlers are back."""
    site = Slow()
    replies = []
    before = signal.getsignal(number)

    with door(site) as custodian:

        def tell():
            assert site.has_begun.wait(SECONDS)
            os.kill(os.getpid(), number)
            assert custodian.running._is_told.wait(SECONDS)
            site.may_end.set()

        asking = threading.Thread(target=lambda: replies.append(custodian.ask()))
        telling = threading.Thread(target=tell)
        # The handler is there once wait() waits; until then the test's own is.
        signal.signal(number, lambda *_: custodian.running.stop())
        try:
            asking.start()
            telling.start()
            custodian.running.wait()
            asking.join()
            telling.join()
        finally:
            signal.signal(number, before)
        late = custodian.connection(ready_seconds=0.1).answer(site.asked[0])

    assert [reason_of(reply) for reply in replies] == [None]
    assert reason_of(late) == "internal-error"
    assert len(site.asked) == 1


def test_stopping_twice_is_stopping():
    """A second word changes nothing."""
    with door(Echo()) as custodian:
        custodian.running.stop()
        custodian.running.stop()
        custodian.running.wait()
        custodian.running.wait()


def test_a_second_custodian_on_the_socket_is_refused():
    """The first one goes on answering."""
    with door(Echo()) as first:
        with pytest.raises(ConfigError, match="another custodian answers there"):
            serve(Echo(), first.endpoint, log=RequestLog())
        assert reason_of(first.ask()) is None
