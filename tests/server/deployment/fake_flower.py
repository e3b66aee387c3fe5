"""A deployment folder, and a ``flwr`` that answers what a test has prepared."""

import json
import subprocess
from pathlib import Path

from common.deployment.layout import DeploymentFolder

ADDRESS = "127.0.0.1:9090"
CONFIG = f"""
[superlink.fedstill]
address = "{ADDRESS}"
root-certificates = "/nowhere/ca.crt"
insecure = false
"""
SCRIPT = """#!/bin/sh
printf '%s\\n' "$@" > "{home}/words"
pwd > "{home}/cwd"
env > "{home}/env"
cat "{home}/stdout"
cat "{home}/stderr" >&2
exit $(cat "{home}/code")
"""


class FakeFlower:
    """What stands for the command, and what it was asked."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.script = home / "flwr"
        self.script.write_text(SCRIPT.format(home=home))
        self.script.chmod(0o755)
        self.answers({"success": True})

    def answers(self, answer, *, before="", stderr="", code=0):
        text = answer if isinstance(answer, str) else json.dumps(answer, indent=2)
        (self.home / "stdout").write_text(before + text)
        (self.home / "stderr").write_text(stderr)
        (self.home / "code").write_text(str(code))

    @property
    def words(self):
        return (self.home / "words").read_text().splitlines()

    @property
    def cwd(self):
        return Path((self.home / "cwd").read_text().strip())

    @property
    def environment(self):
        lines = (self.home / "env").read_text().splitlines()
        return dict(line.partition("=")[::2] for line in lines)


def make_folder(root: Path) -> DeploymentFolder:
    """Returns a deployment folder with a connection and nothing else."""
    folder = DeploymentFolder(root)
    folder.flower_home.mkdir(parents=True)
    folder.flower_config.write_text(CONFIG)
    folder.nodes.parent.mkdir()
    return folder


def always_late(*args, timeout, **kwargs):
    """Stands for ``subprocess.run``: the command never comes to its end."""
    raise subprocess.TimeoutExpired("flwr", timeout)
