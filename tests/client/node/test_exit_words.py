"""Flower's exit codes in plain words, as its SuperNode prints them."""

import pytest

from client.node.bundle_folder import open_bundle
from client.node.exit_words import ExitWords
from tests.client.node.support import make_bundle

DISTRUST = (
    "ERROR : Exit Code: 305\n"
    "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed:"
)


def why(folder, output, returncode=1):
    words = ExitWords(open_bundle(make_bundle(folder)))
    for line in output.splitlines():
        words.hear(line)
    text = words.why(returncode)
    assert len(text.splitlines()) == 1
    return text


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            "ERROR : Exit Code: 305\n[code: 2004] Failed to activate SuperNode.",
            "still counted as online after a crash",
        ),
        (
            "ERROR : Exit Code: 305\n[code: 2001] SuperNode authentication is enabled.",
            "does not know the node's key",
        ),
        (
            f"{DISTRUST} certificate has expired (_ssl.c:1006)",
            "nothing was sent to it: certificate verify failed: certificate has exp",
        ),
        (
            f"{DISTRUST} certificate is not valid for '10.0.0.1'. (_ssl.c:1006)",
            "certificate is not valid for '10.0.0.1'. The unit tries",
        ),
        (
            "ERROR : Exit Code: 305\n[SSL: WRONG_VERSION_NUMBER] wrong (_ssl.c:1006)",
            "SuperLink, and nothing was sent to it: it speaks no TLS. The unit tries",
        ),
        (
            "ERROR : Exit Code: 305\n[Errno 111] Connection refused",
            "fedstill.example:9090 was not reached: fedstill doctor says why",
        ),
        ("ERROR : Exit Code: 302\nUnable to parse", "site join --new-key"),
        ("ERROR : Exit Code: 606\nbad version", "another version than the SuperLink"),
        ("ERROR : Exit Code: 999", "exit code 1, Flower's exit code 999"),
        ("", "ended with exit code 1."),
    ],
)
def test_each_fault_has_its_words(output, expected, tmp_path):
    """What was found, and what to do."""
    assert expected in why(tmp_path, output)


def test_kill_is_told_by_its_signal(tmp_path):
    """`kill -9`, or the kernel when memory is short."""
    assert "The SuperNode ended with signal 9." in why(tmp_path, "", -9)


def test_last_code_counts_and_old_lines_are_forgotten(tmp_path):
    """A node that ran for weeks does not fill the memory."""
    output = "Exit Code: 302\n" + 100_000 * "INFO : a message\n" + "Exit Code: 606"

    assert "another version" in why(tmp_path, output)


def test_retry_is_what_the_unit_does(tmp_path):
    """The message and RestartSec are one number."""
    assert "again in 15 seconds." in why(tmp_path, "Exit Code: 305")
