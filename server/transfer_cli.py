"""``fedstill transfer``: the transfer set as a file that everybody can have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from common.output_format import OutputFormat

app = typer.Typer(
    add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False
)
transfer = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
app.add_typer(transfer, name="transfer")


BUILD_EXAMPLES = """[bold]Examples[/bold]

  fedstill transfer build public.npz --output transfer.npz

  fedstill transfer build data/mnist/t10k-images-idx3-ubyte.gz --output transfer.npz

  fedstill transfer build public.csv --schema schema.toml --output transfer.npz"""


@transfer.callback()
def _transfer() -> None:
    """Make the public, unlabelled examples on which knowledge is exchanged."""


@transfer.command(epilog=BUILD_EXAMPLES)
def build(
    source: Annotated[str, typer.Argument(metavar="INPUT", show_default=False)],
    output: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="What is written: .npz or .safetensors.",
            show_default=False,
        ),
    ],
    schema: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The TOML schema of a table: public bounds and categories.",
            show_default=False,
        ),
    ] = None,
    *,
    output_format: Annotated[
        OutputFormat,
        typer.Option("--format", help="What standard output carries."),
    ] = OutputFormat.TEXT,
) -> None:
    """Write a transfer set, and print its content id and shape.

    INPUT holds public examples: .npz (array inputs), .npy, images in IDX, or a CSV or
    Parquet table with a schema. Labels are left out. All parties that have a transfer
    set of the same content id have the same one.
    """
    from common.data.schema import load_schema  # noqa: PLC0415
    from common.data.transfer_file import (  # noqa: PLC0415
        build_transfer_set,
        write_transfer_set,
    )

    public = build_transfer_set(
        source, schema=None if schema is None else load_schema(schema)
    )
    write_transfer_set(output, public)
    if output_format is OutputFormat.JSON:
        figures = {
            "output": str(output),
            "content_id": public.content_id,
            "shape": public.inputs.shape,
        }
        typer.echo(json.dumps(figures))
        return
    shape = " x ".join(map(str, public.inputs.shape[1:]))
    typer.echo(f"{output}: {len(public)} examples of {shape}")
    typer.echo(f"content id: {public.content_id}")
    typer.echo(f'Use it with: [transfer] path = "{output}"')
