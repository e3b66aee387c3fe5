"""Whether the policy's model can be built, and trained privately."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from client.owner.open_site import site_policy
from client.owner.policy_file import PolicyFile
from client.owner.policy_reading import CONSEQUENCE
from client.owner.private_file import PrivateFile
from client.policy import SitePolicy
from client.training.independence import model_problems
from common.errors import ConfigError, DataError
from common.finding import Finding, fault, ok
from common.models.zoo import build_model
from common.own_code import in_one_line
from common.privacy.events import Mechanism
from common.weights import all_finite, load_into

_SUBJECT = "model"
_ROWS = 2


def model_findings(policy_file: PolicyFile, loaded: PrivateFile) -> Iterator[Finding]:
    """Yields what there is to say about model and initial weights.

    Args:
        policy_file: names the model.
        loaded: for the shape of an example; no row is shown to the model.
    """
    shape = loaded.data.input_shape
    try:
        policy = site_policy(policy_file)
        model = _build(policy, shape)
    except (ConfigError, DataError, ValueError) as error:
        text = str(error).removesuffix(f" {CONSEQUENCE}")
        yield fault(_SUBJECT, text, "Choose another model, or mend it.")
        return
    name = policy_file.model.name
    wrong = _wrong_answer(model, shape, policy.num_classes)
    if wrong:
        yield fault(_SUBJECT, f"{name}: {wrong}", "Mend the model.")
        return
    yield from _training_findings(name, model, policy, shape)
    if policy.initial_weights is not None:
        yield from _weights_findings(model, policy.initial_weights)


def _build(policy: SitePolicy, shape: tuple[int, ...]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # a probe: every run starts from its own weights
        if isinstance(policy.model, str):
            return build_model(
                policy.model, input_shape=shape, num_classes=policy.num_classes, seed=0
            )
        return policy.model(shape, policy.num_classes)


def _wrong_answer(
    model: nn.Module, shape: tuple[int, ...], num_classes: int
) -> str | None:
    with torch.no_grad():
        try:
            logits = model.eval()(torch.zeros(_ROWS, *shape))
        except Exception as error:  # noqa: BLE001  # code of others
            return f"it fails on examples of shape {shape} ({in_one_line(error)})."
    expected = (_ROWS, num_classes)
    if not isinstance(logits, torch.Tensor) or tuple(logits.shape) != expected:
        found = getattr(logits, "shape", type(logits).__name__)
        return f"it answers with {found}, must be logits of shape {expected}."
    return None


def _training_findings(
    name: str, model: nn.Module, policy: SitePolicy, shape: tuple[int, ...]
) -> Iterator[Finding]:
    size = sum(parameter.numel() for parameter in model.parameters())
    if Mechanism.DP_SGD not in policy.mechanisms:
        yield ok(
            _SUBJECT,
            f"{name}: {size:,} parameters, for the personal student only: dp-head "
            "answers with heads.",
        )
        return
    problems = model_problems(model, input_shape=shape, num_classes=policy.num_classes)
    for problem in problems:
        yield fault(
            _SUBJECT,
            f"{name}: {problem}",
            "Choose another model, or allow dp-head alone in [limits] mechanisms.",
        )
    if not problems:
        yield ok(
            _SUBJECT,
            f"{name}: {size:,} parameters, treats examples one by one.",
        )


def _weights_findings(model: nn.Module, weights: bytes) -> Iterator[Finding]:
    subject = "initial weights"
    try:
        load_into(model, weights)
    except DataError as error:
        text = str(error).removesuffix(" Nothing was loaded.")
        yield fault(subject, text, "Save them again from the policy's model.")
        return
    if all_finite(model):
        yield ok(subject, "They fit the model. They must be public.")
    else:
        remedy = "Save them again."
        yield fault(subject, "They hold NaN or infinity.", remedy)
