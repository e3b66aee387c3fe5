"""What a run sent over the wire, from its checkpoint and its rounds."""

from __future__ import annotations

from collections.abc import Sequence

from common.config import Config
from server.round_state import RoundState
from simulations.rounds import RoundFigures
from simulations.summary import ByteFigures

FLOAT32_BYTES = 4


def byte_figures(
    config: Config,
    state: RoundState,
    rounds: Sequence[RoundFigures],
    *,
    num_classes: int,
) -> ByteFigures:
    """Returns the bytes of a run, beside what others would have sent.

    Args:
        config: of the run.
        state: of the last finished round.
        rounds: all finished rounds.
        num_classes: number of classes.
    """
    replies = sum(one.accepted for one in rounds)
    total = state.traffic
    return ByteFigures(
        up=total.up,
        down=total.down,
        soft_labels_up=total.soft_labels_up,
        float32_equivalent_up=replies
        * config.transfer.per_round
        * num_classes
        * FLOAT32_BYTES,
        fedavg_equivalent_up=replies * len(state.student),
    )
