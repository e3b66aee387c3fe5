"""Whether the models that a config names can be built, and trained privately."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial

from torch import nn

from client.training.clipped_sums import grad_sample_mode
from client.training.independence import model_problems
from common.config import Config
from common.data.parts import PublicParts
from common.errors import ConfigError
from common.findings import Level
from common.models.zoo import NEEDS_IMAGES, ZOO
from simulations.check.finding import Figures, Finding, Group
from simulations.own_code import CONSEQUENCE, build_checked
from simulations.wording import of_count

HEAD = "head"
# What Opacus' message about batch statistics has in common.
_BATCH_STATISTICS = "BatchNorm"
_Line = partial(Finding, group=Group.MODELS)


def build_for_check(
    config: Config, parts: PublicParts
) -> tuple[dict[str, nn.Module], tuple[Finding, ...]]:
    """Returns the models that can be built, by name, and what is to be said.

    Args:
        config: names the sites' models and the global student.
        parts: for the shape of inputs and the number of classes.
    """
    built: dict[str, nn.Module] = {}
    findings: list[Finding] = []
    for name, users in _users(config).items():
        try:
            model = build_checked(
                name,
                input_shape=parts.input_shape,
                num_classes=parts.num_classes,
                seed=config.seed,
            )
        except ConfigError as error:  # a model of the user's own
            text = str(error).removesuffix(f" {CONSEQUENCE}")
            findings.append(_Line(level=Level.ERROR, text=text))
            continue
        except ValueError as error:
            others = ", ".join(sorted(ZOO.keys() - NEEDS_IMAGES))
            text = f"{name} ({users}): {error} Use one of {others}."
            findings.append(_Line(level=Level.ERROR, text=text))
            continue
        built[name] = model
        findings += model_findings(
            name,
            model,
            users=users,
            is_private=_trains_privately(config, name),
            parts=parts,
        )
    if config.global_student_model == HEAD:
        text = "head (global student): a linear head on the public features."
        findings.append(_Line(level=Level.OK, text=text))
    return built, tuple(findings)


def model_findings(
    name: str, model: nn.Module, *, users: str, is_private: bool, parts: PublicParts
) -> Iterator[Finding]:
    """Yields whether one model can be trained as it is meant to be.

    Args:
        name: for the message.
        model: left as it is.
        users: who trains it, for the message.
        is_private: whether it is trained on private data with noise.
        parts: for the shape of inputs and the number of classes.
    """
    size = sum(parameter.numel() for parameter in model.parameters())
    figures: Figures = {"model": name, "parameters": size}
    if not is_private:
        yield _Line(
            level=Level.OK,
            text=f"{name} ({users}): {size:,} parameters, trained without noise, which "
            "any model can be.",
            figures=figures,
        )
        return
    problems = model_problems(
        model, input_shape=parts.input_shape, num_classes=parts.num_classes
    )
    for problem in problems:
        instead = ""
        if _BATCH_STATISTICS in problem:
            instead = " Of the zoo, resnet8 is a residual network with GroupNorm."
        text = f"{name} ({users}): {problem}{instead}"
        yield _Line(level=Level.ERROR, text=text, figures=figures)
    if not problems:
        way = grad_sample_mode(model).name.lower()
        yield _Line(
            level=Level.OK,
            text=f"{name} ({users}): {size:,} parameters, treats examples one by one, "
            f"gradients clipped by {way}.",
            figures=figures,
        )


def _trains_privately(config: Config, name: str) -> bool:
    is_noisy = config.privacy.mechanism != "none" and not config.has_heads
    return is_noisy and name in config.site_models


def _users(config: Config) -> dict[str, str]:
    """Returns who trains each model, in the order of the sites."""
    users: dict[str, str] = {}
    if not config.has_heads or config.personal_student.enabled:
        kind = "personal students of " if config.has_heads else ""
        for name, count in Counter(config.site_models).items():
            users[name] = f"{kind}{of_count(count, 'site')}"
    chosen = config.global_student_model
    if chosen != HEAD:
        before = f"{users[chosen]}, " if chosen in users else ""
        users[chosen] = f"{before}global student"
    return users
