"""``fedstill predict``: using what a run leaves behind.

Whatever is heavy (torch) is imported when a command runs, so that help and usage
errors are instant.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from common.errors import DataError
from common.output_format import OutputFormat
from common.run_folder import RunFolder

# Arguments are described in the docstrings: click 8.5 loses typer's help for them.
app = typer.Typer(
    add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False
)


PREDICT_EXAMPLES = """[bold]Examples[/bold]

  fedstill predict runs/digits-demo examples.npy

  fedstill predict student.safetensors t10k-images-idx3-ubyte.gz --output out.csv

  fedstill predict runs/mine examples.npz --labels --format json | jq '.[0].class'

[bold]Exit codes[/bold]

  0 done, 1 failed, 2 the student, the examples or the usage"""


@app.command(epilog=PREDICT_EXAMPLES)
def predict(
    student: Annotated[Path, typer.Argument(metavar="STUDENT", show_default=False)],
    examples: Annotated[Path, typer.Argument(metavar="INPUT", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Write the predictions into this file, and not to standard output.",
            show_default=False,
        ),
    ] = None,
    *,
    labels_only: Annotated[
        bool, typer.Option("--labels", help="Leave the probabilities out.")
    ] = False,
    allow_code: Annotated[
        bool,
        typer.Option(
            "--allow-code",
            help="Import the code of a student that is a model of its author's own.",
        ),
    ] = False,
    output_format: Annotated[
        OutputFormat,
        typer.Option(
            "--format",
            help="What standard output carries: CSV, or JSON. Errors go to standard "
            "error.",
        ),
    ] = OutputFormat.TEXT,
) -> None:
    """Let a student classify the examples in a file.

    STUDENT is a student file (.safetensors), or a run folder, whose global student is
    meant. INPUT is an .npy or .npz file (its array `inputs`, or its only one) with an
    example a row, or an IDX file of images. A row of the result is the number of the
    example, its most probable class, and the probability of every class.
    """
    if output is not None:
        _check_output(output, student, RunFolder(student).global_student, examples)
    from common.atomic_file import write_atomically  # noqa: PLC0415
    from common.predict import predict as run  # noqa: PLC0415
    from common.predict import read_examples  # noqa: PLC0415
    from common.student_file import open_student  # noqa: PLC0415

    module, description = open_student(student, allow_code=allow_code)
    inputs = read_examples(examples, description)
    predictions = run(module, inputs, class_names=description.class_names)
    is_json = output_format is OutputFormat.JSON
    if output is not None:
        content = predictions.to_csv(labels_only=labels_only)
        write_atomically(output, content.encode())
        done = {"output": str(output), "examples": len(predictions)}
        told = f"{len(predictions)} predictions are in {output}."
        typer.echo(json.dumps(done) if is_json else told)
    elif is_json:
        typer.echo(json.dumps(predictions.to_records(labels_only=labels_only)))
    else:
        typer.echo(predictions.to_csv(labels_only=labels_only), nl=False)


def _check_output(output: Path, *inputs: Path) -> None:
    """Refuses, before anything is computed, what could not or must not be written."""
    if output.is_dir():
        fault = "that is a folder, must be a file"
    elif output.resolve() in {path.resolve() for path in inputs}:
        fault = "that is an input of this command, and would be lost"
    elif not output.parent.is_dir():
        fault = f"there is no folder {output.parent}"
    else:
        return
    raise DataError(f"--output {output}: {fault}. Nothing was predicted.")
