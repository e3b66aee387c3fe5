"""What the sites of a run have promised, and how often they were asked since."""

from __future__ import annotations

from collections.abc import Mapping

from server.cohort import Cohort
from server.privacy_forecast import Promise
from server.roll_call import Member


def ask_once_more(
    promises: Mapping[str, Promise], cohort: Cohort, members: Mapping[str, Member]
) -> dict[str, Promise]:
    """Returns the promises after the sites of ``cohort`` were asked once more.

    Args:
        promises: by site name, of the sites asked before.
        cohort: the sites asked now.
        members: by site name; what a site said at hello is its first promise.
    """
    first = {
        name: Promise.in_hello(members[name].hello)
        for name in cohort.site_names
        if name not in promises
    }
    known = {**promises, **first}
    return known | {name: known[name].asked_again() for name in cohort.site_names}
