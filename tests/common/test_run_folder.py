"""Names inside a run folder."""

from pathlib import Path

from common.run_folder import RunFolder


def test_every_file_has_its_own_place_inside_the_folder():
    """All paths lie directly under the root, and no two are the same."""
    folder = RunFolder(Path("runs/x"))
    names = [
        name for name, value in vars(RunFolder).items() if isinstance(value, property)
    ]

    paths = [getattr(folder, name) for name in names]

    assert len(set(paths)) == len(paths) >= 11
    assert {path.parent for path in paths} == {Path("runs/x")}
