"""The round driver: hello, rounds, finish.

It moves messages and writes files; what a round computes is in pure functions beside
it. A run that is killed at any point and resumed sends byte for byte the requests that
it would have sent: everything in them follows from the config and the checkpoint, so
sites that answered before answer again from their outbox, at no cost.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from flwr.serverapp import Grid

from common.atomic_file import write_atomically
from common.codec import CODECS
from common.config import Config
from common.data.describe import describe
from common.data.examples import LabelledExamples
from common.data.parts import PublicParts
from common.errors import QuorumMissedError
from common.run_folder import RunFolder
from common.student_file import student_to_bytes
from server import metrics
from server.aggregation.rules import make_consensus, make_rule
from server.answers import Answers, sort_answers
from server.checkpoint import checkpoint_path, load_checkpoint, save_checkpoint
from server.cohort import Cohort, draw_cohort, require_quorum
from server.exchange import Exchange
from server.global_student import new_global_student
from server.ledger_lengths import addressed_to, after_hello, after_round
from server.output import open_run_folder
from server.planning import make_run_plan
from server.privacy_forecast import forecast
from server.progress import announce
from server.promises import after_asking
from server.requests import finish_request, reply_limit, round_request
from server.roll_call import HELLO_BYTES, Member, RollCall
from server.round_state import RoundResult, RoundState
from server.selection import select_indices
from server.traffic import Traffic
from server.validation import Asked

log = logging.getLogger("fedstill.server")


class RoundDriver:
    """Runs one experiment over a Grid and leaves a run folder.

    Args:
        grid: Flower's Grid; any engine's.
        config: the experiment.
        parts: transfer set, validation and test examples; nothing private.
        clock: seconds on a clock that never goes back.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        grid: Grid,
        config: Config,
        parts: PublicParts,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._config = config
        self._parts = parts
        self._plan = make_run_plan(
            config, parts.transfer, num_classes=parts.num_classes
        )
        self._codec = CODECS[self._plan.codec]
        self._rule = make_rule(
            config.aggregation_rule,
            temperature=config.aggregation.temperature,
            power=config.aggregation.power,
        )
        self._student = new_global_student(config, parts, self._plan)
        self._exchange = Exchange(grid, clock=clock, sleep=sleep)
        self._roll_call = RollCall(
            self._exchange,
            self._plan,
            parts.transfer,
            deadline=config.round.deadline,
        )
        self._folder = open_run_folder(config)

    @property
    def folder(self) -> RunFolder:
        """The run folder, which this run has claimed."""
        return self._folder

    def run(self) -> RoundState:
        """Runs every round that is left, and the finish; returns the last state.

        Raises:
            RefusedBySitesError: no site agrees to the run plan.
            QuorumMissedError: too few sites answered; the checkpoint stays, and the
                student of the rounds before is written.
        """
        state = self._begin()
        if state.round_number == self._plan.rounds:
            self._write_student()
        if state.is_finished:
            return state
        self._roll_call.gather(sites=self._config.sites)
        hello = self._exchange.take_traffic()
        state = self._run_rounds(replace(state, traffic=state.traffic + hello))
        return self._finish(state)

    def _begin(self) -> RoundState:
        """Returns the checkpoint's state, or the first one."""
        path = checkpoint_path(self._folder)
        state = load_checkpoint(path) or RoundState(
            run_id=self._plan.run_id,
            round_number=0,
            student=self._student.to_bytes(),
            consensus=None,
        )
        self._student.load(state.student)
        metrics.rewrite(self._folder.metrics, state.lines)
        return state

    def _run_rounds(self, state: RoundState) -> RoundState:
        try:
            while state.round_number < self._plan.rounds:
                state = self._next_round(state)
        except QuorumMissedError:
            if state.round_number:  # what was learned so far is worth something
                self._write_student()
            raise
        self._write_student()
        return state

    def _next_round(self, state: RoundState) -> RoundState:
        started = self._exchange.now()
        result, state = self._round(state, state.round_number + 1, started=started)
        # The checkpoint comes first: the file of metrics is a view of it.
        self._save(state)
        metrics.append_line(self._folder.metrics, state.lines[-1])
        log.info(state.lines[-1])
        announce(result)
        return state

    def _accuracy(self, examples: LabelledExamples | None) -> float | None:
        return None if examples is None else self._student.accuracy(examples)

    def _round(
        self, state: RoundState, round_number: int, *, started: float
    ) -> tuple[RoundResult, RoundState]:
        present = self._roll_call.wait_for_anyone()
        unasked = self._roll_call.absent(present, asked_before=state.promises)
        turned_away = self._roll_call.turned_away()
        cohort = draw_cohort(
            present,
            fraction=self._config.round.fraction,
            run_seed=self._config.seed,
            round_number=round_number,
        )
        promises = after_asking(state.promises, cohort, present)
        # Counted before it is asked, as a site charges before it trains.
        self._save(replace(state, promises=promises))
        lengths = after_hello(state.ledger_entries, present)
        answers = self._ask(state, cohort, present, lengths)
        require_quorum(
            cohort,
            accepted=len(answers.replies),
            quorum=self._config.round.quorum,
        )
        consensus = make_consensus(answers.replies, self._rule)
        self._student.learn(consensus, round_number=round_number)
        result = RoundResult(
            cohort=cohort,
            accepted=answers.accepted,
            rejections=answers.rejections,
            silent=answers.silent,
            unasked=unasked,
            turned_away=turned_away,
            exhausted=answers.exhausted,
            test_accuracy=self._accuracy(self._parts.test),
            validation_accuracy=self._accuracy(self._parts.validation),
            privacy=forecast(promises.values(), self._plan),
            traffic=self._exchange.take_traffic()
            + Traffic(soft_labels_up=answers.soft_label_bytes),
            seconds=self._exchange.now() - started,
        )
        return result, RoundState(
            run_id=state.run_id,
            round_number=round_number,
            student=self._student.to_bytes(),
            consensus=consensus,
            lines=(*state.lines, metrics.metrics_line(result)),
            promises=promises,
            ledger_entries=after_round(lengths, answers.replies),
            traffic=state.traffic + result.traffic,
        )

    def _ask(
        self,
        state: RoundState,
        cohort: Cohort,
        present: Mapping[str, Member],
        lengths: Mapping[str, int],
    ) -> Answers:
        asked = Asked(
            run_id=self._plan.run_id,
            round_number=cohort.round_number,
            transfer_set_id=self._plan.transfer_set_id,
            indices=select_indices(
                run_seed=self._config.seed,
                round_number=cohort.round_number,
                transfer_size=self._plan.transfer_size,
                per_round=self._config.transfer.per_round,
            ),
            num_classes=self._plan.num_classes,
            temperature=self._plan.temperature,
            codec=self._codec,
        )
        request = round_request(asked, state.consensus)
        asked_sites = {name: present[name] for name in cohort.site_names}
        arrivals = self._exchange.ask(
            addressed_to(asked_sites, request, lengths),
            deadline=self._config.round.deadline,
            max_bytes=reply_limit(asked),
            group=f"round-{cohort.round_number}",
        )
        nodes = {name: member.node_id for name, member in asked_sites.items()}
        answers = sort_answers(arrivals, nodes=nodes, asked=asked)
        for rejection in answers.rejections:
            log.warning(rejection.detail)
        return answers

    def _write_student(self) -> None:
        student = self._student.whole()
        name = self._config.global_student_model
        content = student_to_bytes(student, describe(self._parts, name, student))
        write_atomically(self._folder.global_student, content)

    def _finish(self, state: RoundState) -> RoundState:
        """Sends the last consensus to every connected site; none has to answer."""
        request = finish_request(
            state, codec=self._codec, num_classes=self._plan.num_classes
        )
        present = self._roll_call.present()
        lengths = after_hello(state.ledger_entries, present)
        self._exchange.ask(
            addressed_to(present, request, lengths),
            deadline=self._config.round.deadline,
            max_bytes=HELLO_BYTES,
            group="finish",
        )
        traffic = state.traffic + self._exchange.take_traffic()
        state = replace(state, traffic=traffic, is_finished=True)
        self._save(state)
        return state

    def _save(self, state: RoundState) -> None:
        save_checkpoint(checkpoint_path(self._folder), state)
