"""`fedstill.simulate`: one federation, its baselines, its report, one run folder."""

import json
import os

import pytest

from common.config import Config
from common.errors import (
    ConfigError,
    DataError,
    LedgerCorruptedError,
    OutputExistsError,
)
from common.run_folder import RunFolder
from simulations import baselines, federation
from simulations.simulate import simulate
from simulations.summary import Summary
from tests.simulations.tiny import TINY, read_files, read_lines, tiny_config

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run with its baselines; (summary, folder, stages, rounds heard of)."""
    folder = tmp_path_factory.mktemp("simulate") / "run"
    stages, rounds = [], []
    summary = simulate(
        tiny_config(baselines__enabled=True),
        output=folder,
        listener=rounds.append,
        on_stage=stages.append,
    )
    return summary, folder, stages, rounds


def _without_stores(folder):
    """Every file but the SQLite files, whose pages hold more than their rows."""
    return {
        name: content
        for name, content in read_files(folder).items()
        if not name.endswith(".sqlite")
    }


def test_leaves_a_run_folder(finished):
    """Every file that the documentation names."""
    _, root, _, _ = finished
    folder = RunFolder(root)

    for path in (
        folder.config,
        folder.environment,
        folder.metrics,
        folder.summary,
        folder.global_student,
        folder.model_card,
        folder.ledger,
        folder.report,
    ):
        assert path.stat().st_size > 0, path
    assert len(list(folder.local_students.iterdir())) == 3
    assert list(folder.checkpoint.iterdir())
    assert [name for name in read_files(root) if ".partial" in name] == []


def test_returns_what_stands_in_the_summary(finished):
    """One value, in Python and on disk."""
    summary, root, _, _ = finished

    assert Summary.from_json((root / "summary.json").read_text()) == summary
    assert summary.rounds == len(read_lines(root)) == 2


def test_tells_what_it_does(finished):
    """Stages in order, and every round."""
    _, _, stages, rounds = finished

    assert stages == [
        "federation",
        "baseline: each site alone",
        "baseline: all private data pooled",
        "baseline: the federation without privacy",
        "report",
    ]
    assert [result.round_number for result in rounds] == [1, 2]


def test_a_taken_folder_is_refused_and_left_alone(finished):
    """Not even the same run goes on in it unless asked to."""
    _, root, _, _ = finished
    before = read_files(root)

    with pytest.raises(OutputExistsError) as caught:
        simulate(tiny_config(baselines__enabled=True), output=root)

    assert str(caught.value) == (
        f"Run folder {root} holds a run already. Continue it with --resume or choose "
        "another --output. Nothing was changed."
    )
    assert caught.value.exit_code == 2
    assert read_files(root) == before


def test_a_finished_run_resumed_changes_nothing(finished, monkeypatch):
    """Same bytes, same summary; no baseline is computed and nobody is asked again."""
    summary, root, _, _ = finished
    before = _without_stores(root)
    for name in ("students_alone", "build_model", "run_federation"):
        monkeypatch.setattr(baselines, name, None)
    monkeypatch.setattr(federation, "client_app", None)

    again = simulate(tiny_config(baselines__enabled=True), output=root, resume=True)

    assert again == summary
    assert _without_stores(root) == before


def test_the_same_run_twice_gives_the_same_folder(finished, tmp_path):
    """Byte for byte but for places, seconds and keys from the operating system."""
    _, root, _, _ = finished

    simulate(tiny_config(baselines__enabled=True), output=tmp_path / "again")

    first, second = _without_stores(root), _without_stores(tmp_path / "again")
    assert first.keys() == second.keys()
    different = {name for name in first if first[name] != second[name]}
    # These hold the folder's path or how long it took, and nothing else that differs.
    assert different <= {
        "config.toml",
        "metrics.jsonl",
        "summary.json",
        "report.html",
        "checkpoint/server.safetensors",
        "baselines/no_privacy/config.toml",
        "baselines/no_privacy/metrics.jsonl",
        "baselines/no_privacy/checkpoint/server.safetensors",
    }
    assert _timeless(first["summary.json"]) == _timeless(second["summary.json"])


def _timeless(content):
    return json.loads(content) | {"seconds": None}


def test_the_model_card_names_no_time_place_or_machine(finished):
    """It travels with the student."""
    _, root, _, _ = finished

    card = (root / "model_card.md").read_text()

    assert str(root) not in card
    assert os.uname().nodename not in card


def test_another_run_does_not_resume_this_one(finished):
    """Another seed is another run, and the folder stays as it is."""
    _, root, _, _ = finished
    before = read_files(root)

    with pytest.raises(OutputExistsError, match="Only the same config can resume it"):
        simulate(tiny_config(seed=2), output=root, resume=True)

    assert read_files(root) == before


def test_a_folder_with_other_files_is_refused(tmp_path):
    """A run would mix its files with the user's."""
    (tmp_path / "notes.txt").write_text("mine")

    for resume in (False, True):
        with pytest.raises(OutputExistsError) as caught:
            simulate(tiny_config(), output=tmp_path, resume=resume)
        assert str(caught.value) == (
            f"Run folder {tmp_path} holds other files and no run, such as notes.txt. "
            "Choose another --output. Nothing was changed."
        )

    assert read_files(tmp_path) == {"notes.txt": b"mine"}


@pytest.mark.parametrize("place", ["file", "file/run"])
def test_a_file_is_no_run_folder(place, tmp_path):
    """Neither is anything below it."""
    (tmp_path / "file").write_text("mine")

    with pytest.raises(OutputExistsError) as caught:
        simulate(tiny_config(), output=tmp_path / place)

    assert str(caught.value) == (
        f"Run folder {tmp_path / place} cannot be made: {tmp_path / 'file'} is a file. "
        "Choose another --output. Nothing was changed."
    )


def test_an_empty_folder_or_one_of_a_killed_start_is_used(tmp_path):
    """The config is written last: without it there was no run."""
    (tmp_path / "environment.json").write_text("{}")
    (tmp_path / ".config.toml.partial").write_text("na")

    summary = simulate(tiny_config(), output=tmp_path)

    assert summary.rounds == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"transfer.size": 1500}, "digits: 1797 examples, the config asks for"),
        (
            {"data.alpha": 0.0001, "data.per-site": "400"},
            "the examples of some site's classes ran out",
        ),
    ],
)
def test_faulty_data_leave_no_folder_behind(changes, words, tmp_path):
    """Data are read and dealt out before anything is written."""
    with pytest.raises(DataError, match=words):
        simulate(tiny_config(), output=tmp_path / "run", overrides=changes)

    assert list(tmp_path.iterdir()) == []


def test_a_faulty_config_leaves_no_folder_behind(tmp_path):
    """As little as faulty data."""
    with pytest.raises(ConfigError, match="rounds = -1"):
        simulate(tiny_config(), output=tmp_path / "run", overrides={"rounds": -1})

    assert list(tmp_path.iterdir()) == []


def test_flowers_own_engine_is_not_run_here(tmp_path):
    """It is told what to type instead."""
    with pytest.raises(ConfigError) as caught:
        simulate(tiny_config(engine="flower"), output=tmp_path / "run")

    assert str(caught.value) == (
        "engine = 'flower': `simulate` runs the engine 'inline'. For Flower's own "
        "engine use `flwr run`. Nothing was run."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_failing_site_is_told_of_by_its_own_error(tmp_path):
    """A ledger that is no database: said so, not "internal error", no traceback."""
    config = tiny_config()
    simulate(config, output=tmp_path / "run")
    ledger = tmp_path / "run" / "ledger.sqlite"
    ledger.write_bytes(b"no database " * 100)

    with pytest.raises(LedgerCorruptedError) as caught:
        simulate(config, output=tmp_path / "run", resume=True)

    assert str(caught.value).startswith(f"{ledger} cannot be believed: ")


def test_a_run_goes_to_runs_and_its_name_by_default(tmp_path, monkeypatch):
    """Below the current folder."""
    monkeypatch.chdir(tmp_path)

    simulate(tiny_config())

    assert (tmp_path / "runs" / "tiny" / "summary.json").exists()


def test_a_file_and_overrides_make_the_config(tmp_path):
    """As the command does: a path, and dotted keys."""
    path = tmp_path / "my.toml"
    path.write_text(Config(name="mine").with_overrides(TINY).to_toml())

    summary = simulate(path, output=tmp_path / "run", overrides={"rounds": 1})

    assert (summary.name, summary.rounds) == ("mine", 1)
    assert "rounds = 1\n" in (tmp_path / "run" / "config.toml").read_text()


def test_the_resolved_config_does_the_run_again(finished, tmp_path):
    """The run folder's config is enough for the same student."""
    _, root, _, _ = finished

    simulate(root / "config.toml", output=tmp_path / "again")

    name = "global_student.safetensors"
    assert (tmp_path / "again" / name).read_bytes() == (root / name).read_bytes()


def test_a_student_that_is_interrupted_between_round_and_report_is_finished(
    tmp_path, monkeypatch
):
    """The federation is done, a baseline fails: a resume does only what is left."""
    config = tiny_config(baselines__enabled=True)
    with monkeypatch.context() as patch:
        patch.setattr(baselines, "build_model", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            simulate(config, output=tmp_path / "run")
    assert not (tmp_path / "run" / "summary.json").exists()
    monkeypatch.setattr(baselines, "students_alone", None)

    summary = simulate(config, output=tmp_path / "run", resume=True)

    assert summary.baselines.pooled is not None
    assert len(read_lines(tmp_path / "run")) == 2


def _interrupt(*arguments, **options):
    raise KeyboardInterrupt


def test_resume_without_a_folder_is_refused(tmp_path):
    """A mistyped folder starts no new run in its place."""
    output = tmp_path / "mistyped"

    with pytest.raises(ConfigError, match="nothing to resume") as e:
        simulate(tiny_config(), output=output, resume=True)

    assert e.value.exit_code == 2
    assert not output.exists()
