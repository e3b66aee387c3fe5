"""Training without noise, for runs that promise no privacy."""

import torch

from client.training.plain_training import train_plainly
from client.training.random_stream import KEY_BYTES, RandomStream
from common.models.zoo import build_model
from common.prediction import accuracy
from tests.client.support import SHAPE, Spy, make_data, make_data_without_gradients


def train(data, *, epochs=30, batch_size=16):
    model = build_model("mlp", input_shape=SHAPE, num_classes=10, seed=0)
    train_plainly(
        model,
        data,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=1e-2,
        stream=RandomStream(bytes(KEY_BYTES)),
    )
    return model


def test_student_fits_the_data():
    """Thirty epochs on easy classes are enough."""
    data = make_data()

    assert accuracy(train(data), data.inputs, data.labels) > 0.9


def test_every_row_is_seen_once_an_epoch():
    """Three epochs of forty rows read 120."""
    spy = Spy(make_data())

    train(spy, epochs=3)

    assert spy.rows_read == 120


def test_faulty_rows_change_nothing():
    """Rows that failed validation give no gradient here either."""
    trained = train(make_data_without_gradients())

    untouched = build_model("mlp", input_shape=SHAPE, num_classes=10, seed=0)
    for found, expected in zip(
        trained.parameters(), untouched.parameters(), strict=True
    ):
        assert torch.equal(found, expected)
