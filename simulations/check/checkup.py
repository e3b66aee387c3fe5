"""The whole check, a finding at a time; nothing is trained and nothing leaves."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from common.config import Config
from common.errors import DataError
from common.findings import Level
from server.planning import make_run_plan
from simulations.check.finding import Finding, Group
from simulations.check.of_config import config_findings
from simulations.check.of_cost import cost_findings
from simulations.check.of_data import load_for_check
from simulations.check.of_head import head_findings
from simulations.check.of_models import build_for_check
from simulations.check.of_privacy import outlook, privacy_findings
from simulations.check.of_public_data import load_public_for_check

_CONSEQUENCE = " Nothing was run."


def check(config: Config) -> Iterator[Finding]:
    """Yields what there is to say about a run, group by group.

    Data are read, since their shape decides on models and bytes; of private examples
    only the counts are told. Where they are at the sites, what a simulation would cost
    here is left out. Without data the rest cannot be said.

    Args:
        config: a valid one.
    """
    torch.set_num_threads(1)  # as a run does, whose seconds are told
    yield from config_findings(config)
    try:
        load = load_public_for_check if config.data.is_at_sites else load_for_check
        parts, of_data = load(config)
    except DataError as error:
        for line in str(error).splitlines():
            text = line.removesuffix(_CONSEQUENCE)
            yield Finding(group=Group.DATA, level=Level.ERROR, text=text)
        return
    yield from of_data
    models, of_models = build_for_check(config, parts)
    yield from of_models
    try:
        plan = make_run_plan(config, parts.transfer, num_classes=parts.num_classes)
    except DataError as error:  # features that do not fit the examples
        text = str(error).removesuffix(_CONSEQUENCE)
        yield Finding(group=Group.HEAD, level=Level.ERROR, text=text)
        return
    ahead = outlook(config, plan)
    yield from privacy_findings(config, plan, ahead)
    yield from head_findings(config, plan, parts, ahead)
    yield from cost_findings(config, plan, parts, models)
