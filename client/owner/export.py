"""``fedstill site export``: the owner's own copies of a run's students.

The released student carries the guarantee and may be shared. The personal student is
trained here and now, on the private rows and without noise: it carries no guarantee, so
its file is readable by the owner only, and says so itself.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from client.owner.ledger_report import verify
from client.owner.open_site import open_store, site_policy
from client.owner.policy_file import PolicyFile
from client.owner.private_file import PrivateFile, load_private_file
from client.owner.status import account_of
from client.parts import SiteParts
from client.refusal import RequestRefusedError
from client.storage.store import Store, StudentRow
from client.storage.transfer_shelf import TransferShelf
from client.training.personal_student import train_personal_student
from client.training.personal_training import PersonalRecipe
from client.training.random_stream import OperatingSystemRandomness
from client.training.students import new_student
from common.atomic_file import write_atomically
from common.errors import DataError, PrivacyError
from common.features.map import FeatureMap
from common.run_plan import RunPlan
from common.safetensors_header import with_metadata
from common.student_description import StudentDescription
from common.student_file import HEAD, student_to_bytes
from common.weights import to_bytes

RELEASED = "released_student.safetensors"
PERSONAL = "personal_student.safetensors"
PERSONAL_FORMAT = "fedstill-personal-student-1"
NO_GUARANTEE = (
    "No privacy guarantee: trained without noise on private examples, which it may "
    "reveal. For the data owner only, never to be shared."
)
_OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written.

    Attributes:
        released: file of the released student.
        guarantee: of the released student, in words.
        personal: file of the personal student, None where the policy wants none.
    """

    released: Path
    guarantee: str
    personal: Path | None


def export_run(policy_file: PolicyFile, run_id: str, output: Path) -> Exported:
    """Writes a run's students into a folder; works while the site serves.

    Args:
        policy_file: the owner's.
        run_id: of a run that the site took part in.
        output: folder to be written, made if it is not there.

    Raises:
        DataError: an unknown run, or data that cannot be read.
        PrivacyError: the run's students carry no guarantee, which the policy does not
            allow.
    """
    if not policy_file.ledger_path.exists():
        raise _unknown(run_id, ())
    loaded = load_private_file(policy_file)
    store = open_store(policy_file, read_only=True)
    try:
        parts = SiteParts(
            policy=site_policy(policy_file),
            data=loaded.data,
            transfer_sets=TransferShelf.on_disk(policy_file.transfer_folder),
            store=store,
            randomness=OperatingSystemRandomness(),
        )
        row = _student_row(parts, policy_file, store, run_id)
        _require_guarantee(row.plan, policy_file)
        return _write(parts, row, policy_file, loaded, output)
    finally:
        store.close()


def _student_row(
    parts: SiteParts, policy_file: PolicyFile, store: Store, run_id: str
) -> StudentRow:
    try:
        row, _ = parts.committed(run_id)
    except RequestRefusedError as error:
        known = verify(store, account_of(policy_file)).runs
        raise _unknown(run_id, tuple(one.run_id for one in known)) from error
    if parts.transfer_sets.find(row.plan.transfer_set_id) is None:
        raise DataError(
            f"RUN = {run_id}: its transfer set {row.plan.transfer_set_id} is no longer "
            f"at the site, must be in the state folder. {_CONSEQUENCE}"
        )
    return row


def _require_guarantee(plan: RunPlan, policy_file: PolicyFile) -> None:
    if not plan.mechanism.is_private and not policy_file.allow_non_private:
        raise PrivacyError(
            f"RUN = {plan.run_id}: its students carry no privacy guarantee, and the "
            "policy says allow-non-private = false, must be true to export them. "
            f"{_CONSEQUENCE}"
        )


def _write(
    parts: SiteParts,
    row: StudentRow,
    policy_file: PolicyFile,
    loaded: PrivateFile,
    output: Path,
) -> Exported:
    student = new_student(parts, row.plan)
    student.load(row.weights)
    module = student.released()
    description = _description(module, row.plan, policy_file, loaded)
    released = student_to_bytes(module, description)
    personal = _personal(parts, row, policy_file)
    output.mkdir(parents=True, exist_ok=True)
    write_atomically(output / RELEASED, released)
    if personal is not None:
        _write_for_owner(output / PERSONAL, personal)
    return Exported(
        released=output / RELEASED,
        guarantee=_guarantee(parts, row.plan),
        personal=None if personal is None else output / PERSONAL,
    )


def _guarantee(parts: SiteParts, plan: RunPlan) -> str:
    if not plan.mechanism.is_private:
        return "WITHOUT any privacy guarantee"
    spent = parts.ledger.spent(delta=plan.delta, run_id=plan.run_id)
    return f"private at epsilon {spent.epsilon:.4g}, delta {spent.delta:g} of this run"


def _description(
    module: nn.Module, plan: RunPlan, policy_file: PolicyFile, loaded: PrivateFile
) -> StudentDescription:
    layout = None
    if isinstance(module, nn.Sequential) and isinstance(module[0], FeatureMap):
        layout = module[0].layout()
    return StudentDescription(
        architecture=policy_file.model.name if plan.head is None else HEAD,
        input_shape=loaded.data.input_shape,
        num_classes=plan.num_classes,
        white=loaded.white,
        class_names=loaded.class_names,
        features=layout,
    )


def _personal(
    parts: SiteParts, row: StudentRow, policy_file: PolicyFile
) -> bytes | None:
    wanted = policy_file.personal_student
    if not wanted.enabled:
        return None
    recipe = PersonalRecipe(
        epochs=wanted.epochs,
        learning_rate=wanted.learning_rate,
        batch_size=wanted.batch_size,
        own_weight=wanted.own_weight,
    )
    student = train_personal_student(parts, row.plan, row.weights, recipe)
    metadata = {
        "format": PERSONAL_FORMAT,
        "privacy": NO_GUARANTEE,
        "own_model": policy_file.model.name,
        "site_name": student.site_name,
    }
    return with_metadata(to_bytes(student.module), metadata)


def _write_for_owner(path: Path, content: bytes) -> None:
    """Writes a file that nobody else can read, at no moment."""
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(path, flags, _OWNER_ONLY), "wb") as file:
        file.write(content)


def _unknown(run_id: str, known: tuple[str, ...]) -> DataError:
    runs = ", ".join(known) or "none yet"
    return DataError(
        f"RUN = {run_id}: the site never took part in it, must be one of: {runs}. "
        f"{_CONSEQUENCE}"
    )


_CONSEQUENCE = "Nothing was exported."
