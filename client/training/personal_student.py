"""Personal students: trained without noise on a site's own data, for that site alone.

A personal student adds the logits of a model of the site's own to those of the released
student, in the way of boosting (Friedman 2001, "Greedy Function Approximation"). The
own model starts at nothing, so the personal student starts as the released one and
departs from it only where the site's examples say so
(:mod:`client.training.personal_training`). The head of an additive student is trained
as well, on its public features; a released model stays as it is.

It carries no guarantee. It reads private rows without a charge, so it must never leave:
nothing here writes to store, ledger or outbox, and no request leads here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from client.parts import SiteParts
from client.training.keep_finite import train_or_keep
from client.training.personal_training import Examples, PersonalRecipe, Training
from client.training.students import new_student
from common.errors import PrivacyError
from common.head_space import HeadOnFeatures
from common.prediction import predict_logits
from common.run_plan import RunPlan
from common.seeds import derive_seed, torch_generator
from common.weights import to_bytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PersonalStudent:
    """A site's personal student, for use at the site.

    Attributes:
        module: from inputs to logits.
        site_name: whose it is.
        may_leave: the owner's ``allow-non-private``.
    """

    module: nn.Module
    site_name: str
    may_leave: bool

    def export(self) -> bytes:
        """Returns the weights as safetensors bytes, for somebody else.

        Raises:
            PrivacyError: the owner does not allow anything without a guarantee.
        """
        if not self.may_leave:
            raise PrivacyError(
                f"{self.site_name}: allow-non-private = false in the site's policy: "
                "must be true to export a personal student, which carries no privacy "
                "guarantee. Nothing was exported."
            )
        return to_bytes(self.module)


class PersonalModel(nn.Module):
    """The released student and the site's own model; their logits are added.

    Args:
        released: from inputs to logits; a copy that nobody else holds.
        own: the same.
    """

    def __init__(self, released: nn.Module, own: nn.Module) -> None:
        super().__init__()
        self.released = released
        self.own = own

    def forward(self, inputs: Tensor) -> Tensor:
        """Maps [batch, ...] to logits [batch, num_classes]."""
        logits: Tensor = self.released(inputs) + self.own(inputs)
        return logits

    def predict_logits(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the same as a forward pass; features seen before are remembered.

        Args:
            inputs: float32 [num_examples, ...].
        """
        return predict_logits(self.released, inputs) + predict_logits(self.own, inputs)


def train_personal_student(
    parts: SiteParts, plan: RunPlan, weights: bytes, recipe: PersonalRecipe
) -> PersonalStudent:
    """Returns a site's personal student after a run; changes nothing of the site.

    A site without a usable row gets the released student.

    Args:
        parts: of the site.
        plan: of the run.
        weights: of the released student, which holds what was learnt of the consensus.
        recipe: how it is trained.
    """
    site_name = parts.policy.site_name
    student = new_student(parts, plan)
    student.load(weights)
    seed = derive_seed(plan.seed, "personal-weights", site_name=site_name)
    own = parts.build(seed=seed)
    transfer_inputs = parts.transfer_set(plan).inputs
    _silence(own, transfer_inputs[:1])
    module = PersonalModel(student.released(), own)
    last = _last_layer(module.released)
    private_inputs, labels = parts.data.rows(np.arange(len(parts.data)))
    if len(labels) > 0:
        training = Training(
            own=own,
            last=last,
            private=_examples(parts, plan, module.released, private_inputs),
            labels=torch.from_numpy(labels),
            public=_examples(parts, plan, module.released, transfer_inputs),
            recipe=recipe,
            generator=torch_generator(plan.seed, "personal-order", site_name=site_name),
        )
        train_or_keep(module, training.run)
    return PersonalStudent(
        module=module.eval(),
        site_name=site_name,
        may_leave=parts.policy.allow_non_private,
    )


def _last_layer(released: nn.Module) -> nn.Module:
    """Returns what is trained of the released student: a head's weights, or nothing."""
    if isinstance(released, HeadOnFeatures):
        last: nn.Module = released[1]
        return last
    released.requires_grad_(requires_grad=False)
    return nn.Identity()


def _examples(
    parts: SiteParts, plan: RunPlan, released: nn.Module, inputs: NDArray[np.float32]
) -> Examples:
    if isinstance(released, HeadOnFeatures):
        bases = parts.head_space(plan).features(inputs)
    else:
        bases = predict_logits(released, inputs)
    # Copies: what is read only is nothing that torch works with.
    return Examples(
        inputs=torch.from_numpy(inputs.copy()), bases=torch.from_numpy(bases.copy())
    )


def _silence(model: nn.Module, inputs: NDArray[np.float32]) -> None:
    """Lets a model that ends in a linear layer answer zero until it is trained.

    Another model starts as it was built. The layer that comes last in the list of
    modules need not be the one whose answer is the model's, so it is looked for.

    Args:
        model: changed in place.
        inputs: float32 [1, ...], public.
    """
    answers: list[tuple[nn.Linear, Tensor]] = []
    hooks = [
        layer.register_forward_hook(
            lambda layer, _, output: answers.append((layer, output))
        )
        for layer in model.modules()
        if isinstance(layer, nn.Linear)
    ]
    was_training = model.training
    with torch.no_grad():
        logits = model.eval()(torch.from_numpy(inputs.copy()))
    model.train(was_training)
    for hook in hooks:
        hook.remove()
    for layer, answer in answers:
        if answer is logits:
            nn.init.zeros_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
