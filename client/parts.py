"""What a site is made of, and what hello and rounds both ask of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import nn

from client.policy import SitePolicy
from client.private_data import PrivateData
from client.refusal import RequestRefusedError
from client.storage.ledger_watch import LedgerWatch
from client.storage.outbox import Outbox
from client.storage.query_count import QueryCount
from client.storage.store import Store, StudentRow
from client.storage.transfer_shelf import TransferShelf
from client.training.independence import model_problems
from client.training.private_features import PrivateFeatures
from client.training.random_stream import Randomness
from common.errors import DataError, LedgerCorruptedError
from common.head_space import HeadSpace
from common.head_spaces import head_space
from common.messages import RefusalReason
from common.models.zoo import build_model
from common.privacy.ledger import Ledger
from common.privacy.ledger_rows import CommittedPlan
from common.run_plan import RunPlan
from common.transfer_set import TransferSet
from common.weights import load_into


@dataclass(frozen=True, kw_only=True, eq=False)
class SiteParts:
    """The parts of one site.

    Attributes:
        policy: what the owner allows.
        data: the private data.
        transfer_sets: the public examples, by content id.
        store: students, outbox and ledger on disk.
        randomness: of noise and Poisson samples; no request has a say in it.
        watch: a second memory of the ledger, if the owner keeps one.

    Raises:
        DataError: the data were made for another number of classes, or the policy's
            initial weights are none of its model.
    """

    policy: SitePolicy
    data: PrivateData
    transfer_sets: TransferShelf
    store: Store
    randomness: Randomness
    watch: LedgerWatch | None = None
    _features: dict[HeadSpace, PrivateFeatures] = field(
        default_factory=dict, init=False, repr=False
    )

    def __post_init__(self) -> None:
        if self.data.num_classes != self.policy.num_classes:
            raise DataError(
                f"The private data have {self.data.num_classes} classes, the policy "
                f"says {self.policy.num_classes}. The site does not start."
            )
        if self.policy.initial_weights is not None:
            self.initial_model(seed=0)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example; public, as the schema of the data is."""
        return self.data.input_shape

    def forget(self) -> None:
        """Drops what was read of the store, after a transaction that may have failed.

        What is on disk is the truth; it is read again.
        """
        for name in ("ledger", "outbox", "query_count"):
            self.__dict__.pop(name, None)

    @cached_property
    def ledger(self) -> Ledger:
        """The privacy ledger of this dataset id."""
        return self.store.ledger(self.policy.dataset_id)

    @cached_property
    def query_count(self) -> QueryCount:
        """How often each transfer example was labelled from these data."""
        return QueryCount(self.store.connection, self.policy.dataset_id)

    @cached_property
    def outbox(self) -> Outbox:
        """The replies of this dataset id."""
        return self.store.outbox(self.policy.dataset_id)

    @cached_property
    def model_problems(self) -> tuple[str, ...]:
        """Why the policy's model cannot be trained privately; empty if it can."""
        return model_problems(
            self.build(seed=0),
            input_shape=self.input_shape,
            num_classes=self.policy.num_classes,
        )

    def build(self, *, seed: int) -> nn.Module:
        """Returns the policy's model; its initial weights depend on ``seed`` alone.

        Args:
            seed: a public seed.
        """
        model, num_classes = self.policy.model, self.policy.num_classes
        if isinstance(model, str):
            return build_model(
                model,
                input_shape=self.input_shape,
                num_classes=num_classes,
                seed=seed,
            )
        # torch's initialisers know only the global generator; fork_rng puts it back.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return model(self.input_shape, num_classes)

    def initial_model(self, *, seed: int) -> nn.Module:
        """Returns the model that a run starts from: the policy says with what weights.

        Args:
            seed: a public seed, for where the policy does not say.

        Raises:
            DataError: the policy's initial weights do not fit its model.
        """
        model = self.build(seed=seed)
        if self.policy.initial_weights is not None:
            load_into(model, self.policy.initial_weights)
        return model

    def transfer_set(self, plan: RunPlan) -> TransferSet:
        """Returns the transfer set of a plan.

        Raises:
            RequestRefusedError: TRANSFER_SET_MISSING if it is not on the shelf.
        """
        found = self.transfer_sets.find(plan.transfer_set_id)
        if found is None:
            raise RequestRefusedError(RefusalReason.TRANSFER_SET_MISSING)
        return found

    def head_space(self, plan: RunPlan) -> HeadSpace:
        """Returns the public feature space of a plan with additive heads.

        Raises:
            DataError: features that do not fit the transfer set.
            ValueError: a plan without heads, or features that nobody knows.
        """
        if plan.head is None:
            raise ValueError("Expected a run plan with additive heads.")
        return head_space(plan.head, self.transfer_set(plan))

    def private_features(self, space: HeadSpace) -> PrivateFeatures:
        """Returns the private data seen through ``space``, for one space at a time."""
        if space not in self._features:
            self._features.clear()
            self._features[space] = PrivateFeatures(self.data, space.features)
        return self._features[space]

    def committed(self, run_id: str) -> tuple[StudentRow, CommittedPlan]:
        """Returns the student of a run and what was committed for it.

        Raises:
            RequestRefusedError: UNKNOWN_RUN before a hello.
            LedgerCorruptedError: store and ledger speak of different plans.
        """
        row = self.store.student(self.policy.dataset_id, run_id)
        committed = self.ledger.plan(run_id)
        if row is None or committed is None:
            raise RequestRefusedError(RefusalReason.UNKNOWN_RUN)
        if committed.plan_id != row.plan.content_id:
            raise LedgerCorruptedError(
                f"The ledger's plan of run {run_id!r} is not the stored one. The site "
                "answers nothing in this run."
            )
        return row, committed
