"""Events, plans and budgets that the privacy tests share."""

from common.privacy.budget import PrivacyBudget
from common.privacy.events import Mechanism, PrivacyEvent, PrivacyUnit
from common.recipes import DistillationRecipe
from common.run_plan import RunPlan

DELTA = 1e-5


def event(
    noise_multiplier: float = 2.0,
    sampling_probability: float = 1.0,
    steps: int = 1,
    **fields: object,
) -> PrivacyEvent:
    """Returns a DP-SGD event; full batches unless told."""
    values: dict[str, object] = {"mechanism": Mechanism.DP_SGD, **fields}
    return PrivacyEvent(
        noise_multiplier=noise_multiplier,
        sampling_probability=sampling_probability,
        steps=steps,
        **values,
    )


def non_private_event() -> PrivacyEvent:
    """Returns one step without a guarantee."""
    return event(noise_multiplier=0.0, mechanism=Mechanism.NONE)


def plan(**changes: object) -> RunPlan:
    """Returns a plan of ten rounds of two full-batch steps at epsilon 1."""
    values: dict[str, object] = {
        "run_id": "run-a",
        "rounds": 10,
        "steps_per_round": 2,
        "sampling_probability": 1.0,
        "clipping_norms": (1.0,),
        "mechanism": Mechanism.DP_SGD,
        "epsilon": 1.0,
        "delta": DELTA,
        "noise_multiplier": 0.0,
        "unit": PrivacyUnit.EXAMPLE,
        "temperature": 1.0,
        "transfer_set_id": "transfer-set",
        "transfer_size": 100,
        "num_classes": 10,
        "mean_nominal_examples": 1000.0,
        "codec": "float32",
        "learning_rate": 0.1,
        "distillation": DistillationRecipe(epochs=1, learning_rate=0.01, batch_size=10),
        "seed": 1,
    }
    return RunPlan(**(values | changes))


def budget(epsilon: float = 4.0, delta: float = DELTA, **fields: object):
    """Returns a lifetime budget."""
    return PrivacyBudget(epsilon=epsilon, delta=delta, **fields)
