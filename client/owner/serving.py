"""``fedstill site serve``: the custodian, from its policy file until it is stopped.

The randomness of noise and samples is the operating system's: nothing here takes any
other (design, section 5, rule 10).
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType

import typer

from client.custodian.request_log import RequestLog
from client.custodian.server import serve
from client.owner.open_site import open_site
from client.owner.policy_endpoint import policy_endpoint
from client.owner.policy_file import load_policy_file
from client.owner.status import site_status
from client.owner.words import what_is_left


def serve_site(policy: Path) -> None:
    """Serves the site of a policy file until SIGTERM or SIGINT.

    Args:
        policy: the policy file.

    Raises:
        ConfigError: a policy, model or endpoint that cannot be used.
        DataError: private data that cannot be used.
        LedgerUnavailableError: another custodian has the ledger.
        LedgerCorruptedError: the ledger cannot be believed.
    """
    policy_file = load_policy_file(policy)
    endpoint = policy_endpoint(policy_file)
    # For a person, so to standard error: what is wrong with rows, disks and requests.
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    with (
        open_site(policy_file) as site,
        serve(
            site,
            endpoint,
            log=RequestLog(sys.stdout),
            site_name=policy_file.site_name,
            hold_seconds=policy_file.reply.at_deadline,
        ) as running,
    ):

        def stop(number: int, frame: FrameType | None) -> None:
            del number, frame
            running.stop()

        # From here on, so that a stop between this and `wait` is not lost.
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        _say(what_is_left(site_status(policy_file)))
        _say(f"Site {policy_file.site_name} listens at {running.endpoint.target}.")
        _say(f"Stop it with Ctrl-C or: kill {os.getpid()}")
        running.wait()
        _say("Stopped. Nothing that was charged or answered is lost.")


def _say(line: str) -> None:
    typer.echo(line, err=True)
