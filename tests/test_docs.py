"""The documentation is true: its code blocks run, its links and trees lead somewhere.

A comment before a block says what a test needs to know and a reader does not::

    <!-- not run: why -->       nothing runs the block
    <!-- exit code: 2 -->       the command fails on purpose
    <!-- file: my-run.toml -->  the block is the content of this file
    <!-- data: folder -->       the command finds IDX files there
    <!-- in the background: until it answers -->  the commands are services
    <!-- policy: site.toml -->  the block is edited into these policies

The page on deployment starts services: tests/deployment/test_page.py runs it.
"""

import gzip
import re
import signal
import struct
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tests import generated

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))
)
_BLOCK = re.compile(
    r"(?:^<!-- (?P<name>[a-z ]+): (?P<value>[^\n]+) -->\n+)?"
    r"^```(?P<language>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_DIRECTIVES = {
    None,
    "not run",
    "exit code",
    "file",
    "data",
    "in the background",
    "policy",
}
DEPLOY_PAGE = "docs/deploy.md"
# Before what the page sets itself, so that what a reader sees on the page wins.
TINY = {
    "rounds": "1",
    "baselines.enabled": "false",
    "personal-student.enabled": "false",
    "distill.epochs": "1",
    "global-student.epochs": "1",
}
TINY_IDX = {
    "data.per-site": "8",
    "data.validation": "20",
    "transfer.size": "20",
    "transfer.per-round": "20",
    "train.batch-size": "8",
}
NUM_CLASSES, SIDE = 10, 28


class Block(NamedTuple):
    """A fenced block, and what the comment before it says."""

    language: str
    code: str
    name: str | None
    value: str


def blocks_of(page):
    """Returns the fenced blocks of a page, in order."""
    return [
        Block(found["language"], found["code"], found["name"], found["value"])
        for found in _BLOCK.finditer((ROOT / page).read_text())
    ]


def _fenced(page):
    return len(re.findall(r"^```", (ROOT / page).read_text(), re.MULTILINE)) // 2


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_understood(page):
    """No block escapes its test by a typing error in its fence or comment."""
    blocks = blocks_of(page)

    assert len(blocks) == _fenced(page)
    for block in blocks:
        assert block.language in {"bash", "python", "toml", "text"}
        assert block.name in _DIRECTIVES
        assert block.name != "not run" or len(block.value) > len("because")


@pytest.mark.e2e
@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks_of(page) and page != DEPLOY_PAGE]
)
def test_code_blocks_run(page, tmp_path, monkeypatch):
    """A page's blocks, one after the other in an empty folder, do what it says."""
    monkeypatch.chdir(tmp_path)

    for block in blocks_of(page):
        if block.name == "not run":
            continue
        if block.name == "file":
            Path(block.value).write_text(block.code)
        if block.name == "data":
            _write_idx(Path(block.value))
        if block.language == "toml":
            tomllib.loads(block.code)
        if block.language == "python":
            exec(compile(block.code, page, "exec"), {"__name__": page})
        if block.language == "bash":
            for line in block.code.splitlines():
                _run(line, block, monkeypatch)


def _run(line, block, monkeypatch):
    command, *arguments = line.split()
    if command == "make":
        assert re.search(
            rf"^{arguments[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE
        )
        return
    if command in {"cp", "chmod"}:
        subprocess.run([command, *arguments], check=True)
        return
    assert command == "fedstill", f"mark what is not run: {line}"
    if arguments[:2] == ["site", "serve"]:
        _serve_and_stop(arguments)
        return
    expected = int(block.value) if block.name == "exit code" else 0
    if arguments[0] == "simulate":
        tiny = TINY | (TINY_IDX if block.name == "data" else {})
        settings = [f"--set={key}={value}" for key, value in tiny.items()]
        arguments = ["simulate", *settings, *arguments[1:]]
    assert _exit_code(arguments, monkeypatch) == expected, line


def _serve_and_stop(arguments):
    """Starts a custodian, waits until it listens, and stops it as a person would."""
    program = [sys.executable, "-m", "fedstill", *arguments]
    with subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as custodian:
        said = []
        for line in custodian.stderr:
            said.append(line)
            if " listens at " in line:
                custodian.send_signal(signal.SIGTERM)
    assert custodian.returncode == 0, said
    assert any(" listens at " in line for line in said), said


def _exit_code(arguments, monkeypatch):
    """Runs the command in this process, which spares importing torch each time."""
    import fedstill  # noqa: PLC0415

    monkeypatch.setattr(sys, "argv", ["fedstill", *arguments])
    try:
        return fedstill.main() or 0
    except SystemExit as stop:
        return stop.code or 0


def _write_idx(folder):
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for part, count in (("train", 400), ("t10k", 40)):
        images = generator.integers(0, 256, (count, SIDE, SIDE), np.uint8)
        labels = np.arange(count, dtype=np.uint8) % NUM_CLASSES
        header = struct.pack(">IIII", 0x803, count, SIDE, SIDE)
        with gzip.open(folder / f"{part}-images-idx3-ubyte.gz", "wb") as file:
            file.write(header + images.tobytes())
        with gzip.open(folder / f"{part}-labels-idx1-ubyte.gz", "wb") as file:
            file.write(struct.pack(">II", 0x801, count) + labels.tobytes())


@pytest.mark.parametrize("place", ["pyproject.toml", "docs/config.md"])
def test_generated_text_is_current(place):
    """Run-config defaults and config tables say what the code says.

    If this fails: ``python -m tests.generated`` writes them again.
    """
    stands, should_stand = generated.places()[place]

    assert stands == should_stand


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    """Each relative link leads to a file, and each anchor to a heading."""
    text = (ROOT / page).read_text()

    for target in re.findall(r"\]\((?!https?://)([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        linked = (ROOT / page).parent / path if path else ROOT / page
        assert linked.exists(), target
        assert not anchor or anchor in _anchors(linked), target


def _anchors(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


def test_tests_named_in_the_privacy_page_exist():
    """Every claim of PRIVACY.md names tests, and each of them is there."""
    text = (ROOT / "PRIVACY.md").read_text()

    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)

    assert named
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(), f"{file}::{test}"


def _tree():
    text = (ROOT / "README.md").read_text()
    block = text.partition("<!-- tree:begin -->")[2].partition("<!-- tree:end -->")[0]
    paths, top = {}, ""
    for line in block.splitlines():
        found = re.match(r"^( *)(\S+) +(\S.*)$", line)
        if found is None:
            continue
        indent, name, comment = found.groups()
        if not indent:
            top = name if name.endswith("/") else ""
        paths[top + name if indent else name] = comment
    return paths


def test_tree_in_the_readme_is_the_tree():
    """Each listed path exists, and no top-level name or package is missing."""
    listed = {name.rstrip("/") for name in _tree()}
    kept = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    top = {path.partition("/")[0] for path in kept} - {".gitignore", ".ci"}
    packages = {
        package.replace(".", "/")
        for package in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][
            "setuptools"
        ]["packages"]
    }

    assert {name for name in listed if not (ROOT / name).exists()} == set()
    assert top - listed == set()
    assert packages - listed == set()
