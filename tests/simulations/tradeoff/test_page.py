"""The report of a sweep: every sentence follows from the rows, nothing is loaded."""

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from simulations.report import tradeoff_content as content
from simulations.report import tradeoff_headline as headlines
from simulations.report.tradeoff_page import render_tradeoff
from simulations.report.tradeoff_statement import sweep_headline, sweep_statement
from simulations.tradeoff.axes import read_axes
from simulations.tradeoff.curves import curves_of
from simulations.tradeoff.lines import lines_of
from tests.simulations.tiny import tiny_config
from tests.simulations.tradeoff.rows import make_row, make_sweep


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Two partitions, all epsilons, with stand-ins for every baseline."""
    made = make_sweep(tmp_path_factory.mktemp("sweep"))
    more = [
        make_row(replace(row.cell, method=method))
        for row in made.rows
        if row.cell.method == "alone"
        for method in ("pooled", "fedavg")
    ]
    return replace(made, rows=(*made.rows, *more))


@pytest.fixture(scope="module")
def page(sweep):
    return render_tradeoff(sweep, environment={"python": "3.11"})


def _mean(sweep, method, *, epsilon=1.0, partition="iid"):
    found = [
        row.result.test_accuracy
        for row in sweep.rows
        if (row.cell.method, row.cell.epsilon, row.cell.partition)
        == (method, epsilon, partition)
    ]
    return f"{100 * sum(found) / len(found):.1f}%"


def test_the_headline_compares_at_the_epsilon_nearest_to_one(sweep):
    """With means over seeds, on the first partition."""
    sentence = headlines.headline(lines_of(sweep.rows), sweep.axes, sites=3)

    assert sentence == (
        f"At epsilon 1 a site, 3 sites together reach {_mean(sweep, 'federation')}; "
        f"one alone reaches {_mean(sweep, 'alone')}, all data in one place "
        f"{_mean(sweep, 'pooled')} and DP-FedAvg {_mean(sweep, 'fedavg')} under the "
        "same budget."
    )


def test_the_headline_names_nothing_that_was_not_run(sweep):
    """No baselines, no privacy, no federation."""
    ours = [row for row in sweep.rows if row.cell.method == "federation"]
    without = [row for row in ours if math.isinf(row.cell.epsilon)]
    axes = replace(sweep.axes, epsilons=(math.inf,))

    assert headlines.headline(lines_of(ours), sweep.axes, sites=1) == (
        f"At epsilon 1 a site, 1 site together reach {_mean(sweep, 'federation')}."
    )
    assert headlines.headline(lines_of(without), axes, sites=3).startswith(
        "Without privacy, 3 sites together reach"
    )
    assert headlines.headline((), axes, sites=3) == "No federation has finished."


def test_the_mechanism_that_was_named_first_makes_the_headline(tmp_path):
    """Not the one that is best on the test part."""
    chosen = []
    for mechanisms in (("dp-head", "dp-sgd"), ("dp-sgd", "dp-head")):
        one = make_sweep(tmp_path, mechanisms=mechanisms)
        lines = headlines.headline_lines(lines_of(one.rows), one.axes, "iid")
        chosen.append(lines["federation"].key.mechanism)

    assert chosen == ["dp-head", "dp-sgd"]


def test_the_page_loads_nothing_and_has_a_panel_a_partition(page):
    """Self-contained: no script, no address, no file."""
    assert not re.search(r"<script|<link(?! rel=\"icon\" href=\"data:)|@import", page)
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    svgs = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(svgs) == 4
    for svg in svgs:
        assert ET.fromstring(svg) is not None
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    used = set(re.findall(r"var\(--([a-z-]+)\)", page))
    assert used <= set(re.findall(r"--([a-z-]+):", page))


def test_levels_have_no_column_of_their_own(sweep):
    """Infinity is on the axis only where something private has it too."""
    rows = [
        row
        for row in sweep.rows
        if row.cell.is_private or row.cell.method == "alone-without-privacy"
    ]
    axes = replace(sweep.axes, epsilons=sweep.axes.epsilons[:-1])

    page = render_tradeoff(replace(sweep, rows=tuple(rows), axes=axes), environment={})

    figure = page[page.index("<svg") : page.index("</svg>")]
    assert "\N{INFINITY}" not in figure
    assert ">alone, no privacy" in figure


def test_the_same_sweep_gives_the_same_page(sweep, page):
    """Byte for byte."""
    assert render_tradeoff(sweep, environment={"python": "3.11"}) == page


def test_the_statement_follows_the_order_of_nist(page):
    """From the top of the pyramid to its foot."""
    titles = re.findall(r"<dt>([^<]+)</dt><dd>", page)[:13]

    assert titles == [
        "Epsilon and delta",
        "What the numbers mean",
        "Variant",
        "Unit of privacy and neighbours",
        "Other releases of the same data",
        "Mechanism",
        "Utility",
        "Bias",
        "Queries",
        "Whom one has to trust",
        "Implementation",
        "Security and access",
        "What is collected",
    ]


def test_a_sweep_without_privacy_promises_nothing(tmp_path):
    """No guess is bounded, no group is protected."""
    axes = replace(make_sweep(tmp_path).axes, epsilons=(math.inf,))
    parts = sweep_statement(tiny_config(), axes, most_spent=None, test_examples=0)

    titles = [clause.title for clause in parts[0].clauses]
    assert "What the numbers mean" not in titles
    assert sweep_headline(tiny_config(), axes) == (
        "Nothing on this page was trained with privacy."
    )


def test_failures_and_overspending_are_told(sweep):
    """A page that hid them would look better than it is."""
    first, *rest = [row for row in sweep.rows if row.cell.is_private]
    failed = replace(first, result=None, error="It fell over.")
    over = replace(rest[0], result=replace(rest[0].result, epsilon_spent=99.0))

    told = content.notices([failed, over, *rest[1:]])

    assert told[0].startswith(f"1 of {1 + len(rest)} cells failed and are missing")
    assert told[1].endswith("failed: It fell over.")
    assert told[2].endswith("spent epsilon 99.00, more than it may.")
    assert content.notices(sweep.rows) == ()


def test_bytes_to_equal_accuracy_are_measured_or_said_not_to_be_reached(sweep):
    """Never extrapolated."""
    ours, theirs = (
        next(
            one
            for one in curves_of(sweep.rows, epsilon=1.0)
            if (one.key.method, one.key.partition) == (method, "iid")
        )
        for method in ("federation", "fedavg")
    )
    equal = replace(theirs, accuracy=ours.accuracy)

    assert content.bytes_caption([ours, theirs]).endswith("not reached in 10 rounds.")
    assert content.bytes_caption([ours, equal]).endswith(
        "DP-FedAvg sends 8 MB, 38 times that."
    )
    assert "seeds" in content.bytes_caption([ours])


def test_the_command_on_the_page_asks_for_the_same_sweep(sweep, page):
    """The options read back as the axes."""
    (command,) = re.findall(r"<pre><code>(.*?)</code></pre>", page)
    options = dict(re.findall(r"--([a-z]+)=(\S+)", command))

    axes = read_axes(
        tiny_config(),
        epsilon=options["epsilon"],
        seeds=int(options["seeds"]),
        mechanism=options["mechanism"],
        rule=options["rule"],
        partition=options["partition"],
        baselines=options["baselines"],
    )

    assert command.startswith("fedstill tradeoff config.toml ")
    assert axes == sweep.axes


def test_text_of_an_error_is_escaped(sweep):
    """Whatever a cell failed with is text, not a page."""
    failed = replace(sweep.rows[0], result=None, error="<script>alert(1)</script>")
    bad = replace(sweep, rows=(failed, *sweep.rows[1:]))

    page = render_tradeoff(bad, environment={})

    assert "<script>" not in page
    assert "&lt;script&gt;" in page
