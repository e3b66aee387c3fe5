"""The rules of the privacy promise, each checked through a whole site.

These are the targets of the mutants: a change that breaks a rule must fail here.
"""

import dataclasses
import logging
import re
import sqlite3

import numpy as np
import pytest

from client.private_data import PrivateData
from client.storage.store import Store
from client.storage.transfer_shelf import TransferShelf
from client.training.random_stream import OperatingSystemRandomness
from common.envelope import Envelope, MessageKind
from common.messages import HelloReply, RoundReply
from common.models.zoo import build_model
from common.privacy.accountant import spent
from common.privacy.budget import PrivacyBudget
from common.recipes import DistillationRecipe
from common.seeds import derive_seed
from common.weights import load_into, to_bytes
from simulations.seeded_randomness import SeededRandomness
from tests.client.support import (
    NOMINAL,
    NUM_CLASSES,
    PLAN,
    RUN_ID,
    SHAPE,
    Spy,
    answer_rounds,
    finish_request,
    hello,
    make_data,
    make_data_without_gradients,
    make_plan,
    make_policy,
    make_site,
    make_transfer_set,
    reason_of,
    round_request,
)
from tests.statistics import (
    P_THRESHOLD,
    correlation_p_value,
    poisson_sampling_p_value,
    scale_p_value,
)

IMAGE = (1, 28, 28)
HASH = re.compile(r'"\w*sha256":"[0-9a-f]{64}",?')
COUNT_SHOWS = "Rule 3: public behaviour depends on the true number of examples."
VALUE_SHOWS = "Rule 9: public behaviour depends on a private value."
SAMPLE_SIZE = 25_450  # weights of an mlp on 28x28 images
DETECTABLE = 0.05


def weights_of(content, shape=IMAGE):
    model = build_model("mlp", input_shape=shape, num_classes=NUM_CLASSES, seed=0)
    load_into(model, content)
    return np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])


def noise_of_rounds(folder, *, num_rounds, data=None, randomness=None):
    """Changes of the weights by each round with zero gradients and no digest."""
    transfer_set = make_transfer_set(IMAGE)
    plan = make_plan(
        transfer_set_id=transfer_set.content_id,
        distillation=DistillationRecipe(epochs=0, learning_rate=1.0, batch_size=1),
    )
    site = make_site(
        folder,
        data=data or make_data_without_gradients(IMAGE),
        transfer_sets=TransferShelf.in_memory(transfer_set),
        randomness=randomness,
    )
    assert reason_of(site.answer(hello(plan))) is None
    weights = [weights_of(site.student_bytes(RUN_ID))]
    for number in range(1, num_rounds + 1):
        assert reason_of(site.answer(round_request(number))) is None
        weights.append(weights_of(site.student_bytes(RUN_ID)))
    return np.diff(weights, axis=0)


def expected_deviation():
    """Of a round's change: sqrt(steps) lr noise C / B, B from nominal examples."""
    per_step = PLAN.learning_rate * PLAN.noise_multiplier * PLAN.clipping_norm(1)
    return PLAN.steps_per_round**0.5 * per_step / (PLAN.sampling_probability * NOMINAL)


@pytest.mark.statistical
def test_noise_has_exactly_the_charged_scale(tmp_path):
    """Weights change by lr * noise * C / B a step; 5% more or less is rejected."""
    (samples,) = noise_of_rounds(tmp_path, num_rounds=1)

    assert len(samples) == SAMPLE_SIZE
    expected = expected_deviation()
    assert scale_p_value(samples, expected) > P_THRESHOLD, (
        "Rule 6: the noise is not what was charged for."
    )
    assert scale_p_value(samples, (1 - DETECTABLE) * expected) < P_THRESHOLD
    assert scale_p_value(samples, (1 + DETECTABLE) * expected) < P_THRESHOLD


@pytest.mark.statistical
def test_nominal_examples_and_not_the_true_number_divide(tmp_path):
    """A site with three times its nominal rows has the very same noise scale."""
    many = PrivateData(
        inputs=np.full((3 * NOMINAL, *IMAGE), np.nan, np.float32),
        labels=np.zeros(3 * NOMINAL, np.int64),
        num_classes=NUM_CLASSES,
    )

    (samples,) = noise_of_rounds(tmp_path, num_rounds=1, data=many)

    assert scale_p_value(samples, expected_deviation()) > P_THRESHOLD, (
        "Rule 3: the true number of examples divides the noised sum."
    )


@pytest.mark.statistical
def test_noise_of_two_rounds_is_uncorrelated(tmp_path):
    """No round reuses the noise of another, and all have the charged scale."""
    rounds = noise_of_rounds(tmp_path, num_rounds=3)

    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert correlation_p_value(rounds[first], rounds[second]) > P_THRESHOLD, (
            "Rule 10: two rounds share noise."
        )
    assert scale_p_value(rounds, expected_deviation()) > P_THRESHOLD


def test_request_cannot_seed_a_deployed_site(tmp_path):
    """Equal requests to equal sites give unrelated noise when keys come from the OS."""
    noise = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (samples,) = noise_of_rounds(
            tmp_path / name, num_rounds=1, randomness=OperatingSystemRandomness()
        )
        noise.append(samples)

    assert correlation_p_value(*noise) > P_THRESHOLD, (
        "Rule 10: a request seeds the noise of a deployed site."
    )


def test_seeded_sites_repeat(tmp_path):
    """In a simulation the same run gives the same weights."""
    noise = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        noise.append(noise_of_rounds(tmp_path / name, num_rounds=2))

    assert (noise[0] == noise[1]).all()


class _Recorder(Spy):
    """Private data that remember which rows each step asked for."""

    def __init__(self, data):
        super().__init__(data)
        self.steps = []

    def rows(self, indices):
        self.steps.append(np.isin(np.arange(len(self)), indices))
        return super().rows(indices)


@pytest.mark.statistical
def test_batches_of_a_site_are_poisson_samples(tmp_path):
    """Over all rounds batch sizes are binomial and appearances independent."""
    recorder = _Recorder(make_data(60))
    site = make_site(tmp_path, data=recorder)
    plan = make_plan(steps_per_round=150, noise_multiplier=20.0)
    site.answer(hello(plan))

    for number in (1, 2, 3):
        site.answer(round_request(number))

    appearances = np.array(recorder.steps)
    assert appearances.shape == (450, 60)
    assert poisson_sampling_p_value(appearances, 0.25) > P_THRESHOLD, (
        "Rule 2: batches are not Poisson samples."
    )


def dump(path):
    """Everything on a site's disk but weights, replies, hashes and the fingerprint."""
    connection = sqlite3.connect(path)
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
    ).fetchall()
    content = {}
    for (table,) in tables:
        if table == "fingerprints":
            continue
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        public = [
            column
            for column in columns
            if column not in ("weights", "reply") and not column.endswith("sha256")
        ]
        rows = connection.execute(f"SELECT {', '.join(public)} FROM {table}")
        content[table] = [tuple(map(_without_hashes, row)) for row in rows]
    return content


def _without_hashes(value):
    """An entry of the ledger is JSON, and names weights and replies by their hash."""
    return HASH.sub("", value) if isinstance(value, str) else value


def _one_row_less():
    data = make_data()
    return PrivateData(
        inputs=data.inputs[:-1], labels=data.labels[:-1], num_classes=NUM_CLASSES
    )


def _one_broken_row():
    data = make_data()
    inputs = data.inputs.copy()
    inputs[3] = np.nan
    return PrivateData(inputs=inputs, labels=data.labels, num_classes=NUM_CLASSES)


def _one_hostile_row():
    data = make_data()
    inputs = data.inputs.copy()
    inputs[3] = 1e30
    return PrivateData(inputs=inputs, labels=data.labels, num_classes=NUM_CLASSES)


def _one_wrong_label():
    data = make_data()
    labels = data.labels.copy()
    labels[3] = 77
    return PrivateData(inputs=data.inputs, labels=labels, num_classes=NUM_CLASSES)


@pytest.mark.parametrize(
    ("neighbour", "rule"),
    [
        pytest.param(_one_row_less, COUNT_SHOWS, id="one row less"),
        pytest.param(_one_broken_row, VALUE_SHOWS, id="one broken row"),
        pytest.param(_one_hostile_row, VALUE_SHOWS, id="one hostile row"),
        pytest.param(_one_wrong_label, VALUE_SHOWS, id="one wrong label"),
    ],
)
def test_neighbouring_data_sets_behave_alike_in_public(tmp_path, neighbour, rule):
    """Plan, ledger rows, flags, reasons and message sizes do not tell them apart."""
    behaviour = []
    for name, data in (("one", make_data()), ("other", neighbour())):
        (tmp_path / name).mkdir()
        site = make_site(tmp_path / name, data=data)
        public = [site.answer(hello(make_plan(epsilon=0.9))).to_bytes()]
        for request in (
            round_request(1),
            round_request(2),
            round_request(9),
            round_request(3),
            finish_request(),
        ):
            reply = site.answer(request)
            shapes = {key: (a.shape, a.dtype) for key, a in reply.arrays.items()}
            public.append((reply.kind, dict(reply.fields), shapes))
        behaviour.append((public, dump(tmp_path / name / "ledger.sqlite")))

    assert behaviour[0] == behaviour[1], rule


def exhausted_after(folder, *, rounds, data):
    """A site whose budget affords that many of the plan's three rounds."""
    plan = make_plan()
    event = dataclasses.replace(
        _event_of_one_round(folder), steps=rounds * plan.steps_per_round
    )
    epsilon = 1.0001 * spent([event], delta=plan.delta).epsilon
    policy = make_policy(budget=PrivacyBudget(epsilon=epsilon, delta=plan.delta))
    return make_site(folder, policy=policy, data=data)


def _event_of_one_round(folder):
    probe = folder / "probe"
    probe.mkdir()
    answer_rounds(make_site(probe), 1)
    (event,) = Store(probe / "ledger.sqlite").ledger("ward-7").events()
    return event


def test_exhausted_budget_reads_no_private_row_and_still_labels(tmp_path):
    """Past the committed rounds the site digests and labels, and says so."""
    spy = Spy(make_data())
    site = exhausted_after(tmp_path, rounds=1, data=spy)

    first, *_ = answer_rounds(site, 1)
    rows_read = spy.rows_read
    later = [
        RoundReply.from_envelope(site.answer(round_request(number)))
        for number in (2, 3)
    ]

    assert not first.budget_exhausted
    assert rows_read > 0
    assert spy.rows_read == rows_read, "Rule 1: private rows are read past the budget."
    assert all(reply.budget_exhausted for reply in later)
    assert all(reply.soft_labels.shape == (6, NUM_CLASSES) for reply in later)
    assert [reply.ledger_entries for reply in (first, *later)] == [3, 3, 3]


def test_second_run_on_a_spent_budget_reads_no_private_row(tmp_path):
    """Epsilon composes over runs and restarts: a new run id brings no new budget."""
    site = exhausted_after(tmp_path, rounds=3, data=make_data())
    answer_rounds(site)
    site.answer(finish_request())
    spy = Spy(make_data())
    restarted = make_site(tmp_path, policy=site.policy, data=spy)

    reply = HelloReply.from_envelope(
        restarted.answer(hello(make_plan(run_id="another")))
    )
    answered = RoundReply.from_envelope(
        restarted.answer(round_request(1, run_id="another"))
    )

    assert (reply.rounds, reply.epsilon) == (0, 0.0), (
        "Rule 1: a new run brought a new budget."
    )
    assert answered.budget_exhausted
    assert spy.rows_read == 0, "Rule 1: private rows are read past the budget."


def test_ledger_composes_all_rounds(tmp_path):
    """The ledger's epsilon after three rounds is that of all their steps together."""
    site = make_site(tmp_path)
    promised = HelloReply.from_envelope(site.answer(hello())).epsilon
    answer_rounds(site)

    ledger = Store(tmp_path / "ledger.sqlite").ledger("ward-7")

    assert sum(event.steps for event in ledger.events()) == 6
    assert ledger.spent(delta=1e-3).epsilon == pytest.approx(promised), (
        "Rule 1: epsilon does not compose over rounds."
    )
    event = ledger.events()[0]
    one_round = spent([event], delta=1e-3).epsilon
    assert ledger.spent(delta=1e-3).epsilon > 1.2 * one_round


def test_reservation_precedes_the_first_private_row(tmp_path):
    """Spend, then read: the charge is durable when the first row is asked for."""

    class _Watch(Spy):
        entries = ()

        def rows(self, indices):
            ledger = Store(tmp_path / "ledger.sqlite").ledger("ward-7")
            self.entries = (*self.entries, len(ledger.events()))
            return super().rows(indices)

    watch = _Watch(make_data())
    answer_rounds(make_site(tmp_path, data=watch), 2)

    assert (watch.entries[0], watch.entries[-1]) == (1, 2), (
        "Rule 1: private rows are read before they are paid for."
    )


def test_charge_is_what_the_steps_use(tmp_path):
    """Noise, sampling probability and steps of the charge are the plan's."""
    answer_rounds(make_site(tmp_path), 1)

    (event,) = Store(tmp_path / "ledger.sqlite").ledger("ward-7").events()

    assert event.noise_multiplier == PLAN.noise_multiplier
    assert event.sampling_probability == PLAN.sampling_probability
    assert event.steps == PLAN.steps_per_round


def test_student_that_is_not_finite_is_replaced_silently(tmp_path):
    """A revisit that overflows leaves the previous student, and an ordinary reply."""
    plan = make_plan(learning_rate=1e38, clipping_norms=(1e5,))
    site = make_site(tmp_path)
    site.answer(hello(plan))
    before = site.student_bytes(RUN_ID)

    answer = site.answer(round_request())

    assert reason_of(answer) is None, "Rule 8: a student that is not finite shows."
    assert site.student_bytes(RUN_ID) == before, (
        "Rule 8: a student that is not finite was kept."
    )
    reply = RoundReply.from_envelope(answer)
    assert reply.ledger_entries == 3
    assert np.isfinite(reply.soft_labels).all()


def test_initial_weights_come_from_the_public_seed(tmp_path):
    """They depend on the run's seed and the site's name alone."""
    site = make_site(tmp_path)
    site.answer(hello())

    seed = derive_seed(PLAN.seed, "initial-weights", site_name="site-00")
    model = build_model("mlp", input_shape=SHAPE, num_classes=NUM_CLASSES, seed=seed)
    assert site.student_bytes(RUN_ID) == to_bytes(model)


class _Broken(Spy):
    """Private data that fail with a value in the text."""

    def rows(self, indices):
        raise RuntimeError("patient 4711 has value 0.123")


def test_exception_leaves_as_a_closed_reason(tmp_path, caplog):
    """Neither the reply nor the owner's log repeats an exception's text."""
    site = make_site(tmp_path, data=_Broken(make_data()))
    site.answer(hello())

    with caplog.at_level(logging.DEBUG):
        refused = site.answer(round_request())

    assert set(refused.fields) == {"refusal", "site_name"}, (
        "Rule 9: more than a closed reason left the site."
    )
    assert reason_of(refused) == "internal-error"
    assert "4711" not in caplog.text, "Rule 9: a private value is logged."
    assert "RuntimeError" in caplog.text


def test_problems_of_rows_are_told_to_the_owner_alone(tmp_path, caplog):
    """They stand in the local log and in no reply."""
    with caplog.at_level(logging.WARNING):
        site = make_site(tmp_path, data=_one_broken_row())

    reply = site.answer(hello())
    assert "rows have an input that is not finite" in caplog.text
    assert b"finite" not in reply.to_bytes()


@pytest.mark.parametrize("kind", list(MessageKind))
def test_any_garbage_gets_a_refusal_and_never_an_exception(tmp_path, kind):
    """Arrays and fields that nobody expects are refused."""
    garbage = Envelope(
        kind=kind,
        arrays={"indices": np.zeros((2, 2)), "x": np.array([np.nan])},
        fields={"run_id": "'; DROP TABLE ledger_plans; --", "round_number": 2.5},
    )

    assert reason_of(make_site(tmp_path).answer(garbage)) == "malformed-request"


def test_simulated_and_deployed_site_charge_the_same(tmp_path):
    """The source of randomness changes no row of the ledger."""
    dumps = []
    for randomness in (
        SeededRandomness(run_seed=1, site_name="site-00"),
        OperatingSystemRandomness(),
    ):
        folder = tmp_path / type(randomness).__name__
        folder.mkdir()
        answer_rounds(make_site(folder, randomness=randomness))
        dumps.append(dump(folder / "ledger.sqlite"))

    assert dumps[0] == dumps[1], "Rule 11: a simulated site is charged differently."
