"""The figures, as SVG."""

import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.report.axes import spread
from simulations.report.figures import draw_figures
from simulations.report.points import points
from simulations.rounds import round_figures
from tests.simulations.run_folders import (
    make_deployed_summary,
    make_lines,
    make_summary,
)


def _data(*, has_baselines=True, **options):
    metrics = [round_figures(line) for line in make_lines(**options)]
    return points(metrics, make_summary(has_baselines=has_baselines, **options))


def _titles(data):
    return [figure.title for figure in draw_figures(data)]


def test_a_private_run_has_four_figures():
    """Accuracy per round and against epsilon, epsilon spent, and bytes."""
    assert _titles(_data()) == [
        "Accuracy per round",
        "Accuracy against epsilon",
        "Epsilon spent",
        "Bytes sent by the sites",
    ]


def test_a_run_without_privacy_has_no_figure_of_epsilon():
    """Infinity cannot be drawn, and is not."""
    assert _titles(_data(is_private=False)) == [
        "Accuracy per round",
        "Bytes sent by the sites",
    ]


def test_the_same_run_gives_the_same_bytes():
    """Neither time nor chance gets into a figure."""
    assert draw_figures(_data()) == draw_figures(_data())


def test_ids_are_unique_within_the_page_and_every_reference_has_one():
    """Four figures on one page do not refer to one another's parts."""
    page = "".join(figure.svg for figure in draw_figures(_data()))
    ids = re.findall(r'\bid="([^"]+)"', page)
    references = re.findall(r'(?:url\(#|href="#)([^)"]+)', page)

    assert len(ids) == len(set(ids)) > 100
    assert set(references) <= set(ids)
    assert references


@pytest.mark.parametrize("number", range(4))
def test_a_figure_speaks_to_those_who_do_not_see_it(number):
    """Well-formed, labelled by a title and a description that holds the numbers."""
    svg = ET.fromstring(draw_figures(_data())[number].svg)
    space = "{http://www.w3.org/2000/svg}"
    title, description = svg.find(f"{space}title"), svg.find(f"{space}desc")

    assert svg.get("role") == "img"
    assert svg.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert re.search(r"\d", description.text)


def test_takes_colours_and_font_from_the_page():
    """Light and dark schemes work since no colour of ours is fixed in the figure."""
    page = "".join(figure.svg for figure in draw_figures(_data(exhausted_at=4)))

    assert "var(--ours)" in page
    assert "var(--alone)" in page
    assert "#0102" not in page
    assert "DejaVu" not in page
    assert "<style" not in page


def test_draws_no_error_bars_and_says_why():
    """One seed has no spread, so none is drawn."""
    caption = draw_figures(_data())[1].caption

    assert caption.endswith("One run, one seed: no error bars.")


def test_figures_of_a_deployed_run_speak_of_no_seed_and_no_baseline():
    """Its accuracy is on the coordinator's examples, and its noise has no seed."""
    metrics = [round_figures(line) for line in make_lines()]
    drawn = draw_figures(points(metrics, make_deployed_summary()))

    page = "".join(figure.caption + figure.svg for figure in drawn)
    assert len(drawn) == 4
    assert "the coordinator's own examples" in drawn[0].caption
    assert drawn[1].caption.endswith("One run: no error bars.")
    assert "aseline" not in page.replace("dominant-baseline", "")
    assert "test part" not in page


def test_infinity_has_a_column_only_if_something_stands_in_it():
    """Without baselines every point is finite."""
    assert "∞" in draw_figures(_data())[1].svg
    assert "∞" not in draw_figures(_data(has_baselines=False))[1].svg


@pytest.mark.parametrize("rounds", [1, 2, 200])
def test_draws_short_and_long_runs(rounds):
    """One round is a point, two hundred are a line."""
    data = replace(
        _data(),
        rounds=tuple(range(1, rounds + 1)),
        accuracy=(0.5,) * rounds,
        epsilon=(1.0,) * rounds,
        without_budget=(False,) * rounds,
    )

    assert len(draw_figures(data)) == 4


def test_draws_a_run_that_spent_nothing():
    """Epsilon 0 in every round is a flat figure, not a division by zero."""
    data = replace(_data(has_baselines=False), epsilon=(0.0,) * 10)

    assert "0.00" in draw_figures(data)[2].svg


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_labels_do_not_overlap_and_keep_their_order(values):
    """Labels are moved apart by at least the gap, within the bounds."""
    placed = spread(values, gap=0.1, low=0.0, high=1.0)

    order = sorted(range(len(values)), key=values.__getitem__)
    gaps = [placed[after] - placed[before] for before, after in pairwise(order)]
    assert all(gap >= 0.1 - 1e-9 for gap in gaps)
    assert min(placed) >= -1e-9
    assert max(placed) <= 1 + 1e-9


def test_labels_with_room_stay_where_they_are():
    """Nothing is moved without need."""
    assert spread([0.2, 0.8, 0.5], gap=0.1, low=0.0, high=1.0) == [0.2, 0.8, 0.5]
