"""Seeded noise and Poisson samples, for simulations alone.

It lives here and not with the site's own randomness, so that nothing that a site
installs can seed it: ``client`` cannot import ``simulations``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from client.training.random_stream import RandomStream
from common.seeds import derive_seed


@dataclass(frozen=True, slots=True, kw_only=True)
class SeededRandomness:
    """Repeatable randomness for a simulation; anybody with the seed can undo it.

    The run id is left out on purpose: methods and engines are compared under equal
    noise. A simulated site lives in one run folder, so no two runs share a ledger.

    Attributes:
        run_seed: the simulation's seed.
        site_name: stable name of the site.
    """

    run_seed: int = field(repr=False)
    site_name: str

    def stream(self, run_id: str, round_number: int) -> RandomStream:  # noqa: ARG002
        """Returns the stream of a round: the same for the same seed, site and round."""
        seed = derive_seed(
            self.run_seed,
            "private-noise-and-sample",
            round_number=round_number,
            site_name=self.site_name,
        )
        return RandomStream(hashlib.sha256(str(seed).encode()).digest())
