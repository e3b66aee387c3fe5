"""The `fedstill ...` commands in a text, and whether there are such commands."""

import re
import shlex
from collections.abc import Iterator

import click
import typer

import fedstill

_COMMAND = re.compile(r"(?:^|[\s/`\"'(])fedstill['\"]?\s+(?P<rest>[a-z].*)")


def commands_in(text: str) -> Iterator[list[str]]:
    """Yields each command that stands in a text for itself, as words.

    Sentences of a README and comments of a compose file are looked at too; what is no
    command of ours there, is found out by :func:`check_command`.
    """
    for line in text.replace("\\\n#", " ").replace("\\\n", " ").splitlines():
        found = _COMMAND.search(line)
        if found:
            yield shlex.split(found["rest"].split("`")[0], comments=True)


def check_command(words: list[str]) -> None:
    """Walks down to a command; fails where there is none, or with wrong words.

    Options, and how many arguments there are, are checked by the command itself;
    nothing is run.
    """
    group = typer.main.get_group(fedstill._app)
    context = click.Context(group, info_name="fedstill")
    command, left = group, list(words)
    while isinstance(command, click.Group):
        assert left, f"{words}: a group, and no command of it"
        found = command.get_command(context, left[0])
        assert found is not None, f"{words}: there is no command {left[0]}"
        command, left = found, left[1:]
    command.make_context(command.name, left)
