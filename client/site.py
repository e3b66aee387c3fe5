"""One site, as a server sees it: it answers, or says why not, and never raises."""

from __future__ import annotations

import logging
import sqlite3
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from client.hello import answer_hello
from client.parts import SiteParts
from client.policy import SitePolicy
from client.private_data import PrivateData
from client.refusal import RequestRefusedError
from client.rounds import answer_round
from client.storage.ledger_watch import LedgerWatch
from client.storage.store import Store
from client.storage.transfer_shelf import TransferShelf
from client.training.personal_student import PersonalStudent, train_personal_student
from client.training.personal_training import PersonalRecipe
from client.training.random_stream import Randomness
from client.training.students import new_student
from client.transfer import answer_transfer
from common.envelope import Envelope, MessageKind
from common.errors import (
    LedgerCorruptedError,
    LedgerRolledBackError,
    LedgerUnavailableError,
)
from common.failpoints import failpoint
from common.messages import Refusal, RefusalReason

_LOG = logging.getLogger(__name__)


class Site:
    """A data owner's side of every run; implements ``SiteConnection``.

    Args:
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

    def __init__(
        self,
        *,
        policy: SitePolicy,
        data: PrivateData,
        transfer_sets: TransferShelf,
        store: Store,
        randomness: Randomness,
        watch: LedgerWatch | None = None,
    ) -> None:
        self._parts = SiteParts(
            policy=policy,
            data=data,
            transfer_sets=transfer_sets,
            store=store,
            randomness=randomness,
            watch=watch,
        )
        self._lock = threading.Lock()  # one request at a time
        self._fingerprint = data.fingerprint(store.fingerprint_key(policy.dataset_id))
        if store.fingerprint(policy.dataset_id) is None:
            self.accept_data()
        for problem in data.problems:  # to the owner's own log, never outward
            _LOG.warning("Site %s: %s", policy.site_name, problem)

    @property
    def policy(self) -> SitePolicy:
        """What the owner allows."""
        return self._parts.policy

    def answer(self, request: Envelope) -> Envelope:
        """Returns the reply to a request; a refusal is a reply too, never raised."""
        try:
            with self._lock, self._watched():
                return self._answer(request)
        except RequestRefusedError as refusal:
            reason = refusal.reason
        except LedgerRolledBackError as error:
            reason = RefusalReason.LEDGER_ROLLED_BACK
            self._log_words(error)
        except (
            LedgerCorruptedError,
            LedgerUnavailableError,
            sqlite3.Error,
        ) as error:
            reason = RefusalReason.LEDGER_UNAVAILABLE
            self._log_words(error)
        except Exception as error:  # noqa: BLE001  # its text may hold a value
            reason = RefusalReason.INTERNAL_ERROR
            _log_place(self.policy.site_name, error)
        _LOG.info("Site %s refuses: %s.", self.policy.site_name, reason.value)
        return Refusal(
            kind=request.kind, site_name=self.policy.site_name, reason=reason
        ).to_envelope()

    def accept_data(self) -> None:
        """Says, as the owner, that the data may be what they are now.

        What was spent on the dataset id stays spent.
        """
        self._parts.store.set_fingerprint(self.policy.dataset_id, self._fingerprint)

    def close_run(self, run_id: str) -> None:
        """Ends a run, as the owner, of which no finish will come.

        What it has not reserved is free for other runs; what was spent stays spent, and
        its further rounds are refused.

        Raises:
            RequestRefusedError: the run is unknown.
            LedgerRolledBackError: the ledger is older than its second head.
        """
        parts = self._parts
        with self._lock, self._watched():
            parts.committed(run_id)
            with parts.store.transaction():
                parts.ledger.close_plan(run_id)

    def student_bytes(self, run_id: str) -> bytes:
        """Returns the released student of a run as safetensors bytes.

        Raises:
            RequestRefusedError: the run is unknown.
        """
        row, _ = self._parts.committed(run_id)
        return row.weights

    def released_student(self, run_id: str) -> nn.Module:
        """Returns the released student of a run.

        Raises:
            RequestRefusedError: the run is unknown.
        """
        row, _ = self._parts.committed(run_id)
        student = new_student(self._parts, row.plan)
        student.load(row.weights)
        return student.released()

    def train_personal(self, run_id: str, recipe: PersonalRecipe) -> PersonalStudent:
        """Returns a personal student: own data without noise, plus the consensus.

        For after the finish. No request leads here, and no answer depends on it: the
        site itself stays as it is.

        Args:
            run_id: of a run that the site took part in.
            recipe: how it is trained.

        Raises:
            RequestRefusedError: the run is unknown.
        """
        with self._lock:
            row, _ = self._parts.committed(run_id)
            return train_personal_student(self._parts, row.plan, row.weights, recipe)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Puts work between two looks at the ledger; what failed is forgotten."""
        parts = self._parts
        try:
            if parts.watch is not None:
                parts.watch.check(parts.ledger)
            yield
            if parts.watch is not None:
                failpoint("site.before-second-head")
                parts.watch.advance(parts.ledger)
                failpoint("site.after-second-head")
        except BaseException:
            parts.forget()
            raise

    def _answer(self, request: Envelope) -> Envelope:
        agreed = self._parts.store.fingerprint(self.policy.dataset_id)
        if agreed != self._fingerprint:
            raise RequestRefusedError(RefusalReason.DATA_CHANGED)
        if request.kind is MessageKind.HELLO:
            return answer_hello(self._parts, request)
        if request.kind is MessageKind.TRANSFER:
            return answer_transfer(self._parts, request)
        return answer_round(self._parts, request)

    def _log_words(self, error: Exception) -> None:
        """Tells the owner what is wrong with his ledger; none of it goes outward."""
        _LOG.error("Site %s: %s", self.policy.site_name, error)


def _log_place(site_name: str, error: Exception) -> None:
    """Tells the owner where it failed: a place in the code, no value."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    _LOG.error(
        "Site %s failed: %s in %s, line %s.",
        site_name,
        type(error).__name__,
        place.name,
        place.lineno,
    )
