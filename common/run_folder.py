"""What a run leaves behind, and where: the one place that names its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths inside a run folder.

    Attributes:
        root: the folder; it need not exist.
    """

    root: Path

    @property
    def config(self) -> Path:
        """The resolved config."""
        return self.root / "config.toml"

    @property
    def environment(self) -> Path:
        """Versions, seed, machine."""
        return self.root / "environment.json"

    @property
    def metrics(self) -> Path:
        """A line a round."""
        return self.root / "metrics.jsonl"

    @property
    def outcome(self) -> Path:
        """How the run stands; deployed runs only."""
        return self.root / "outcome.json"

    @property
    def summary(self) -> Path:
        """The figures."""
        return self.root / "summary.json"

    @property
    def global_student(self) -> Path:
        """The student for everybody."""
        return self.root / "global_student.safetensors"

    @property
    def model_card(self) -> Path:
        """A card that holds the privacy statement."""
        return self.root / "model_card.md"

    @property
    def local_students(self) -> Path:
        """Folder of every site's student; simulations only."""
        return self.root / "local_students"

    @property
    def personal_students(self) -> Path:
        """Folder of every site's personal student; simulations only."""
        return self.root / "personal_students"

    @property
    def checkpoint(self) -> Path:
        """Folder of what a resume needs."""
        return self.root / "checkpoint"

    @property
    def ledger(self) -> Path:
        """The privacy ledger of the simulated sites."""
        return self.root / "ledger.sqlite"

    @property
    def baselines(self) -> Path:
        """Folder of the baselines' own runs."""
        return self.root / "baselines"

    @property
    def report(self) -> Path:
        """The page that a person looks at."""
        return self.root / "report.html"
