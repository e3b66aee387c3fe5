"""Sweeps that nobody ran, for what is written about them."""

from simulations.frontier.sweeps import SWEEPS, SweepResult
from tests.simulations.tradeoff.rows import make_sweep

ENVIRONMENT = (
    '{"python": "3.11.7", "versions": {"torch": "2.13.0"}, '
    '"machine": {"system": "Linux", "architecture": "x86_64", "cpus": 2}}'
)


def made_results(folder) -> list[SweepResult]:
    """Every sweep of the frontier with plausible rows, three seeds at most."""
    (folder / "environment.json").write_text(ENVIRONMENT)
    results = []
    for spec in SWEEPS:
        sweep = make_sweep(
            folder,
            epsilons=tuple(float(one) for one in spec.epsilons.split(",")),
            mechanisms=("dp-sgd" if spec.students else "dp-head",),
            partitions=spec.partitions,
            seeds=tuple(range(1, 1 + min(3, spec.most_seeds))),
            baselines=tuple(spec.baselines.split(",")),
        )
        results.append(SweepResult(spec=spec, sweep=sweep))
    return results
