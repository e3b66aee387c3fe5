"""Rule 9 at the custodian's door: what leaves it, when, and to whom."""

from tests.mutants.mutant import Mutant

_TESTS = "tests/client/custodian"
_SERVICE = f"{_TESTS}/test_service.py"
_HOSTILE = f"{_SERVICE}::test_what_is_no_request_is_rejected_with_one_line"
_HOLD = f"{_TESTS}/test_hold.py"
_SOCKET = f"{_TESTS}/test_unix_socket.py"

MUTANTS = (
    Mutant(
        name="the custodian answers any protocol version",
        rule=9,
        file="client/custodian/receiving.py",
        old="    if part.protocol_version != PROTOCOL_VERSION:\n",
        new="    if part.protocol_version == 0:\n",
        test=f"{_TESTS}/test_connection.py::test_another_version_is_a_version_mismatch",
    ),
    Mutant(
        name="TCP without TLS is an endpoint",
        rule=9,
        file="client/custodian/endpoint.py",
        old="        if not all(files):\n",
        new="        if any(files) and not all(files):\n",
        test=f"{_TESTS}/test_endpoint.py::test_plaintext_tcp_is_refused[all]",
    ),
    Mutant(
        name="the custodian wants no certificate",
        rule=9,
        file="client/custodian/tls.py",
        old="require_client_auth=True",
        new="require_client_auth=False",
        test=f"{_TESTS}/test_tls.py"
        "::test_a_client_without_a_certificate_is_not_answered[no certificate]",
    ),
    Mutant(
        name="everybody can connect to the socket",
        rule=9,
        file="client/custodian/unix_socket.py",
        old="SOCKET_MODE = 0o660",
        new="SOCKET_MODE = 0o666",
        test=f"{_SOCKET}::test_folder_and_socket_are_the_groups_alone",
    ),
    Mutant(
        name="the socket is open until its mode is set",
        rule=9,
        file="client/custodian/unix_socket.py",
        old="_NOBODY_YET = 0o177",
        new="_NOBODY_YET = 0o000",
        test=f"{_SOCKET}::test_there_is_no_open_moment",
    ),
    Mutant(
        name="a request has no largest size",
        rule=9,
        file="client/custodian/receiving.py",
        old="        if exchange.bytes_in > MOST_BYTES:\n",
        new="        if exchange.bytes_in > 100 * MOST_BYTES:\n",
        test=f"{_SERVICE}::test_an_endless_request_is_ended",
    ),
    Mutant(
        name="a request needs no deadline",
        rule=9,
        file="client/custodian/receiving.py",
        old="    if remaining is None or remaining > LONGEST_DEADLINE_SECONDS:\n",
        new="    if remaining is None:\n",
        test=f"{_HOSTILE}[deadline of years]",
    ),
    Mutant(
        name="an exception's text leaves as a status",
        rule=9,
        file="client/custodian/service.py",
        old="rejected = RejectedError(Rejection.INTERNAL_ERROR)",
        new="rejected = RejectedError(Rejection.INTERNAL_ERROR, str(error))",
        test=f"{_SERVICE}::test_a_failing_site_leaves_as_a_closed_status",
    ),
    Mutant(
        name="gRPC tells what a failing site says",
        rule=9,
        file="client/custodian/service.py",
        old="        except Exception as error:",
        new="        except OSError as error:",
        test=f"{_SERVICE}::test_a_failing_site_leaves_as_a_closed_status",
    ),
    Mutant(
        name="replies are not held",
        rule=9,
        file="client/custodian/service.py",
        old="            self._hold.wait(arrived)\n            self._turn.release()\n",
        new="            self._turn.release()\n",
        test=f"{_HOLD}::test_whatever_leaves_is_held[3.0-10.0-refusal]",
    ),
    Mutant(
        name="a busy refusal is not held",
        rule=9,
        file="client/custodian/service.py",
        old="            self._hold.wait(arrived)\n            return self._busy",
        new="            return self._busy",
        test=f"{_HOLD}::test_a_busy_refusal_is_held_too",
    ),
    Mutant(
        name="the turn ends before the reply leaves",
        rule=9,
        file="client/custodian/service.py",
        old="            self._hold.wait(arrived)\n            self._turn.release()\n",
        new="            self._turn.release()\n            self._hold.wait(arrived)\n",
        test=f"{_HOLD}::test_the_next_request_waits_for_the_hold",
    ),
    Mutant(
        name="replies leave as soon as they are late",
        rule=9,
        file="client/custodian/hold.py",
        old="max(multiple, 1)",
        new="1",
        test=f"{_HOLD}::test_whatever_leaves_is_held[10.5-20.0-failure]",
    ),
    Mutant(
        name="the log has whole names",
        rule=9,
        file="client/custodian/request_log.py",
        old="MOST_NAME_CHARACTERS = 64",
        new="MOST_NAME_CHARACTERS = 10**6",
        test=f"{_TESTS}/test_request_log.py::test_long_names_are_cut_off",
    ),
)
