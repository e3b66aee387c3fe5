"""The sections of ``site.toml``; keys as in the file, in snake case."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from common.code_names import is_code_name
from common.config.lists import check_model_name
from common.config.section import Count, Positive, Section

TABLES = ("csv", "parquet")
LOADERS = ("npz", "idx", *TABLES, "digits")
_CONTENT_ID_DIGITS = 64

Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]


def _loader(name: str) -> str:
    if name not in LOADERS and not is_code_name(name):
        raise ValueError(
            f"must be one of {', '.join(LOADERS)}, or module:function of your own"
        )
    return name


def _model(name: str) -> str:
    if not is_code_name(name):
        try:
            check_model_name(name)
        except ValueError as error:
            raise ValueError(f"{error}; or module:factory of your own") from None
    return name


def _texts(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list | tuple) else [None]
    if not items or not all(isinstance(item, str) and item for item in items):
        raise ValueError('must be a list of texts such as ["a", "b"], not empty')
    return tuple(items)


def _mechanisms(names: tuple[str, ...]) -> tuple[str, ...]:
    if not set(names) <= {"dp-sgd", "dp-head"}:
        raise ValueError("must name dp-sgd, dp-head, or both")
    return names


def _content_ids(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if len(name) != _CONTENT_ID_DIGITS or set(name) - set("0123456789abcdef"):
            raise ValueError(
                "must hold content ids of 64 hexadecimal digits, as `fedstill transfer "
                "build` prints them"
            )
    return names


Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]


class PrivateSource(Section):
    """``[data]``: where the private examples are.

    Attributes:
        loader: ``npz``, ``idx``, ``csv``, ``parquet``, ``digits`` (bundled, for a
            try), or ``module:function`` of the owner's own that returns (inputs,
            labels).
        path: the file or folder; of tables several, with commas between them.
        schema_path: TOML file with a table's public bounds, categories and classes.
    """

    loader: Annotated[str, AfterValidator(_loader)]
    path: str = ""
    # `schema` alone would hide a method of pydantic's.
    schema_path: str = Field(default="", alias="schema")


class Budget(Section):
    """``[budget]``: the most that may ever be spent on the dataset id.

    Attributes:
        epsilon: lifetime total, dimensionless.
        delta: below 1 / nominal-examples.
        unit: unit of privacy.
    """

    epsilon: Positive
    delta: Annotated[float, Field(gt=0, lt=1)]
    unit: Literal["example"] = "example"


class Limits(Section):
    """``[limits]``: what a run may ask.

    Attributes:
        least_noise: the smallest noise multiplier.
        most_rounds: of one run; None for any number.
        most_queries: labels of one transfer example over all runs; None for any.
        mechanisms: private mechanisms.
        runs: patterns of run ids, with ``*``, ``?`` and ``[...]``.
        transfer_sets: content ids; None for any.
    """

    least_noise: Annotated[float, Field(ge=0)] = 0.0
    most_rounds: Count | None = None
    most_queries: Count | None = None
    mechanisms: Annotated[Texts, AfterValidator(_mechanisms)] = ("dp-sgd", "dp-head")
    runs: Texts = ("*",)
    transfer_sets: Annotated[Texts, AfterValidator(_content_ids)] | None = None


class Model(Section):
    """``[model]``: the site's own architecture.

    Attributes:
        name: of the zoo, or ``module:factory`` of the owner's own code.
        initial_weights: safetensors file with public weights, for every run.
    """

    name: Annotated[str, AfterValidator(_model)] = "mlp"
    initial_weights: str = ""


class Socket(Section):
    """``[socket]``: a Unix domain socket for a relay on this machine.

    Attributes:
        path: of the socket; its folder is the custodian's.
        group: the relay's, of the operating system; empty for the custodian's own.
    """

    path: str = ""
    group: str = ""


class Tls(Section):
    """``[tls]``: TCP with mutual TLS for a relay on another machine.

    Attributes:
        address: ``host:port`` to listen at.
        certificate: PEM file of the custodian.
        key: PEM file, private.
        client_ca: PEM file; only relays with a certificate of this authority connect.
    """

    address: str = ""
    certificate: str = ""
    key: str = ""
    client_ca: str = ""


class Reply(Section):
    """``[reply]``: when answers leave.

    Attributes:
        at_deadline: seconds after its request at which every answer leaves, or at the
            next multiple, so that time tells nothing; 0 answers at once.
    """

    at_deadline: Annotated[float, Field(ge=0, le=86_400)] = 0.0


class LedgerPlace(Section):
    """``[ledger]``: protection of the ledger itself.

    Attributes:
        second_head: file on other storage that shows when the ledger is rolled back.
    """

    second_head: str = ""
