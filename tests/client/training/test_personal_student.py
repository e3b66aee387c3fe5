"""A personal student serves its site, and nothing that leaves knows of it."""

import dataclasses
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from client.refusal import RequestRefusedError
from client.training.personal_student import PersonalStudent
from client.training.personal_training import PersonalRecipe
from common.errors import PrivacyError
from common.models.linear import build_linear
from common.prediction import accuracy, predict_logits
from common.weights import load_into, to_bytes
from tests.client.heads import make_head_plan
from tests.client.support import (
    RUN_ID,
    Spy,
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

RECIPE = PersonalRecipe(epochs=5, learning_rate=0.01, batch_size=16, own_weight=0.5)
PLANS = {"models": make_plan, "heads": make_head_plan}
kinds = pytest.mark.parametrize("kind", PLANS)


def _ledger_rows(site):
    """Every row of every table but the random key: ledger, outbox, students."""
    connection = site._parts.store.connection
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
    ).fetchall()
    return {
        name: connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()
        for (name,) in tables
        if name != "fingerprints"
    }


def _play(site, plan, *, is_personal):
    """Two runs' replies, with or without a personal student after each of them."""
    second = dataclasses.replace(plan, run_id="run-2")
    requests = [
        hello(plan),
        *(round_request(number) for number in (1, 2, 3)),
        finish_request(),
        hello(second),
        round_request(1, run_id="run-2"),
    ]
    replies = []
    for request in requests:
        replies.append(site.answer(request).to_bytes())
        if is_personal:
            site.train_personal(RUN_ID, RECIPE)
    assert all(reason_of(site.answer(request)) is None for request in requests[:1])
    return replies


def _finished(folder, *, plan=None, **changes):
    plan = plan or make_plan()
    site = make_site(folder, **changes)
    for request in (hello(plan), round_request(1), finish_request()):
        assert reason_of(site.answer(request)) is None
    return site


@kinds
def test_replies_and_ledger_are_the_same_with_and_without_it(tmp_path, kind):
    """In the midst of a run, after it, and in the next one: byte for byte."""
    rows, replies = [], []
    for is_personal in (False, True):
        folder = tmp_path / str(is_personal)
        folder.mkdir()
        site = make_site(folder)
        replies.append(_play(site, PLANS[kind](), is_personal=is_personal))
        rows.append(_ledger_rows(site))

    assert replies[0] == replies[1], "Rule 9: a reply depends on a personal student."
    assert rows[0] == rows[1], "Rule 9: the ledger depends on a personal student."


def test_it_is_not_exported_without_the_owners_word(tmp_path):
    """It carries no guarantee, so it is no release."""
    personal = _finished(tmp_path).train_personal(RUN_ID, RECIPE)

    with pytest.raises(PrivacyError) as refused:
        pytest.fail(f"Rule 5: exported {len(personal.export())} bytes.")

    assert str(refused.value) == (
        "site-00: allow-non-private = false in the site's policy: must be true to "
        "export a personal student, which carries no privacy guarantee. Nothing was "
        "exported."
    )


def test_it_is_exported_where_the_owner_allows_it(tmp_path):
    policy = make_policy(allow_non_private=True)
    personal = _finished(tmp_path, policy=policy).train_personal(RUN_ID, RECIPE)

    assert personal.export() == to_bytes(personal.module)


@kinds
def test_it_learns_what_the_released_student_does_not_know(tmp_path, kind):
    """Ten easy classes, at a noise that lets the released student learn little."""
    site = _finished(tmp_path, plan=PLANS[kind]())
    data = make_data()

    released = site.released_student(RUN_ID)
    recipe = dataclasses.replace(RECIPE, epochs=40)
    personal = site.train_personal(RUN_ID, recipe).module

    before = accuracy(released, data.inputs, data.labels)
    assert before < 0.6
    assert accuracy(personal, data.inputs, data.labels) > before + 0.3


@kinds
def test_the_consensus_holds_it_where_own_examples_say_little(tmp_path, kind):
    """Hardly any weight on own examples: on the transfer set it is the released one."""
    site = _finished(tmp_path, plan=PLANS[kind]())
    public = make_transfer_set().inputs
    held, free = (
        site.train_personal(
            RUN_ID, dataclasses.replace(RECIPE, epochs=20, own_weight=weight)
        ).module
        for weight in (0.01, 1.0)
    )
    released = predict_logits(site.released_student(RUN_ID), public)

    def distance(module):
        moved = torch.log_softmax(torch.from_numpy(predict_logits(module, public)), 1)
        return float((moved.exp() - torch.from_numpy(released).softmax(1)).abs().mean())

    assert distance(held) < 0.3 * distance(free)


@kinds
def test_the_released_student_stays_as_it_is(tmp_path, kind):
    """Before and after, from the store: the same bytes and the same logits."""
    site = _finished(tmp_path, plan=PLANS[kind]())
    data = make_data()
    content = site.student_bytes(RUN_ID)
    logits = predict_logits(site.released_student(RUN_ID), data.inputs)

    site.train_personal(RUN_ID, RECIPE)

    assert site.student_bytes(RUN_ID) == content
    np.testing.assert_array_equal(
        predict_logits(site.released_student(RUN_ID), data.inputs), logits
    )


@kinds
def test_the_same_site_trains_the_same_bytes(tmp_path, kind):
    """Whatever state the global generator is in."""
    site = _finished(tmp_path, plan=PLANS[kind]())
    contents = set()
    for seed in (1, 2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            contents.add(to_bytes(site.train_personal(RUN_ID, RECIPE).module))

    assert len(contents) == 1


@kinds
def test_remembered_features_change_no_logit(tmp_path, kind):
    """The shortcut for many rows is the forward pass."""
    site = _finished(tmp_path, plan=PLANS[kind]())
    module = site.train_personal(RUN_ID, RECIPE).module
    inputs = make_data().inputs

    with torch.inference_mode():
        slowly = module(torch.from_numpy(inputs.copy())).numpy()

    np.testing.assert_allclose(module.predict_logits(inputs), slowly, atol=1e-4)


def test_few_examples_are_seen_more_often(tmp_path):
    """One pass over 40 rows is too little, so it is as long as ten are."""
    site = _finished(tmp_path)

    one, ten = (
        site.train_personal(RUN_ID, dataclasses.replace(RECIPE, epochs=epochs)).module
        for epochs in (1, 10)
    )

    assert to_bytes(one) == to_bytes(ten)


@pytest.mark.parametrize("model", ["linear", "cnn", "resnet8"])
def test_a_site_may_have_any_architecture(tmp_path, model):
    """Beside additive heads, whose students are all alike."""
    site = _finished(tmp_path, plan=make_head_plan(), policy=make_policy(model=model))

    module = site.train_personal(RUN_ID, RECIPE).module

    assert predict_logits(module, make_data().inputs).shape == (40, 10)


def test_it_starts_as_the_released_student(tmp_path):
    """No usable row teaches it anything, whatever architecture it has."""
    site = _finished(
        tmp_path, plan=make_head_plan(), data=make_data_without_gradients()
    )
    inputs = make_data().inputs

    module = site.train_personal(RUN_ID, RECIPE).module

    np.testing.assert_array_equal(
        predict_logits(module, inputs),
        predict_logits(site.released_student(RUN_ID), inputs),
    )


def test_an_own_model_that_ends_otherwise_is_taken_as_it_is(tmp_path):
    """The owner's builder need not end in a linear layer."""

    def build(input_shape, num_classes):
        size = int(np.prod(input_shape))
        return nn.Sequential(nn.Flatten(), nn.Linear(size, num_classes), nn.Tanh())

    site = _finished(tmp_path, plan=make_head_plan(), policy=make_policy(model=build))

    module = site.train_personal(RUN_ID, RECIPE).module

    assert np.isfinite(predict_logits(module, make_data().inputs)).all()


@kinds
def test_one_that_is_not_finite_is_given_up(tmp_path, kind):
    """What is left is the released student."""
    site = _finished(tmp_path, plan=PLANS[kind]())
    inputs = make_data().inputs
    recipe = dataclasses.replace(RECIPE, learning_rate=1e38)

    module = site.train_personal(RUN_ID, recipe).module

    np.testing.assert_array_equal(
        predict_logits(module, inputs),
        predict_logits(site.released_student(RUN_ID), inputs),
    )


def test_weights_go_back_into_a_student_of_the_same_kind(tmp_path):
    site = _finished(tmp_path)
    first = site.train_personal(RUN_ID, RECIPE).module
    other = site.train_personal(
        RUN_ID, dataclasses.replace(RECIPE, own_weight=0.1)
    ).module
    assert to_bytes(other) != to_bytes(first)

    load_into(other, to_bytes(first))

    assert to_bytes(other) == to_bytes(first)


def test_it_reads_each_own_row_once_and_only_when_asked(tmp_path):
    """A finish reads none of them for it."""
    spy = Spy(make_data())
    site = _finished(tmp_path, data=spy)
    before = spy.rows_read

    site.answer(finish_request())
    assert spy.rows_read == before
    site.train_personal(RUN_ID, RECIPE)

    assert spy.rows_read == before + len(spy)


def test_printing_it_shows_no_weight(tmp_path):
    personal = _finished(tmp_path).train_personal(RUN_ID, RECIPE)

    assert isinstance(personal, PersonalStudent)
    assert "tensor" not in repr(personal)


def test_a_run_that_the_site_does_not_know_has_none(tmp_path):
    with pytest.raises(RequestRefusedError):
        make_site(tmp_path).train_personal("another-run", RECIPE)


@pytest.mark.parametrize(
    "change",
    [{"epochs": 0}, {"learning_rate": 0.0}, {"batch_size": 0}, {"own_weight": 1.5}],
)
def test_a_recipe_out_of_range_is_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        dataclasses.replace(RECIPE, **change)


class _LastIsFirst(nn.Module):
    """Its answer is that of the layer that was made first."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(8, 10)
        self.first = nn.Linear(64, 8)

    def forward(self, inputs):
        return self.last(self.first(inputs.flatten(1)).relu())


@pytest.mark.parametrize(
    "model", [lambda *_: _LastIsFirst(), lambda *_: build_linear((1, 8, 8), 10)]
)
def test_its_own_model_starts_at_nothing(tmp_path, model):
    """Whatever order the layers of the site's own model were made in."""
    site = _finished(tmp_path, policy=make_policy(model=model))
    before = dataclasses.replace(RECIPE, epochs=1, learning_rate=1e-12)

    personal = site.train_personal(RUN_ID, before)

    inputs = make_transfer_set().inputs
    released = predict_logits(site.released_student(RUN_ID), inputs)
    found = predict_logits(personal.module, inputs)
    assert np.allclose(found, released, atol=1e-6)


def test_no_layer_is_lost_where_the_answer_is_not_linear(tmp_path):
    """A model that ends otherwise starts as it was built, and learns."""
    last = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.Tanh(), nn.LayerNorm(10))
    site = _finished(tmp_path, policy=make_policy(model=lambda *_: deepcopy(last)))

    personal = site.train_personal(RUN_ID, RECIPE)

    data = make_data()
    assert personal.module.own[1].weight.abs().sum() > 0
    assert accuracy(personal.module, data.inputs, data.labels) > 0.9
