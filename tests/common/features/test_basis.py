"""The basis of public features."""

import inspect
import json

import numpy as np
import pytest
import torch

from common.errors import DataError
from common.features.basis import empty_basis, fit_basis
from common.features.batches import featurise
from common.weights import load_into, to_bytes
from tests.common.features.support import IMAGES, digits, same_bytes, table

CASES = [
    (("pixels",), digits()),
    (("scattering",), digits()),
    (("kmeans-patches",), digits()),
    (IMAGES, digits()),
    (("pixels", "scattering"), digits(300)),
    (("standardised",), table()),
]
BASES = [(fit_basis(features, inputs), inputs) for features, inputs in CASES]
NAMES = ["+".join(features) for features, _ in CASES]
EACH = pytest.mark.parametrize(("basis", "inputs"), BASES, ids=NAMES)


@EACH
def test_components_are_uncorrelated_and_sorted(basis, inputs):
    """On the transfer set; their variances are the eigenvalues."""
    coordinates = featurise(basis, inputs).astype(np.float64)

    eigenvalues = basis.get_buffer("eigenvalues").numpy()
    covariance = coordinates.T @ coordinates / len(coordinates)
    np.testing.assert_allclose(
        covariance, np.diag(eigenvalues), atol=2e-5 * eigenvalues[0]
    )
    assert (np.diff(eigenvalues) <= 0).all()
    assert np.abs(coordinates.mean(axis=0)).max() < 1e-4


@EACH
def test_there_are_as_many_components_as_there_can_be(basis, inputs):
    """At most 512, one less than examples, and no more than numbers of an example."""
    columns = sum(part.num_features for part in basis.sets)

    assert basis.dimension <= min(512, len(inputs) - 1, columns)
    assert basis.dimension >= min(512, len(inputs) - 1, columns) // 2


@EACH
def test_a_row_depends_on_itself_alone(basis, inputs):
    """Bit by bit, whatever the batch and wherever the row stands in it."""
    together = featurise(basis, inputs)
    generator = np.random.default_rng(7)
    for count in (1, 2, 31, 129, 200):
        rows = generator.integers(0, len(inputs), count)
        assert same_bytes(featurise(basis, inputs[rows]), together[rows])


@EACH
def test_a_bad_row_spoils_no_other(basis, inputs):
    """What is not a number stays where it is."""
    spoiled = inputs.copy()
    spoiled[3] = np.nan
    kept = np.arange(len(inputs)) != 3

    found = featurise(basis, spoiled)

    assert same_bytes(found[kept], featurise(basis, inputs)[kept])
    assert np.isnan(found[3]).all()


@pytest.mark.parametrize(("features", "inputs"), CASES, ids=NAMES)
def test_the_same_transfer_set_gives_the_same_bytes(features, inputs):
    """At every site."""
    again = [to_bytes(fit_basis(features, inputs.copy())) for _ in range(2)]

    assert again[0] == again[1]


def test_nothing_but_public_inputs_can_get_in():
    """A fit takes names and inputs, and a basis learns nothing when it is used."""
    assert list(inspect.signature(fit_basis).parameters) == ["features", "inputs"]
    basis = fit_basis(IMAGES, digits(60))
    before = to_bytes(basis)

    featurise(basis, 1 - digits(100))

    assert to_bytes(basis) == before
    assert not list(basis.parameters())


@EACH
def test_a_file_needs_no_transfer_set(basis, inputs):
    """Layout and tensors are enough, on a device without memory too."""
    with torch.device("meta"):
        again = empty_basis(json.loads(json.dumps(basis.layout())))
    again.to_empty(device="cpu")

    load_into(again, to_bytes(basis))

    assert same_bytes(featurise(again, inputs), featurise(basis, inputs))


@EACH
def test_a_cut_keeps_the_first_components(basis, inputs):
    """And no more numbers than they need."""
    cut = basis.cut(4)

    np.testing.assert_allclose(
        featurise(cut, inputs), featurise(basis, inputs)[:, :4], atol=1e-5
    )
    assert cut.get_buffer("matrix_0").shape[1] == 4
    assert len(cut.get_buffer("eigenvalues")) == 4


def test_sets_side_by_side_weigh_the_same():
    """The total variance of each is 1, however many numbers it has."""
    both, one = (
        fit_basis(features, digits(60)).get_buffer("eigenvalues").sum()
        for features in (IMAGES, ("scattering",))
    )

    assert float(one) == pytest.approx(1, abs=1e-3)
    assert float(both) == pytest.approx(2, abs=1e-3)


def test_a_column_in_other_units_is_the_same_column():
    """Tables are divided by public deviations."""
    rows = table()
    scaled = rows * np.float32(64)

    np.testing.assert_allclose(
        featurise(fit_basis(("standardised",), scaled), scaled),
        featurise(fit_basis(("standardised",), rows), rows),
        atol=1e-4,
    )


@pytest.mark.parametrize(
    ("features", "inputs", "words"),
    [
        (("scattering",), table(), "'scattering': scattering needs images"),
        (("kmeans-patches",), table(), "needs images of shape"),
        (("standardised",), digits(), "needs rows of a table"),
        (("scattering",), np.ones((5, 1, 3, 3), np.float32), "at least 4 x 4"),
        (IMAGES, np.ones((5, 1, 8, 8), np.float32), "5 examples .* are alike"),
        (("standardised",), table(1), "1 examples .* are alike"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(features, inputs, words):
    """Key, value, what is allowed, what happens now."""
    with pytest.raises(DataError, match=words) as caught:
        fit_basis(features, inputs)

    text = str(caught.value)
    assert text.startswith("[head] features = ")
    assert text.endswith("Nothing was run.")
    assert "\n" not in text


def test_examples_of_another_shape_are_refused():
    """Before they break inside."""
    basis, _ = BASES[0]

    with pytest.raises(ValueError, match=r"Expected examples of shape \(1, 8, 8\)"):
        basis(torch.zeros(2, 64))


@pytest.mark.parametrize(
    "change",
    [
        {"dimension": 0},
        {"dimension": 2.5},
        {"dimension": None},
        {"input_shape": []},
        {"input_shape": 8},
        {"input_shape": [1, 8, -8]},
        {"sets": []},
        {"sets": [{}]},
        {"sets": [7]},
        {"sets": None},
    ],
)
def test_a_layout_that_describes_no_basis_is_refused(change):
    """It may come from anybody."""
    basis, _ = BASES[0]

    with pytest.raises(ValueError, match="Expected"):
        empty_basis(basis.layout() | change)


def test_a_layout_without_a_part_is_refused():
    """Every part is needed."""
    layout = BASES[0][0].layout()
    del layout["sets"]

    with pytest.raises(ValueError, match="Expected input_shape, dimension and sets"):
        empty_basis(layout)
