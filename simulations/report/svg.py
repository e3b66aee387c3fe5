"""From a matplotlib figure to SVG that belongs in a page.

The same figure gives the same bytes on every machine, ids are unique within the page,
text stays text in the page's font, and colours follow the page's light or dark scheme.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

from matplotlib import rc_context
from matplotlib.figure import Figure

# Stand-ins that no colour of a real plot uses; the page's style sheet says what they
# are in light and in dark.
COLOURS = {
    "ink": "#010203",
    "muted": "#010204",
    "grid": "#010205",
    "paper": "#010206",
    "ours": "#010207",
    "alone": "#010208",
    "pooled": "#010209",
    "no-privacy": "#01020a",
}
_ID = re.compile(r'\bid="([^"]+)"')
_REFERENCE = re.compile(r"(url\(#|href=\"#)([^)\"]+)")
# It would style the whole page; the page's own style sheet says the same of its SVG.
_STYLE_SHEET = re.compile(r"\s*<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL)
_FONT = re.compile(r"'DejaVu Sans'(?:, [^;\"]+)?")


@contextmanager
def page_style() -> Iterator[None]:
    """Draws, inside the block, in the same way on every machine."""
    with rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "fedstill",
            # The only font that comes with matplotlib, so that layout is alike.
            "font.family": "sans-serif",
            "font.sans-serif": ["DejaVu Sans"],
            "font.size": 10.0,
        }
    ):
        yield


def to_svg(figure: Figure, *, name: str, title: str, description: str) -> str:
    """Returns a figure as an inline ``<svg>`` element.

    Args:
        figure: drawn with :data:`COLOURS` under :func:`page_style`.
        name: unique within the page; begins every id.
        title: what the figure shows, for those who do not see it.
        description: what it says, in a sentence or two.
    """
    buffer = io.StringIO()
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with page_style():
        figure.savefig(buffer, format="svg", metadata=metadata)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = _STYLE_SHEET.sub("", text, count=1)
    text = _ID.sub(rf'id="{name}-\1"', text)
    text = _REFERENCE.sub(rf"\g<1>{name}-\2", text)
    text = _FONT.sub("inherit", text)
    for role, colour in COLOURS.items():
        text = text.replace(colour, f"var(--{role})")
    return _with_title(text, name=name, title=title, description=description)


def _with_title(svg: str, *, name: str, title: str, description: str) -> str:
    head, rest = svg.split(">", 1)
    head = re.sub(r' (?:width|height)="[^"]*"', "", head)
    ids = f"{name}-title {name}-description"
    return (
        f'{head} role="img" aria-labelledby="{ids}">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-description">{escape(description)}</desc>'
        f"{rest.rstrip()}"
    )
