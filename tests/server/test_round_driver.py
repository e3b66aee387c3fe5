"""A whole run over a fake grid: what is asked, kept, survived and refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from flwr.app import Error, RecordDict

from common.config import Config
from common.envelope import Envelope, MessageKind
from common.errors import (
    OutputExistsError,
    QuorumMissedError,
    RefusedBySitesError,
)
from common.messages import RoundRequest
from common.run_folder import RunFolder
from common.student_file import load_student
from server.checkpoint import checkpoint_path, load_checkpoint
from server.progress import listening
from server.round_driver import RoundDriver
from server.round_state import RoundResult, RoundState
from tests.server.fake_grid import SILENT, FakeClock, FakeGrid, Node, Slow
from tests.server.sites import (
    GarblingSite,
    HonestSite,
    RefusingSite,
    small_config,
    small_parts,
)

NAMES = ("site-00", "site-01", "site-02", "site-03")


class Killed(BaseException):
    """Stands for a power cut: nothing of ours catches it."""


def honest_nodes(first_id: int = 100) -> dict[int, Node]:
    return {first_id + 7 * n: HonestSite(name) for n, name in enumerate(NAMES)}


class Run:
    """One process of a run: its grid, clock, listener and folder."""

    def __init__(self, folder: Path, nodes: dict[int, Node], **overrides: object):
        self.clock = FakeClock()
        self.grid = FakeGrid(nodes, self.clock)
        self.config: Config = small_config(output=str(folder), **overrides)
        self.folder = RunFolder(folder)
        self.parts = small_parts()
        self.results: list[RoundResult] = []
        self.after_round: Callable[[], object] = lambda: None

    def go(self) -> RoundState:
        with listening(self._listen):
            return RoundDriver(
                self.grid,
                self.config,
                self.parts,
                clock=self.clock.now,
                sleep=self.clock.sleep,
            ).run()

    def _listen(self, result: RoundResult) -> None:
        self.results.append(result)
        self.after_round()

    @property
    def lines(self) -> list[dict[str, object]]:
        text = self.folder.metrics.read_text()
        assert text.endswith("\n")
        return [json.loads(line) for line in text.splitlines()]

    @property
    def path(self) -> Path:
        return self.folder.global_student

    @property
    def student(self) -> bytes:
        return self.path.read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that nothing disturbed."""
    run = Run(tmp_path_factory.mktemp("whole") / "run", honest_nodes())
    run.go()
    return run


def test_leaves_a_run_folder(whole: Run) -> None:
    """Config, environment, metrics, student and checkpoint are there."""
    names = {path.name for path in whole.folder.root.iterdir()}

    assert names == {
        "config.toml",
        "environment.json",
        "metrics.jsonl",
        "global_student.safetensors",
        "checkpoint",
    }
    environment = json.loads(whole.folder.environment.read_text())
    assert environment["run_id"] == whole.config.run_id
    assert environment["versions"]["torch"].startswith("2.")


def test_the_global_student_learns(whole: Run) -> None:
    """Three rounds of consensus on three blobs beat chance by far."""
    last = whole.lines[-1]["global_student"]

    assert last["test_accuracy"] > 0.6  # type: ignore[index]


def test_a_line_has_exactly_the_agreed_keys(whole: Run) -> None:
    """Report and summary read metrics.jsonl and nothing else."""
    line = whole.lines[0]

    assert list(line) == [
        "round",
        "cohort",
        "accepted",
        "rejected",
        "silent",
        "rejections",
        "absences",
        "turned_away",
        "exhausted",
        "global_student",
        "privacy",
        "bytes",
        "seconds",
    ]
    assert list(line["global_student"]) == [  # type: ignore[call-overload]
        "test_accuracy",
        "validation_accuracy",
    ]
    assert list(line["privacy"]) == ["epsilon", "delta"]  # type: ignore[call-overload]
    assert list(line["bytes"]) == [  # type: ignore[call-overload]
        "up",
        "down",
        "soft_labels_up",
    ]
    assert [one["round"] for one in whole.lines] == [1, 2, 3]


def test_epsilon_grows_to_what_the_sites_promised(whole: Run) -> None:
    """Each round adds to epsilon, and the last one reaches the plan's."""
    spent = [line["privacy"]["epsilon"] for line in whole.lines]  # type: ignore[index]

    assert 0 < spent[0] < spent[1] < spent[2] <= 4.0
    assert spent[2] == pytest.approx(4.0, rel=0.005)


def test_listeners_hear_of_each_durable_round(whole: Run) -> None:
    """A progress bar sees the rounds in order, with the names behind the counts."""
    assert [result.round_number for result in whole.results] == [1, 2, 3]
    assert whole.results[0].accepted == NAMES


def test_every_message_of_the_run_is_counted(whole: Run) -> None:
    """Hello and finish included, bytes equal what went over the wire."""
    state = load_checkpoint(checkpoint_path(whole.folder))

    assert state is not None
    assert state.traffic.up == whole.grid.bytes_up
    assert state.traffic.down == whole.grid.bytes_down
    rounds = [line["bytes"] for line in whole.lines]
    assert state.traffic.soft_labels_up == sum(
        one["soft_labels_up"]  # type: ignore[index]
        for one in rounds
    )
    assert sum(one["up"] for one in rounds) < state.traffic.up  # type: ignore[index]


def test_each_site_hears_hello_then_rounds_then_finish(whole: Run) -> None:
    """One message out and one back per site and round."""
    for node_id in whole.grid.nodes:
        kinds = [
            request.kind for node, request in whole.grid.requests if node == node_id
        ]

        assert kinds == [
            MessageKind.HELLO,
            MessageKind.ROUND,
            MessageKind.ROUND,
            MessageKind.ROUND,
            MessageKind.FINISH,
        ]


def test_a_round_brings_the_consensus_of_the_round_before(whole: Run) -> None:
    """I_r goes out with the consensus of I_(r-1); the finish asks for nothing."""
    first, second, _ = (
        RoundRequest.from_envelope(request)
        for request in whole.grid.requests_of(100, MessageKind.ROUND)
    )
    finish = RoundRequest.from_envelope(
        whole.grid.requests_of(100, MessageKind.FINISH)[0]
    )

    assert first.consensus.shape == (0, 3)
    assert second.consensus_indices.tolist() == first.indices.tolist()
    assert second.consensus.shape == (20, 3)
    assert len(finish.indices) == 0
    assert finish.round_number == 3
    state = load_checkpoint(checkpoint_path(whole.folder))
    assert state is not None
    assert state.consensus is not None
    assert np.array_equal(finish.consensus, state.consensus.log_probabilities)


def test_messages_hold_neither_time_nor_flower_ids(whole: Run, tmp_path: Path) -> None:
    """Another hour and other nodes: the same requests and the same student."""
    other = Run(tmp_path / "run", dict(reversed(honest_nodes(2**63).items())))
    other.clock.seconds = 5e6

    other.go()

    assert hashes(other.grid) == hashes(whole.grid)
    assert other.student == whole.student
    assert other.folder.metrics.read_bytes() == whole.folder.metrics.read_bytes()


def hashes(grid: FakeGrid) -> dict[str, set[str]]:
    """Hashes of the requests that each site got, by site name."""
    sites = {node_id: site.name for node_id, site in grid.nodes.items()}  # type: ignore[attr-defined]
    result: dict[str, set[str]] = {name: set() for name in sites.values()}
    for node_id, request in grid.requests:
        result[sites[node_id]].add(request.sha256)
    return result


FAILPOINTS = {
    "server.mid-aggregate": "server.aggregation.rules.failpoint",
    "server.before-checkpoint-rename": "server.checkpoint.failpoint",
    "server.after-checkpoint-rename": "server.checkpoint.failpoint",
    "server.mid-metrics-line": "server.metrics.failpoint",
}


def _kill_at(name: str, visit: int) -> Callable[[str], None]:
    visits = iter(range(1, 100))

    def kill(reached: str) -> None:
        if reached == name and next(visits) == visit:
            raise Killed

    return kill


@pytest.mark.parametrize("visit", range(1, 8))
@pytest.mark.parametrize("name", FAILPOINTS)
def test_a_killed_run_resumes_to_the_same_bytes(
    whole: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    visit: int,
) -> None:
    """Wherever it dies: same requests, same student, each round once."""
    first = Run(tmp_path / "run", honest_nodes())
    with monkeypatch.context() as patch:
        patch.setattr(FAILPOINTS[name], _kill_at(name, visit))
        try:
            first.go()
        except Killed:
            was_killed = True
        else:
            was_killed = False

    second = Run(tmp_path / "run", honest_nodes(500), resume=True)
    second.go()

    # The checkpoint is reached twice a round, and once when all is done.
    assert was_killed == (visit < 4 or "checkpoint" in name)
    assert second.student == whole.student
    assert second.folder.metrics.read_bytes() == whole.folder.metrics.read_bytes()
    both = {
        site: hashes(first.grid)[site] | hashes(second.grid)[site] for site in NAMES
    }
    assert both == hashes(whole.grid)


def test_a_site_that_was_asked_counts_though_the_server_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have trained, and is away when the round is asked again."""
    first = Run(tmp_path / "run", honest_nodes())
    with monkeypatch.context() as patch:
        point = "server.mid-aggregate"
        patch.setattr(FAILPOINTS[point], _kill_at(point, 2))
        with pytest.raises(Killed):
            first.go()
    nodes = honest_nodes()
    del nodes[107]

    state = Run(tmp_path / "run", nodes, resume=True).go()

    asked = {name: promise.asked for name, promise in state.promises.items()}
    assert asked == {"site-00": 3, "site-01": 2, "site-02": 3, "site-03": 3}, (
        "Rule 11: a round in which a site may have trained is not counted."
    )


def test_resuming_a_finished_run_sends_nothing(whole: Run, tmp_path: Path) -> None:
    """The checkpoint has it all, even if student and metrics are lost."""
    first = Run(tmp_path / "run", honest_nodes())
    first.go()
    first.folder.global_student.unlink()
    with first.folder.metrics.open("a") as file:
        file.write('{"round": 3, "coh')

    second = Run(tmp_path / "run", {}, resume=True)
    second.go()

    assert second.grid.requests == []
    assert second.student == whole.student
    assert second.folder.metrics.read_bytes() == whole.folder.metrics.read_bytes()


def test_a_malformed_reply_is_dropped_and_the_round_goes_on(tmp_path: Path) -> None:
    """One NaN costs one site's voice in one round."""
    nodes = honest_nodes()
    nodes[114] = GarblingSite("site-02", rounds=frozenset({2}))
    run = Run(tmp_path / "run", nodes)

    run.go()

    assert [line["accepted"] for line in run.lines] == [4, 3, 4]
    assert run.lines[1]["rejected"] == 1
    assert run.lines[1]["rejections"] == [{"site": "site-02", "reason": "not-finite"}]
    assert run.results[1].rejections[0].detail == (
        "Reply of site-02 has a NaN or infinity, expected finite numbers. "
        "Reply dropped for round 2."
    )


@pytest.mark.parametrize(
    ("says", "key", "seconds"),
    [
        (lambda _: SILENT, "silent", 60.0),
        (lambda _: Error(2, "patient 17"), "rejected", 0.0),
        (lambda _: Error(5, "gone"), "rejected", 0.0),
        (lambda _: RecordDict(), "rejected", 0.0),
    ],
)
def test_a_site_that_fails_in_one_round_is_counted(
    tmp_path: Path, says: Node, key: str, seconds: float
) -> None:
    """Silent, failing and garbling sites are told apart, and the others go on."""
    run = Run(tmp_path / "run", honest_nodes())
    honest = run.grid.nodes[107]

    def fails_in_round_2(request: Envelope) -> object:
        fails = request.fields.get("round_number") == 2
        return says(request) if fails else honest(request)

    fails_in_round_2.name = "site-01"  # type: ignore[attr-defined]
    run.grid.nodes[107] = fails_in_round_2  # type: ignore[assignment]

    run.go()

    assert [line[key] for line in run.lines] == [0, 1, 0]
    assert [line["accepted"] for line in run.lines] == [4, 3, 4]
    assert run.lines[1]["seconds"] == pytest.approx(seconds, abs=0.1)
    assert "patient" not in run.folder.metrics.read_text()


def test_a_slow_site_is_waited_for_until_the_deadline(tmp_path: Path) -> None:
    """A quorum does not cut a round short: who answers in time counts."""
    nodes = honest_nodes()
    nodes[121] = Slow(nodes[121], 50.0)
    run = Run(tmp_path / "run", nodes)

    run.go()

    assert [line["accepted"] for line in run.lines] == [4, 4, 4]
    assert run.lines[0]["seconds"] == pytest.approx(50.0, abs=1.0)


def test_a_site_that_leaves_is_not_asked(tmp_path: Path) -> None:
    """A node that has gone is in no cohort, and nobody waits for it."""
    run = Run(tmp_path / "run", honest_nodes())
    run.after_round = lambda: run.grid.nodes.pop(107, None)

    run.go()

    assert [line["cohort"] for line in run.lines] == [4, 3, 3]
    assert run.lines[1]["seconds"] == 0.0


def test_a_site_that_joins_at_round_two_says_hello_first(tmp_path: Path) -> None:
    """A late joiner agrees to the plan and is asked in the same round."""
    nodes = honest_nodes()
    late = nodes.pop(121)
    run = Run(tmp_path / "run", nodes)
    run.after_round = lambda: run.grid.nodes.setdefault(121, late)

    run.go()

    assert [line["cohort"] for line in run.lines] == [3, 4, 4]
    kinds = [request.kind for node, request in run.grid.requests if node == 121]
    assert kinds[:2] == [MessageKind.HELLO, MessageKind.ROUND]


def test_a_fraction_of_the_sites_is_asked(tmp_path: Path) -> None:
    """Cohorts of half the sites, drawn by the seed and the sites' names."""
    options: dict[str, object] = {"round.fraction": 0.5, "rounds": 6}
    one = Run(tmp_path / "one", honest_nodes(), **options)
    two = Run(tmp_path / "two", honest_nodes(900), **options)

    one.go()
    two.go()

    cohorts = [result.cohort.site_names for result in one.results]
    assert {len(cohort) for cohort in cohorts} == {2}
    assert len(set(cohorts)) > 1
    assert cohorts == [result.cohort.site_names for result in two.results]
    assert one.student == two.student


def test_a_missed_quorum_stops_the_run_and_it_can_be_resumed(
    whole: Run, tmp_path: Path
) -> None:
    """The checkpoint stays at the last good round, and nothing else is lost."""
    nodes = honest_nodes()
    for number, node_id in enumerate((100, 107, 114)):
        nodes[node_id] = GarblingSite(NAMES[number], rounds=frozenset({2}))
    first = Run(tmp_path / "run", nodes)

    with pytest.raises(QuorumMissedError) as caught:
        first.go()
    assert str(caught.value) == (
        "Round 2 has 1 usable replies of 4 asked sites, round.quorum=0.5 needs 2. The "
        "run stops; its last checkpoint can be resumed."
    )
    assert len(first.lines) == 1
    one_round = load_student(first.folder.global_student)

    second = Run(tmp_path / "run", honest_nodes(), resume=True)
    second.go()

    assert second.student == whole.student
    inputs = torch.from_numpy(small_parts().transfer.inputs.copy())
    assert not torch.equal(one_round(inputs), load_student(second.path)(inputs))


def test_a_quorum_missed_at_once_leaves_no_student(tmp_path: Path) -> None:
    """What nobody has taught is worth nothing."""
    nodes: dict[int, Node] = {
        number: GarblingSite(name, rounds=frozenset({1}))
        for number, name in enumerate(NAMES)
    }
    run = Run(tmp_path / "run", nodes)

    with pytest.raises(QuorumMissedError):
        run.go()

    assert not run.folder.global_student.exists()


def test_whoever_is_missed_is_named_with_the_reason(tmp_path: Path) -> None:
    """Silent where it was asked, busy or not connected where it was not."""
    nodes = honest_nodes()
    run = Run(tmp_path / "run", nodes)
    answers = nodes[107]

    def silent_in_round_1(request: Envelope) -> object:
        is_round = request.kind is MessageKind.ROUND
        return SILENT if is_round and not run.results else answers(request)

    nodes[107] = silent_in_round_1  # type: ignore[assignment]
    run.after_round = lambda: nodes.pop(100, None)

    run.go()

    assert [line["absences"] for line in run.lines] == [
        [{"site": "site-01", "reason": "silent"}],
        [
            {"site": "site-00", "reason": "not-connected"},
        ],
        [{"site": "site-00", "reason": "not-connected"}],
    ]


@pytest.mark.parametrize(
    ("back", "absences", "turned_away"),
    [
        ({}, [{"site": "site-01", "reason": "not-connected"}], []),
        (
            {107: RefusingSite(NAMES[1])},
            [],
            [{"site": "site-01", "reason": "refused: plan-not-allowed"}],
        ),
    ],
)
def test_whoever_is_not_back_when_the_server_is_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    back: dict[int, Node],
    absences: list[dict[str, str]],
    turned_away: list[dict[str, str]],
) -> None:
    """It took part before, though it never said hello to this process."""
    first = Run(tmp_path / "run", honest_nodes())
    with monkeypatch.context() as patch:
        point = "server.mid-aggregate"
        patch.setattr(FAILPOINTS[point], _kill_at(point, 2))
        with pytest.raises(Killed):
            first.go()
    nodes = honest_nodes()
    del nodes[107]

    second = Run(tmp_path / "run", {**nodes, **back}, resume=True)
    second.go()

    assert [line["absences"] for line in second.lines] == [[], absences, absences]
    assert [line["turned_away"] for line in second.lines] == [
        [],
        turned_away,
        turned_away,
    ]


def test_a_site_that_does_not_take_part_is_named_with_its_reason(
    tmp_path: Path,
) -> None:
    """It refused at hello, and is never asked."""
    nodes = honest_nodes()
    nodes[107] = RefusingSite(NAMES[1])
    run = Run(tmp_path / "run", nodes)

    run.go()

    told = [{"site": "site-01", "reason": "refused: plan-not-allowed"}]
    assert [line["turned_away"] for line in run.lines] == 3 * [told]
    assert [line["cohort"] for line in run.lines] == 3 * [3]


def test_accuracy_is_null_where_there_is_nothing_to_measure_on(tmp_path: Path) -> None:
    """A coordinator without labelled examples still gets a student."""
    run = Run(tmp_path / "run", honest_nodes())
    run.parts = replace(run.parts, test=None, validation=None)

    run.go()

    assert [line["global_student"] for line in run.lines] == 3 * [
        {"test_accuracy": None, "validation_accuracy": None}
    ]
    assert run.folder.global_student.exists()


def test_a_run_refused_by_all_sites_trains_nothing(tmp_path: Path) -> None:
    """Refused in a valid config: exit code 3, and no student."""
    nodes: dict[int, Node] = {n: RefusingSite(name) for n, name in enumerate(NAMES)}
    run = Run(tmp_path / "run", nodes)

    with pytest.raises(RefusedBySitesError, match="No site takes part: 4 refused"):
        run.go()

    assert not run.folder.global_student.exists()


def test_sites_past_their_budget_are_counted_and_go_on(tmp_path: Path) -> None:
    """An exhausted budget does not fail a run, and epsilon stands still."""
    nodes: dict[int, Node] = {
        n: HonestSite(name, private_rounds=1) for n, name in enumerate(NAMES)
    }
    run = Run(tmp_path / "run", nodes)

    run.go()

    assert [line["exhausted"] for line in run.lines] == [0, 4, 4]
    spent = [line["privacy"]["epsilon"] for line in run.lines]  # type: ignore[index]
    assert spent[0] == spent[1] == spent[2]


def test_without_privacy_epsilon_is_null(tmp_path: Path) -> None:
    """JSON knows no infinity; null means that there is no guarantee."""
    run = Run(
        tmp_path / "run",
        honest_nodes(),
        **{"privacy.mechanism": "none", "allow-non-private": True},
    )

    run.go()

    assert run.lines[0]["privacy"] == {"epsilon": None, "delta": 0.001}


@pytest.mark.parametrize(
    ("rule", "codec"),
    [
        ("mean", "float16"),
        ("era", "float16"),
        ("enhanced-era", "float16"),
        ("log-opinion-pool", "float32"),
        ("log-opinion-pool", "logit"),
    ],
)
def test_every_rule_and_codec_runs(tmp_path: Path, rule: str, codec: str) -> None:
    """All rounds are accepted, whatever rule and codec the config names."""
    run = Run(
        tmp_path / "run",
        honest_nodes(),
        **{"aggregation.rule": rule, "codec.name": codec},
    )

    run.go()

    assert [line["accepted"] for line in run.lines] == [4, 4, 4]


def test_a_taken_run_folder_is_refused(whole: Run) -> None:
    """Without resume, a folder with a run is left as it is."""
    before = whole.folder.metrics.read_bytes()
    again = Run(whole.folder.root, honest_nodes())

    with pytest.raises(OutputExistsError) as caught:
        again.go()

    assert caught.value.exit_code == 2
    assert str(caught.value) == (
        f"Run folder {whole.folder.root} holds a run already. Continue it with "
        "--resume or choose another --output. Nothing was changed."
    )
    assert whole.folder.metrics.read_bytes() == before


def test_another_run_cannot_resume_a_folder(whole: Run) -> None:
    """Only the same config continues a run."""
    other = Run(whole.folder.root, honest_nodes(), resume=True, rounds=4)

    with pytest.raises(OutputExistsError, match="Only the same config can resume it"):
        other.go()
