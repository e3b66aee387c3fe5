"""What the keys of a policy file mean to one another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from client.owner.policy_sections import TABLES
from common.config.problems import problem

if TYPE_CHECKING:
    from client.owner.policy_file import PolicyFile

_LEAST_CLASSES = 2


def inconsistencies(policy: PolicyFile) -> list[str]:
    """Returns a line for each contradiction."""
    return [*_data(policy), *_budget(policy), *_queries(policy), *_endpoint(policy)]


def _data(policy: PolicyFile) -> Iterator[str]:
    data = policy.data
    is_table = data.loader in TABLES
    needs_path = is_table or data.loader in ("npz", "idx")
    if needs_path and not data.path:
        place = "folder" if data.loader == "idx" else "file"
        yield problem(("data", "path"), "", f"must be the {place} of the examples")
    if not needs_path and data.path:
        yield problem(
            ("data", "path"), data.path, f"must be left out, {data.loader} has none"
        )
    if is_table and not data.schema_path:
        allowed = f"must be the TOML schema of the table, {data.loader} needs one"
        yield problem(("data", "schema"), "", allowed)
    if not is_table and data.schema_path:
        allowed = f"must be left out, only {' and '.join(TABLES)} have one"
        yield problem(("data", "schema"), data.schema_path, allowed)
    needs_classes = data.loader == "npz" or ":" in data.loader
    if policy.classes == 1 or (needs_classes and policy.classes < _LEAST_CLASSES):
        yield problem(
            ("classes",),
            policy.classes,
            "must be the number of classes, >= 2, it is never counted from labels",
        )


def _budget(policy: PolicyFile) -> Iterator[str]:
    if policy.budget.delta * policy.nominal_examples >= 1:
        yield problem(
            ("budget", "delta"),
            policy.budget.delta,
            f"must be < 1 / {policy.nominal_examples} (nominal-examples), else giving "
            "away one whole example would count as private",
        )


def _queries(policy: PolicyFile) -> Iterator[str]:
    limits = policy.limits
    if limits.most_queries is not None and limits.transfer_sets is None:
        yield problem(
            ("limits", "most-queries"),
            limits.most_queries,
            "needs transfer-sets: the same example in another set is counted anew",
        )


def _endpoint(policy: PolicyFile) -> Iterator[str]:
    socket, tls = policy.socket, policy.tls
    if socket.path and tls.address:
        yield problem(
            ("tls", "address"),
            tls.address,
            "must be left out where [socket] path says where to listen",
        )
    if socket.group and not socket.path:
        yield problem(("socket", "group"), socket.group, "needs a [socket] path")
    files = {
        "certificate": tls.certificate,
        "key": tls.key,
        "client-ca": tls.client_ca,
    }
    for key, value in files.items():
        if tls.address and not value:
            yield problem(("tls", key), "", "must be a PEM file, both sides show one")
        if value and not tls.address:
            yield problem(("tls", key), value, "needs a [tls] address")
    if tls.address and not _is_address(tls.address):
        yield problem(("tls", "address"), tls.address, 'must be "host:port"')


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and port.isascii() and port.isdigit() and int(port) < 2**16
