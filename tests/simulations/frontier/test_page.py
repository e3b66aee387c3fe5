"""The generated parts of the page."""

import pytest

from common.errors import ConfigError
from simulations.frontier.page import (
    FRONTIER,
    LIMITS,
    PAGE,
    require_part,
    write_part,
)
from tests.conftest import ROOT

TEXT = (
    "before\n<!-- frontier:begin -->\nold\n<!-- frontier:end -->\nbetween\n"
    "<!-- limits:begin -->\n<!-- limits:end -->\nafter\n"
)


def test_a_part_is_replaced_and_the_rest_stays(tmp_path):
    """Twice the same is the same; the parts do not touch one another."""
    page = tmp_path / "page.md"
    page.write_text(TEXT)

    for _ in range(2):
        write_part(page, FRONTIER, "new")
        write_part(page, LIMITS, "more\n")

    assert page.read_text() == (
        "before\n<!-- frontier:begin -->\n\nnew\n\n<!-- frontier:end -->\nbetween\n"
        "<!-- limits:begin -->\n\nmore\n\n<!-- limits:end -->\nafter\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "<!-- frontier:begin -->\n",
        "<!-- frontier:end -->\n<!-- frontier:begin -->\n",
    ],
)
def test_a_page_without_a_place_is_told_before_hours_are_spent(tmp_path, text):
    """A missing marker, or two in the wrong order."""
    page = tmp_path / "page.md"
    page.write_text(text)

    with pytest.raises(ConfigError, match=r"--page = .*frontier:begin.*Nothing was"):
        require_part(page, FRONTIER)


def test_a_missing_page_is_told(tmp_path):
    """By the option that names it."""
    with pytest.raises(ConfigError, match=r"--page = .*cannot be read"):
        require_part(tmp_path / "page.md", FRONTIER)


def test_our_page_has_both_places():
    """The default of both commands."""
    for part in (FRONTIER, LIMITS):
        require_part(ROOT / PAGE, part)
