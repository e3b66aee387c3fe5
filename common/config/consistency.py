"""Checks of a config that look at more than one key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from common.config.data_consistency import data_problems, transfer_problems
from common.config.lists import parse_models, parse_sizes
from common.config.problems import problem

if TYPE_CHECKING:
    from common.config.experiment import Config


def inconsistencies(config: Config) -> list[str]:
    """Returns a line for each contradiction between the keys of ``config``."""
    sizes = list(_sizes(config))
    return [
        *_models(config),
        *sizes,
        *data_problems(config),
        *transfer_problems(config),
        # These read the sites' sizes, which must make sense first.
        *([] if sizes else (*_train(config), *_privacy(config))),
        *_heads(config),
        *_codec(config),
    ]


def _models(config: Config) -> Iterator[str]:
    planned = sum(count for _, count in parse_models(config.models))
    if planned != config.sites:
        yield problem(
            ("models",),
            config.models,
            f"names {planned} sites, must be {config.sites} (sites)",
        )


def _sizes(config: Config) -> Iterator[str]:
    count = len(parse_sizes(config.data.per_site))
    if count not in (1, config.sites):
        yield problem(
            ("data", "per-site"),
            config.data.per_site,
            f"has {count} numbers, must be one, or {config.sites}, one per site",
        )
        return
    sizes, shards = set(config.nominal_examples), config.data.shards_per_site
    if config.data.partition == "shards" and (len(sizes) > 1 or min(sizes) % shards):
        yield problem(
            ("data", "per-site"),
            config.data.per_site,
            f"must be one multiple of {shards} (data.shards-per-site) for all sites",
        )


def _train(config: Config) -> Iterator[str]:
    used = {config.privacy.mechanism != "none": config.revisit.batch_size}
    if config.has_heads:
        used = {}
    elif config.baselines.enabled:
        used[False] = config.no_privacy.batch_size
    for is_private, batch_size in used.items():
        section = "train" if is_private else "no-privacy"
        if batch_size > config.mean_nominal_examples:
            yield problem(
                (section, "batch-size"),
                batch_size,
                f"must be <= {config.mean_nominal_examples:g} (mean of data.per-site), "
                "an example is drawn at most once a step",
            )


def _privacy(config: Config) -> Iterator[str]:
    privacy, largest = config.privacy, max(config.nominal_examples)
    if privacy.mechanism == "none":
        if not config.allow_non_private:
            yield problem(
                ("privacy", "mechanism"),
                privacy.mechanism,
                "must not be none unless allow-non-private = true",
            )
    elif privacy.delta * largest >= 1:
        yield problem(
            ("privacy", "delta"),
            privacy.delta,
            f"must be < {1 / largest:g}, 1 / nominal examples of the largest site",
        )


def _heads(config: Config) -> Iterator[str]:
    if config.has_heads and config.aggregation_rule != "log-opinion-pool":
        yield problem(
            ("aggregation", "rule"),
            config.aggregation.rule,
            "must be log-opinion-pool or auto for additive heads, no other rule is the "
            "step that pooled data would have taken",
        )
    if not config.has_heads and config.global_student.model == "head":
        yield problem(
            ("global-student", "model"),
            config.global_student.model,
            "must be a name from the zoo unless the sites have additive heads "
            '(privacy.mechanism = "dp-head")',
        )


def _codec(config: Config) -> Iterator[str]:
    needs_logarithms = config.aggregation_rule == "log-opinion-pool"
    if config.codec.name == "float16" and needs_logarithms:
        used = "dp-head" if config.has_heads else "log-opinion-pool"
        yield problem(
            ("codec", "name"),
            config.codec.name,
            f"must be float32 or logit with {used}, float16 turns small probabilities "
            "into zeros that veto a class",
        )
