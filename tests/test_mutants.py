"""Every privacy rule has a test that fails when the rule is broken: proved here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant

ROOT = Path(__file__).resolve().parents[1]
COPIED = (
    "client",
    "common",
    "server",
    "simulations",
    "tests",
    "fedstill.py",
    "pyproject.toml",
)
# Rules of the design, section 5, that code of today can break. 6: sensitivity; 10:
# deployed randomness; 13: no pickle.
RULES = frozenset(range(1, 14))

Run = Callable[[Path, str], list[dict[str, str]]]
RunIntact = Callable[[str], list[dict[str, str]]]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Runs one test in one copy of the project, in a fork of a warm process."""
    program = [sys.executable, str(ROOT / "tests" / "mutants" / "runner.py")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTEST_CURRENT_TEST", None)
    with subprocess.Popen(
        program,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd="/",
    ) as process:
        requests, answers = process.stdin, process.stdout
        assert requests is not None
        assert answers is not None

        def ask(root: Path, test: str) -> list[dict[str, str]]:
            requests.write(json.dumps({"root": str(root), "test": test}) + "\n")
            requests.flush()
            results: list[dict[str, str]] = json.loads(answers.readline())
            return results

        yield ask
        requests.close()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project as it is."""
    root = tmp_path_factory.mktemp("mutants") / "project"
    root.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, root / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(source, root / name)
    return root


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the project to be changed, with what Python compiled so far."""
    root = tmp_path / "project"
    shutil.copytree(original, root)
    yield root
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def run_intact(run: Run, original: Path) -> RunIntact:
    """Runs a test in the project as it is, once for all mutants that it notices."""
    return cache(lambda test: run(original, test))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_broken_rule_is_noticed(
    mutant: Mutant, run: Run, run_intact: RunIntact, copy: Path
) -> None:
    """The rule's test passes as it is, and fails by the rule's assertion if broken."""
    intact = run_intact(mutant.test)
    mutant.apply(copy)

    broken = run(copy, mutant.test)

    assert [one["outcome"] for one in intact] == ["passed"], intact
    assert len(broken) == 1, broken
    assert broken[0]["outcome"] == "failed", f"The mutant survived: {broken}"
    assert broken[0]["phase"] == "call", broken
    assert broken[0]["error"] in {"AssertionError", "Failed"}, broken
    assert broken[0]["message"].startswith(mutant.assertion), broken[0]["message"]


def test_every_rule_has_two_mutants() -> None:
    """No rule of the design's section 5 rests on one way to break it."""
    covered = Counter(mutant.rule for mutant in MUTANTS)

    assert set(covered) == RULES
    assert min(covered.values()) >= 2


def test_every_pitfall_in_the_privacy_page_has_a_mutant() -> None:
    """Each row names a test that is known to notice when it is broken."""
    page = (ROOT / "PRIVACY.md").read_text()
    table = page.partition("<!-- pitfalls:begin -->")[2]
    rows = table.partition("<!-- pitfalls:end -->")[0].strip().splitlines()[2:]
    named = {row: set(re.findall(r"`(tests/[^`]+)`", row)) for row in rows}
    targets = {mutant.test.partition("[")[0] for mutant in MUTANTS}

    assert rows
    assert [row for row, tests in named.items() if not tests & targets] == []
