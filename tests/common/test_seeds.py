"""Seeds for public things."""

import random

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from common.seeds import derive_seed, numpy_generator, torch_generator


@given(
    run_seed=st.integers(0, 2**63 - 1),
    purpose=st.text(),
    round_number=st.integers(0, 10**6),
    site_name=st.text(),
)
def test_seed_fits_sixty_three_bits(run_seed, purpose, round_number, site_name):
    """Every seed is a number that torch, NumPy and SQLite take."""
    seed = derive_seed(
        run_seed, purpose, round_number=round_number, site_name=site_name
    )

    assert 0 <= seed < 2**63


def test_seed_depends_on_every_argument():
    """Changing any one argument changes the seed."""
    seeds = {
        derive_seed(1, "order", round_number=1, site_name="site-00"),
        derive_seed(2, "order", round_number=1, site_name="site-00"),
        derive_seed(1, "weights", round_number=1, site_name="site-00"),
        derive_seed(1, "order", round_number=2, site_name="site-00"),
        derive_seed(1, "order", round_number=1, site_name="site-01"),
    }

    assert len(seeds) == 5


def test_arguments_do_not_run_into_one_another():
    """Seed 1 in round 11 is not seed 11 in round 1."""
    assert derive_seed(1, "x", round_number=11) != derive_seed(11, "x", round_number=1)


def test_seed_is_the_same_on_every_machine():
    """The derivation is part of the file format of published results."""
    # SHA-256 of "1\x1f0\x1f\x1fsplit": first 8 bytes, little-endian, sign bit cleared.
    assert derive_seed(1, "split") == 7_192_364_431_106_834_560


def test_generators_repeat_and_leave_global_ones_alone():
    """The same seed draws the same numbers, and no global generator moves."""
    before = (
        random.getstate(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002 - to see it untouched
        torch.get_rng_state().tolist(),
    )

    first = (
        numpy_generator(1, "x").random(3),
        torch.rand(3, generator=torch_generator(1, "x")),
    )
    second = (
        numpy_generator(1, "x").random(3),
        torch.rand(3, generator=torch_generator(1, "x")),
    )

    assert (first[0] == second[0]).all()
    assert torch.equal(first[1], second[1])
    assert before == (
        random.getstate(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
        torch.get_rng_state().tolist(),
    )
