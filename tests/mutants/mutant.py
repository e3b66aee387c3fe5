"""A mutant: one change of the source that breaks one privacy rule."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A textual change, and the test that must notice it.

    Attributes:
        name: what the change does.
        rule: number of the rule in the design, section 5, that it breaks.
        file: source file, relative to the project's root.
        old: text that occurs exactly once in the file.
        new: what replaces it.
        test: node id of the test that must fail by an assertion naming the rule.
    """

    name: str
    rule: int
    file: str
    old: str
    new: str
    test: str

    @property
    def assertion(self) -> str:
        """How the failing assertion's message begins."""
        return f"Rule {self.rule}:"

    def apply(self, root: Path) -> None:
        """Changes the file under ``root``.

        Raises:
            ValueError: the old text does not occur exactly once: the mutant is stale.
        """
        path = root / self.file
        source = path.read_text()
        if source.count(self.old) != 1:
            raise ValueError(
                f"Mutant {self.name!r} is stale: {self.old!r} occurs "
                f"{source.count(self.old)} times in {self.file}, expected once."
            )
        path.write_text(source.replace(self.old, self.new))
