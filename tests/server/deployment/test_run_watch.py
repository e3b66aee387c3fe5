"""A run is followed to its end, whoever dies on the way."""

import json
import tomllib

import pytest

from common.config import Config
from common.deployment.layout import DeploymentFolder
from common.run_folder import RunFolder
from server.deployment.clock import Clock
from server.deployment.flower_answers import SuperLinkAwayError
from server.deployment.run_record import last_run_of
from server.deployment.run_watch import MOST_TRIES, RunWatch, Watcher
from server.outcome import RunState
from tests.server.deployment.flower_runs import FakeFlower, FakeServerApp, Time


class Scene:
    """A run, and all that a watcher was told."""

    def __init__(self, root, **flower):
        self.time = Time()
        self.flower = FakeFlower(**flower)
        self.deployment = DeploymentFolder(root / "deployment")
        self.deployment.apps.mkdir(parents=True)
        self.folder = RunFolder(root / "run")
        self.config = Config(name="x", engine="flower", rounds=3)
        self.rounds = []
        self.said = []

    def server_app(self):
        return FakeServerApp(self.folder, self.config)

    def watch(self, **more):
        return RunWatch(
            self.flower,
            self.deployment,
            self.config,
            self.folder,
            Watcher(
                on_line=lambda line: self.rounds.append(json.loads(line)["round"]),
                say=self.said.append,
            ),
            clock=Clock(now=self.time.now, sleep=self.time.sleep),
            **more,
        )

    def run(self, **more):
        watch = self.watch(**more)
        watch.start()
        return watch.follow()


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


def _works(scene, *, rounds=(1, 2, 3), ends=lambda app: app.end(RunState.COMPLETED)):
    """Has each new run's ServerApp finish some rounds, a second each, and end."""

    def on_start(_):
        app = scene.server_app()
        scene.time.after(1, app.begin)
        for place, number in enumerate(rounds):
            scene.time.after(2 + place, lambda n=number: app.finish_round(n))
        scene.time.after(2.5 + len(rounds), lambda: ends(app))

    return on_start


def test_every_round_is_told_once_and_in_order(scene):
    """From the start to the ServerApp's own word on its end."""
    scene.flower.on_start = _works(scene)

    outcome = scene.run()

    assert (outcome.state, outcome.exit_code) == (RunState.COMPLETED, 0)
    assert scene.rounds == [1, 2, 3]
    assert scene.said == []
    assert scene.flower.stopped == []


def test_first_start_sends_the_config_and_a_later_one_the_folder(scene):
    """The folder's own config counts from then on."""
    scene.flower.on_start = _works(scene, ends=lambda app: app.die())

    scene.run(tries=1)

    first, second = map(tomllib.loads, scene.flower.started)
    assert first["name"] == "x"
    assert first["output"] == str(scene.folder.root)
    assert second == {
        "resume-from": str(scene.folder.root),
        "output": str(scene.folder.root),
    }
    found = last_run_of(scene.deployment, scene.folder.root)
    assert found is not None
    assert found.flower_run_id == "2"


def test_killed_server_app_is_started_again(scene):
    """Within seconds, and the old run of Flower's is stopped first."""

    def on_start(number):
        if number == 1:
            _works(scene, rounds=(1,), ends=lambda app: app.die())(number)
        else:
            _works(scene, rounds=(2, 3))(number)

    scene.flower.on_start = on_start

    outcome = scene.run()

    assert outcome.state is RunState.COMPLETED
    assert scene.rounds == [1, 2, 3]
    assert scene.flower.stopped == [1]
    assert scene.said == ["The ServerApp was killed. It goes on after round 1."]
    assert scene.time.now() < 20


def test_interrupted_server_app_is_started_again(scene):
    """It says itself that another try may help."""

    def on_start(number):
        if number == 1:
            _works(
                scene,
                rounds=(),
                ends=lambda app: app.end(RunState.INTERRUPTED, 1, "Ended by X."),
            )(number)
        else:
            _works(scene)(number)

    scene.flower.on_start = on_start

    assert scene.run().state is RunState.COMPLETED
    assert scene.said == ["Ended by X. It goes on after round 0."]


def test_failed_run_is_not_tried_again(scene):
    """A missed quorum is the run's end, with its exit code and words."""
    scene.flower.on_start = _works(
        scene, rounds=(1,), ends=lambda app: app.end(RunState.FAILED, 3, "No.")
    )

    outcome = scene.run()

    assert (outcome.state, outcome.exit_code, outcome.error) == (
        RunState.FAILED,
        3,
        "No.",
    )
    assert scene.rounds == [1]
    assert len(scene.flower.started) == 1


def test_server_app_that_always_dies_is_given_up(scene):
    """So many times without a new round, and the last reason is told."""
    scene.flower.on_start = _works(scene, rounds=(), ends=lambda app: app.die())

    outcome = scene.run()

    assert (outcome.state, outcome.exit_code) == (RunState.FAILED, 1)
    assert outcome.error == "The ServerApp was killed."
    assert len(scene.flower.started) == 1 + MOST_TRIES


def test_a_new_round_counts_as_a_new_beginning(scene):
    """A ServerApp that dies after each round gets to the end all the same."""
    most = MOST_TRIES + 3

    def on_start(number):
        ends = (lambda app: app.end(RunState.COMPLETED)) if number == most else None
        _works(scene, rounds=(number,), ends=ends or (lambda app: app.die()))(number)

    scene.flower.on_start = on_start

    assert scene.run().state is RunState.COMPLETED
    assert scene.rounds == [*range(1, most + 1)]


def test_without_retries_the_first_death_is_the_end(scene):
    """As the user has asked."""
    scene.flower.on_start = _works(scene, rounds=(1,), ends=lambda app: app.die())

    outcome = scene.run(tries=0)

    assert outcome.error == "The ServerApp was killed."
    assert len(scene.flower.started) == 1


def test_run_that_somebody_stopped_stays_stopped(scene):
    """`flwr stop` kills the ServerApp; nobody starts it again."""
    scene.flower.status = "finished:stopped"
    scene.flower.on_start = _works(scene, rounds=(1,), ends=lambda app: app.die())

    outcome = scene.run()

    assert outcome.error == "The run was stopped by `flwr stop`."
    assert len(scene.flower.started) == 1


def test_server_app_that_fails_before_it_has_a_folder_is_heard(scene):
    """Its last words are in Flower's log."""
    scene.flower.status = "finished:failed"
    scene.flower.logged = (
        "INFO: starting\n"
        "common.errors.OutputExistsError: Run folder x holds other files.\n"
        "INFO: bye\n"
    )

    outcome = scene.run()

    assert outcome.exit_code == 1
    assert outcome.error == "Run folder x holds other files."


def test_a_run_that_does_not_begin_is_told_of(scene):
    """Nobody starts ServerApps where there is no SuperExec."""
    scene.flower.status = "pending"
    scene.time.after(60, lambda: _works(scene)(1))

    assert scene.run().state is RunState.COMPLETED
    assert scene.said == ["The run has not begun yet. Is fedstill-superexec running?"]


def test_superlink_that_is_away_is_waited_for(scene):
    """A run that has begun goes on once it is back."""

    def on_start(number):
        if number == 1:

            def dies(app):
                app.die()
                scene.flower.is_away = True
                scene.time.after(100, back)

            _works(scene, rounds=(1,), ends=dies)(number)
        else:
            _works(scene, rounds=(2, 3))(number)

    def back():
        scene.flower.is_away = False

    scene.flower.on_start = on_start

    assert scene.run().state is RunState.COMPLETED
    assert scene.rounds == [1, 2, 3]
    assert "Trying again for up to 10 minutes." in scene.said[-1]


def test_superlink_that_stays_away_ends_the_waiting(scene):
    """After ten minutes, with its name for the fault."""

    def dies(app):
        app.die()
        scene.flower.is_away = True

    scene.flower.on_start = _works(scene, rounds=(1,), ends=dies)

    with pytest.raises(SuperLinkAwayError, match="does not answer"):
        scene.run()

    assert 600 < scene.time.now() < 700


def test_first_start_does_not_wait(scene):
    """Whoever has just typed the command is told at once."""
    scene.flower.is_away = True

    with pytest.raises(SuperLinkAwayError):
        scene.run()

    assert scene.time.now() == 0


def test_run_under_way_is_followed(scene):
    """Rounds from before are not told again; nothing is started."""
    app = scene.server_app()
    app.begin()
    app.finish_round(1)
    watch = scene.watch()
    scene.time.after(1, lambda: app.finish_round(2))
    scene.time.after(2, lambda: app.end(RunState.COMPLETED))

    outcome = watch.follow()

    assert outcome.state is RunState.COMPLETED
    assert scene.rounds == [2]
    assert scene.flower.started == []
