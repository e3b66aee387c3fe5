"""The table of personal students in the report."""

import dataclasses
import re

import pytest

from simulations.personal_figures import (
    MixAccuracies,
    PersonalComparison,
    PersonalStudentFigures,
    mean_comparison,
)
from simulations.report.page import write_report
from simulations.report.personal import personal_table
from simulations.summary import Summary
from simulations.table import result_rows
from tests.simulations.run_folders import (
    SITES,
    make_config,
    make_run_folder,
    make_summary,
)


def _mixes(own_mix, test_accuracy):
    return MixAccuracies(own_mix=own_mix, test_accuracy=test_accuracy)


def _comparison(personal=(0.875, 0.861)):
    return PersonalComparison(
        alone=_mixes(0.797, 0.512),
        global_student=_mixes(0.853, 0.86),
        personal=_mixes(*personal),
    )


def _figures(**by_site):
    rows = {name: _comparison() for name in SITES} | by_site
    return PersonalStudentFigures.of_sites(rows)


def _summary(**by_site):
    return dataclasses.replace(make_summary(), personal_students=_figures(**by_site))


def _page(tmp_path, summary):
    folder = make_run_folder(tmp_path)
    folder.summary.write_text(summary.to_json())
    page = write_report(folder).read_text()
    return page, " ".join(re.sub(r"<[^>]+>", " ", page).replace("&#39;", "'").split())


def test_every_figure_stands_in_the_page(tmp_path):
    """Both mixes of a site, three students each, and what the third adds."""
    _, words = _page(tmp_path, _summary())

    assert "site-03 mlp 79.7% 85.3% 87.5% +2.2 51.2% 86.0% 86.1% +0.1" in words
    assert "never leaves" in words


def test_a_site_that_loses_is_named_a_loss(tmp_path):
    """In the sentence, with its sign, and in a colour of its own."""
    page, words = _page(tmp_path, _summary(**{"site-03": _comparison((0.84, 0.87))}))

    assert "at 9 of 10 sites on their own class mix, at 10 on everybody's" in words
    assert page.count("number behind") == 1
    assert "84.0% \N{MINUS SIGN}1.3" in words


def test_without_personal_students_there_is_no_section(tmp_path):
    page, words = _page(tmp_path, make_summary())

    assert "What a site keeps" not in words
    assert 'class="personal"' not in page
    assert personal_table(make_config(), make_summary()) is None


def test_dots_lie_within_their_scale():
    """From the tenth below the least figure to all of them right."""
    table = personal_table(
        make_config(), _summary(**{"site-00": _comparison((1.0, 1.0))})
    )

    assert table.low == "50%"
    places = [
        float(at) for row in table.rows for one in row.cells for _, at in one.dots
    ]
    assert min(places) == pytest.approx(100 * (0.512 - 0.5) / 0.5, abs=0.06)
    assert max(places) == 100


def test_the_terminal_shows_both_mixes():
    """Between our students and the baselines, beside what they are compared with."""
    rows = result_rows(_summary())

    assert rows[5:8] == [
        ("Personal students, own class mix", "87.5%", "alone 79.7%, global 85.3%"),
        ("Personal students, everybody's mix", "86.1%", "alone 51.2%, global 86.0%"),
        ("Alone, mean", "34.1%", "same privacy"),
    ]


def test_a_summary_with_personal_students_is_read_as_it_was_written():
    summary = _summary()

    assert Summary.from_json(summary.to_json()) == summary


def test_means_are_over_the_sites():
    figures = _figures(**{"site-03": _comparison((0.775, 0.761))})

    assert figures.mean_own_mix_accuracy == pytest.approx(0.865)
    assert figures.mean_test_accuracy == pytest.approx(0.851)
    mean = mean_comparison(tuple(figures.by_site.values()))
    assert mean.alone.own_mix == pytest.approx(0.797)


def test_an_accuracy_in_per_cent_is_refused():
    with pytest.raises(ValueError, match=r"Expected own_mix=87\.5 in \[0, 1\]\."):
        _mixes(87.5, 0.86)
