"""A student of the policy's own model: DP-SGD on inputs, digest by gradient steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import nn

from client.parts import SiteParts
from client.training.dp_sgd import PrivateSteps, revisit
from client.training.keep_finite import train_or_keep
from client.training.plain_training import train_plainly
from client.training.random_stream import RandomStream
from common.distillation import distil
from common.prediction import predict_soft_labels
from common.run_plan import RunPlan
from common.seeds import derive_seed, torch_generator
from common.soft_labels import SoftLabels
from common.weights import load_into, to_bytes


class ModelStudent:
    """A site's model in one run; it satisfies :class:`~client.student.Student`.

    Args:
        parts: of the site.
        plan: of the run.
    """

    def __init__(self, parts: SiteParts, plan: RunPlan) -> None:
        self._parts = parts
        self._plan = plan
        seed = derive_seed(
            plan.seed, "initial-weights", site_name=parts.policy.site_name
        )
        self._model = parts.initial_model(seed=seed)
        self._transfer_set = parts.transfer_set(plan)

    def to_bytes(self) -> bytes:
        """Returns the weights; the same weights give the same bytes."""
        return to_bytes(self._model)

    def load(self, content: bytes) -> None:
        """Puts back weights from :meth:`to_bytes`."""
        load_into(self._model, content)

    def released(self) -> nn.Module:
        """Returns the model as it is: from inputs to logits."""
        return self._model

    def digest(self, consensus: SoftLabels, *, round_number: int) -> None:
        """Distils a consensus in place; unchanged if the outcome is not finite."""
        generator = torch_generator(
            self._plan.seed,
            "digest-order",
            round_number=round_number,
            site_name=self._parts.policy.site_name,
        )
        train_or_keep(
            self._model,
            lambda: distil(
                self._model,
                self._transfer_set.inputs,
                consensus,
                self._plan.distillation,
                generator=generator,
            ),
        )

    def revisit(
        self, stream: RandomStream, *, round_number: int, noise_multiplier: float
    ) -> None:
        """Trains on the private data in place; unchanged if not finite after it."""
        if self._plan.mechanism.is_private:
            settings = self._private_steps(round_number, noise_multiplier)
            train_or_keep(
                self._model,
                lambda: revisit(self._model, self._parts.data, settings, stream),
            )
        else:
            self._revisit_plainly(stream)

    def label(self, indices: NDArray[np.int32]) -> SoftLabels:
        """Returns soft labels; the student carries the guarantee."""
        return predict_soft_labels(
            self._model,
            self._transfer_set.inputs,
            indices=indices,
            temperature=self._plan.temperature,
            transfer_set_id=self._plan.transfer_set_id,
        )

    def _private_steps(
        self, round_number: int, noise_multiplier: float
    ) -> PrivateSteps:
        """A round's private steps, from plan, policy and commitment alone."""
        plan = self._plan
        return PrivateSteps(
            steps=plan.steps_per_round,
            sampling_probability=plan.sampling_probability,
            # Nominal: the true number of examples is private and has no say.
            expected_batch_size=plan.sampling_probability
            * self._parts.policy.nominal_examples,
            clipping_norm=plan.clipping_norm(round_number),
            noise_multiplier=noise_multiplier,
            learning_rate=plan.learning_rate,
        )

    def _revisit_plainly(self, stream: RandomStream) -> None:
        """Trains without any guarantee, as long as a private round would."""
        plan, policy = self._plan, self._parts.policy
        probability = plan.sampling_probability
        train_or_keep(
            self._model,
            lambda: train_plainly(
                self._model,
                self._parts.data,
                epochs=max(1, round(plan.steps_per_round * probability)),
                batch_size=max(1, round(probability * policy.nominal_examples)),
                learning_rate=plan.learning_rate,
                stream=stream,
            ),
        )
