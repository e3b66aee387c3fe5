"""Principal components."""

import numpy as np
import pytest
import torch

from common.features import pca
from common.features.pca import leading_eigenvectors, principal_components


def features(examples, columns, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(columns, columns, generator=generator)
    return torch.randn(examples, columns, generator=generator) @ mixing + 3


@pytest.mark.parametrize(("examples", "columns"), [(60, 8), (8, 60), (20, 20)])
def test_components_are_those_of_the_singular_values(examples, columns):
    """More examples than features, or fewer."""
    rows = features(examples, columns)
    centred = rows.double() - rows.double().mean(dim=0)

    found = principal_components(rows, most=600)

    values = torch.linalg.svdvals(centred) ** 2 / examples
    count = min(examples - 1, columns)
    assert found.coordinates.shape == (examples, count)
    variances = found.coordinates.square().mean(dim=0)
    torch.testing.assert_close(variances, values[:count])
    assert found.total_variance == pytest.approx(float(values.sum()))


@pytest.mark.parametrize(("examples", "columns"), [(60, 8), (8, 60)])
def test_directions_give_the_coordinates(examples, columns):
    """What was fitted can be applied."""
    rows = features(examples, columns)

    found = principal_components(rows, most=5)

    again = (rows.double() - found.centre) @ found.directions
    torch.testing.assert_close(again, found.coordinates)
    assert again.shape == (examples, 5)


def test_a_constant_column_counts_for_nothing():
    """Whatever its value: it tells nothing of an example."""
    rows = features(50, 4)
    rows[:, 2] = 7.0

    found = principal_components(rows, most=10)

    assert found.directions.shape == (4, 3)
    assert (found.directions[2] == 0).all()
    others = rows[:, [0, 1, 3]].double()
    assert found.total_variance == pytest.approx(
        float(others.var(0, correction=0).sum())
    )


def test_examples_that_are_alike_have_no_components():
    """Nothing is found, and nothing breaks."""
    found = principal_components(torch.ones(5, 3), most=10)

    assert found.directions.shape == (3, 0)
    assert found.total_variance == 0


def test_one_example_has_no_components():
    """A transfer set may be as small as that."""
    found = principal_components(torch.rand(1, 3), most=10)

    assert found.directions.shape == (3, 0)


def test_a_large_matrix_gives_the_leading_eigenvectors(monkeypatch):
    """Subspace iteration agrees with the whole decomposition."""
    generator = torch.Generator().manual_seed(4)
    axes, _ = torch.linalg.qr(
        torch.randn(300, 300, dtype=torch.float64, generator=generator)
    )
    matrix = (axes * 0.9 ** torch.arange(300).double()) @ axes.T
    values, vectors = leading_eigenvectors(matrix, most=20)
    monkeypatch.setattr(pca, "_DENSE", 100)

    fast_values, fast_vectors = leading_eigenvectors(matrix, most=20)

    torch.testing.assert_close(fast_values, values)
    torch.testing.assert_close(fast_vectors, vectors, atol=1e-6, rtol=0)
    torch.testing.assert_close(values, 0.9 ** torch.arange(20).double())


def test_signs_follow_a_rule():
    """An eigenvector's sign is arbitrary; its largest entry is made positive."""
    matrix = torch.from_numpy(np.cov(features(40, 6).numpy().T))

    _, vectors = leading_eigenvectors(matrix, most=6)

    largest = vectors.abs().argmax(dim=0)
    assert (vectors[largest, torch.arange(6)] > 0).all()


def test_directions_of_rounding_are_left_out():
    """Rank three stays rank three."""
    rows = features(50, 3) @ torch.rand(3, 9)

    found = principal_components(rows, most=9)

    assert found.directions.shape == (9, 3)
