"""The paths in a config: several in one scalar, and what relative ones start from."""

from __future__ import annotations

from pathlib import Path

# Section and key of every path that a config file may hold but `output`.
PATHS = (
    ("data", "path"),
    ("data", "test-path"),
    ("data", "schema"),
    ("transfer", "path"),
    ("evaluation", "path"),
)


def split_paths(text: str, *, folder: Path = Path()) -> tuple[Path, ...]:
    """Returns the paths in ``"a.csv"`` or ``"a.csv,b.csv"``, below ``folder``.

    A file whose own name has a comma wins over two files.

    Raises:
        OSError: a path that cannot be looked up.
        RuntimeError: the home folder of a user who does not exist.
        ValueError: text that can be no path.
    """
    whole = folder / Path(text).expanduser()
    if "," not in text or whole.exists():
        return (whole,)
    return tuple(
        folder / Path(part.strip()).expanduser()
        for part in text.split(",")
        if part.strip()
    )


def absolute(text: str, *, folder: Path, may_be_a_name: bool = False) -> str:
    """Returns one path, or several with commas between them, made absolute.

    Args:
        text: as a user wrote it; what can be no path stays as it is, and is told of
            when the data are read.
        folder: where relative paths start.
        may_be_a_name: whether a path that leads nowhere is the name of something else.
    """
    if not text:
        return text
    try:
        paths = [path.resolve() for path in split_paths(text, folder=folder)]
        if may_be_a_name and not all(path.exists() for path in paths):
            return text
    except (OSError, RuntimeError, ValueError):
        return text
    return ",".join(map(str, paths))
