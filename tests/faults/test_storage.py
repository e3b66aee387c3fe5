"""A disk that is full, unwritable or broken: refused in words, and nothing is lost.

Once there is room again the custodian goes on and ends in the bytes of a run that was
never disturbed.
"""

import pytest

from tests.faults.dialogue import PLANS, whole_run
from tests.faults.disks import can_mount, fill, make_read_only, small_disk
from tests.faults.drive import assert_nothing_is_lost, play
from tests.faults.hooks import Hooks
from tests.faults.place import new_place
from tests.faults.processes import CustodianProcess, DidNotStartError
from tests.faults.steps import NO_CUSTODIAN_STEPS, kill_at, with_mechanisms

pytestmark = pytest.mark.fault

KIB = 1024
FEWEST, MOST = 4, 100
DISK_KIB = 1024
MORE_KIB = (4, 8, 16, 20, 24, 28, 32, 36, 40)
UNAVAILABLE = "ledger-unavailable"
# A transfer set is in no ledger: where it cannot be written, that is an error.
BROKEN_DISK = {UNAVAILABLE, "internal-error"}


@pytest.fixture
def disk(place):
    """Returns a function that mounts a small disk under the site's state."""
    if not can_mount(place / "state"):
        pytest.skip("only root outside of a container may mount a small disk")
    return lambda: small_disk(place / "state", kib=DISK_KIB)


def play_with(custodian, plan, **start):
    """Plays a run with a fault; at the first refusal a custodian without it goes on.

    Returns what was seen, and how often a custodian refused or could not start.
    """

    def mend():
        custodian.kill()
        custodian.start()

    try:
        custodian.start(**start)
        failed_starts = 0
    except DidNotStartError:
        custodian.start()
        failed_starts = 1
    seen = play(custodian, whole_run(plan), mend=mend)
    return seen, failed_starts + len(seen.refused)


@pytest.mark.parametrize(("free_pages", "mechanism"), with_mechanisms([0, 1, 3]))
def test_a_store_that_cannot_grow_loses_nothing(
    free_pages, mechanism, custodian, undisturbed
):
    """SQLite gets so many pages more and no further one."""
    expected = undisturbed(mechanism, 0)

    seen, failures = play_with(
        custodian, expected.plan, hooks=Hooks(free_pages=free_pages)
    )

    assert failures == 1
    assert set(seen.refused) <= {UNAVAILABLE}
    assert_nothing_is_lost(custodian, seen, expected)


@pytest.mark.parametrize(("kib", "mechanism"), with_mechanisms([2, 16, 32]))
def test_files_that_cannot_grow_lose_nothing(kib, mechanism, custodian, undisturbed):
    """No file of the custodian, the spool of a transfer set included, gets longer."""
    expected = undisturbed(mechanism, 0)

    seen, failures = play_with(
        custodian, expected.plan, hooks=Hooks(file_bytes=kib * KIB)
    )

    assert failures == 1
    assert set(seen.refused) <= BROKEN_DISK
    assert_nothing_is_lost(custodian, seen, expected)


@pytest.mark.long
@pytest.mark.parametrize("limit", ["free_pages", "file_bytes"])
@pytest.mark.parametrize("mechanism", PLANS)
def test_no_write_is_left_out(mechanism, limit, zygote, undisturbed):
    """Room for a little more, again and again, until a run finds all that it needs."""
    expected = undisturbed(mechanism, 0)
    unit = 1 if limit == "free_pages" else 2 * KIB

    for size in range(MOST):
        with new_place() as place:
            custodian = CustodianProcess(zygote, place, seed=0)
            hooks = Hooks(**{limit: size * unit})
            seen, failures = play_with(custodian, expected.plan, hooks=hooks)
            assert_nothing_is_lost(custodian, seen, expected)
        if failures == 0:
            break

    assert FEWEST <= size < MOST - 1


@pytest.mark.parametrize(("step", "mechanism"), with_mechanisms(NO_CUSTODIAN_STEPS))
def test_an_input_output_error_at_a_step_loses_nothing(
    step, mechanism, custodian, undisturbed
):
    """The disk fails once, at a named step, and the same process goes on."""
    expected = undisturbed(mechanism, 0)
    custodian.start(failpoint=kill_at(step, 1), hooks=Hooks(fails=True))

    seen = play(custodian, whole_run(expected.plan), mend=lambda: None)

    assert len(seen.refused) == 1
    assert set(seen.refused) <= BROKEN_DISK
    assert custodian.kills == 0
    assert_nothing_is_lost(custodian, seen, expected)


@pytest.mark.parametrize(
    ("free_kib", "mechanism"),
    [
        *with_mechanisms([0, 12]),
        *(
            pytest.param(kib, mechanism, marks=pytest.mark.long)
            for kib in MORE_KIB
            for mechanism in PLANS
        ),
    ],
)
def test_a_full_disk_loses_nothing(
    free_kib, mechanism, disk, custodian, place, undisturbed
):
    """A real disk fills up after the start; made room on, the same process goes on."""
    expected = undisturbed(mechanism, 0)
    with disk():
        custodian.start()
        filler = fill(place / "state", free_kib=free_kib)

        seen = play(custodian, whole_run(expected.plan), mend=filler.unlink)

        assert len(seen.refused) == 1
        assert set(seen.refused) <= BROKEN_DISK
        assert_nothing_is_lost(custodian, seen, expected)


@pytest.mark.parametrize("mechanism", PLANS)
def test_a_read_only_disk_starts_no_custodian(
    mechanism, disk, custodian, place, undisturbed
):
    """In the middle of a run the disk is read-only at a restart, and then not."""
    expected = undisturbed(mechanism, 0)
    refused = []

    def restart_on_a_read_only_disk(request):
        if request.fields.get("round_number") != 2:
            return
        custodian.kill()
        make_read_only(place / "state", is_read_only=True)
        with pytest.raises(DidNotStartError) as stopped:
            custodian.start()
        refused.append(str(stopped.value))
        make_read_only(place / "state", is_read_only=False)
        custodian.start()

    with disk():
        custodian.start()
        seen = play(
            custodian, whole_run(expected.plan), before=restart_on_a_read_only_disk
        )

        assert len(refused) == 1
        assert_nothing_is_lost(custodian, seen, expected)


@pytest.mark.parametrize("torn_bytes", [1, 3000])
def test_a_torn_transfer_set_is_delivered_to_its_end(
    torn_bytes, custodian, place, undisturbed
):
    """A power cut leaves a part of the second chunk behind, in the middle of a row."""
    expected = undisturbed("dp-head", 0)
    torn = []

    def tear(request):
        if request.fields.get("first_row", 0) == 0 or torn:
            return
        custodian.kill()
        (spool,) = (place / "state").rglob("*.spool")
        with spool.open("ab") as file:
            file.write(request.arrays["inputs"].tobytes()[:torn_bytes])
        torn.append(spool)
        custodian.start()

    custodian.start()
    seen = play(custodian, whole_run(expected.plan), before=tear)

    assert len(torn) == 1
    assert_nothing_is_lost(custodian, seen, expected)
