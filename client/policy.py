"""The site owner's policy: what a run may ask of one body of private data."""

from __future__ import annotations

from dataclasses import dataclass

from common import checks
from common.models.zoo import Builder
from common.privacy.budget import PrivacyBudget
from common.privacy.events import Mechanism


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePolicy:
    """Public constants and limits of a site; nothing in it depends on a private value.

    Attributes:
        site_name: public, stable name of the site.
        dataset_id: the owner's name for the private data; keys the ledger.
        nominal_examples: the only size that behaviour may depend on, > 0.
        budget: lifetime total of the dataset id.
        model: a zoo name, or the owner's own builder of (input_shape, num_classes).
        num_classes: number of classes.
        allow_non_private: whether runs without any guarantee are allowed.
        least_noise_multiplier: the smallest noise multiplier that is accepted.
        mechanisms: private mechanisms that are allowed.

    Raises:
        ValueError: a value out of range, or a delta of 1 / nominal_examples or more,
            at which giving away one whole example would count as private.
    """

    site_name: str
    dataset_id: str
    nominal_examples: int
    budget: PrivacyBudget
    model: str | Builder
    num_classes: int
    allow_non_private: bool = False
    least_noise_multiplier: float = 0.0
    mechanisms: frozenset[Mechanism] = frozenset({Mechanism.DP_SGD})

    def __post_init__(self) -> None:
        checks.non_empty(site_name=self.site_name, dataset_id=self.dataset_id)
        checks.positive(nominal_examples=self.nominal_examples)
        checks.non_negative(least_noise_multiplier=self.least_noise_multiplier)
        if self.num_classes < 2:  # noqa: PLR2004
            raise ValueError(f"Expected num_classes={self.num_classes} to be >= 2.")
        if not self.budget.is_unlimited:
            checks.in_open_range(
                0, 1 / self.nominal_examples, budget_delta=self.budget.delta
            )
