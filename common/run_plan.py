"""The run plan: what a run may do to a site's data, fixed at hello and immutable."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from common import checks
from common.head_recipe import HeadRecipe
from common.privacy.events import Mechanism, PrivacyUnit
from common.recipes import DistillationRecipe

SCHEMA = 2
Scalar = bool | int | float | str
_MOST_NORMS = 10_000  # a text longer than that is no number and is refused


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """Everything that a site agrees to before the first round; all of it public.

    Attributes:
        run_id: our own name of the run, the same after a resume.
        rounds: planned rounds.
        steps_per_round: private steps a round.
        sampling_probability: Poisson sampling probability, in (0, 1]:
            ``train.batch-size`` over the mean nominal size.
        clipping_norms: L2 bound of an example's gradient in each round, > 0; the last
            one holds for all later rounds.
        mechanism: how private training is private.
        epsilon: the most this run may spend a site, > 0; infinite without privacy.
        delta: target delta, in (0, 1).
        noise_multiplier: 0 lets each site calibrate the smallest that keeps
            ``epsilon``; a positive value is used as it is until the budget ends.
        unit: unit of privacy.
        temperature: of soft labels, > 0.
        transfer_set_id: content id of the transfer set.
        transfer_size: number of examples in the transfer set.
        num_classes: number of classes.
        mean_nominal_examples: mean nominal size of the planned sites, > 0.
        codec: name of the codec of soft labels, both ways.
        learning_rate: of the private steps, plain SGD, > 0.
        distillation: how a site digests.
        seed: public seed of initial weights and digest order.
        head: the additive heads that the sites train; None where each site has a
            model of its own.
    """

    run_id: str
    rounds: int
    steps_per_round: int
    sampling_probability: float
    clipping_norms: tuple[float, ...]
    mechanism: Mechanism
    epsilon: float
    delta: float
    noise_multiplier: float
    unit: PrivacyUnit
    temperature: float
    transfer_set_id: str
    transfer_size: int
    num_classes: int
    mean_nominal_examples: float
    codec: str
    learning_rate: float
    distillation: DistillationRecipe
    seed: int
    head: HeadRecipe | None = None

    def __post_init__(self) -> None:
        checks.non_empty(run_id=self.run_id, transfer_set_id=self.transfer_set_id)
        checks.positive(
            rounds=self.rounds,
            steps_per_round=self.steps_per_round,
            sampling_probability=self.sampling_probability,
            temperature=self.temperature,
            transfer_size=self.transfer_size,
            mean_nominal_examples=self.mean_nominal_examples,
            learning_rate=self.learning_rate,
        )
        checks.in_range(0, 1, sampling_probability=self.sampling_probability)
        checks.in_open_range(0, 1, delta=self.delta)
        checks.in_range(2, math.inf, num_classes=self.num_classes)
        checks.non_negative(noise_multiplier=self.noise_multiplier, seed=self.seed)
        if not 1 <= len(self.clipping_norms) <= self.rounds:
            raise ValueError("Expected a clipping norm a round, at least one.")
        for clipping_norm in self.clipping_norms:
            checks.positive(clipping_norm=clipping_norm)
        self._check_head()
        if self.mechanism.is_private:
            checks.positive(epsilon=self.epsilon)
        elif self.epsilon != math.inf:
            raise ValueError("Expected epsilon=inf where the mechanism is none.")

    def _check_head(self) -> None:
        if self.mechanism is Mechanism.DP_HEAD and self.head is None:
            raise ValueError("Expected a head where the mechanism is dp-head.")
        if self.head is not None and (
            self.mechanism is Mechanism.DP_SGD
            or (self.steps_per_round, self.sampling_probability) != (1, 1)
        ):
            raise ValueError(
                "Expected additive heads to take one full-batch step a round."
            )

    def clipping_norm(self, round_number: int) -> float:
        """Returns the L2 bound of an example's gradient in a round, from 1."""
        return self.clipping_norms[min(round_number, len(self.clipping_norms)) - 1]

    @property
    def planned_steps(self) -> int:
        """Private steps over all rounds."""
        return self.rounds * self.steps_per_round

    def to_fields(self) -> dict[str, Scalar]:
        """Returns the plan as flat scalars, for a message.

        Numbers that are floats by schema leave as floats, so that a plan built from
        ``epsilon=4`` has the content id that its receiver finds.
        """
        fields: dict[str, Any] = asdict(self)
        fields["mechanism"] = self.mechanism.value
        fields["unit"] = self.unit.value
        fields["clipping_norms"] = _to_text(self.clipping_norms)
        fields |= HeadRecipe.to_fields(self.head)
        del fields["head"]
        distillation = fields.pop("distillation")
        fields |= {f"distillation_{key}": value for key, value in distillation.items()}
        return {
            name: float(value) if _FIELD_TYPES[name] is float else value
            for name, value in fields.items()
        }

    @classmethod
    def from_fields(cls, fields: dict[str, Scalar]) -> RunPlan:
        """Returns the plan in a message's fields.

        Raises:
            ValueError: a field is missing, unknown, of another type or out of range.
        """
        values: dict[str, Any] = dict(fields)
        expected = _FIELD_TYPES
        if values.keys() != expected.keys():
            odd = sorted(values.keys() ^ expected.keys())
            raise ValueError(f"Expected the fields of a run plan, differing: {odd}.")
        for name, kind in expected.items():
            value = values[name]
            if type(value) is int and kind is float:
                checks.finite(**{name: value})
                values[name] = float(value)
            elif type(value) is not kind:
                raise ValueError(f"Expected {name}={value!r} to be of {kind.__name__}.")
        values["mechanism"] = Mechanism(values["mechanism"])
        values["unit"] = PrivacyUnit(values["unit"])
        values["clipping_norms"] = _from_text(values["clipping_norms"])
        values["head"] = HeadRecipe.pop_fields(values)
        values["distillation"] = DistillationRecipe(
            **{
                key: values.pop(f"distillation_{key}")
                for key in ("epochs", "learning_rate", "batch_size")
            }
        )
        return cls(**values)

    @property
    def content_id(self) -> str:
        """SHA-256 of the canonical JSON of the plan."""
        text = json.dumps([SCHEMA, self.to_fields()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _to_text(clipping_norms: tuple[float, ...]) -> str:
    return ",".join(repr(float(one)) for one in clipping_norms)


def _from_text(text: str) -> tuple[float, ...]:
    return tuple(float(one) for one in text.split(",", maxsplit=_MOST_NORMS))


_FIELD_TYPES: dict[str, type] = {
    "run_id": str,
    "rounds": int,
    "steps_per_round": int,
    "sampling_probability": float,
    "clipping_norms": str,
    "mechanism": str,
    "epsilon": float,
    "delta": float,
    "noise_multiplier": float,
    "unit": str,
    "temperature": float,
    "transfer_set_id": str,
    "transfer_size": int,
    "num_classes": int,
    "mean_nominal_examples": float,
    "codec": str,
    "learning_rate": float,
    "seed": int,
    "distillation_epochs": int,
    "distillation_learning_rate": float,
    "distillation_batch_size": int,
    **HeadRecipe.FIELD_TYPES,
}
