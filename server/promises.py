"""What the sites of a run have promised, and how often they were asked since."""

from __future__ import annotations

from collections.abc import Mapping

from server.cohort import Cohort
from server.privacy_forecast import Promise
from server.roll_call import Member


def after_asking(
    promises: Mapping[str, Promise], cohort: Cohort, members: Mapping[str, Member]
) -> dict[str, Promise]:
    """Returns the promises after the sites of ``cohort`` were asked.

    Args:
        promises: by site name, of the sites asked before, in this round too.
        cohort: the sites asked now, and the round.
        members: by site name; what a site said at hello is its first promise.
    """
    first = {
        name: Promise.in_hello(members[name].hello)
        for name in cohort.site_names
        if name not in promises
    }
    known = {**promises, **first}
    return known | {
        name: known[name].asked_in(cohort.round_number) for name in cohort.site_names
    }
