"""Predictions for a file of examples."""

import gzip
import io
import struct

import numpy as np
import pytest
import torch
from torch import nn

from common.errors import DataError
from common.predict import Predictions, predict, read_examples
from common.student_description import StudentDescription

IMAGES = StudentDescription(architecture="mlp", input_shape=(1, 4, 3), num_classes=2)
GREY = StudentDescription(
    architecture="mlp", input_shape=(1, 4, 3), num_classes=2, white=16
)
TABLE = StudentDescription(architecture="linear", input_shape=(3,), num_classes=2)
PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def idx(pixels):
    header = b"\x00\x00\x08\x03" + struct.pack(">3I", *pixels.shape)
    return header + pixels.tobytes()


def read(tmp_path, content, description=IMAGES):
    path = tmp_path / "examples"
    path.write_bytes(content)
    return read_examples(path, description)


@pytest.mark.parametrize(
    "content",
    [
        npy(PIXELS / 255),
        npy((PIXELS / 255)[:, None].astype(np.float32)),
        npz(anything=PIXELS / 255),
        npz(inputs=PIXELS / 255, labels=np.zeros(2)),
        idx(PIXELS),
        gzip.compress(idx(PIXELS)),
    ],
    ids=["npy", "npy with channels", "npz of one", "npz of two", "idx", "idx gzip"],
)
def test_every_kind_of_file_gives_the_same_examples(tmp_path, content):
    """What a file is shows in its first bytes; the result is what training had."""
    inputs = read(tmp_path, content)

    assert inputs.dtype == np.float32
    np.testing.assert_allclose(inputs, PIXELS[:, None] / 255, rtol=1e-6)


@pytest.mark.parametrize("content", [npy(PIXELS), npy(PIXELS.astype(int)), idx(PIXELS)])
def test_whole_numbers_are_scaled_as_in_training(tmp_path, content):
    """By the white that the student's own header states."""
    np.testing.assert_allclose(read(tmp_path, content, GREY), PIXELS[:, None] / 16)


def test_real_numbers_are_taken_as_they_are(tmp_path):
    """Whoever gives floats has scaled them."""
    inputs = read(tmp_path, npy(PIXELS / 16), GREY)

    np.testing.assert_allclose(inputs, PIXELS[:, None] / 16)


def test_rows_of_a_table_are_examples(tmp_path):
    """Whole numbers in a table are no pixels."""
    inputs = read(tmp_path, npy(np.array([[1, 2, 3]])), TABLE)

    np.testing.assert_array_equal(inputs, [[1, 2, 3]])


def bad(value):
    array = np.zeros((2, 4, 3))
    array[1, 2, 0] = value
    return npy(array)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "must be an .npy, .npz or IDX file"),
        (b"a,b\n1,2\n", "must be an .npy, .npz or IDX file"),
        (b"PK\x03\x04 no zip", "is damaged"),
        (npz(inputs=PIXELS)[:-30], "is damaged"),
        (npy(PIXELS)[:-1], "is damaged"),
        (npy(np.array([[None]])), "holds objects"),
        (npz(), "holds the arrays (none)"),
        (npz(a=PIXELS, b=PIXELS), "holds the arrays a, b; one must be called 'inputs'"),
        (npy(np.array([["a"]])), "holds <U1, must hold numbers"),
        (npy(np.zeros((2, 4, 3), complex)), "holds complex128, must hold numbers"),
        (npy(np.float64(1)), "holds an array of shape ()"),
        (npy(PIXELS[0]), "of shape (4, 3), the student takes examples of shape (1, 4"),
        (npy(PIXELS.transpose(0, 2, 1)), "so it must be (number of examples, 1, 4, 3)"),
        (npy(np.zeros((2, 3, 4, 3))), "of shape (2, 3, 4, 3), the student takes"),
        (npy(PIXELS[:0]), "holds no examples"),
        (npy(PIXELS), "does not say what white is"),
        (bad(np.nan), "a value that is NaN or infinite in example 1"),
        (bad(1e300), "a value that is NaN or infinite in example 1"),
        (idx(PIXELS)[:-1], "is truncated: 23 entries, its header says 2 x 4 x 3"),
        (gzip.compress(idx(PIXELS))[:-9], "is truncated: its gzip stream has no end"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path, content, problem):
    """The file, what is wrong with it, and that nothing happened."""
    with pytest.raises(DataError) as caught:
        read(tmp_path, content)

    message = str(caught.value)
    assert problem in message
    assert str(tmp_path / "examples") in message
    assert message.endswith(("Nothing was predicted.", "Nothing was run."))
    assert "\n" not in message


def test_a_file_that_is_not_there_is_refused(tmp_path):
    """In the words of the file system."""
    with pytest.raises(DataError, match="cannot be read: No such file or directory"):
        read_examples(tmp_path / "no.npy", IMAGES)


class _Identity(nn.Module):
    """Takes inputs for logits."""

    def forward(self, inputs):
        return inputs


def test_probabilities_are_the_softmax_of_the_logits():
    """At temperature 1; the class is the largest."""
    logits = np.array([[0, 1, 3], [200, 0, -200]], np.float32)

    predictions = predict(_Identity(), logits)

    expected = torch.from_numpy(logits).double().softmax(dim=1).numpy()
    np.testing.assert_allclose(predictions.probabilities, expected, rtol=1e-12)
    assert predictions.classes == ["2", "0"]
    assert len(predictions) == 2


PREDICTIONS = Predictions(
    probabilities=np.array([[0.25, 0.75], [2 / 3, 1 / 3]]),
    class_names=("cat", "dog, wet"),
)


def test_csv_has_a_line_an_example():
    """With names quoted where they must be."""
    assert PREDICTIONS.to_csv() == (
        'example,class,p(cat),"p(dog, wet)"\n'
        '0,"dog, wet",0.25,0.75\n'
        "1,cat,0.666667,0.333333\n"
    )


def test_labels_alone_leave_the_probabilities_out():
    """In both forms."""
    assert PREDICTIONS.to_csv(labels_only=True) == (
        'example,class\n0,"dog, wet"\n1,cat\n'
    )
    assert PREDICTIONS.to_records(labels_only=True) == [
        {"example": 0, "class": "dog, wet"},
        {"example": 1, "class": "cat"},
    ]


def test_records_hold_the_probabilities_in_full():
    """As values that JSON knows."""
    assert PREDICTIONS.to_records()[1] == {
        "example": 1,
        "class": "cat",
        "probabilities": [2 / 3, 1 / 3],
    }


def test_class_names_of_the_student_are_used():
    """Where its header has them."""
    logits = np.array([[0.0, 1.0]], np.float32)

    assert predict(_Identity(), logits, class_names=("no", "yes")).classes == ["yes"]
