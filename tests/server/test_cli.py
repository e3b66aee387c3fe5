"""The command `predict`."""

import csv
import io
import json
import sys

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import fedstill
from common.data.digits import load_digits
from common.models.zoo import build_model
from common.prediction import predict_logits
from common.student_description import StudentDescription
from common.student_file import student_to_bytes
from server import cli

ROWS = 7
STUDENT = "global_student.safetensors"
DIGITS = StudentDescription(
    architecture="mlp", input_shape=(1, 8, 8), num_classes=10, white=16
)


def student():
    return build_model("mlp", input_shape=(1, 8, 8), num_classes=10, seed=1)


@pytest.fixture
def files(tmp_path):
    """A run folder with a student, and a file of examples."""
    content = student_to_bytes(student(), DIGITS)
    (tmp_path / STUDENT).write_bytes(content)
    np.save(tmp_path / "examples.npy", load_digits().pixels[:ROWS])
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(cli.app, [str(one) for one in arguments])


def expected():
    inputs = load_digits().inputs(np.arange(ROWS))
    logits = torch.from_numpy(predict_logits(student(), inputs))
    return logits.double().softmax(dim=1).numpy()


def test_csv_goes_to_standard_output(files):
    """A class and its probabilities for every example, as in the run itself."""
    result = run(files, files / "examples.npy")

    assert result.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    classes = [int(row["class"]) for row in rows]
    assert classes == expected().argmax(axis=1).tolist()
    shown = [[float(row[f"p({label})"]) for label in range(10)] for row in rows]
    np.testing.assert_allclose(shown, expected(), rtol=1e-5)


def test_a_student_file_is_as_good_as_its_run_folder(files):
    """Byte for byte."""
    one = run(files, files / "examples.npy").stdout
    two = run(files / STUDENT, files / "examples.npy").stdout

    assert one == two
    assert one.count("\n") == ROWS + 1


def test_json_holds_the_same(files):
    """For a pipe into jq."""
    result = run(files, files / "examples.npy", "--format", "json")

    records = json.loads(result.stdout)
    assert [record["example"] for record in records] == list(range(ROWS))
    probabilities = [record["probabilities"] for record in records]
    np.testing.assert_allclose(probabilities, expected(), rtol=1e-6)


def test_labels_leave_the_probabilities_out(files):
    """In CSV and JSON."""
    text = run(files, files / "examples.npy", "--labels").stdout
    records = run(files, files / "examples.npy", "--labels", "--format=json").stdout

    assert text.splitlines()[0] == "example,class"
    assert set(json.loads(records)[0]) == {"example", "class"}


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("text", f"{ROWS} predictions are in {{output}}.\n"),
        ("json", f'{{{{"output": "{{output}}", "examples": {ROWS}}}}}\n'),
    ],
)
def test_output_writes_a_file(files, form, told):
    """And standard output says so in the form that was asked for."""
    output = files / "out.csv"

    result = run(files, files / "examples.npy", "--output", output, "--format", form)

    assert result.stdout == told.format(output=output)
    assert output.read_text() == run(files, files / "examples.npy").stdout


def front_door(monkeypatch, capsys, *arguments):
    """Runs the whole command; returns exit code, output and errors."""
    monkeypatch.setattr(sys, "argv", ["fedstill", "predict", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        fedstill.main()
    printed = capsys.readouterr()
    return caught.value.code, printed.out, printed.err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["no.safetensors", "examples.npy"], "no.safetensors cannot be read"),
        (["examples.npy", "examples.npy"], "is not a student file"),
        ([".", "no.npy"], "no.npy cannot be read"),
        ([".", STUDENT], "must be an .npy, .npz or IDX file"),
        ([".", "wide.npy"], "the student takes examples of shape (1, 8, 8)"),
        ([".", "examples.npy", "--output", "examples.npy"], "would be lost"),
        ([".", "examples.npy", "--output", STUDENT], "would be lost"),
        ([".", "examples.npy", "--output", "."], "that is a folder"),
        ([".", "examples.npy", "--output", "no/out.csv"], "there is no folder no"),
    ],
)
def test_a_users_mistake_is_one_line(files, monkeypatch, capsys, arguments, problem):
    """Exit code 2, nothing on standard output, nothing written."""
    monkeypatch.chdir(files)
    np.save("wide.npy", np.zeros((2, 8, 9)))
    before = sorted(path.name for path in files.iterdir())

    code, out, err = front_door(monkeypatch, capsys, *arguments)

    assert code == 2
    assert out == ""
    assert problem in err
    assert err.startswith("Error: ")
    assert len(err.splitlines()) == 1
    assert sorted(path.name for path in files.iterdir()) == before


def test_the_front_door_has_the_command_and_the_function(files, monkeypatch, capsys):
    """`fedstill predict` and `fedstill.load_student` find the same student."""
    monkeypatch.setattr(
        sys,
        "argv",
        ["fedstill", "predict", str(files), str(files / "examples.npy"), "--labels"],
    )
    with pytest.raises(SystemExit) as caught:
        fedstill.main()
    assert caught.value.code in (0, None)
    lines = capsys.readouterr().out.splitlines()[1:]

    loaded = fedstill.load_student(files)

    inputs = torch.from_numpy(load_digits().inputs(np.arange(ROWS)))
    classes = loaded(inputs).argmax(dim=1).tolist()
    assert [int(line.split(",")[1]) for line in lines] == classes
