"""How long a round would take: steps on random numbers of the right shape, timed."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from client.training.dp_sgd import clipped_sum
from common.config import Config
from common.data.parts import PublicParts
from common.losses import hard_cross_entropy
from common.run_plan import RunPlan

# Enough rows for a steady figure, few enough for an answer at once.
MOST_ROWS = 256
_REPEATS = 3
_SEED = 20240229  # public; only the timed numbers come from it


def seconds_per_round(
    config: Config, plan: RunPlan, parts: PublicParts, models: Mapping[str, nn.Module]
) -> float:
    """Returns a rough time of one round of all sites, one after the other.

    Private steps, digests and the global student's learning, as fast as one step of
    each is now. Measuring accuracy, additive heads (some small linear algebra) and
    baselines come on top.

    Args:
        config: batch sizes and epochs.
        plan: the private steps.
        parts: for shapes.
        models: the zoo models of the run, by name; left as they are.
    """
    total, labelled = 0.0, config.transfer.per_round
    if plan.head is None:
        shares = dict.fromkeys(models, 0)
        for name, nominal in zip(
            config.site_models, config.nominal_examples, strict=True
        ):
            if name in shares:
                shares[name] += nominal
        # Each step draws a share of the examples; without privacy, passes over them.
        passes = plan.sampling_probability * plan.steps_per_round
        digested = config.distill.epochs * labelled
        for name, model in models.items():
            sites = config.site_models.count(name)
            if sites:
                rows = _rows(plan.sampling_probability * shares[name] / sites)
                step = _clipped if plan.mechanism.is_private else _plain
                total += passes * shares[name] * _row_seconds(model, parts, rows, step)
                rows = _rows(min(config.distill.batch_size, labelled))
                total += sites * digested * _row_seconds(model, parts, rows, _plain)
    chosen = config.global_student
    if config.global_student_model in models:
        model = models[config.global_student_model]
        rows = _rows(min(chosen.batch_size, labelled))
        total += chosen.epochs * labelled * _row_seconds(model, parts, rows, _plain)
    return total


def _rows(batch_size: float) -> int:
    return min(max(1, round(batch_size)), MOST_ROWS)


def _row_seconds(
    model: nn.Module,
    parts: PublicParts,
    rows: int,
    step: Callable[[nn.Module, Tensor, Tensor], None],
) -> float:
    """Returns the time of a step over its rows, the fastest of a few tries."""
    probe = copy.deepcopy(model).train()
    generator = torch.Generator().manual_seed(_SEED)
    inputs = torch.randn(rows, *parts.input_shape, generator=generator)
    labels = torch.arange(rows) % parts.num_classes
    taken = []
    for _ in range(_REPEATS):
        begin = time.perf_counter()
        step(probe, inputs, labels)
        taken.append(time.perf_counter() - begin)
    return min(taken) / rows


def _clipped(model: nn.Module, inputs: Tensor, labels: Tensor) -> None:
    clipped_sum(model, inputs, labels, clipping_norm=1.0)


def _plain(model: nn.Module, inputs: Tensor, labels: Tensor) -> None:
    optimizer = torch.optim.Adam(model.parameters())
    optimizer.zero_grad()
    loss = hard_cross_entropy(model(inputs), labels).mean()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
