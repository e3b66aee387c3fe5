"""Who gets which private examples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import DataError
from simulations.partition import natural_partition, partition

LABELS = np.random.default_rng(1).integers(0, 10, 1000)
SCHEMES = ("iid", "dirichlet", "shards")
EACH_SCHEME = pytest.mark.parametrize("scheme", SCHEMES)


def deal(scheme, *, labels=LABELS, sizes=(100,) * 10, alpha=0.5, shards=2, seed=1):
    return partition(
        labels,
        sizes=sizes,
        scheme=scheme,
        alpha=alpha,
        shards_per_site=shards,
        seed=seed,
    )


def classes_seen(parts, labels=LABELS):
    return [len(np.unique(labels[rows])) for rows in parts]


@EACH_SCHEME
@pytest.mark.parametrize("sizes", [(100,) * 10, (50,) * 4, (2,)])
def test_parts_are_disjoint_and_of_the_asked_sizes(scheme, sizes):
    """Every site gets exactly its number of examples, and none goes to two."""
    parts = deal(scheme, sizes=sizes)

    dealt = np.concatenate(parts)
    assert tuple(len(rows) for rows in parts) == sizes
    assert len(np.unique(dealt)) == len(dealt)
    assert dealt.min() >= 0
    assert dealt.max() < len(LABELS)


@settings(max_examples=25)
@given(
    scheme=st.sampled_from(["iid", "dirichlet"]),
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=6),
    alpha=st.floats(0.3, 100),
    num_classes=st.integers(2, 12),
    seed=st.integers(0, 2**63 - 1),
)
def test_unequal_sizes_are_kept_too(scheme, sizes, alpha, num_classes, seed):
    """Any sizes that fit are dealt out exactly, from any labels and any seed."""
    labels = np.random.default_rng(seed).integers(0, num_classes, 400)

    parts = deal(scheme, labels=labels, sizes=sizes, alpha=alpha, seed=seed)

    dealt = np.concatenate(parts)
    assert [len(rows) for rows in parts] == sizes
    assert len(np.unique(dealt)) == sum(sizes)


@EACH_SCHEME
def test_the_same_arguments_deal_the_same(scheme):
    """A pure function; another seed deals otherwise."""
    first, second, other = (deal(scheme, seed=seed) for seed in (1, 1, 2))

    assert all(map(np.array_equal, first, second))
    assert not all(map(np.array_equal, first, other))


@EACH_SCHEME
def test_no_global_generator_moves(scheme):
    """The partitioners draw from generators of their own."""
    before = np.random.get_state()[1].tolist()  # noqa: NPY002 - to see it untouched

    deal(scheme)

    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_iid_sites_see_all_classes():
    """Ten classes are all but certain among 100 random examples."""
    assert classes_seen(deal("iid")) == [10] * 10


def test_shards_bound_the_classes_of_a_site():
    """A shard of 50 examples of classes of about 100 touches at most two of them."""
    assert max(classes_seen(deal("shards", shards=2))) <= 4


def test_a_small_alpha_is_skewed_and_a_large_one_is_not():
    """The largest class share of a site falls with alpha."""

    def largest_share(alpha):
        parts = deal("dirichlet", sizes=(50,) * 10, alpha=alpha)
        counts = [np.bincount(LABELS[rows]).max() for rows in parts]
        return np.mean(counts) / 50

    assert largest_share(0.1) > 0.5
    assert largest_share(1000.0) < 0.25


def test_classes_need_not_be_numbered_without_gaps():
    """A class that the pool lacks does not cost the last class its examples."""
    labels = np.repeat([0, 1, 5, 9], 50)

    parts = deal("dirichlet", labels=labels, sizes=(100, 100), alpha=10.0)

    assert set(labels[np.concatenate(parts)]) == {0, 1, 5, 9}


@pytest.mark.parametrize(
    ("scheme", "changes", "message"),
    [
        (
            "iid",
            {"sizes": (600, 500)},
            "2 sites ask for 1100 examples, the private pool",
        ),
        ("dirichlet", {"sizes": (5, 0)}, "site 1 would get 0 examples, must be >= 1"),
        ("shards", {"sizes": (10, 20)}, "shards need one size for all sites that is a"),
        ("shards", {"sizes": (11, 11)}, "a multiple of shards-per-site = 2, got [11]"),
        ("pathological", {}, "must be one of iid, dirichlet, shards"),
        ("dirichlet", {"alpha": 1e-3}, "[data] alpha = 0.001: the examples of some"),
    ],
)
def test_what_cannot_be_dealt_out_is_said_in_one_line(scheme, changes, message):
    """Too few examples, empty sites, odd shards, and classes that run out."""
    with pytest.raises(DataError) as caught:
        deal(scheme, **changes)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("Nothing was run.")


@given(st.lists(st.integers(0, 3), max_size=50))
def test_a_natural_site_gets_its_own_rows_and_all_of_them(numbers):
    """However many they are."""
    parts = natural_partition(np.asarray(numbers, np.int64), sites=4)

    for site, rows in enumerate(parts):
        assert rows.tolist() == [
            row for row, number in enumerate(numbers) if number == site
        ]
