"""Training of a personal student: own examples and consensus, step by step.

The loss is a weighted mean of the cross-entropy on own examples and of that on the
transfer set to the released student's soft labels (Hinton et al. 2015; Li & Hoiem 2016,
"Learning without Forgetting", https://arxiv.org/abs/1606.09282): own examples teach the
site's class mix, the consensus keeps what other sites know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from common import checks
from common.losses import hard_cross_entropy, soft_cross_entropy

# Features have unit norm over hundreds of dimensions: their weights have far to go.
HEAD_RATE = 10.0
LEAST_STEPS = 150  # a small site is not done after a few passes


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalRecipe:
    """How a personal student is trained.

    Attributes:
        epochs: passes over the site's own examples, >= 1; more where they make fewer
            than :data:`LEAST_STEPS` steps.
        learning_rate: Adam's at the start, > 0; it falls to 0 along a half cosine.
        batch_size: own examples a step, and as many transfer examples, >= 1.
        own_weight: weight of the own examples' loss, in (0, 1]; the rest is the
            consensus'.
    """

    epochs: int
    learning_rate: float
    batch_size: int
    own_weight: float

    def __post_init__(self) -> None:
        checks.positive(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            own_weight=self.own_weight,
        )
        checks.in_range(0, 1, own_weight=self.own_weight)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examples:
    """Inputs and what the released student makes of them.

    Attributes:
        inputs: float32 [num_examples, ...].
        bases: float32 [num_examples, ...]: what the last layer is shown of each.
    """

    inputs: Tensor
    bases: Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Training:
    """One training of the site's own model and of what is trained of the released one.

    Attributes:
        own: from inputs to logits.
        last: from bases to logits; with its initial weights it is the released student.
        private: the site's own examples, at least one.
        labels: int64 [num_private].
        public: the transfer set.
        recipe: how long and how fast.
        generator: orders the examples; a public seed.
    """

    own: nn.Module
    last: nn.Module
    private: Examples
    labels: Tensor
    public: Examples
    recipe: PersonalRecipe
    generator: torch.Generator

    def run(self) -> None:
        """Trains ``own`` and ``last`` in place."""
        weight, size = self.recipe.own_weight, self.recipe.batch_size
        with torch.no_grad():
            consensus = torch.softmax(self.last(self.public.bases), dim=1)
        batches = list(self._batches())
        optimizer = torch.optim.Adam(self._parameters(), fused=True)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, len(batches))
        self.own.train()
        for rows in batches:
            drawn = torch.randint(len(consensus), (size,), generator=self.generator)
            optimizer.zero_grad()
            private = hard_cross_entropy(
                self._logits(self.private, rows), self.labels[rows]
            )
            log_predictions = torch.log_softmax(self._logits(self.public, drawn), dim=1)
            public = soft_cross_entropy(log_predictions, consensus[drawn])
            loss = weight * private.mean() + (1 - weight) * public.mean()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()

    def _batches(self) -> Iterator[Tensor]:
        a_pass = -(-len(self.labels) // self.recipe.batch_size)
        for _ in range(max(self.recipe.epochs, -(-LEAST_STEPS // a_pass))):
            order = torch.randperm(len(self.labels), generator=self.generator)
            yield from torch.split(order, self.recipe.batch_size)

    def _logits(self, examples: Examples, rows: Tensor) -> Tensor:
        released: Tensor = self.last(examples.bases[rows])
        own: Tensor = self.own(examples.inputs[rows])
        return released + own

    def _parameters(self) -> list[dict[str, object]]:
        rate = self.recipe.learning_rate
        groups = [
            {"params": list(self.own.parameters()), "lr": rate},
            {"params": list(self.last.parameters()), "lr": HEAD_RATE * rate},
        ]
        return [group for group in groups if group["params"]]
