"""Who runs which cell next."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from simulations.tradeoff.agenda import Agenda


def _task(group, number=0):
    return SimpleNamespace(group=group, number=number)


def test_a_worker_stays_with_its_group():
    """As long as it has cells; then it helps where most is left."""
    agenda = Agenda([_task(g, n) for g in "ab" for n in range(2)] + [_task("c")])

    first = [agenda.take("x").group, agenda.take("y").group]
    then = [agenda.take("x").group, agenda.take("x").group, agenda.take("x").group]

    assert first == ["a", "b"]
    assert then == ["a", "c", "b"]
    assert agenda.take("y") is None


def test_the_group_of_a_lost_worker_is_free_again():
    """Somebody else begins with it."""
    agenda = Agenda([_task("a", 0), _task("a", 1), _task("b"), _task("b"), _task("b")])
    agenda.take("x")

    agenda.forget("x")

    assert agenda.take("y").group == "a"


@given(
    groups=st.lists(st.sampled_from("abc"), max_size=12),
    workers=st.lists(st.integers(0, 2), min_size=40, max_size=40),
)
def test_every_task_is_taken_exactly_once(groups, workers):
    """Whoever asks, in whatever order."""
    tasks = [_task(group, number) for number, group in enumerate(groups)]
    agenda = Agenda(tasks)

    taken = [agenda.take(worker) for worker in workers]

    numbers = [task.number for task in taken if task is not None]
    assert sorted(numbers) == list(range(len(tasks)))
    assert agenda.waiting == 0
