"""What the rule chose for additive heads, why, and whether it can work."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from common.config import Config
from common.data.parts import PublicParts
from common.findings import Level
from common.head_recipe import HeadRecipe
from common.head_space import ROWS_PER_FEATURE
from common.run_plan import RunPlan
from simulations.check.finding import Finding, Group
from simulations.check.of_features import feature_findings
from simulations.check.of_privacy import Outlook

# The noise of about 1 / N on each of d x C entries of the mean has the norm
# sqrt(d C) / N; what C equal classes leave in it is about 1 / (2 sqrt C) long where
# features tell classes apart. They are equal at N = 2 C sqrt d.
SIZE_PER_CLASS = 2
MOST_NORMS_SHOWN = 12
_Line = partial(Finding, group=Group.HEAD)


def head_findings(
    config: Config, plan: RunPlan, parts: PublicParts, ahead: Outlook
) -> Iterator[Finding]:
    """Yields the choices and what is odd about them; nothing without heads."""
    recipe = plan.head
    if recipe is None:
        return
    yield _public_numbers(config, parts, ahead)
    yield from _choices(config, plan, recipe)
    yield from feature_findings(recipe, parts)
    yield from _rows(config, recipe, parts)
    yield from _size(plan, recipe, ahead)


def _public_numbers(config: Config, parts: PublicParts, ahead: Outlook) -> Finding:
    told = "without privacy"
    if math.isfinite(ahead.mu):
        told = (
            f"mu = {ahead.mu:.3g}: worth N = sqrt(sites) x nominal examples x mu = "
            f"{ahead.effective_size:,.0f} examples without noise"
        )
    return _Line(
        level=Level.OK,
        text=f"The rule of common.head_rule reads public numbers only: {config.sites} "
        f"sites of {config.mean_nominal_examples:,.6g} nominal examples, "
        f"{parts.num_classes} classes, a transfer set of {len(parts.transfer):,}, "
        f"{told}.",
        figures={"effective_size": ahead.effective_size, "gaussian_mu": ahead.mu},
    )


def _choices(config: Config, plan: RunPlan, recipe: HeadRecipe) -> Iterator[Finding]:
    norms = tuple(
        plan.clipping_norm(number)
        for number in range(1, min(plan.rounds, MOST_NORMS_SHOWN) + 1)
    )
    shown = ", ".join(f"{norm:.3g}" for norm in norms)
    if len(norms) < plan.rounds:
        shown += ", ..."
    asked = config.head
    dimension, exponent, ridge = recipe.dimension, recipe.exponent, recipe.ridge
    for key, text, figure, is_own in (
        ("rounds", f"{plan.rounds}", plan.rounds, config.rounds > 0),
        ("features", recipe.features, recipe.features, asked.features != "auto"),
        ("dimension", f"{dimension}", dimension, asked.dimension > 0),
        ("exponent", f"{exponent:g}", exponent, asked.exponent > 0),
        ("ridge", f"{ridge:g}", ridge, asked.ridge > 0),
        ("clipping-norm", shown, norms, asked.clipping_norm > 0),
    ):
        chosen = "set in the config" if is_own else "chosen by the rule"
        place = key if key == "rounds" else f"head.{key}"
        yield _Line(
            level=Level.OK,
            text=f"{place} = {text}, {chosen}: {_WHY[key]}.",
            figures={key: figure, "is_set_in_config": is_own},
        )


_WHY = {
    "rounds": "each is a Newton step, and they share one budget: the noise of each "
    "grows with the root of their number",
    "features": "learnt from the transfer set's inputs alone, the same at every site",
    "dimension": "noise grows with the root of the dimension, so it follows N",
    "exponent": "how far small components are blown up towards the large ones",
    "ridge": "damping of a step, in examples",
    "clipping-norm": "one a round; every residual of round 1 is sqrt(1 - 1 / classes) "
    "long and passes whole, later ones are shorter, and so is the noise",
}


def _rows(config: Config, recipe: HeadRecipe, parts: PublicParts) -> Iterator[Finding]:
    size, labelled = len(parts.transfer), config.transfer.per_round
    dimension, enough = recipe.dimension, ROWS_PER_FEATURE * recipe.dimension
    figures = {"dimension": dimension, "transfer": size, "per_round": labelled}
    if labelled < dimension:
        yield _Line(
            level=Level.WARNING,
            text=f"transfer.per-round = {labelled:,} is below the dimension "
            f"{dimension}: least squares cannot find the head behind the consensus, "
            f"and what sites learnt is lost between rounds. Use {enough:,} or more.",
            figures=figures,
        )
    elif labelled < enough:
        yield _Line(
            level=Level.WARNING,
            text=f"The transfer set is small for the dimension: {labelled:,} labelled "
            f"examples a round for {dimension} features. Below {enough:,} the digest "
            "is damped for rounding, and features learnt from few examples are worse.",
            figures=figures,
        )


def _size(plan: RunPlan, recipe: HeadRecipe, ahead: Outlook) -> Iterator[Finding]:
    needed = SIZE_PER_CLASS * plan.num_classes * math.sqrt(recipe.dimension)
    if ahead.effective_size < needed:
        yield _Line(
            level=Level.WARNING,
            text=f"The sites are too small for the epsilon: N = "
            f"{ahead.effective_size:.3g}, and below {needed:.3g} the noise in "
            f"{recipe.dimension} features is larger than what they tell. Use more "
            "examples or sites, a larger epsilon, or a smaller head.dimension.",
            figures={"effective_size": ahead.effective_size, "needed": needed},
        )
