"""How long each site's ledger was when it was last heard of.

A ledger only grows. One that is shorter than a server has seen it was set back, and a
site that is told so refuses to go on; so the server remembers, over its own restarts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from common.envelope import Envelope
from server.replies import Reply
from server.requests import addressed
from server.roll_call import Member


def after_hello(
    before: Mapping[str, int], members: Mapping[str, Member]
) -> dict[str, int]:
    """Returns the longest ledgers, now that members have said hello.

    Args:
        before: number of entries by site name.
        members: by site name.
    """
    stated = {name: one.hello.ledger_entries for name, one in members.items()}
    return _longest(before, stated)


def after_round(before: Mapping[str, int], replies: Iterable[Reply]) -> dict[str, int]:
    """Returns the longest ledgers after a round's accepted replies.

    Args:
        before: number of entries by site name.
        replies: of the round.
    """
    return _longest(before, {one.site_name: one.ledger_entries for one in replies})


def addressed_to(
    members: Mapping[str, Member], request: Envelope, lengths: Mapping[str, int]
) -> dict[int, Envelope]:
    """Returns a request for each of some members, by node.

    Args:
        members: by site name.
        request: the same for all but what the server knows of their ledgers.
        lengths: number of entries by site name.
    """
    return {
        member.node_id: addressed(request, ledger_entries=lengths.get(name, 0))
        for name, member in members.items()
    }


def _longest(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    return {**before, **{name: max(n, before.get(name, 0)) for name, n in now.items()}}
