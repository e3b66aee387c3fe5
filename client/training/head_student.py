"""Additive heads: a site's share of one private step on everybody's data.

One release a round: the sum over the site's examples of phi r^T, with phi the public
features of an example (unit norm) and r = onehot - softmax(W phi) its residual, clipped
so that an example moves the sum by at most the clipping norm, plus Gaussian noise, by
Opacus' optimizer at sampling rate 1. What is made of it (preconditioned step, soft
labels) is post-processing; the algebra is in :mod:`common.head_space`. Every example is
clipped in every round, the first included: a late joiner or a hostile first consensus
would else bring residuals of norm sqrt 2.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from client.parts import SiteParts
from client.training.dp_sgd import PrivateSteps, revisit
from client.training.keep_finite import train_or_keep
from client.training.random_stream import RandomStream
from common.codec import CODECS
from common.head_space import HeadOnFeatures, HeadSpace, weight_of
from common.run_plan import RunPlan
from common.soft_labels import SoftLabels, log_softmax
from common.weights import load_into, to_bytes


class PreconditionedStep(torch.optim.Optimizer):
    """W <- W - gradient @ preconditioner, for a head's weights.

    Args:
        weight: [num_classes, dimension].
        preconditioner: float64 [dimension, dimension], symmetric; public.
    """

    def __init__(self, weight: nn.Parameter, preconditioner: Tensor) -> None:
        super().__init__([weight], {})
        self._weight = weight
        self._preconditioner = preconditioner

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Takes the step with the gradient that is there."""
        del closure
        if self._weight.grad is not None:
            step = self._weight.grad.double() @ self._preconditioner
            self._weight.sub_(step.float())


class HeadStudent:
    """A site's additive head; it satisfies :class:`~client.training.students.Student`.

    Args:
        parts: of the site.
        plan: of the run, with a head.
    """

    def __init__(self, parts: SiteParts, plan: RunPlan) -> None:
        self._parts = parts
        self._plan = plan
        self._space: HeadSpace = parts.head_space(plan)
        self._head = self._space.new_head(plan.num_classes)

    def to_bytes(self) -> bytes:
        """Returns the head's weights; the features follow from the transfer set."""
        return to_bytes(self._head)

    def load(self, content: bytes) -> None:
        """Puts back weights from :meth:`to_bytes`."""
        load_into(self._head, content)

    def released(self) -> nn.Module:
        """Returns features and head as one module, from inputs to logits."""
        return HeadOnFeatures(self._space, self._head)

    def digest(self, consensus: SoftLabels, *, round_number: int) -> None:
        """Fits the head to a consensus; unchanged if the outcome is not finite."""
        del round_number  # least squares has no order of examples to seed
        codec = CODECS[self._plan.codec]
        train_or_keep(
            self._head,
            lambda: self._space.digest(self._head, consensus, codec=codec),
        )

    def revisit(
        self, stream: RandomStream, *, round_number: int, noise_multiplier: float
    ) -> None:
        """Takes the round's step; the head is unchanged if it is not finite after it.

        Args:
            stream: source of the noise.
            round_number: counted from 1; the plan holds its clipping norm.
            noise_multiplier: committed; 0 without privacy.
        """
        plan = self._plan
        settings = PrivateSteps(
            steps=1,
            sampling_probability=1,
            # The mean of the planned sites, so that equal sums step equally far.
            expected_batch_size=plan.mean_nominal_examples,
            clipping_norm=plan.clipping_norm(round_number),
            noise_multiplier=noise_multiplier,
            learning_rate=1,
        )
        preconditioner = self._space.preconditioner(plan, self._head)
        optimizer = partial(_preconditioned, preconditioner=preconditioner)
        examples = self._parts.private_features(self._space)
        train_or_keep(
            self._head,
            lambda: revisit(
                self._head, examples, settings, stream, optimizer=optimizer
            ),
        )

    def label(self, indices: NDArray[np.int32]) -> SoftLabels:
        """Returns the head's soft labels; it carries the guarantee."""
        features = self._space.transfer_features[torch.from_numpy(indices).long()]
        with torch.inference_mode():
            logits = self._head(features).numpy()
        return SoftLabels(
            log_probabilities=log_softmax(logits / self._plan.temperature).astype(
                np.float32
            ),
            temperature=self._plan.temperature,
            transfer_set_id=self._plan.transfer_set_id,
            indices=indices,
        )


def _preconditioned(
    head: nn.Module, settings: PrivateSteps, *, preconditioner: Tensor
) -> torch.optim.Optimizer:
    del settings  # the preconditioner says how far a step goes
    if not isinstance(head, nn.Sequential):
        raise TypeError("Expected a head from HeadSpace.new_head.")
    return PreconditionedStep(weight_of(head), preconditioner)
