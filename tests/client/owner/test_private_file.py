"""Private examples by the policy's loader: faulty rows stay, faulty files stop."""

import gzip

import numpy as np
import pytest

from client.owner.policy_file import load_policy_file
from client.owner.private_file import load_private_file
from common.errors import ConfigError, DataError
from tests.client.owner.support import write_policy
from tests.common.data.idx_files import idx_bytes
from tests.common.data.table_files import NUM_INPUTS, SCHEMA, csv_text, table_rows
from tests.own_modules import write_module
from tests.rules import naming

TABLE = {
    "classes": None,
    "data.loader": "csv",
    "data.path": "patients.csv",
    "data.schema": "schema.toml",
}


def load(path):
    return load_private_file(load_policy_file(path))


def usable(loaded):
    return loaded.data.is_usable().tolist()


def write_table(folder, rows, **changes):
    (folder / "schema.toml").write_text(SCHEMA)
    (folder / "patients.csv").write_text(csv_text(rows))
    return write_policy(folder, **(TABLE | changes))


def write_npz(folder, **changes):
    path = write_policy(folder, **changes)
    return folder / "examples.npz", path


def test_npz_has_inputs_and_labels(tmp_path):
    """Numbers as they are, bytes / 255, grey images with a channel axis."""
    file, path = write_npz(tmp_path)
    np.savez(file, inputs=np.full((3, 8, 8), 255, np.uint8), labels=np.arange(3))

    loaded = load(path)

    assert loaded.data.input_shape == (1, 8, 8)
    assert loaded.data.inputs.max() == 1
    assert loaded.white == 255
    assert loaded.data.num_classes == 10


def test_a_faulty_row_of_an_array_counts_as_nothing(tmp_path):
    """NaN, infinite once it is float32, or a label that is no class; told by row."""
    file, path = write_npz(tmp_path)
    inputs = np.zeros((5, 4))
    inputs[1, 2], inputs[2, 0] = np.nan, 1e300
    np.savez(file, inputs=inputs, labels=np.array([0, 0, 0, 10, -1]))

    loaded = load(path)

    assert usable(loaded) == [True, False, False, False, False], (
        "Rule 9: a faulty private row is used."
    )
    assert "rows 1, 2" in loaded.data.problems[0]
    assert "rows 3, 4" in loaded.data.problems[1]


@pytest.mark.parametrize(
    ("arrays", "fault"),
    [
        ({"inputs": np.zeros((3, 2))}, "must hold inputs and labels, it holds inputs"),
        ({"inputs": np.zeros((3, 2)), "labels": np.zeros(3)}, "Expected integer label"),
        ({"inputs": np.zeros((3, 2)), "labels": np.zeros(2, int)}, "Expected one labe"),
        ({"inputs": np.zeros((0, 2)), "labels": np.zeros(0, int)}, "at least one exam"),
        ({"inputs": np.array(["a"]), "labels": np.zeros(1, int)}, "must be numbers"),
        ({"inputs": np.zeros((1, 2), complex), "labels": np.zeros(1, int)}, "must be"),
    ],
)
def test_a_faulty_npz_stops_the_site(tmp_path, arrays, fault):
    """In one line, and nothing is guessed."""
    file, path = write_npz(tmp_path)
    np.savez(file, **arrays)

    with pytest.raises(DataError, match=fault) as caught:
        load(path)

    assert str(caught.value).endswith("The site does not start.")


def test_a_pickle_in_an_npz_is_refused(tmp_path):
    """Nothing is run."""
    file, path = write_npz(tmp_path)
    np.savez(file, inputs=np.array([{}], object), labels=np.zeros(1, int))

    with naming("Rule 13: an object array is read."), pytest.raises(DataError):
        load(path)


def test_idx_is_the_training_part_alone(tmp_path):
    """Test files need not be there; gzip is fine; labels are checked by row."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    images = np.arange(3 * 4 * 4, dtype=np.uint8).reshape(3, 4, 4)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(
        gzip.compress(idx_bytes(images))
    )
    (folder / "train-labels-idx1-ubyte").write_bytes(
        idx_bytes(np.array([0, 9, 12], np.uint8))
    )
    path = write_policy(
        tmp_path, **{"classes": None, "data.loader": "idx", "data.path": "mnist"}
    )

    loaded = load(path)

    assert loaded.data.input_shape == (1, 4, 4)
    assert loaded.data.num_classes == 10
    assert usable(loaded) == [True, True, False]


def test_an_idx_folder_without_training_files_stops_the_site(tmp_path):
    """The files are named."""
    path = write_policy(
        tmp_path, **{"classes": None, "data.loader": "idx", "data.path": "nowhere"}
    )

    with pytest.raises(DataError, match="must be a folder with train-images-idx3"):
        load(path)


def test_a_table_is_encoded_as_in_a_simulation(tmp_path):
    """The same schema makes the same inputs and labels."""
    from common.config.data_sections import Data  # noqa: PLC0415
    from common.data.tables import load_tables  # noqa: PLC0415

    loaded = load(write_table(tmp_path, table_rows()))

    section = {
        "name": "csv",
        "path": str(tmp_path / "patients.csv"),
        "schema": str(tmp_path / "schema.toml"),
    }
    simulated = load_tables(Data.model_validate(section)).examples
    rows = np.arange(len(simulated))
    assert loaded.data.inputs.shape == (60, NUM_INPUTS)
    np.testing.assert_array_equal(loaded.data.inputs, simulated.inputs(rows))
    np.testing.assert_array_equal(loaded.data.labels, simulated.select(rows).labels)
    assert loaded.class_names == ("healthy", "ill")
    assert loaded.data.problems == ()


@pytest.mark.parametrize(
    "row",
    [
        ["", "90", "north", "ill"],
        ["old", "90", "north", "ill"],
        ["nan", "90", "north", "ill"],
        ["inf", "90", "north", "ill"],
        ["50", "x", "north", "ill"],
        ["50", "90", "north", "dead"],
        ["50", "90", "north", ""],
    ],
    ids=",".join,
)
def test_a_faulty_row_of_a_table_costs_nothing_but_itself(tmp_path, row):
    """The other rows are what they were, and the owner is told which one it is."""
    rows = table_rows(6)
    intact = load(write_table(tmp_path, rows))
    rows[2] = row

    with naming("Rule 9: one private row decides whether the site starts."):
        try:
            loaded = load(write_table(tmp_path, rows))
        except DataError as error:
            pytest.fail(str(error))

    others = np.array([0, 1, 3, 4, 5])
    assert usable(loaded) == [True, True, False, True, True, True], (
        "Rule 9: a faulty private row is used."
    )
    np.testing.assert_array_equal(
        loaded.data.inputs[others], intact.data.inputs[others]
    )
    assert len(loaded.data.problems) == 1
    assert "(rows 2)" in loaded.data.problems[0]


def test_parquet_is_as_lenient(tmp_path):
    """Numbers that are not there, and labels that are no class."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet  # noqa: PLC0415

    path = write_table(tmp_path, table_rows(3), **{"data.loader": "parquet"})
    columns = {
        "age": [30.0, float("nan"), 40.0],
        "pressure": [90, None, 100],
        "ward": ["north", "south", None],
        "result": ["ill", "healthy", "dead"],
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "patients.csv")

    assert usable(load(path)) == [True, False, False], (
        "Rule 9: a faulty private row is used."
    )


def test_what_the_schema_allows_is_no_fault(tmp_path):
    """Missing where it may be, clipped numbers, the category of all others."""
    rows = table_rows(3)
    rows[1] = ["130", "?", "attic", "severe"]

    loaded = load(write_table(tmp_path, rows))

    assert usable(loaded) == [True] * 3
    assert loaded.data.inputs[1].tolist() == pytest.approx([1, 0.5, 1, 0, 0, 1])


def test_no_statistic_of_a_row_changes_another(tmp_path):
    """An extreme row moves no scale: bounds are the schema's."""
    rows = table_rows(6)
    before = load(write_table(tmp_path, rows)).data.inputs
    rows[5] = ["1e30", "1e30", "north", "ill"]

    after = load(write_table(tmp_path, rows)).data.inputs

    assert np.array_equal(before[:5], after[:5]), (
        "Rule 4: one private row scales the others."
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "holds no rows"),
        ("age,ward,result\n30,north,ill\n", "names the column"),
        ("age,pressure,ward,result\n30,90,north\n", "3 fields in line 2"),
    ],
)
def test_a_damaged_table_stops_the_site(tmp_path, text, fault):
    """A fault of the whole file."""
    path = write_table(tmp_path, table_rows(2))
    (tmp_path / "patients.csv").write_text(text)

    with pytest.raises(DataError, match=fault) as caught:
        load(path)

    assert str(caught.value).endswith("The site does not start.")


def test_a_missing_schema_stops_the_site(tmp_path):
    """In words, without a traceback."""
    path = write_table(tmp_path, table_rows(2))
    (tmp_path / "schema.toml").unlink()

    with pytest.raises(DataError, match="cannot be read"):
        load(path)


def test_classes_that_contradict_the_schema_are_refused(tmp_path):
    """They are never counted, and never guessed."""
    path = write_table(tmp_path, table_rows(2), classes=3)

    with pytest.raises(ConfigError, match="classes = 3: must be 2 like the schema"):
        load(path)


def test_classes_are_never_counted_from_labels(tmp_path):
    """Labels beyond the policy's number are faulty rows, not further classes."""
    file, path = write_npz(tmp_path, classes=2)
    np.savez(file, inputs=np.zeros((4, 3)), labels=np.arange(4))

    loaded = load(path)

    assert loaded.data.num_classes == 2, "Rule 4: classes are counted from labels."
    assert usable(loaded) == [True, True, False, False]


OWN = """
    import numpy as np

    def good():
        return np.ones((3, 2, 2), np.uint8) * 51, [0, 1, 7]

    def ragged():
        return [[1.0], [1.0, 2.0]], [0, 1]

    def one():
        return np.zeros((3, 2))

    def fails():
        raise RuntimeError("no\\nidea")
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module beside the policy; the current folder is another one."""
    name = write_module(monkeypatch, tmp_path, OWN)
    monkeypatch.chdir("/")

    def policy(function):
        loader = {"data.loader": f"{name}:{function}", "data.path": None}
        return write_policy(tmp_path, **loader, classes=3)

    return policy


def test_the_owners_own_function_gives_examples(own):
    """Found beside the policy, wherever the command is typed; rows checked alike."""
    loaded = load(own("good"))

    assert loaded.data.inputs.shape == (3, 1, 2, 2)
    assert loaded.data.inputs.max() == pytest.approx(0.2)
    assert usable(loaded) == [True, True, False]


@pytest.mark.parametrize(
    ("function", "error", "fault"),
    [
        ("ragged", DataError, "inputs and labels must be arrays, rows of one shape"),
        ("one", DataError, "it gave a ndarray, must give (inputs, labels)"),
        ("fails", DataError, "it failed (RuntimeError: no idea)"),
        ("absent", ConfigError, "has no 'absent'"),
    ],
)
def test_own_code_that_fails_is_one_line(own, function, error, fault):
    """The key, the name, what is wrong, and what happens now."""
    with pytest.raises(error) as caught:
        load(own(function))

    text = str(caught.value)
    assert text.startswith('[data] loader = "own_module_')
    assert fault in text
    assert text.endswith("The site does not start.")
    assert len(text.splitlines()) == 1


def test_a_module_that_is_not_there_names_the_folder(tmp_path):
    """Beside the policy is where to look."""
    loader = {"data.loader": "no_such_module_here:load", "data.path": None}
    path = write_policy(tmp_path, **loader)

    with pytest.raises(ConfigError, match=f"no module .* in {tmp_path} or the env"):
        load(path)


def test_digits_are_for_tries(tmp_path):
    """Bundled, so that a site can be tried without a file."""
    path = write_policy(
        tmp_path, **{"data.loader": "digits", "data.path": None, "classes": None}
    )

    loaded = load(path)

    assert len(loaded.data) == 1797
    assert loaded.white == 16
