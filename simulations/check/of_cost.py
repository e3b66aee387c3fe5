"""What a run would cost: bytes, memory, seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from torch import nn

from client.training.clipped_sums import GradSampleMode, grad_sample_mode
from common.byte_text import bytes_text
from common.config import Config
from common.data.parts import Parts, PublicParts
from common.features.recipe import MOST_DIMENSIONS
from common.findings import Level
from common.run_plan import RunPlan
from server.cohort import draw_cohort
from simulations.check.finding import Finding, Group
from simulations.check.of_features import number_of_examples, seconds_of_features
from simulations.check.timing import seconds_per_round
from simulations.check.traffic import SiteTraffic, forecast_traffic
from simulations.wording import seconds_text, times_text

# What Python, torch, Flower and Opacus hold once imported (measured, Linux, CPU).
LIBRARIES_BYTES = 600_000_000
FLOAT_BYTES = 4
_Line = partial(Finding, group=Group.COST)


def cost_findings(
    config: Config, plan: RunPlan, parts: PublicParts, models: Mapping[str, nn.Module]
) -> Iterator[Finding]:
    """Yields bytes of a run and, of a simulation, memory and seconds.

    Args:
        config: of the run.
        plan: of the run.
        parts: the data, held in memory; all of them in a simulation.
        models: the zoo models that could be built, by name.
    """
    traffic = forecast_traffic(config, plan, parts.transfer)
    yield _bytes_a_round(config, plan, traffic)
    yield _bytes_a_run(config, plan, traffic, models)
    if isinstance(parts, Parts):
        yield _memory(config, plan, parts, models)
        yield _seconds(config, plan, parts, models)


def _bytes_a_round(config: Config, plan: RunPlan, traffic: SiteTraffic) -> Finding:
    return _Line(
        level=Level.OK,
        text=f"A round and site: {bytes_text(traffic.up)} up, "
        f"{bytes_text(traffic.down)} down: soft labels of "
        f"{config.transfer.per_round:,} examples by codec {plan.codec}.",
        figures={"bytes_up": traffic.up, "bytes_down": traffic.down},
    )


def _bytes_a_run(
    config: Config,
    plan: RunPlan,
    traffic: SiteTraffic,
    models: Mapping[str, nn.Module],
) -> Finding:
    asked = len(
        draw_cohort(
            config.site_names,
            fraction=config.round.fraction,
            run_seed=config.seed,
            round_number=1,
        )
    )
    away = config.sites - asked  # in each round; hello and finish go to all
    spared_down = traffic.first_down + (plan.rounds - 1) * traffic.down
    up = config.sites * traffic.run_up - away * plan.rounds * traffic.up
    down = config.sites * traffic.run_down - away * spared_down
    text = f"The whole run: {bytes_text(up)} up, {bytes_text(down)} down."
    student = models.get(config.global_student_model)
    if student is not None:
        weights = FLOAT_BYTES * _parameters(student)
        text += (
            f" FedAvg of the global student would send {bytes_text(weights)} a round "
            f"and site, {times_text(weights / traffic.up)} times as much."
        )
    return _Line(
        level=Level.OK, text=text, figures={"run_bytes_up": up, "run_bytes_down": down}
    )


def _memory(
    config: Config, plan: RunPlan, parts: Parts, models: Mapping[str, nn.Module]
) -> Finding:
    examples = (parts.transfer, parts.validation, parts.test)
    public = sum(one.inputs.nbytes for one in examples)
    private = 2 * parts.private_pool.inputs.nbytes  # the pool, and each site's own
    head = gradients = 0
    if plan.head is not None:
        kept = (
            MOST_DIMENSIONS + plan.head.dimension
        )  # coordinates, and features of them
        head = FLOAT_BYTES * number_of_examples(parts) * kept
    elif plan.mechanism.is_private:
        gradients = max(
            (_gradient_bytes(config, plan, model) for model in models.values()),
            default=0,
        )
    total = LIBRARIES_BYTES + public + private + head + gradients
    shares = {
        "libraries": LIBRARIES_BYTES,
        "data": public + private,
        "features": head,
        "gradients": gradients,
    }
    shown = ", ".join(
        f"{what} {bytes_text(size)}" for what, size in shares.items() if size
    )
    return _Line(
        level=Level.OK,
        text=f"Memory: about {bytes_text(total)} ({shown}).",
        figures={"memory_bytes": total},
    )


def _gradient_bytes(config: Config, plan: RunPlan, model: nn.Module) -> int:
    """Returns what the gradients of a microbatch's examples take, one by one."""
    mode = grad_sample_mode(model)
    if mode is not GradSampleMode.HOOKS:
        return 0  # ghost clipping never holds them
    batch = plan.sampling_probability * max(config.nominal_examples)
    rows = min(mode.microbatch_size, round(batch))
    return FLOAT_BYTES * rows * _parameters(model)


def _seconds(
    config: Config, plan: RunPlan, parts: Parts, models: Mapping[str, nn.Module]
) -> Finding:
    seconds = seconds_per_round(config, plan, parts, models)
    once = 0.0 if plan.head is None else seconds_of_features(plan.head, parts)
    text = (
        f"Time: about {seconds_text(seconds)} a round and "
        f"{seconds_text(once + plan.rounds * seconds)} in all, by one step of each "
        "model timed here on random numbers."
    )
    if plan.head is not None:
        text = (
            f"Time: about {seconds_text(once)} for the features of all examples, made "
            "once (learning them, once a transfer set, comes on top); a round of "
            f"heads is small linear algebra. The global student takes "
            f"{seconds_text(seconds)} a round."
        )
    beside = " Baselines come on top." if config.baselines.enabled else ""
    return _Line(
        level=Level.OK,
        text=f"{text}{beside}",
        figures={
            "seconds_per_round": round(seconds, 3),
            "seconds_of_features": round(once, 3),
        },
    )


def _parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
