"""The results of a run in the terminal."""

import io
from pathlib import Path

from rich.console import Console

from common.run_folder import RunFolder
from simulations.table import print_results, result_rows
from tests.simulations.run_folders import make_deployed_summary, make_summary


def _printed(summary):
    console = Console(file=io.StringIO(), width=100)
    print_results(console, summary, RunFolder(Path("runs/digits-demo")))
    return console.file.getvalue()


def test_compares_the_federation_with_its_baselines():
    """Ours come first, then each site alone, without privacy, and pooled."""
    assert result_rows(make_summary()) == [
        ("Global student", "85.8%", "+37.3 points on best site alone"),
        ("Local students, mean", "84.8%", "10 sites"),
        ("  mlp", "85.2%", ""),
        ("  cnn", "84.0%", ""),
        ("  linear", "84.9%", ""),
        ("Alone, mean", "34.1%", "same privacy"),
        ("Alone, best site", "48.5%", "same privacy"),
        ("Federation without privacy", "94.7%", "global student"),
        ("All data pooled", "96.3%", "no privacy"),
    ]


def test_a_run_without_baselines_has_only_its_own_rows():
    """Nothing is compared with what was not run."""
    rows = result_rows(make_summary(has_baselines=False))

    assert rows[0] == ("Global student", "85.8%", "")
    assert len(rows) == 5


def test_a_deployed_run_has_one_row_and_its_number_of_sites():
    """Nobody but the sites knows more."""
    assert result_rows(make_deployed_summary()) == [
        ("Global student", "85.8%", "2 sites")
    ]


def test_a_deployed_run_without_examples_names_the_key():
    """Where a figure is missing, it says how to get it."""
    assert result_rows(make_deployed_summary(accuracy=None)) == [
        ("Global student", "not measured", "2 sites; no [evaluation] path")
    ]


def test_ends_with_what_to_do_next():
    """The last line names the page to open."""
    last = _printed(make_summary()).rstrip().splitlines()[-1]

    assert last == "Next: open runs/digits-demo/report.html in a browser."


def test_never_breaks_the_path_to_the_report(tmp_path):
    """A long path stays on one line, so that it can be copied."""
    folder = RunFolder(tmp_path / ("long-name-" * 12))
    console = Console(file=io.StringIO(), width=80)

    print_results(console, make_summary(), folder)

    assert str(folder.report) in console.file.getvalue()


def test_states_the_privacy_and_the_bytes():
    """Epsilon, the sum over sites, and FedAvg's bytes stand under the table."""
    text = " ".join(_printed(make_summary(exhausted_at=4)).split())

    assert (
        "Privacy: epsilon 3.99 at delta 0.001 per example and site (over all sites: "
        "39.90). A budget had ended by round 4." in text
    )
    assert "FedAvg: 3.91 MB (2.4 times as much)" in text


def test_warns_of_a_run_without_privacy():
    """Red, and no epsilon."""
    console = Console(
        file=io.StringIO(), width=100, force_terminal=True, color_system="standard"
    )

    print_results(console, make_summary(is_private=False), RunFolder(Path("runs/a")))

    text = console.file.getvalue()
    assert "\x1b[1;31mNo privacy: " in text
    assert "epsilon" not in text
