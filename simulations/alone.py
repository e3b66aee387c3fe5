"""Training by oneself: each site alone, or one site with everybody's data.

The same ``Site`` with the same private steps and budget, that never sees a consensus of
others: its student goes on from its own last weights. An additive head takes what the
rule finds for one site of its size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import nn

from client.site import Site
from common.codec import CODECS, empty_payload
from common.config import Config
from common.data.examples import LabelledExamples
from common.data.parts import Parts
from common.envelope import Envelope
from common.errors import PrivacyError
from common.head_plan import planned_rounds
from common.messages import HelloRequest, Refusal, RoundRequest
from common.run_plan import RunPlan
from server.planning import make_run_plan
from simulations.sites import build_sites, open_store, private_examples


def students_alone(
    config: Config,
    parts: Parts,
    path: Path,
    *,
    private_rounds: Mapping[str, int] | None = None,
) -> dict[str, nn.Module]:
    """Returns every site's student after training alone, by site name.

    Args:
        config: the federation's config; ``[alone]`` says how they are trained.
        parts: its data.
        path: SQLite file of the sites' students and ledgers.
        private_rounds: as in :func:`alone`.
    """
    charged = private_rounds or {}
    sites = build_sites(
        config, parts, private_examples(config, parts), store=open_store(path)
    )
    return {
        name: _train_alone(site, plan, rounds=_rounds(config, plan, charged.get(name)))
        for name, site, plan in zip(
            config.site_names, sites, _alone_plans(config, parts), strict=True
        )
    }


def student_on_pooled_data(config: Config, parts: Parts, path: Path) -> nn.Module:
    """Returns what one site with everybody's data would have, under the same budget.

    It is an upper bound: nobody has these data in one place.

    Args:
        config: the federation's config, with additive heads.
        parts: its data.
        path: SQLite file of the student and its ledger.
    """
    examples = private_examples(config, parts)
    pooled = LabelledExamples(
        inputs=np.concatenate([one.inputs for one in examples]),
        labels=np.concatenate([one.labels for one in examples]),
    )
    one_site = _of_one_site(config, len(pooled))
    (site,) = build_sites(one_site, parts, (pooled,), store=open_store(path))
    plan = make_run_plan(one_site, parts.transfer, num_classes=parts.num_classes)
    return _train_alone(site, plan, rounds=plan.rounds)


def _alone_plans(config: Config, parts: Parts) -> tuple[RunPlan, ...]:
    """Returns the plan of each site alone: tuned for it, or the rule's for one site."""
    if config.has_heads:
        one_site = [_of_one_site(config, size) for size in config.nominal_examples]
        return tuple(
            make_run_plan(one, parts.transfer, num_classes=parts.num_classes)
            for one in one_site
        )
    plan = make_run_plan(config, parts.transfer, num_classes=parts.num_classes)
    alone = replace(
        plan,
        run_id=f"{plan.run_id}-alone",
        learning_rate=config.alone.learning_rate
        if plan.mechanism.is_private
        else plan.learning_rate,
        clipping_norms=(config.alone.clipping_norm,),
    )
    return (alone,) * config.sites


def _of_one_site(config: Config, nominal_examples: int) -> Config:
    """Returns the config of a federation of one site, for its plan.

    All data in one place may be too many for the delta of a site: behaviour then
    depends on as many as the delta allows.
    """
    most = math.ceil(1 / config.privacy.delta) - 1
    return config.with_overrides(
        {
            "sites": 1,
            "models": "linear:1",
            "data.per-site": str(min(nominal_examples, most)),
            "data.partition": "iid",
        }
    )


def _rounds(config: Config, plan: RunPlan, charged: int | None) -> int:
    """Returns the rounds of a site alone: no greater share than it was charged for."""
    if charged is None:
        return plan.rounds
    return min(plan.rounds, math.ceil(plan.rounds * charged / planned_rounds(config)))


def _train_alone(site: Site, plan: RunPlan, *, rounds: int) -> nn.Module:
    _accepted(site.answer(HelloRequest(plan=plan).to_envelope()))
    nothing = np.zeros(0, np.int32)
    for round_number in range(1, rounds + 1):
        request = RoundRequest(
            run_id=plan.run_id,
            round_number=round_number,
            indices=np.zeros(1, np.int32),  # a request labels something
            consensus_indices=nothing,
            consensus=empty_payload(CODECS[plan.codec], plan.num_classes),
        )
        _accepted(site.answer(request.to_envelope()))
    return site.released_student(plan.run_id)


def _accepted(reply: Envelope) -> None:
    refusal = Refusal.from_envelope(reply)
    if refusal is not None:
        raise PrivacyError(
            f"{refusal.site_name} refused to train alone: {refusal.reason.value}. "
            "The baseline was not computed."
        )
