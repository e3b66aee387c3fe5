"""Models of the user's own, ``module:factory``, which a simulation's config may name.

A simulation runs on the machine of whoever wrote its config, so that the code is his. A
deployed site never comes here: its model is what its own policy says (design, section
5, rule 12).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import nn

from client.training.independence import model_problems
from common.code_names import is_code_name
from common.config import Config
from common.errors import ConfigError
from common.losses import hard_cross_entropy
from common.models.zoo import Builder, build_model
from common.own_code import import_callable, in_one_line
from common.own_model import build_own_model
from common.weights import load_into, to_bytes

CONSEQUENCE = "Nothing was run."
_ADVICE = (
    "a batch may hold one example: use GroupNorm or LayerNorm in place of batch "
    "statistics, or resnet8 of the zoo"
)


def load_factory(name: str) -> Builder:
    """Returns the user's builder of (input_shape, num_classes).

    Args:
        name: ``module:factory``, in the current folder or the environment.

    Raises:
        ConfigError: there is no such module or attribute, its import fails, or it
            cannot be called. The builder itself raises it where the factory fails, or
            gives something else than a torch module.
    """
    try:
        factory = import_callable(name)
    except ValueError as error:
        raise _fault(name, str(error)) from error
    return partial(_build, name, factory)


def site_model(name: str) -> str | Builder:
    """Returns what a site's policy holds for a model: a zoo name, or a builder.

    Raises:
        ConfigError: as :func:`load_factory`.
    """
    return load_factory(name) if is_code_name(name) else name


def build_site_model(
    name: str, *, input_shape: tuple[int, ...], num_classes: int, seed: int
) -> nn.Module:
    """Returns a zoo model or one of the user's own, with seeded initial weights.

    Args:
        name: an entry of ``models`` in a config.
        input_shape: shape of one example.
        num_classes: number of classes.
        seed: public seed of torch's generator while the model is built.

    Raises:
        ConfigError: a model of the user's own that cannot be imported or built.
        ValueError: a zoo model that does not fit the examples.
    """
    if not is_code_name(name):
        return build_model(
            name, input_shape=input_shape, num_classes=num_classes, seed=seed
        )
    factory = load_factory(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return factory(input_shape, num_classes)


def build_checked(
    name: str, *, input_shape: tuple[int, ...], num_classes: int, seed: int
) -> nn.Module:
    """Returns what :func:`build_site_model` does, once it has been tried.

    Args:
        name: as there.
        input_shape: as there.
        num_classes: as there.
        seed: as there.

    Raises:
        ConfigError: as there, or a model of the user's own that does not map examples
            to logits, cannot learn from one example, or cannot be kept in a file.
        ValueError: as there.
    """
    model = build_site_model(
        name, input_shape=input_shape, num_classes=num_classes, seed=seed
    )
    if is_code_name(name):
        _try_out(name, model, input_shape=input_shape, num_classes=num_classes)
    return model


def require_own_models(
    config: Config, *, input_shape: tuple[int, ...], num_classes: int
) -> None:
    """Makes sure that the sites can have the user's own models, before anything runs.

    Args:
        config: names the models.
        input_shape: shape of one example.
        num_classes: number of classes.

    Raises:
        ConfigError: one that cannot be imported, built or used, or that cannot be
            trained with noise although the run does that.
    """
    is_noisy = config.privacy.mechanism != "none" and not config.has_heads
    for name in filter(is_code_name, dict.fromkeys(config.site_models)):
        model = build_checked(
            name, input_shape=input_shape, num_classes=num_classes, seed=config.seed
        )
        problems = (
            model_problems(model, input_shape=input_shape, num_classes=num_classes)
            if is_noisy
            else ()
        )
        if problems:
            raise _fault(name, problems[0].removesuffix("."))


def _build(
    name: str,
    factory: Callable[..., object],
    input_shape: tuple[int, ...],
    num_classes: int,
) -> nn.Module:
    try:
        return build_own_model(factory, input_shape, num_classes, folder=Path.cwd())
    except ValueError as error:
        raise _fault(name, str(error)) from error


def _try_out(
    name: str, model: nn.Module, *, input_shape: tuple[int, ...], num_classes: int
) -> None:
    """Raises ConfigError unless a model maps examples to logits and can learn."""
    probe = copy.deepcopy(model)
    if not any(parameter.requires_grad for parameter in probe.parameters()):
        raise _fault(name, "it has no parameters to train")
    # One row in training mode: the last batch of a pass may be as small.
    for rows, is_training in ((2, False), (1, True)):
        probe.train(is_training)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            inputs = torch.rand(rows, *input_shape)
            try:
                logits = probe(inputs)
            except Exception as error:
                mode = f"training mode; {_ADVICE}" if is_training else "evaluation mode"
                raise _fault(
                    name,
                    f"it fails on examples of shape {tuple(inputs.shape)} "
                    f"({in_one_line(error).rstrip('.')}) in {mode}",
                ) from error
        _check_logits(name, logits, shape=(rows, num_classes))
    try:
        loss = hard_cross_entropy(logits, torch.zeros(1, dtype=torch.int64)).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        load_into(probe, to_bytes(probe))
    except Exception as error:  # safetensors knows no tied weights, for one
        raise _fault(
            name, f"it cannot be trained, or kept in a file ({in_one_line(error)})"
        ) from error


def _check_logits(name: str, logits: object, *, shape: tuple[int, ...]) -> None:
    if not isinstance(logits, torch.Tensor):
        raise _fault(name, f"it answers with a {type(logits).__name__}, no tensor")
    if tuple(logits.shape) != shape or logits.dtype != torch.float32:
        raise _fault(
            name,
            f"it answers with {str(logits.dtype).removeprefix('torch.')} of shape "
            f"{tuple(logits.shape)}, must be float32 logits of shape {shape}",
        )
    if not bool(torch.isfinite(logits).all()):
        raise _fault(name, "it answers with NaN or infinity")


def _fault(name: str, fault: str) -> ConfigError:
    return ConfigError(f'models = "{name}": {fault}. {CONSEQUENCE}')
