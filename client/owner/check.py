"""``fedstill site check``: proves in advance that a site can start and answer.

Nothing is charged, no ledger row is written, and nothing is trained.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from client.owner.check_data import data_findings
from client.owner.check_endpoint import endpoint_findings
from client.owner.check_ledger import ledger_findings
from client.owner.check_model import model_findings
from client.owner.check_transfer import transfer_findings
from client.owner.policy_file import PolicyFile, load_policy_file
from client.owner.policy_reading import CONSEQUENCE
from common.errors import ConfigError
from common.finding import Finding, fault, ok, warning


def check(path: Path) -> Iterator[Finding]:
    """Yields every finding about the site that a policy file describes.

    Args:
        path: of the policy file.
    """
    try:
        policy = load_policy_file(path)
    except ConfigError as error:
        for line in str(error).splitlines():
            text = line.removesuffix(f" {CONSEQUENCE}")
            yield fault("policy", text, "Mend the policy file.")
        return
    yield from _policy_findings(policy)
    loaded, of_data = data_findings(policy)
    yield from of_data
    if loaded is not None:
        yield from model_findings(policy, loaded)
    yield from ledger_findings(policy, loaded)
    yield from transfer_findings(policy, loaded)
    yield from endpoint_findings(policy)


def _policy_findings(policy: PolicyFile) -> Iterator[Finding]:
    budget = policy.budget
    yield ok(
        "policy",
        f"Site {policy.site_name}, dataset id {policy.dataset_id}: at most epsilon "
        f"{budget.epsilon:g} at delta {budget.delta:g} in its lifetime.",
    )
    if policy.allow_non_private:
        yield warning(
            "policy",
            "allow-non-private = true: runs without any guarantee are answered.",
            "Set it to false unless you mean it.",
        )
    if policy.limits.transfer_sets is None:
        yield warning(
            "policy",
            "[limits] transfer-sets is left out: a server may choose what is labelled.",
            "Name the content ids that you have seen.",
        )
