"""The sections about data: whose they are, how they are dealt out, what is public."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic import model_validator as validates

from common.config.section import Count, CountOrZero, Section, SiteSizes

SCHEMES = ("iid", "dirichlet", "shards")
BY = "by:"
BY_FILE = "by:file"
AT_SITES = "at-sites"


def _partition(text: str) -> str:
    if text not in SCHEMES and not (text.startswith(BY) and text[len(BY) :].strip()):
        raise ValueError(
            f"must be one of {', '.join(SCHEMES)}, by:file, or by: and the column that "
            "names the site"
        )
    return text


class Data(Section):
    """``[data]``: the data set and how it is dealt out.

    Attributes:
        name: ``digits`` (bundled), ``idx`` (MNIST, Fashion-MNIST), ``npz`` (NumPy
            arrays), ``csv`` or ``parquet`` (tables), ``hugging-face``, by path; and
            ``at-sites`` for a deployed run, whose coordinator has no such data.
        path: folder of IDX files; .npz file; table, tables with commas between them
            or a folder of tables; folder or hub name of a Hugging Face data set.
        test_path: tables of a test part of their own; empty holds ``test`` rows out.
        schema_path: TOML file with a table's public bounds, categories and classes.
        classes: number of classes, a public constant, where no schema and no format
            states it: ``npz``, ``at-sites``, and ``hugging-face`` without names.
        input_column: inputs of a Hugging Face data set; empty finds image or img.
        label_column: labels of a Hugging Face data set; empty means label.
        partition: how private examples are spread over the sites: ``iid``,
            ``dirichlet``, ``shards``, or natural sites ``by:file`` or
            ``by:<column>``, one for each value.
        alpha: concentration of the Dirichlet partition, > 0; small is skewed.
        shards_per_site: shards a site gets in the shards partition.
        per_site: nominal examples, one number or one per site; a natural site has as
            many as it has.
        validation: public labelled examples for choosing hyper-parameters.
        test: test examples; 0 takes all of a test part of their own.
    """

    name: Literal[
        "digits", "idx", "npz", "csv", "parquet", "hugging-face", "at-sites"
    ] = "digits"
    path: str = ""
    test_path: str = ""
    # `schema` alone would hide a method of pydantic's.
    schema_path: str = Field(default="", alias="schema")
    classes: CountOrZero = 0
    input_column: str = ""
    label_column: str = ""
    partition: Annotated[str, AfterValidator(_partition)] = "iid"
    alpha: Annotated[float, Field(gt=0, le=1e6)] = 0.5
    shards_per_site: Count = 2
    per_site: SiteSizes = "100"
    validation: Count = 100
    test: CountOrZero = 300

    @property
    def is_at_sites(self) -> bool:
        """Whether only the sites have data of this kind."""
        return self.name == AT_SITES

    @property
    def has_natural_sites(self) -> bool:
        """Whether the data say which site an example comes from."""
        return self.partition.startswith(BY)

    @property
    def site_column(self) -> str:
        """The column that names the site and is no input, or empty text."""
        is_column = self.has_natural_sites and self.partition != BY_FILE
        return self.partition[len(BY) :].strip() if is_column else ""


class Transfer(Section):
    """``[transfer]``: the public examples on which knowledge is exchanged.

    Attributes:
        size: examples in the transfer set, taken from the data set; 0 where they
            follow from ``path`` or ``from-private``.
        per_round: examples labelled in a round, at most as many as there are.
        path: file of a transfer set of its own, all of it: what ``fedstill transfer
            build`` writes, or an .npz with ``inputs``.
        from_private: share of the rows left for the sites, of every natural site's
            rows alike, that is held out as a stand-in where no public set exists, in
            [0, 1).
    """

    size: CountOrZero = 397
    per_round: Count = 397
    path: str = ""
    from_private: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @validates(mode="before")
    @classmethod
    def _size_follows(cls, values: object) -> object:
        if not isinstance(values, dict) or "size" in values:
            return values
        follows = values.get("path") or values.get("from-private")
        return {**values, "size": 0} if follows else values

    @property
    def is_stand_in(self) -> bool:
        """Whether private rows, held out, stand in for a public transfer set."""
        return self.from_private > 0

    @property
    def size_follows(self) -> bool:
        """Whether the data decide on the size, so that ``size`` is 0."""
        return self.is_stand_in or bool(self.path)


class Evaluation(Section):
    """``[evaluation]``: what the global student's accuracy is measured on.

    Attributes:
        path: .npz file with ``inputs`` and ``labels`` of the coordinator's own, public
            and labelled, in place of the test part. With ``data.name = "at-sites"``
            there is no other, and without it accuracy is not measured.
    """

    path: str = ""
