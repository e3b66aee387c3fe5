"""The generated parts of ``docs/frontier.md``: what stands between two markers."""

from __future__ import annotations

from pathlib import Path

from common.atomic_file import write_atomically
from common.errors import ConfigError

PAGE = Path("docs/frontier.md")
FRONTIER, LIMITS = "frontier", "limits"


def require_part(page: Path, part: str) -> None:
    """Returns if a page has a place for a part.

    Raises:
        ConfigError: there is no such page, or a marker is missing.
    """
    begin, end = _markers(part)
    try:
        text = page.read_text("utf-8")
    except OSError as error:
        raise ConfigError(
            f"--page = {page}: cannot be read: {error.strerror}. Nothing was run."
        ) from error
    if begin not in text or end not in text.partition(begin)[2]:
        raise ConfigError(
            f"--page = {page}: must hold the lines {begin.strip()} and {end.strip()}, "
            "between which the figures go. Nothing was run."
        )


def write_part(page: Path, part: str, content: str) -> None:
    """Puts ``content`` in the place of a part; the rest of the page stays.

    Args:
        page: has the part's markers, see :func:`require_part`.
        part: :data:`FRONTIER` or :data:`LIMITS`.
        content: Markdown.
    """
    begin, end = _markers(part)
    before, _, rest = page.read_text("utf-8").partition(begin)
    after = rest.partition(end)[2]
    text = f"{before}{begin}\n{content.strip()}\n\n{end}{after}"
    write_atomically(page, text.encode())


def _markers(part: str) -> tuple[str, str]:
    return f"<!-- {part}:begin -->\n", f"<!-- {part}:end -->\n"
