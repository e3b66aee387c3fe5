"""The site owner's policy: what a run may ask of one body of private data."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

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
        runs: patterns of run ids that are allowed, with ``*``, ``?`` and ``[...]``.
        transfer_set_ids: content ids that may be labelled; None for any.
        most_rounds: the most rounds that a plan may have; None for any number.
        most_queries: the most labels of one transfer example, over all runs of the
            dataset id; None for any number.
        initial_weights: of ``model`` in every run, safetensors bytes, in place of
            those that follow from the plan's seed. They must be public: no ledger
            knows what private data they have seen.

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
    runs: tuple[str, ...] = ("*",)
    transfer_set_ids: frozenset[str] | None = None
    most_rounds: int | None = None
    most_queries: int | None = None
    initial_weights: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        checks.non_empty(site_name=self.site_name, dataset_id=self.dataset_id)
        checks.positive(nominal_examples=self.nominal_examples)
        checks.non_negative(least_noise_multiplier=self.least_noise_multiplier)
        limits = {"most_rounds": self.most_rounds, "most_queries": self.most_queries}
        checks.positive(**{key: one for key, one in limits.items() if one is not None})
        if self.num_classes < 2:  # noqa: PLR2004
            raise ValueError(f"Expected num_classes={self.num_classes} to be >= 2.")
        if not self.budget.is_unlimited:
            checks.in_open_range(
                0, 1 / self.nominal_examples, budget_delta=self.budget.delta
            )

    def allows_run(self, run_id: str) -> bool:
        """Returns whether a run of this name may be asked of the data."""
        return any(fnmatchcase(run_id, pattern) for pattern in self.runs)

    def allows_transfer_set(self, content_id: str) -> bool:
        """Returns whether a transfer set may be labelled."""
        return self.transfer_set_ids is None or content_id in self.transfer_set_ids
