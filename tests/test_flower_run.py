"""The same apps on Flower's own simulation engine, with real Flower processes."""

import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
CONNECTION = "under-test"
SITES = 3
OVERRIDES = {
    "rounds": 2,
    "sites": SITES,
    "models": "mlp:1,cnn:1,linear:1",
    "data.per-site": "40",
    "train.batch-size": 20,
    "distill.epochs": 2,
    "global-student.epochs": 2,
    "baselines.enabled": False,
}
STARTS_WITHIN = 120.0
FINISHES_WITHIN = 400.0
STOPS_WITHIN = 30.0

pytestmark = [
    pytest.mark.deploy,
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None,
        reason="Flower's simulation engine needs Ray: the extra fedstill[ray]",
    ),
]


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _environment(home):
    """Returns an environment of its own, in which nothing reports home."""
    return os.environ | {
        "FLWR_HOME": str(home),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "OMP_NUM_THREADS": "1",
        # The SuperLink starts its helpers by name.
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    }


@contextlib.contextmanager
def _superlink(environment, home):
    """A SuperLink in simulation mode, as `flwr run . local` would start it, but ours.

    The one that `flwr` starts is detached and never stopped; this one ends here.
    """
    port = _free_port()
    home.mkdir()
    (home / "config.toml").write_text(
        f'[superlink.{CONNECTION}]\naddress = "127.0.0.1:{port}"\ninsecure = true\n'
    )
    command = [
        BIN / "flower-superlink",
        "--insecure",
        "--simulation",
        "--disable-runtime-dependency-installation",
        *("--isolation", "subprocess"),
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--database", home / "state.db"),
    ]
    with (home / "superlink.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_healthy(port, process, home / "superlink.log")
        yield
    finally:
        _end(process)


def _wait_until_healthy(port, process, log):
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).close()
            return
        time.sleep(0.5)
    pytest.fail(f"The SuperLink did not start:\n{log.read_text()}")


def _end(process):
    """Ends the process, politely first, and whatever is left of its session."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOPS_WITHIN)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOPS_WITHIN)


def _flwr(arguments, environment):
    """Runs a `flwr` command and returns the JSON that it prints among other lines."""
    output = subprocess.run(
        [BIN / "flwr", *arguments, "--format", "json"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=STARTS_WITHIN,
    ).stdout
    return json.loads(output[output.index("{") :])


def _run_config(output):
    return " ".join(
        f"{key}={json.dumps(value)}"
        for key, value in (OVERRIDES | {"output": str(output)}).items()
    )


def _final_status(run_id, environment):
    """Polls, since `flwr run` ends with exit code 0 even where the run failed."""
    deadline = time.monotonic() + FINISHES_WITHIN
    status = "unknown"
    while time.monotonic() < deadline and not status.startswith("finished"):
        time.sleep(2)
        listed = _flwr(["list", CONNECTION, "--run-id", run_id], environment)
        status = listed["runs"][0]["status"]
    return status


def _log(run_id, environment):
    return subprocess.run(
        [BIN / "flwr", "log", run_id, CONNECTION, "--show"],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=STARTS_WITHIN,
    ).stdout


def test_flwr_run_gives_the_bytes_of_the_inline_engine(checkout, tmp_path):
    """One config, two engines: the global student is the same, byte for byte."""
    from common.config import Config  # noqa: PLC0415
    from fedstill import simulate  # noqa: PLC0415

    home, output = tmp_path / "home", tmp_path / "on-flower"
    environment = _environment(home)
    defaults = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["flwr"]
    name = defaults["app"]["config"]["name"]

    with _superlink(environment, home):
        started = _flwr(
            [
                *("run", checkout, CONNECTION, "--run-config", _run_config(output)),
                "--federation-config",
                f"num-supernodes={SITES} client-resources-num-cpus=1",
            ],
            environment,
        )
        status = _final_status(started["run-id"], environment)
        log = _log(started["run-id"], environment)
    simulate(
        Config(name=name).with_overrides(
            OVERRIDES | {"output": str(tmp_path / "inline")}
        )
    )

    assert status == "finished:completed", log
    rounds = (output / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["round"] for line in rounds] == [1, 2]
    students = [
        (folder / "global_student.safetensors").read_bytes()
        for folder in (output, tmp_path / "inline")
    ]
    assert students[0] == students[1]
