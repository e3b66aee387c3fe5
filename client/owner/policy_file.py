"""The owner's policy file, ``site.toml``, as a typed value that can be believed.

It only ever tightens what a run asks. Nothing in it can seed randomness, and whoever
can write it can raise the budget: a file that others may change is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import PrivateAttr, ValidationError
from pydantic import model_validator as validates

from client.owner import policy_sections as sections
from client.owner.policy_consistency import inconsistencies
from client.owner.policy_reading import (
    CONSEQUENCE,
    read_policy_text,
    resolve_paths,
)
from common.config.keys import keys_of
from common.config.problems import InconsistentError, in_plain_words
from common.config.section import Count, CountOrZero, Section
from common.config.student_sections import PersonalStudent
from common.errors import ConfigError

if TYPE_CHECKING:
    from client.policy import SitePolicy
    from common.models.zoo import Builder

LEDGER = "ledger.sqlite"
TRANSFER_SETS = "transfer-sets"


class PolicyFile(Section):
    """What ``site.toml`` says; every path is absolute.

    Attributes:
        site_name: public, stable name of the site.
        dataset_id: the owner's name for the private data; keys the ledger.
        nominal_examples: the public size on which behaviour may depend.
        classes: number of classes; 0 where a schema or the format states it.
        folder: of the site's state: ledger and transfer sets.
        allow_non_private: whether runs without any guarantee are allowed.
    """

    site_name: sections.Text
    dataset_id: sections.Text
    nominal_examples: Count
    classes: CountOrZero = 0
    folder: str = "state"
    allow_non_private: bool = False
    data: sections.PrivateSource
    budget: sections.Budget
    limits: sections.Limits = sections.Limits()
    model: sections.Model = sections.Model()
    personal_student: PersonalStudent = PersonalStudent()
    socket: sections.Socket = sections.Socket()
    tls: sections.Tls = sections.Tls()
    reply: sections.Reply = sections.Reply()
    ledger: sections.LedgerPlace = sections.LedgerPlace()

    _path: Path = PrivateAttr(default=Path("site.toml"))

    @validates(mode="after")
    def _is_consistent(self) -> Self:
        lines = inconsistencies(self)
        if lines:
            raise InconsistentError("\n".join(lines))
        return self

    @property
    def path(self) -> Path:
        """The file itself, absolute."""
        return self._path

    @property
    def ledger_path(self) -> Path:
        """The SQLite file of ledger, students and outbox."""
        return Path(self.folder) / LEDGER

    @property
    def transfer_folder(self) -> Path:
        """Where delivered transfer sets are."""
        return Path(self.folder) / TRANSFER_SETS

    def policy(
        self,
        *,
        num_classes: int,
        model: str | Builder,
        initial_weights: bytes | None,
    ) -> SitePolicy:
        """Returns the policy that a site holds requests against.

        Args:
            num_classes: from ``classes``, the schema or the format.
            model: what ``model.name`` leads to.
            initial_weights: what ``model.initial-weights`` holds.
        """
        # Imported here: they bring torch, which reading a policy should not.
        from client.policy import SitePolicy  # noqa: PLC0415
        from common.privacy.budget import PrivacyBudget  # noqa: PLC0415
        from common.privacy.events import Mechanism, PrivacyUnit  # noqa: PLC0415

        limits, budget = self.limits, self.budget
        ids = limits.transfer_sets
        return SitePolicy(
            site_name=self.site_name,
            dataset_id=self.dataset_id,
            nominal_examples=self.nominal_examples,
            budget=PrivacyBudget(
                epsilon=budget.epsilon,
                delta=budget.delta,
                unit=PrivacyUnit(budget.unit),
            ),
            model=model,
            num_classes=num_classes,
            allow_non_private=self.allow_non_private,
            least_noise_multiplier=limits.least_noise,
            mechanisms=frozenset(map(Mechanism, limits.mechanisms)),
            runs=limits.runs,
            transfer_set_ids=None if ids is None else frozenset(ids),
            most_rounds=limits.most_rounds,
            most_queries=limits.most_queries,
            initial_weights=initial_weights,
        )


def load_policy_file(path: Path | str) -> PolicyFile:
    """Returns the checked policy in a file; relative paths start at its folder.

    Raises:
        ConfigError: the file cannot be read, others may change it, or with every
            problem found, one a line.
    """
    file = Path(path)
    values = read_policy_text(file)
    resolve_paths(values, file.resolve().parent)
    try:
        loaded = PolicyFile.model_validate(values)
    except ValidationError as error:
        lines = in_plain_words(error.errors(include_url=False), keys_of(PolicyFile))
        text = "\n".join(f"{line} {CONSEQUENCE}" for line in lines)
        raise ConfigError(text) from None
    loaded._path = file.resolve()  # noqa: SLF001  # no key of the file
    return loaded
