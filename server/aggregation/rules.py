"""From the sites' replies to the consensus, by the rule that the config names.

Every site counts the same: a weight that a site reports would be a way to steal the
consensus, and under privacy a release that nobody accounts for (design, section 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from common.code_names import is_code_name
from common.config.lists import RULE_NAMES
from common.failpoints import failpoint
from common.soft_labels import SoftLabels
from server.aggregation.enhanced_era import enhanced_era
from server.aggregation.era import era
from server.aggregation.log_opinion_pool import log_opinion_pool
from server.aggregation.mean import mean
from server.aggregation.own_rule import Rule, load_rule
from server.replies import Reply

NAMES = tuple(name for name in RULE_NAMES if name != "auto")
# Finite, and exp of it is exactly 0: a class that no site gives any probability stays
# a number that every codec can carry.
LEAST_LOG_PROBABILITY = float(np.finfo(np.float32).min)


def make_rule(name: str, *, temperature: float, power: float) -> Rule:
    """Returns a rule as a function of log probabilities alone.

    Args:
        name: one of :data:`NAMES`, or ``module:function`` of the user's own.
        temperature: of ``era``, > 0.
        power: of ``enhanced-era``, > 0.

    Raises:
        ValueError: an unknown name.
        ConfigError: code of the user's own that cannot be imported.
    """
    if is_code_name(name):
        return load_rule(name)
    rules: dict[str, Rule] = {
        "mean": mean,
        "era": partial(era, temperature=temperature),
        "enhanced-era": partial(enhanced_era, power=power),
        "log-opinion-pool": log_opinion_pool,
    }
    if name not in rules:
        raise ValueError(f"Expected aggregation rule {name!r} to be one of {NAMES}.")
    return rules[name]


def make_consensus(replies: Sequence[Reply], rule: Rule) -> SoftLabels:
    """Returns the consensus of accepted replies, summed in the order of site names.

    Args:
        replies: at least one; all about the same examples at the same temperature.
        rule: from :func:`make_rule`.

    Raises:
        ValueError: no replies, two of one site, or about different examples.
    """
    ordered = sorted(replies, key=lambda reply: reply.site_name)
    if not ordered or len({reply.site_name for reply in ordered}) != len(ordered):
        raise ValueError("Expected replies of one or more distinct sites.")
    first = ordered[0].soft_labels
    for reply in ordered:
        _check_comparable(first, reply)
    logs = np.stack([reply.soft_labels.log_probabilities for reply in ordered])
    failpoint("server.mid-aggregate")
    consensus = np.maximum(rule(logs), LEAST_LOG_PROBABILITY)
    return SoftLabels(
        log_probabilities=consensus.astype(np.float32),
        temperature=first.temperature,
        transfer_set_id=first.transfer_set_id,
        indices=first.indices,
    )


def _check_comparable(first: SoftLabels, reply: Reply) -> None:
    other = reply.soft_labels
    same = (
        other.temperature == first.temperature
        and other.transfer_set_id == first.transfer_set_id
        and other.num_classes == first.num_classes
        and np.array_equal(other.indices, first.indices)
    )
    if not same:
        raise ValueError(
            f"Expected soft labels of {reply.site_name} on the same examples of the "
            "same transfer set at the same temperature as the other sites'."
        )
