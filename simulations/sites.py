"""Simulated sites: the very same ``Site``, with data dealt out by the partition.

A simulated site differs from a deployed one in three inputs only: its policy follows
from the run's config, its randomness is seeded, and its store does not survive a power
cut (it does survive a kill). None of it is a release, and the run folder says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from client.policy import SitePolicy
from client.private_data import PrivateData
from client.site import Site
from client.storage.store import Durability, Store
from client.storage.transfer_shelf import TransferShelf
from common.config import Config
from common.data.examples import LabelledExamples
from common.data.loaders import LOADERS
from common.data.parts import Parts, load_parts
from common.envelope import SiteConnection
from common.privacy.budget import PrivacyBudget
from common.privacy.events import Mechanism
from common.run_plan import Scalar
from simulations.hugging_face import load_hugging_face
from simulations.locate import choose_run_folder
from simulations.own_code import require_own_models, site_model
from simulations.partition import natural_partition, partition
from simulations.seeded_randomness import SeededRandomness

LOADERS["hugging-face"] = load_hugging_face  # datasets come with our extra only

MOST_RUNS_HELD = 2  # by a process of Flower's own engine


def private_indices(config: Config, parts: Parts) -> tuple[NDArray[np.int64], ...]:
    """Returns each site's positions in the private pool, in the order of the sites.

    Raises:
        DataError: the pool cannot be dealt out as the config asks.
    """
    if parts.natural_sites is not None:
        return natural_partition(parts.natural_sites.numbers, sites=config.sites)
    return partition(
        parts.private_pool.labels,
        sizes=config.nominal_examples,
        scheme=config.data.partition,
        alpha=config.data.alpha,
        shards_per_site=config.data.shards_per_site,
        seed=config.seed,
    )


def private_examples(config: Config, parts: Parts) -> tuple[LabelledExamples, ...]:
    """Returns each site's private examples, in the order of the sites.

    Raises:
        DataError: the pool cannot be dealt out as the config asks.
    """
    pool = parts.private_pool
    return tuple(
        LabelledExamples(inputs=pool.inputs[rows], labels=pool.labels[rows])
        for rows in private_indices(config, parts)
    )


def site_policy(config: Config, number: int, *, num_classes: int) -> SitePolicy:
    """Returns the policy of one simulated site: as permissive as the run itself.

    Args:
        config: the run's config.
        number: the site's position, from 0.
        num_classes: number of classes, a public fact.

    Raises:
        ConfigError: a model of the user's own that cannot be imported.
    """
    privacy = config.privacy
    name = config.site_names[number]
    is_private = Mechanism(privacy.mechanism).is_private
    return SitePolicy(
        site_name=name,
        dataset_id=name,
        nominal_examples=config.nominal_examples[number],
        budget=(
            PrivacyBudget(epsilon=privacy.epsilon, delta=privacy.delta)
            if is_private
            else PrivacyBudget.unlimited(delta=privacy.delta)
        ),
        model=site_model(config.site_models[number]),
        num_classes=num_classes,
        allow_non_private=config.allow_non_private,
        mechanisms=frozenset({Mechanism(privacy.mechanism)}),
    )


def open_store(path: Path) -> Store:
    """Returns the store that simulated sites share; survives a kill of the process."""
    return Store(path, durability=Durability.OFF)


def build_sites(
    config: Config,
    parts: Parts,
    examples: Sequence[LabelledExamples],
    *,
    store: Store,
) -> tuple[Site, ...]:
    """Returns the sites of a run, in order.

    Args:
        config: the run's config.
        parts: for the transfer set and the number of classes.
        examples: each site's private examples.
        store: holds the students, outboxes and ledgers of all of them.

    Raises:
        ConfigError: a model of the user's own that a site cannot have.
    """
    require_own_models(
        config, input_shape=parts.input_shape, num_classes=parts.num_classes
    )
    return tuple(
        _build_site(config, parts, examples[number], number=number, store=store)
        for number in range(config.sites)
    )


def open_site(
    node_config: Mapping[str, Scalar], run_config: Mapping[str, Scalar]
) -> SiteConnection:
    """Returns the simulated site of a Flower node; the entry point ``fedstill.sites``.

    Flower's own engine runs many nodes in each of its processes, so what they share
    is built once a process. Whatever must outlive it is in the run folder.

    Args:
        node_config: holds ``partition-id``.
        run_config: the run's config, flat.
    """
    config = Config.from_run_config(run_config)
    sites = _sites_of_process(config.to_toml())
    return sites[int(node_config["partition-id"])]


@lru_cache(maxsize=MOST_RUNS_HELD)
def _sites_of_process(config_toml: str) -> tuple[Site, ...]:
    config = Config.from_toml(config_toml)
    parts = load_parts(config)
    folder = choose_run_folder(config)
    return build_sites(
        config,
        parts,
        private_examples(config, parts),
        store=open_store(folder.ledger),
    )


def _build_site(
    config: Config,
    parts: Parts,
    examples: LabelledExamples,
    *,
    number: int,
    store: Store,
) -> Site:
    policy = site_policy(config, number, num_classes=parts.num_classes)
    return Site(
        policy=policy,
        data=PrivateData(
            inputs=examples.inputs,
            labels=examples.labels,
            num_classes=parts.num_classes,
        ),
        transfer_sets=TransferShelf.in_memory(parts.transfer),
        store=store,
        randomness=SeededRandomness(run_seed=config.seed, site_name=policy.site_name),
    )
