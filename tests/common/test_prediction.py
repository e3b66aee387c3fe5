"""What a student says about inputs."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from common import prediction
from common.arrays import read_only
from common.models.zoo import build_model
from common.prediction import accuracy, predict_logits, predict_soft_labels

RNG = np.random.default_rng(1)


def identity():
    """A student whose logits are its inputs."""
    return nn.Identity()


def test_logits_do_not_depend_on_batching(monkeypatch):
    """Parts of any size are put together in order."""
    student = build_model("mlp", input_shape=(1, 8, 8), num_classes=10, seed=1)
    inputs = RNG.random((10, 1, 8, 8)).astype(np.float32)
    whole = predict_logits(student, inputs)

    monkeypatch.setattr(prediction, "BATCH_SIZE", 3)

    np.testing.assert_allclose(predict_logits(student, inputs), whole, atol=1e-6)


def test_read_only_inputs_are_taken_without_a_warning():
    """Inputs in frozen values are read-only, and torch must not complain of it."""
    inputs = read_only(np.zeros((2, 3)), np.float32)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logits = predict_logits(identity(), inputs)

    assert logits.tolist() == inputs.tolist()


def test_no_inputs_give_no_logits():
    """An empty part of a data set is no error."""
    student = build_model("cnn", input_shape=(1, 8, 8), num_classes=10, seed=1)

    assert predict_logits(student, np.zeros((0, 1, 8, 8), np.float32)).shape == (0, 10)


def test_prediction_is_in_evaluation_mode_without_gradients():
    """Dropout is off, and no graph is built."""
    student = nn.Sequential(nn.Dropout(0.9)).train()

    logits = predict_logits(student, np.ones((1, 50), np.float32))

    assert (logits == 1).all()
    assert not student.training


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_soft_labels_are_tempered_probabilities_of_the_asked_rows(temperature):
    """softmax(z / T) for the examples at the indices, in their order."""
    inputs = RNG.normal(size=(5, 3)).astype(np.float32)
    indices = np.array([4, 0], np.int32)

    labels = predict_soft_labels(
        identity(),
        inputs,
        indices=indices,
        temperature=temperature,
        transfer_set_id="abc",
    )

    expected = torch.softmax(torch.from_numpy(inputs[[4, 0]]) / temperature, 1)
    np.testing.assert_allclose(labels.probabilities, expected.numpy(), rtol=1e-5)
    assert labels.indices.tolist() == [4, 0]
    assert (labels.temperature, labels.transfer_set_id) == (temperature, "abc")


def test_accuracy_is_the_share_of_right_answers():
    """Three of four."""
    logits = np.eye(4, dtype=np.float32)

    assert accuracy(identity(), logits, np.array([0, 1, 2, 0])) == 0.75
