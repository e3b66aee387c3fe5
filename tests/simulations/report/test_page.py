"""report.html."""

import json
import re
from html.parser import HTMLParser

import pytest

from common.errors import DataError, FedstillError
from simulations.privacy_statement import privacy_statement
from simulations.report.page import write_report
from tests.simulations.run_folders import make_config, make_run_folder, make_summary

VOID = {"meta", "link", "br", "hr", "img", "input"}


def _page(tmp_path, **options):
    return write_report(make_run_folder(tmp_path, **options)).read_text()


def _words(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page).replace("&#39;", "'").split())


class _Balance(HTMLParser):
    """Checks that every tag is closed by its own end."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"is_private": False},
        {"has_baselines": False},
        {"exhausted_at": 4, "faults": True},
    ],
)
def test_is_well_formed(tmp_path, options):
    """Every tag is closed, whatever the run came to."""
    balance = _Balance()

    balance.feed(_page(tmp_path, **options))

    assert balance.open == []


def test_asks_nothing_of_the_network(tmp_path):
    """One file: no script, no link out, and a policy that forbids both."""
    page = _page(tmp_path)

    addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert [one for one in addresses if not one.startswith(("#", "data:"))] == []
    assert "<script" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page
    assert re.findall(r"url\((?!#)", page) == []


def test_the_same_run_gives_the_same_bytes(tmp_path):
    """Neither a date nor a path gets into the page."""
    here = make_run_folder(tmp_path / "here")
    there = make_run_folder(tmp_path / "there")

    assert write_report(here).read_bytes() == write_report(there).read_bytes()
    assert str(tmp_path) not in here.report.read_text()


def test_shows_the_headline_figures(tmp_path):
    """Accuracy, its gain, epsilon and bytes, in figures of summary.json."""
    words = _words(_page(tmp_path))

    assert "Global student 85.8% +37.3 points on the best site alone" in words
    assert "Local students 84.8% mean of 10 sites; alone 34.1%" in words
    assert "Epsilon of a site 3.99 at delta 0.001, per example" in words
    assert "Bytes 1.63 MB sent by all sites; FedAvg 2.4 times that" in words


@pytest.mark.parametrize("is_private", [True, False])
def test_holds_the_whole_privacy_statement(tmp_path, is_private):
    """Every sentence of the statement stands on the page."""
    statement = privacy_statement(make_summary(is_private=is_private))

    words = _words(_page(tmp_path, is_private=is_private))

    assert statement.headline in words
    assert all(clause.text in words for clause in statement.clauses)


def test_a_run_without_privacy_says_so_in_red(tmp_path):
    """The first thing on the page, and no epsilon figure."""
    page = _page(tmp_path, is_private=False)

    assert '<p class="notice red" role="alert"><strong>No privacy.</strong>' in page
    assert 'class="card warning"' in page
    assert "Accuracy against epsilon" not in page


def test_a_private_run_has_nothing_red(tmp_path):
    """Red is kept for runs without privacy."""
    page = _page(tmp_path)

    assert 'class="notice' not in page
    assert "warning" not in page.split("</style>")[1]


def test_names_the_first_round_in_which_a_budget_had_ended(tmp_path):
    """Round 4 of 10, and what the sites did from then on."""
    words = _words(_page(tmp_path, exhausted_at=4))

    assert (
        "The privacy budget of 10 sites had ended by round 4: from then on they "
        "digested the consensus and answered, without reading private data." in words
    )


def test_names_rejected_sites_and_reasons(tmp_path):
    """Who was rejected, why, and how many were silent."""
    words = _words(_page(tmp_path, faults=True))

    assert (
        "97 of 100 replies were used, 2 were rejected and 1 did not come in time."
        in words
    )
    assert "site-03: rows off the simplex" in words
    assert "Rejected" in words
    assert "Silent" in words


def test_a_smooth_run_has_no_columns_of_faults(tmp_path):
    """What never happened takes no room."""
    words = _words(_page(tmp_path))

    assert "Every site that was asked answered in every round" in words
    assert "Rejected" not in words
    assert "Budget ended" not in words


def test_compares_every_site_with_itself_alone(tmp_path):
    """A row a site: model, alone, student, gain."""
    words = _words(_page(tmp_path))

    assert "site-00 mlp 100 31.0% 85.3% +54.3" in words
    assert "site-09 linear 100 34.3% 84.0% +49.7" in words


def test_a_run_without_baselines_has_no_gains(tmp_path):
    """Nothing is compared with what was not run."""
    words = _words(_page(tmp_path, has_baselines=False))

    assert "site-00 mlp 100 85.3%" in words
    assert "Gain" not in words


def test_tells_how_to_do_it_again(tmp_path):
    """The command runs in the folder, whose config.toml is the resolved config."""
    page = _page(tmp_path)

    assert "fedstill simulate config.toml --output ../digits-demo-again" in page
    words = _words(page)
    assert "data.partition dirichlet" in words
    assert "versions.torch 2.13.0" in words


def test_text_from_the_run_folder_cannot_become_markup(tmp_path):
    """A rejection's site or a machine's name is shown, not executed."""
    folder = make_run_folder(tmp_path)
    folder.environment.write_text(json.dumps({"machine": "<script>alert(1)</script>"}))

    page = write_report(folder).read_text()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page


def test_reads_nothing_but_the_four_files(tmp_path):
    """A run folder without students, ledger and checkpoint still has its report."""
    folder = make_run_folder(tmp_path)

    write_report(folder)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.toml",
        "environment.json",
        "metrics.jsonl",
        "report.html",
        "summary.json",
    ]


@pytest.mark.parametrize(
    "name", ["config.toml", "environment.json", "metrics.jsonl", "summary.json"]
)
@pytest.mark.parametrize("content", [None, "", "{", b"\xff\xfe\x00"])
def test_a_broken_run_folder_is_one_line_and_leaves_no_page(tmp_path, name, content):
    """Each file missing, empty, cut off or not text: exit code 2, nothing written."""
    folder = make_run_folder(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(
            content if isinstance(content, bytes) else content.encode()
        )

    with pytest.raises(FedstillError) as caught:
        write_report(folder)

    assert caught.value.exit_code == 2
    assert name in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert not folder.report.exists()


def test_an_unfinished_run_is_told_to_resume(tmp_path):
    """No summary yet: the message says how to get one."""
    folder = make_run_folder(tmp_path)
    folder.summary.unlink()

    with pytest.raises(
        DataError, match=r"`fedstill simulate \.\.\. --resume` finishes"
    ):
        write_report(folder)


def test_a_report_that_cannot_be_written_again_keeps_the_old_one(tmp_path):
    """The page is replaced as a whole or not at all."""
    folder = make_run_folder(tmp_path)
    before = write_report(folder).read_bytes()
    folder.metrics.write_text("{")

    with pytest.raises(DataError):
        write_report(folder)

    assert folder.report.read_bytes() == before


def test_shows_the_configured_sites_even_if_sizes_differ(tmp_path):
    """The sentence under the headline gives the range of the sites' sizes."""
    folder = make_run_folder(tmp_path)
    sizes = ",".join(str(100 + 10 * number) for number in range(10))
    config = make_config().with_overrides({"data.per-site": sizes})
    folder.config.write_text(config.to_toml())

    words = _words(write_report(folder).read_text())

    assert "with 100 to 190 private examples of digits each" in words
