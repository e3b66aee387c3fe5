"""DP-SGD by Opacus, without a DataLoader and with our own keyed randomness.

Abadi et al. (2016), "Deep Learning with Differential Privacy", CCS,
https://arxiv.org/abs/1607.00133, as built by Yousefpour et al. (2021), "Opacus",
https://arxiv.org/abs/2109.12298. We differ: Poisson samples are index draws, an empty
one takes a noisy step; noise and samples come from one cryptographic stream; a
gradient that is not finite counts as zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from opacus.optimizers import DPOptimizer
from torch import Tensor, nn

from client.training.clipped_sums import (
    clipping_coefficients,
    grad_sample_mode,
    per_example_gradients,
)
from client.training.random_stream import KEY_BYTES, RandomStream
from common import checks
from common.failpoints import failpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateSteps:
    """The private steps of one round: public constants, never data.

    Attributes:
        steps: number of noisy steps, >= 1.
        sampling_probability: of each example in each step, in (0, 1].
        expected_batch_size: sampling probability times nominal examples, > 0; the
            realised size is private and divides nothing.
        clipping_norm: L2 bound of an example's gradient, > 0.
        noise_multiplier: standard deviation over sensitivity, >= 0.
        learning_rate: of plain SGD, > 0.
    """

    steps: int
    sampling_probability: float
    expected_batch_size: float
    clipping_norm: float
    noise_multiplier: float
    learning_rate: float

    def __post_init__(self) -> None:
        checks.positive(
            steps=self.steps,
            sampling_probability=self.sampling_probability,
            expected_batch_size=self.expected_batch_size,
            clipping_norm=self.clipping_norm,
            learning_rate=self.learning_rate,
        )
        checks.in_range(0, 1, sampling_probability=self.sampling_probability)
        checks.non_negative(noise_multiplier=self.noise_multiplier)

    def sensitivity(self) -> float:
        """Largest L2 change of the clipped sum when one example comes or goes."""
        return self.clipping_norm

    def noise_standard_deviation(self) -> float:
        """Standard deviation of the noise on each entry of the clipped sum."""
        return self.noise_multiplier * self.sensitivity()


class Examples(Protocol):
    """What training reads: private data, or private data seen through features."""

    def __len__(self) -> int:
        """Number of rows; private."""
        ...

    def rows(
        self, indices: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Returns inputs and labels of the usable ones of some rows."""
        ...


class KeyedNoiseOptimizer(DPOptimizer):  # type: ignore[misc]  # Opacus is untyped
    """Opacus' optimizer with our noise, our zeros for NaN, and a public divisor.

    Args:
        optimizer: takes the step; plain SGD.
        settings: clipping, noise and the expected batch size.
        stream: source of the noise.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        *,
        settings: PrivateSteps,
        stream: RandomStream,
    ) -> None:
        super().__init__(
            optimizer,
            noise_multiplier=settings.noise_multiplier,
            max_grad_norm=settings.clipping_norm,
            expected_batch_size=settings.expected_batch_size,
            loss_reduction="mean",
        )
        self._noise_std = settings.noise_standard_deviation()
        self._stream = stream

    @property
    def accumulated_iterations(self) -> int:
        """One: the microbatches of a step are parts of a single sum."""
        return 1

    def start_step(self) -> None:
        """Sets the clipped sums to zero; an empty batch leaves them so."""
        self.zero_grad(set_to_none=True)
        for parameter in self.params:
            parameter.summed_grad = torch.zeros_like(parameter)

    def clip_and_accumulate(self) -> None:
        """Adds the clipped per-example gradients of the last backward pass."""
        samples: list[Tensor] = [sample.flatten(1) for sample in self.grad_samples]
        norms = torch.linalg.vector_norm(
            torch.stack([torch.linalg.vector_norm(s, dim=1) for s in samples]), dim=0
        )
        coefficients = clipping_coefficients(norms, self.max_grad_norm)
        bad_rows = ~torch.isfinite(norms)
        for parameter, sample in zip(self.params, samples, strict=True):
            if bad_rows.any():
                sample[bad_rows] = 0  # 0 * NaN is NaN: a coefficient is not enough
            parameter.summed_grad += (coefficients @ sample).view_as(parameter)
            parameter.grad_sample = None

    def add_noise(self) -> None:
        """Puts clipped sum plus noise into ``grad``, all parameters in one draw."""
        sizes = [parameter.numel() for parameter in self.params]
        noise = torch.from_numpy(self._stream.normal(sum(sizes))) * self._noise_std
        for parameter, part in zip(self.params, torch.split(noise, sizes), strict=True):
            parameter.grad = parameter.summed_grad + part.view_as(parameter)

    def finish_step(self) -> None:
        """Adds noise, divides by the expected batch size, and steps."""
        self.add_noise()
        self.scale_grad()
        self.original_optimizer.step()


MakeOptimizer = Callable[[nn.Module, PrivateSteps], torch.optim.Optimizer]


def _plain_sgd(student: nn.Module, settings: PrivateSteps) -> torch.optim.Optimizer:
    return torch.optim.SGD(student.parameters(), lr=settings.learning_rate)


def revisit(
    student: nn.Module,
    data: Examples,
    settings: PrivateSteps,
    stream: RandomStream,
    *,
    microbatch_size: int | None = None,
    optimizer: MakeOptimizer = _plain_sgd,
) -> None:
    """Trains ``student`` in place on private data, with noise.

    Args:
        student: passed the independence test; maps [batch, ...] to logits.
        data: private data; read only where the stream samples it.
        settings: public constants of the steps.
        stream: source of samples and noise.
        microbatch_size: rows at a time, to bound memory; the sums do not depend on
            it. None takes what suits the model.
        optimizer: takes the step with the noised sum, divided by the expected batch
            size, as gradient: post-processing.
    """
    student.train()
    size = microbatch_size or grad_sample_mode(student).microbatch_size
    private = KeyedNoiseOptimizer(
        optimizer(student, settings), settings=settings, stream=stream
    )
    with per_example_gradients(student, private) as accumulate:
        for _ in range(settings.steps):
            sample = stream.poisson_sample(len(data), settings.sampling_probability)
            private.start_step()
            for inputs, labels in _microbatches(data, sample, size):
                accumulate(inputs, labels)
            failpoint("site.mid-step")
            private.finish_step()


def clipped_sum(
    student: nn.Module, inputs: Tensor, labels: Tensor, *, clipping_norm: float
) -> list[Tensor]:
    """Returns the sum of clipped gradients without noise; it never leaves a site.

    Args:
        student: maps [batch, ...] to logits; left as it is.
        inputs: float32 [batch, ...].
        labels: int64 [batch].
        clipping_norm: L2 bound of an example's gradient, > 0.

    Returns:
        One tensor a parameter, each of the parameter's shape.
    """
    settings = PrivateSteps(
        steps=1,
        sampling_probability=1,
        expected_batch_size=1,
        clipping_norm=clipping_norm,
        noise_multiplier=0,
        learning_rate=1,
    )
    optimizer = KeyedNoiseOptimizer(
        _plain_sgd(student, settings),
        settings=settings,
        stream=RandomStream(bytes(KEY_BYTES)),  # nothing is drawn from it
    )
    student.train()
    with per_example_gradients(student, optimizer) as accumulate:
        optimizer.start_step()
        accumulate(inputs, labels)
        return [parameter.summed_grad for parameter in optimizer.params]


def _microbatches(
    data: Examples, sample: NDArray[np.int64], size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    for start in range(0, len(sample), size):
        inputs, labels = data.rows(sample[start : start + size])
        if len(labels):  # convolutions refuse a batch of none
            yield torch.from_numpy(inputs), torch.from_numpy(labels)
