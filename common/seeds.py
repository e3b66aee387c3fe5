"""Seeds for public things, each from (run seed, round, site name, purpose).

No global generator is used or seeded anywhere. In a deployment these seeds serve
public things only (initial weights, digest order, transfer selection): noise and the
Poisson sample come from :mod:`client.training.random_stream`, whose key a request
cannot set.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch

_SEED_BYTES = 8
_SIGN_BIT_CLEARED = 0x7FFF_FFFF_FFFF_FFFF  # torch and SQLite take signed 64-bit numbers


def derive_seed(
    run_seed: int, purpose: str, *, round_number: int = 0, site_name: str = ""
) -> int:
    """Returns a seed in [0, 2^63) that depends on every argument.

    Args:
        run_seed: the run's public seed.
        purpose: what the seed is for, for example ``"digest-order"``.
        round_number: round, counted from 1; 0 for what belongs to no round.
        site_name: site; empty for the server.
    """
    text = "\x1f".join((str(run_seed), str(round_number), site_name, purpose))
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:_SEED_BYTES], "little") & _SIGN_BIT_CLEARED


def numpy_generator(
    run_seed: int, purpose: str, *, round_number: int = 0, site_name: str = ""
) -> np.random.Generator:
    """Returns a NumPy generator seeded by :func:`derive_seed`."""
    return np.random.default_rng(
        derive_seed(run_seed, purpose, round_number=round_number, site_name=site_name)
    )


def torch_generator(
    run_seed: int, purpose: str, *, round_number: int = 0, site_name: str = ""
) -> torch.Generator:
    """Returns a torch CPU generator seeded by :func:`derive_seed`."""
    return torch.Generator().manual_seed(
        derive_seed(run_seed, purpose, round_number=round_number, site_name=site_name)
    )
