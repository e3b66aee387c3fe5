"""What the tests of the check share: a small run, ready to be looked at."""

from common.data.parts import load_parts
from common.findings import Level
from server.planning import make_run_plan
from tests.simulations.tiny import tiny_config

HEADS = {
    "privacy__mechanism": "dp-head",
    "head__features": "pixels",
    "head__dimension": 12,
    "data__per_site": "100",
}


def prepared(**changes):
    """Config, parts and plan of a tiny run."""
    config = tiny_config(**changes)
    parts = load_parts(config)
    plan = make_run_plan(config, parts.transfer, num_classes=parts.num_classes)
    return config, parts, plan


def texts(findings, level=None):
    """The lines, of one level or of all."""
    return [one.text for one in findings if level in (None, one.level)]


def warnings(findings):
    """The lines that warn."""
    return texts(findings, Level.WARNING)
