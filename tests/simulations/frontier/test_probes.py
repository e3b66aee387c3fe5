"""What is probed, on the real config: one thing changed at a time."""

from itertools import pairwise

import pytest

from common.config.lists import parse_sizes
from simulations.frontier.probes import (
    HALVING,
    SEEDS,
    Probe,
    Section,
    sections,
    tasks_of,
)
from simulations.frontier.sweeps import SWEEPS

PATH = "/tmp/other-world.safetensors"


@pytest.fixture
def base(tmp_path):
    """The config of Fashion-MNIST."""
    (tmp_path / "fashion-mnist").mkdir()
    return SWEEPS[1].base(tmp_path)


def test_every_limit_that_was_asked_for_is_probed(base):
    """With as many examples in all where only their spread is probed."""
    configs = {
        one.probe.name: one.task.config for one in tasks_of(base, sections(PATH))
    }

    for size in (250, 500, 1000, 5000):
        assert configs[f"transfer-{size}"].transfer.size == size
    assert configs["other-world"].transfer.path == PATH
    for name in ("reference", "sites-30", "sites-100", "unequal-sites"):
        assert sum(configs[name].nominal_examples) == pytest.approx(50_000, abs=20)
    assert configs["sites-30"].sites == 30
    assert configs["small-sites"].nominal_examples == (200,) * 10
    for bits in (8, 6, 4):
        assert configs[f"bytes-300-{bits}"].codec_name == f"logit-{bits}"
        assert configs[f"bytes-300-{bits}"].transfer.per_round == 300
    assert configs["bytes-1000-32"].codec_name == "logit"
    assert {config.privacy.epsilon for config in configs.values()} == {1.0}


def test_sizes_halve_and_keep_the_delta_meaningful(base):
    """Delta stays below one over the largest site."""
    sizes = parse_sizes(HALVING)

    assert sum(sizes) == 50_000
    for large, small in pairwise(sizes[:-1]):
        assert abs(large - 2 * small) <= 1
    assert base.privacy.delta * max(sizes) < 1


def test_sites_are_away_at_random_and_always_the_same(base):
    """Both with and without skew; one by drawing, the other by not being there."""
    probes = {one.probe.name: one for one in tasks_of(base, sections(PATH))}

    for mark in ("iid", "dirichlet-0.1"):
        chance, same = probes[f"away-random-{mark}"], probes[f"away-same-{mark}"]
        assert chance.task.config.round.fraction == 0.8
        assert set(same.probe.faults.gone_after) == {8, 9}
        assert same.task.config.round.fraction == 1.0
        assert chance.task.cell.partition == same.task.cell.partition
        assert mark == chance.task.cell.partition.replace(":", "-")


def test_a_probe_in_two_sections_is_run_once_and_has_a_key_of_its_own(base):
    """A run with faults is not taken for one without."""
    tasks = tasks_of(base, sections(PATH))

    runs = [(one.probe.name, one.task.cell.seed) for one in tasks]
    assert len(runs) == len(set(runs)) == len({one.task.key for one in tasks})
    assert len(runs) == len(SEEDS) * 20


def test_what_shares_public_features_stands_together(base):
    """A seed and a transfer set are never gone back to."""
    seen = [
        (config.seed, config.transfer.path, config.transfer.size)
        for config in (one.task.config for one in tasks_of(base, sections(PATH)))
    ]

    changes = sum(one != other for one, other in pairwise(seen))
    assert changes == len(set(seen)) - 1


def test_the_same_name_for_two_probes_is_a_mistake(base):
    """One of them would not be run."""
    twice = Section(
        title="",
        probes=(
            Probe(name="one", words="", meaning=""),
            Probe(name="one", words="", meaning="", changes={"rounds": 3}),
        ),
    )

    with pytest.raises(ValueError, match="one probe of the name"):
        tasks_of(base, (twice,))
