"""A SuperLink in memory, with the rules of Flower's about keys and nodes."""

from dataclasses import replace
from pathlib import Path

from server.deployment.flower_answers import (
    FlowerNode,
    SuperLinkAwayError,
    SuperLinkRefusedError,
)

FIRST = 2**63 + 1


class FakeSuperLink:
    """Stands for :class:`FlowerCli`; a key is known for ever, even a shut out one."""

    def __init__(self):
        self.keys = {}
        self.by_id = {}
        self.all_runs = ()
        self.is_away = False
        self.calls = []
        self.crash_after = ""

    def __call__(self, folder):
        return self

    def register(self, public_key: Path, name: str) -> int:
        self._called("register")
        line = public_key.read_text().strip()
        if line in self.keys:
            reason = "[code: 23] Public key already in use"
            raise SuperLinkRefusedError(reason, reason=reason)
        node_id = FIRST + len(self.keys)
        self.keys[line] = node_id
        self.by_id[node_id] = FlowerNode(node_id=node_id, status="registered")
        self._done("register")
        return node_id

    def unregister(self, node_id: int) -> None:
        self._called("unregister")
        if self.by_id[node_id].status == "unregistered":
            reason = "Node ID not found for account"
            raise SuperLinkRefusedError(reason, reason=reason)
        self.set_status(node_id, "unregistered")
        self._done("unregister")

    def nodes(self):
        self._called("nodes")
        return tuple(self.by_id.values())

    def runs(self, run_id=None):
        self._called("runs")
        return tuple(self.all_runs)

    def set_status(self, node_id, status, **times):
        self.by_id[node_id] = replace(self.by_id[node_id], status=status, **times)

    @property
    def live(self):
        return {
            line
            for line, node_id in self.keys.items()
            if self.by_id[node_id].status != "unregistered"
        }

    def _called(self, name):
        if self.is_away:
            raise SuperLinkAwayError("The SuperLink does not answer.")
        self.calls.append(name)

    def _done(self, name):
        if self.crash_after == name:
            self.crash_after = ""
            raise KeyboardInterrupt
