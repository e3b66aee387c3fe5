"""What all tests share: reproducible properties, and real data where there are some."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

DATA_VARIABLE = "FEDSTILL_DATA"
# Public features are kept in the user's cache folder; tests have one of their own,
# which the processes that they start inherit.
_CACHE = tempfile.TemporaryDirectory(prefix="fedstill-tests-")
os.environ["XDG_CACHE_HOME"] = _CACHE.name
ROOT = Path(__file__).resolve().parents[1]

settings.register_profile("fedstill", derandomize=True, deadline=None)
settings.load_profile("fedstill")


@pytest.fixture(scope="session")
def real_data():
    """Returns a function from a data set's name to its folder; skips without one.

    The folders lie under the path in ``FEDSTILL_DATA``, or in ``../shared/data`` beside
    the project.
    """
    named = os.environ.get(DATA_VARIABLE)
    root = Path(named) if named else ROOT.parent / "shared" / "data"

    def folder(name: str) -> Path:
        found = root / name
        if not found.is_dir():
            pytest.skip(f"no folder {found}: set {DATA_VARIABLE} to where {name} lies")
        return found

    return folder


@pytest.fixture
def checkout(tmp_path):
    """A copy of the project's files in a folder named as Flower wants an app's.

    A test may break it, and `flwr` takes the app's name from the folder's.
    """
    copy = tmp_path / "fedstill"
    for package in ("client", "common", "server", "simulations", "tests"):
        shutil.copytree(
            ROOT / package,
            copy / package,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    for name in ("pyproject.toml", "fedstill.py", "LICENSE", "README.md", ".gitignore"):
        shutil.copy(ROOT / name, copy / name)
    return copy
