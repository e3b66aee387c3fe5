"""Sweeps and probes on a few digits, in place of hours on MNIST."""

from dataclasses import replace

from common.config import Config
from simulations.frontier.sweeps import SweepSpec
from tests.simulations.tiny import tiny_config

HEADS = {"privacy__mechanism": "dp-head", "head__features": "pixels", "rounds": 0}
HEADS |= {"fedavg__rounds": 2}


def head_config(**changes) -> Config:
    """Three sites with additive heads on pixels, dealt out by Dirichlet 0.5."""
    return tiny_config(**HEADS | changes)


class DigitsSpec(SweepSpec):
    """A sweep that looks like the real one and trains on digits."""

    def base(self, data):
        """The tiny config, whatever is in the folder."""
        return head_config() if not self.students else tiny_config(rounds=1)


def digits_spec(spec: SweepSpec, **changes) -> DigitsSpec:
    """The same sweep on digits."""
    names = SweepSpec.__dataclass_fields__
    made = DigitsSpec(**{name: getattr(spec, name) for name in names})
    return replace(made, **changes)
