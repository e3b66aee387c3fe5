"""A round's answers, sorted into accepted, rejected and silent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from server.exchange import Arrival
from server.replies import Rejection, Reply
from server.validation import Asked, check_round_reply


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """What the sites of a cohort said, in the order of site names.

    Attributes:
        replies: that passed every check.
        rejections: answers that were dropped.
        silent: names of the sites that did not answer in time.
        soft_label_bytes: size of the accepted answers, in bytes as serialised.
    """

    replies: tuple[Reply, ...]
    rejections: tuple[Rejection, ...]
    silent: tuple[str, ...]
    soft_label_bytes: int

    @property
    def accepted(self) -> tuple[str, ...]:
        """Names of the sites whose replies passed."""
        return tuple(reply.site_name for reply in self.replies)

    @property
    def exhausted(self) -> tuple[str, ...]:
        """Names of the accepted sites that are past their private rounds."""
        return tuple(
            reply.site_name for reply in self.replies if reply.budget_exhausted
        )


def sort_answers(
    arrivals: Mapping[int, Arrival], *, nodes: Mapping[str, int], asked: Asked
) -> Answers:
    """Returns the checked answers of a round.

    Args:
        arrivals: what came back, by node.
        nodes: the node of each site that was asked, by site name.
        asked: what a reply must fit.
    """
    replies: list[Reply] = []
    rejections: list[Rejection] = []
    silent: list[str] = []
    soft_label_bytes = 0
    for site_name, node_id in sorted(nodes.items()):
        arrival = arrivals.get(node_id)
        if arrival is None:
            silent.append(site_name)
            continue
        checked = check_round_reply(arrival.answer, site_name=site_name, asked=asked)
        if isinstance(checked, Reply):
            replies.append(checked)
            soft_label_bytes += arrival.size
        else:
            rejections.append(checked)
    return Answers(
        replies=tuple(replies),
        rejections=tuple(rejections),
        silent=tuple(silent),
        soft_label_bytes=soft_label_bytes,
    )
