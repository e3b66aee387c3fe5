"""Bytes of a reply against those of DP-FedAvg of a network, a site and a round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from common.codec import CODECS
from common.config import Config
from common.models.zoo import build_model
from common.weights import to_bytes
from simulations.frontier.probes import ProbeTask
from simulations.frontier.tables import reply_bytes
from simulations.tradeoff.cells import Row

WIDE, PACKED = "bytes-1000-32", "bytes-300-8"  # probes that the claims are about
MOST_LOSS, TIMES_FEWER = 0.005, 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What one site sends in one round.

    Attributes:
        reply: bytes of its reply, as serialised.
        fedavg: what DP-FedAvg would send: weights in the same envelope.
    """

    reply: float
    fedavg: float

    @property
    def times_fewer(self) -> float:
        """How many replies weigh as much as the weights."""
        return self.fedavg / self.reply


def weight_bytes(model: str, *, input_shape: tuple[int, ...], num_classes: int) -> int:
    """Returns the bytes of a network's weights, as a file."""
    network = build_model(
        model, input_shape=input_shape, num_classes=num_classes, seed=0
    )
    return len(to_bytes(network))


def traffic_of(
    rows: Iterable[Row], config: Config, *, weights: int, num_classes: int
) -> Traffic | None:
    """Returns the bytes of a probe; None if it never ran through.

    Args:
        rows: its cells; all send equally much.
        config: of any of them.
        weights: bytes of the network's weights.
        num_classes: number of classes.
    """
    found = (reply_bytes(row, sites=config.sites) for row in rows)
    reply = next((one for one in found if one is not None), None)
    if reply is None:
        return None
    codec = CODECS[config.codec_name]
    payload = codec.payload_bytes(config.transfer.per_round, num_classes)
    return Traffic(reply=reply, fedavg=weights + reply - payload)


def traffic_by_probe(
    tasks: Iterable[ProbeTask],
    rows: Mapping[str, Sequence[Row]],
    *,
    weights: int,
    num_classes: int,
) -> dict[str, Traffic]:
    """Returns the bytes of every probe that ran through, by its name."""
    configs = {one.probe.name: one.task.config for one in tasks}
    found = {
        name: traffic_of(
            rows.get(name, ()), config, weights=weights, num_classes=num_classes
        )
        for name, config in configs.items()
    }
    return {name: one for name, one in found.items() if one is not None}
