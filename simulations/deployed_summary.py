"""The figures of a deployed run, from what the coordinator knows.

No site tells what it spent or how well it does. So there are no local students and no
baselines, and the privacy figures are what the sites promised at hello, as the server
counts it: the most that each can have spent in the rounds in which it was asked, the
one included that the run broke off in.
"""

from __future__ import annotations

from collections.abc import Collection

from common.config import Config
from common.data.parts import load_public_parts
from common.errors import DataError
from common.run_folder import RunFolder
from server.checkpoint import checkpoint_path, load_checkpoint
from server.planning import make_run_plan
from server.privacy_forecast import forecast
from server.round_state import RoundState
from simulations.baseline_figures import BaselineFigures
from simulations.rounds import RoundFigures, read_rounds
from simulations.summary import GlobalStudentFigures, PrivacyFigures, Summary
from simulations.wire_figures import byte_figures


def summarise_deployed(
    config: Config, folder: RunFolder, *, federation: Collection[str] = ()
) -> Summary:
    """Returns the figures of a deployed run, finished or not.

    Args:
        config: of the run.
        folder: its run folder, with metrics and checkpoint.
        federation: names of all sites that could have taken part.

    Raises:
        DataError: no round has finished, or a file cannot be read.
    """
    state = load_checkpoint(checkpoint_path(folder))
    if state is None or state.consensus is None:
        raise DataError(f"{folder.root} has no finished round. No summary was written.")
    # The checkpoint comes first: a line may be missing in the file of metrics.
    rounds = read_rounds(folder.metrics)[: state.round_number]
    if not rounds:
        raise DataError(f"{folder.metrics} holds no round. No summary was written.")
    return Summary(
        name=config.name,
        run_id=config.run_id,
        seed=config.seed,
        rounds=len(rounds),
        global_student=GlobalStudentFigures(
            test_accuracy=rounds[-1].global_student.test_accuracy
        ),
        local_students=None,
        baselines=BaselineFigures(),
        privacy=_privacy(config, state, rounds),
        bytes=byte_figures(
            config,
            state,
            rounds,
            num_classes=state.consensus.num_classes,
        ),
        seconds=round(sum(one.seconds for one in rounds), 1),
        sites=tuple(sorted(state.promises)),
        never_came=tuple(sorted(set(federation) - state.promises.keys())),
    )


def _privacy(
    config: Config, state: RoundState, rounds: tuple[RoundFigures, ...]
) -> PrivacyFigures:
    exhausted = [one.round for one in rounds if one.exhausted]
    spent = _spent(config, state)
    return PrivacyFigures(
        mechanism=config.privacy.mechanism,
        max_epsilon=max(spent),
        sum_epsilon=sum(spent),
        delta=config.privacy.delta,
        unit=config.privacy.unit,
        budget_exhausted_at_round=min(exhausted, default=None),
    )


def _spent(config: Config, state: RoundState) -> list[float]:
    """Returns the most that each site can have spent, in the order of their names."""
    transfer = load_public_parts(config).transfer
    num_classes = state.consensus.num_classes if state.consensus else 0
    plan = make_run_plan(config, transfer, num_classes=num_classes)
    promises = [promise for _, promise in sorted(state.promises.items())]
    return [forecast([promise], plan).epsilon for promise in promises]
