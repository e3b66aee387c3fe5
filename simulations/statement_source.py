"""Where a privacy statement comes from, and what may be given away.

That is where a simulation and a run on separate machines differ: the one has read the
sites' ledgers and can take its noise off again, the other can do neither.
"""

from __future__ import annotations

from simulations.summary import Summary

Words = tuple[str, str]  # title and text of a clause


def with_privacy(summary: Summary) -> tuple[Words, ...]:
    """Returns the last clauses on a run that carries a guarantee."""
    if summary.is_simulation:
        return (_simulation(summary),)
    return (("What may be given away", _RELEASE), ("Who says so", _PROMISED))


def without_privacy(summary: Summary) -> tuple[Words, ...]:
    """Returns all clauses on a run that carries none."""
    here = summary.is_simulation
    students = "the students" if here else "the global student"
    common = (
        ("Why it could run", _ALLOWED_HERE if here else _ALLOWED_BY_ALL),
        ("What to do with it", _KEEP.format(students=students)),
    )
    return (*common, _simulation(summary)) if here else common


_RELEASE = (
    "The global student. It was trained on the sites' answers alone, so it is a "
    "release under their promises: it tells nobody more of a site's data than the "
    "figures above allow."
)
_PROMISED = (
    "The coordinator, from what every site promised when it joined the run and from "
    "how often it was asked; a round that the run broke off in counts. The figures are "
    "the most that a site has spent by that count. They are not read from its ledger, "
    "which it alone sees. Noise and samples come from each site's own operating "
    "system, so nobody can take the noise off again."
)
_ALLOWED_HERE = (
    "The config says allow-non-private = true. A deployed site says so in its own "
    "policy file, or refuses."
)
_ALLOWED_BY_ALL = (
    "The config says allow-non-private = true, and so does the policy file of every "
    "site that took part."
)
_KEEP = (
    "Compare it with private runs. Give neither {students} nor the run folder to "
    "anybody who may not see the private data themselves."
)


def _simulation(summary: Summary) -> Words:
    text = (
        "A simulation holds every site's data in one place, keeps every site's student "
        "and ledger in its folder, and measures accuracies that no site would publish. "
        f"Its sampling and noise come from the run seed ({summary.seed}), so that the "
        "same run gives the same bytes; whoever knows the seed can subtract the noise. "
        "A deployed site draws both from its operating system."
    )
    return "A run folder of a simulation is not a release", text
