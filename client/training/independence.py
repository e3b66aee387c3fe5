"""Whether a model treats examples one by one, as every guarantee here assumes.

Opacus' validator knows layers by name and lets ``x - x.mean(0)`` pass; an in-place
activation after a hooked layer corrupts per-example gradients silently. So a model is
also tried out on random public numbers: outputs of other rows when one row changes,
and clipped sums against gradients taken one example at a time.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from opacus.validators import ModuleValidator
from torch import Tensor, nn

from client.training.clipped_sums import clipping_coefficients
from client.training.dp_sgd import clipped_sum
from common.losses import hard_cross_entropy

_ROWS = 4
_PROBE_SEED = 20240229  # public; only the probe's numbers come from it
_CLIPPING_NORM = 0.5
_RELATIVE_TOLERANCE = 1e-3
_ADVICE = (
    "Use GroupNorm or LayerNorm instead of batch statistics, activations with "
    "inplace=False, each layer once, and no dropout."
)


def model_problems(
    model: nn.Module, *, input_shape: tuple[int, ...], num_classes: int
) -> tuple[str, ...]:
    """Returns why a model cannot be trained privately; nothing if it can.

    Args:
        model: tried on a copy; left as it is.
        input_shape: shape of one example.
        num_classes: number of classes.

    Returns:
        One line a problem, each ending with what to use instead.
    """
    probe = copy.deepcopy(model).train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_PROBE_SEED)
        inputs = torch.randn(_ROWS, *input_shape)
        labels = torch.arange(_ROWS) % num_classes
        # Opacus explains at length; its first sentence says what is wrong.
        problems = [
            str(error).split(". ")[0] for error in ModuleValidator.validate(probe)
        ]
        problems += _mixed_examples(probe, inputs)
        if not problems:
            problems += _wrong_gradients(probe, inputs, labels)
    return tuple(f"{problem.rstrip('.')}. {_ADVICE}" for problem in problems)


def _mixed_examples(model: nn.Module, inputs: Tensor) -> Iterator[str]:
    """Yields a problem if changing one row changes the output of another."""
    for is_training in (True, False):
        model.train(is_training)
        before = _outputs(model, inputs)
        for row in (0, _ROWS - 1):  # both ends: a running sum looks one way only
            changed = inputs.clone()
            changed[row] = 100 * torch.randn_like(changed[row])
            others = torch.arange(_ROWS) != row
            after = _outputs(model, changed)
            if not torch.equal(before[others], after[others]):
                yield "The model mixes examples: changing one row changes others"
                model.train()
                return
    model.train()


def _outputs(model: nn.Module, inputs: Tensor) -> Tensor:
    # The same dropout mask, if any, for each of the two passes compared.
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(_PROBE_SEED)
        outputs: Tensor = model(inputs)
    return outputs


def _wrong_gradients(model: nn.Module, inputs: Tensor, labels: Tensor) -> Iterator[str]:
    """Yields a problem if clipped sums differ from the sum taken one by one."""
    try:
        expected = _flat(_one_by_one(model, inputs, labels))
        found = _flat(clipped_sum(model, inputs, labels, clipping_norm=_CLIPPING_NORM))
    except (RuntimeError, ValueError, NotImplementedError, AttributeError) as error:
        yield f"Gradients of single examples cannot be taken ({type(error).__name__})"
        return
    error_norm = torch.linalg.vector_norm(found - expected)
    if not error_norm <= _RELATIVE_TOLERANCE * torch.linalg.vector_norm(expected):
        yield "Gradients of single examples come out wrong"


def _one_by_one(model: nn.Module, inputs: Tensor, labels: Tensor) -> list[Tensor]:
    parameters = [p for p in model.parameters() if p.requires_grad]
    total = [torch.zeros_like(p) for p in parameters]
    for row in range(len(labels)):
        loss = hard_cross_entropy(model(inputs[row : row + 1]), labels[row : row + 1])
        gradients = torch.autograd.grad(loss.sum(), parameters)
        norm = torch.linalg.vector_norm(_flat(list(gradients)))
        factor = clipping_coefficients(norm, _CLIPPING_NORM)
        total = [t + factor * g for t, g in zip(total, gradients, strict=True)]
    return total


def _flat(tensors: list[Tensor]) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors])
