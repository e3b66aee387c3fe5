"""Flower's own command line as the only way to its Control API.

The commands are public and stable; the API behind them is neither. One takes about a
second.
"""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from common.deployment.flower_process import flower_command, flower_environment
from common.deployment.layout import DeploymentFolder
from common.errors import ConfigError, FedstillError
from server.deployment.flower_answers import (
    FlowerNode,
    FlowerRun,
    SuperLinkAwayError,
    SuperLinkRefusedError,
    find_answer,
    is_away,
    reason_of,
)

CONNECTION = "fedstill"
_T = TypeVar("_T")
# Starting Python and importing Flower has taken 17 s on a machine that was busy.
_PATIENCE = 90.0
_UPLOAD_PATIENCE = 300.0
_LOG_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class FlowerCli:
    """The SuperLink of a deployment, asked by ``flwr``.

    Every method raises :class:`SuperLinkAwayError` where nobody answers, and
    :class:`SuperLinkRefusedError` where the answer is no.

    Attributes:
        folder: the deployment, with Flower's connection in it.
    """

    folder: DeploymentFolder

    @property
    def address(self) -> str:
        """``host:port`` of the SuperLink, as this machine reaches it.

        Raises:
            ConfigError: the folder is no deployment, or not readable.
        """
        path = self.folder.flower_config
        try:
            values = tomllib.loads(path.read_text("utf-8"))
            return str(values["superlink"][CONNECTION]["address"])
        except OSError as error:
            fault = error.strerror or "cannot be read"
        except (ValueError, KeyError, TypeError):
            fault = f"has no connection named {CONNECTION!r}"
        raise ConfigError(
            f"{path}: {fault}. Name the folder that `fedstill deploy init` made by "
            "--deployment. Nothing was changed."
        )

    def register(self, public_key: Path, name: str) -> int:
        """Lets the holder of a key in.

        Args:
            public_key: file in OpenSSH's format.
            name: of the site, for people who look at Flower's own lists.

        Returns:
            Flower's number of the node.
        """
        return self._ask(
            *("supernode", "register", str(public_key.resolve()), CONNECTION),
            *("--name", name),
            read=lambda answer: int(answer["node-id"]),
        )

    def unregister(self, node_id: int) -> None:
        """Shuts a node out; its key is never accepted again."""
        words = ("supernode", "unregister", str(node_id), CONNECTION)
        self._ask(*words, read=lambda _: None)

    def nodes(self) -> tuple[FlowerNode, ...]:
        """Returns all nodes that ever were registered."""
        return self._ask(
            *("supernode", "list", CONNECTION),
            read=lambda answer: tuple(map(FlowerNode.parse, answer["nodes"])),
        )

    def runs(self, run_id: int | None = None) -> tuple[FlowerRun, ...]:
        """Returns all runs, or the one of that number."""
        one = () if run_id is None else ("--run-id", str(run_id))
        return self._ask(
            *("list", CONNECTION, *one),
            read=lambda answer: tuple(map(FlowerRun.parse, answer["runs"])),
        )

    def run(self, app: Path, run_config: Path) -> int:
        """Submits a run.

        Args:
            app: folder of the app; its ``pyproject.toml`` has all keys.
            run_config: ``.toml`` file with what differs from the app's defaults.

        Returns:
            Flower's number of the run.
        """
        return self._ask(
            *("run", str(app.resolve()), CONNECTION),
            *("--run-config", str(run_config.resolve())),
            read=lambda answer: int(answer["run-id"]),
            patience=_UPLOAD_PATIENCE,
        )

    def stop(self, run_id: int) -> None:
        """Ends a run; what a site is doing just then, it does to its end."""
        self._ask("stop", str(run_id), CONNECTION, read=lambda _: None)

    def log(self, run_id: int) -> str:
        """Returns what the ServerApp has logged so far; empty where nothing yet."""
        command = ("log", str(run_id), CONNECTION, "--show")
        try:
            done = self._start(*command, patience=_LOG_PATIENCE)
        except subprocess.TimeoutExpired:  # Flower waits for a first line
            return ""
        if done.returncode:
            raise self._error("log", done.stderr or done.stdout)
        return done.stdout

    def _ask(
        self,
        *words: str,
        read: Callable[[dict[str, Any]], _T],
        patience: float = _PATIENCE,
    ) -> _T:
        command = " ".join(words[:2] if words[0] == "supernode" else words[:1])
        try:
            done = self._start(*words, "--format", "json", patience=patience)
        except subprocess.TimeoutExpired:
            raise self._away(f"`flwr {command}` took over {patience:.0f} s") from None
        answer = find_answer(done.stdout)
        if answer is None:
            raise self._error(command, done.stderr or done.stdout)
        if answer["success"] is not True:
            raise self._error(command, str(answer.get("error-message", "")))
        try:
            return read(answer)
        except (KeyError, TypeError, ValueError):
            raise self._error(command, "an answer of another form") from None

    def _start(self, *words: str, patience: float) -> subprocess.CompletedProcess[str]:
        _ = self.address  # the folder's fault is told before Flower's words about it
        home = self.folder.flower_home.resolve()
        return subprocess.run(  # noqa: S603  # Flower's own command
            [flower_command("flwr"), *words],
            # Not where the user stands: Flower looks for an app's files there.
            cwd=home,
            env=flower_environment(home) | {"PYTHONUTF8": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=patience,
            check=False,
            encoding="utf-8",
            errors="replace",
        )

    def _error(self, command: str, text: str) -> FedstillError:
        reason = reason_of(text) or "it said nothing"
        if is_away(reason):
            return self._away("")
        return SuperLinkRefusedError(
            f"`flwr {command}` failed: {reason}.", reason=reason
        )

    def _away(self, detail: str) -> SuperLinkAwayError:
        said = f" ({detail})" if detail else ""
        return SuperLinkAwayError(
            f"The SuperLink does not answer at {self.address}{said}. Is "
            "fedstill-superlink running, with the certificate of this folder?"
        )
