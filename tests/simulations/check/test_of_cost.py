"""What a run would cost, against what one costs."""

import pytest

from simulations.check.of_cost import cost_findings
from simulations.check.of_features import seconds_of_features
from simulations.check.of_models import build_for_check
from simulations.check.timing import seconds_per_round
from simulations.check.traffic import forecast_traffic
from simulations.federation import run_federation
from tests.simulations.check.tools import HEADS, prepared

SOFTWARE_BYTES = 60  # the one text of a run that a forecast cannot know


def _figures(**changes):
    config, parts, plan = prepared(**changes)
    models, _ = build_for_check(config, parts)
    found = list(cost_findings(config, plan, parts, models))
    return {name: value for one in found for name, value in one.figures.items()}


@pytest.mark.e2e
@pytest.mark.parametrize(
    "codec", [{}, {"codec__name": "logit", "codec__bits": 8}, {"round__fraction": 0.6}]
)
def test_bytes_are_those_of_the_run(tmp_path, codec):
    """Up and down, hello and finish included, to a few bytes a message."""
    config, _, _ = prepared(**codec)
    expected = _figures(**codec)

    federation = run_federation(
        config.with_overrides({"output": str(tmp_path / "run")})
    )

    messages = config.sites * (2 + config.rounds)
    assert federation.bytes_up == pytest.approx(
        expected["run_bytes_up"], abs=messages * SOFTWARE_BYTES
    )
    assert federation.bytes_down == pytest.approx(
        expected["run_bytes_down"], abs=messages * SOFTWARE_BYTES
    )


def test_bytes_follow_the_codec():
    """8 bits are a quarter of 32, but for what goes around them."""
    config, parts, plan = prepared()
    packed, _, packed_plan = prepared(codec__name="logit", codec__bits=8)

    whole = forecast_traffic(config, plan, parts.transfer)
    small = forecast_traffic(packed, packed_plan, parts.transfer)

    payload = config.transfer.per_round * parts.num_classes
    assert whole.up - small.up == pytest.approx(3 * payload, abs=100)
    assert whole.run_up > config.rounds * whole.up


def test_memory_holds_the_data_and_the_gradients_of_a_microbatch():
    """Larger batches of a model with hooks take more."""
    small = _figures(models="cnn:3", train__batch_size=2)["memory_bytes"]
    large = _figures(models="cnn:3", train__batch_size=40)["memory_bytes"]

    assert large - small == 4 * 38 * 6090


def test_time_grows_with_the_steps():
    """Ten times the epochs take several times as long, on any machine."""
    config, parts, plan = prepared(models="cnn:3", distill__epochs=1)
    longer, _, longer_plan = prepared(
        models="cnn:3", distill__epochs=1, train__epochs=50
    )
    models, _ = build_for_check(config, parts)

    once = seconds_per_round(config, plan, parts, models)
    often = seconds_per_round(longer, longer_plan, parts, models)

    assert 0 < 2 * once < often


def test_heads_cost_features_and_no_private_steps():
    """Only the global student learns by gradient descent, where it is a model."""
    config, parts, plan = prepared(**HEADS)

    assert seconds_per_round(config, plan, parts, {}) == 0
    assert seconds_of_features(plan.head, parts) > 0
