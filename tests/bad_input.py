"""Configs and data that cannot be run: one table, for the library and the command.

Each case writes a config, and data where it needs some, into a folder, and says what
the user must read in the one line that he gets.
"""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from common.errors import ConfigError, DataError
from tests.common.data.idx_files import idx_bytes, write_idx_folder
from tests.common.data.table_files import SCHEMA, TABLE_HEADER, table_rows, write_csv

CONFIG = "config.toml"
DATA = "data"
NAME = 'name = "bad"\n'
IDX = f"""{NAME}sites = 3
models = "mlp:3"
[data]
name = "idx"
path = "{DATA}"
per-site = "10"
validation = 5
test = 0
[transfer]
size = 20
per-round = 20
[train]
batch-size = 10
[baselines]
enabled = false
"""
FILES = {
    "train images": "train-images-idx3-ubyte",
    "train labels": "train-labels-idx1-ubyte",
    "test images": "t10k-images-idx3-ubyte",
    "test labels": "t10k-labels-idx1-ubyte",
}


@dataclass(frozen=True, kw_only=True)
class BadInput:
    """A case.

    Attributes:
        name: what is wrong.
        prepare: writes what the case needs into an empty folder.
        overrides: what ``--set`` says.
        expected: what the message must contain: key, value, what is allowed.
        error: the error's class.
        exit_code: of the command.
    """

    name: str
    prepare: Callable[[Path], None]
    expected: tuple[str, ...]
    overrides: Mapping[str, bool | float | str] = field(default_factory=dict)
    error: type[Exception] = ConfigError
    exit_code: int = 2


def config(name, text, *expected, overrides=None):
    """A case in which the config alone is wrong."""

    def prepare(folder):
        (folder / CONFIG).write_text(text)

    return BadInput(
        name=name, prepare=prepare, expected=expected, overrides=overrides or {}
    )


def section(name, title, line, *expected):
    """A case with one wrong line in one section."""
    return config(name, f"{NAME}[{title}]\n{line}\n", f"[{title}] {line}", *expected)


def override(name, changes, *expected):
    """A case in which the config is fine and ``--set`` is not."""
    return config(name, NAME, *expected, overrides=changes)


def data(name, damage, *expected, text=IDX):
    """A case with a valid config and IDX files that something happened to."""

    def prepare(folder):
        (folder / CONFIG).write_text(text)
        damage(write_idx_folder(folder / DATA))

    return BadInput(name=name, prepare=prepare, expected=expected, error=DataError)


def content(file, change):
    """Damage: replaces a file's bytes by what ``change`` makes of them."""

    def damage(folder):
        path = folder / FILES[file]
        path.write_bytes(change(path.read_bytes()))

    return damage


def array(file, values, **options):
    """Damage: replaces a file by the IDX bytes of other values."""
    return content(file, lambda _: idx_bytes(values, **options))


def without(*files):
    """Damage: removes files."""

    def damage(folder):
        for file in files:
            (folder / FILES[file]).unlink()

    return damage


def no_folder(folder):
    """Damage: removes the whole folder."""
    without(*FILES)(folder)
    folder.rmdir()


def a_folder_for_a_file(folder):
    """Damage: a folder stands where a file should."""
    without("train images")(folder)
    (folder / FILES["train images"]).mkdir()


def binary_config(folder):
    (folder / CONFIG).write_bytes(b"\xff\xfe\x00name")


def no_config(folder):
    (folder / "other.toml").write_text(NAME)


def folder_for_config(folder):
    (folder / CONFIG).mkdir()


def labels_with(value):
    labels = np.arange(60) % 10
    labels[7] = value
    return labels


SHARDS = f'{NAME}[data]\npartition = "shards"\nshards-per-site = 3\n'
FEW = f"{NAME}[transfer]\nsize = %s\nper-round = 10\n"

FILE_CASES = [
    BadInput(
        name="config missing",
        prepare=no_config,
        expected=("Config", CONFIG, "does not exist"),
    ),
    BadInput(
        name="config is a folder",
        prepare=folder_for_config,
        expected=("is a folder, must be a TOML file",),
    ),
    BadInput(
        name="config is not text",
        prepare=binary_config,
        expected=("is not valid TOML", "utf-8"),
    ),
    config("invalid TOML", "name =\n", "is not valid TOML", "line 1"),
    config("key given twice", f"{NAME}rounds = 1\nrounds = 2\n", "is not valid TOML"),
    config("nested too deeply", "a = " + "[" * 10_000, "is nested too deeply"),
    config("number of thousands of digits", f"{NAME}rounds = {'9' * 5000}\n", "valid"),
    config("empty config", "", "name: is missing and has no default"),
]

KEY_CASES = [
    config("unknown key", f"{NAME}round = 3\n", "round = 3: must be a section"),
    config("misspelt key", f"{NAME}ruonds = 3\n", "ruonds = 3", "did you mean rounds?"),
    section("misspelt key in a section", "train", "epoch = 3", "did you mean epochs?"),
    section(
        "snake case", "train", "learning_rate = 0.1", "did you mean learning-rate?"
    ),
    section("key of another section", "codec", "epsilon = 1", "[privacy] epsilon?"),
    section("top-level key in a section", "codec", "seed = 1", "did you mean seed?"),
    section("key like no other", "codec", "zzz = 1", "known here are name"),
    config(
        "unknown section",
        f"{NAME}[trian]\nepochs = 3\n",
        "trian = {...}: unknown key, did you mean train?",
    ),
    config(
        "section in a section",
        f"{NAME}[train.inner]\nx = 1\n",
        "[train] inner = {...}: unknown key, known here are batch-size",
    ),
    override("override of an unknown key", {"trian.epochs": 3}, "did you mean train?"),
    override(
        "override of an unknown key in a section",
        {"train.epoch": "3"},
        '[train] epoch = "3"',
        "did you mean epochs?",
    ),
    override("override too deep", {"train.a.b": 1}, '[train] "a.b" = 1: unknown key'),
    override("override of nothing", {"": 1}, '"" = 1: unknown key'),
    override("override of a section", {"train": 3}, "train = 3: must be a section"),
]

TYPE_CASES = [
    config("text for a number", f'{NAME}rounds = "ten"\n', 'rounds = "ten"', "whole"),
    config("fraction for a number", f"{NAME}sites = 2.5\n", "sites = 2.5", "whole"),
    config("truth for a number", f"{NAME}rounds = true\n", "rounds = true", "whole"),
    config("number for a text", "name = 7\n", "name = 7: must be a string"),
    config("list", f"{NAME}models = ['mlp']\n", "models = ['mlp']", "must be a string"),
    config("date", f"{NAME}output = 2026-01-01\n", "output = 2026-01-01", "a string"),
    section("number for a truth", "baselines", "enabled = 1", "must be true or false"),
    section("text for a fraction", "distill", 'temperature = "1"', "must be a number"),
    override(
        "override of another type",
        {"rounds": "three"},
        'rounds = "three": must be a whole number',
    ),
    override(
        "two lines in an override", {"rounds": "3\nx = 1"}, r'rounds = "3\nx = 1"'
    ),
]

RANGE_CASES = [
    config("negative rounds", f"{NAME}rounds = -1\n", "rounds = -1: must be >= 0"),
    config("negative seed", f"{NAME}seed = -1\n", "seed = -1: must be >= 0"),
    config("no sites", f"{NAME}sites = 0\n", "sites = 0: must be >= 1"),
    config("name with a slash", 'name = "../x"\n', '"../x"', "must be letters"),
    config("empty name", 'name = ""\n', 'name = "": must not be empty'),
    section("negative learning rate", "train", "learning-rate = -1", "must be > 0"),
    section("rate that is no number", "train", "learning-rate = nan", "finite number"),
    section("infinite clipping", "train", "clipping-norm = inf", "finite number"),
    section("clipping of zero", "alone", "clipping-norm = 0", "must be > 0"),
    section("negative batch", "train", "batch-size = -5", "must be >= 1"),
    section("temperature of zero", "distill", "temperature = 0.0", "must be > 0"),
    section("quorum above one", "round", "quorum = 1.5", "must be <= 1"),
    section("quorum of zero", "round", "quorum = 0", "must be > 0"),
    section("no deadline", "round", "deadline = 0", "must be > 0"),
    section("negative alpha", "data", "alpha = -0.5", "must be > 0"),
    section("no validation", "data", "validation = 0", "must be >= 1"),
    section("no test", "data", "test = 0", "must be >= 1, only idx has test files"),
    section("empty site", "data", "per-site = 0", "examples must be >= 1, not 0"),
    config(
        "one empty site of three",
        f'{NAME}sites = 3\nmodels = "mlp:3"\n[data]\nper-site = "9,0,9"\n',
        '[data] per-site = "9,0,9"',
        "must be >= 1, not 0",
    ),
    section("size that is no number", "data", 'per-site = "many"', "not 'many'"),
    section("budget of zero", "privacy", "epsilon = 0", "must be > 0"),
    section("infinite budget", "privacy", "epsilon = inf", "must be a finite number"),
    section("delta of one", "privacy", "delta = 1", "must be < 1"),
    section("negative noise", "privacy", "noise-multiplier = -1", "must be >= 0"),
]

CHOICE_CASES = [
    config("unknown engine", f'{NAME}engine = "ray"\n', "one of inline, flower"),
    config(
        "unknown model",
        f'{NAME}models = "mlp:9,vit:1"\n',
        "models = \"mlp:9,vit:1\": model 'vit' is unknown",
        "linear, mlp, cnn, resnet8",
    ),
    config(
        "BatchNorm model",
        f'{NAME}models = "resnet18:10"\n',
        "model 'resnet18' is unknown",
        "BatchNorm mixes examples",
        "resnet8 uses GroupNorm",
    ),
    section("unknown global student", "global-student", 'model = "gpt"', "is unknown"),
    config("model without a count", f'{NAME}models = "mlp:"\n', "sites of mlp must be"),
    config("model zero times", f'{NAME}models = "mlp:0"\n', "must be >= 1, not 0"),
    config("count without a model", f'{NAME}models = ":10"\n', "model:number pairs"),
    section("unknown data set", "data", 'name = "cifar"', "one of digits, idx"),
    section("unknown partition", "data", 'partition = "x"', "iid, dirichlet, shards"),
    section(
        "unknown rule",
        "aggregation",
        'rule = "median"',
        "one of auto, mean, era, enhanced-era, log-opinion-pool",
    ),
    section("unknown codec", "codec", 'name = "int8"', "one of auto, float32, float16"),
    section(
        "unknown mechanism",
        "privacy",
        'mechanism = "x"',
        "one of dp-sgd, dp-head, none",
    ),
    section("unknown unit", "privacy", 'unit = "client"', "one of example"),
]

CONTRADICTION_CASES = [
    config(
        "zeros for additive heads",
        f'{NAME}[codec]\nname = "float16"\n[privacy]\nmechanism = "dp-head"\n',
        '[codec] name = "float16": must be float32 or logit with dp-head',
        "float16 turns small probabilities into zeros",
    ),
    config(
        "another rule for additive heads",
        f'{NAME}[aggregation]\nrule = "mean"\n[privacy]\nmechanism = "dp-head"\n',
        '[aggregation] rule = "mean": must be log-opinion-pool or auto',
        "for additive heads",
    ),
    config(
        "a global head without heads",
        f'{NAME}[global-student]\nmodel = "head"\n',
        '[global-student] model = "head": must be a name from the zoo',
        "dp-head",
    ),
    config(
        "models do not sum to sites",
        f'{NAME}models = "mlp:4,cnn:3"\n',
        'models = "mlp:4,cnn:3": names 7 sites, must be 10 (sites)',
    ),
    section("sizes of too few sites", "data", 'per-site = "9,9"', "2 numbers", "10"),
    config(
        "shards of one size", SHARDS, '[data] per-site = "100"', "one multiple of 3"
    ),
    section("path of bundled data", "data", 'path = "/x"', "must be empty, digits is"),
    section(
        "labels of more than there is",
        "transfer",
        "per-round = 398",
        "must be <= 397 (transfer.size)",
    ),
    section(
        "batch above the mean size",
        "train",
        "batch-size = 101",
        "must be <= 100 (mean of data.per-site)",
    ),
    section(
        "delta that promises nothing",
        "privacy",
        "delta = 0.01",
        "must be < 0.01, 1 / nominal examples",
    ),
    section(
        "no privacy without a word",
        "privacy",
        'mechanism = "none"',
        "must not be none unless allow-non-private = true",
    ),
    config(
        "zeros in a pool of logarithms",
        f'{NAME}[codec]\nname = "float16"\n[aggregation]\nrule = "log-opinion-pool"\n',
        '[codec] name = "float16": must be float32 or logit with log-opinion-pool',
        "float16 turns small probabilities into zeros",
    ),
    config(
        "IDX without a path",
        f'{NAME}[data]\nname = "idx"\n',
        '[data] path = "": must be the folder that holds',
        "train-images-idx3-ubyte[.gz]",
        "t10k-labels-idx1-ubyte[.gz]",
    ),
]

DATA_CASES = [
    data("folder missing", no_folder, "[data] path = ", "there is no such folder"),
    data(
        "one file missing",
        without("test labels"),
        "[data] path = ",
        "must hold t10k-labels-idx1-ubyte[.gz]",
    ),
    data(
        "two files missing",
        without("train images", "test images"),
        "must hold train-images-idx3-ubyte[.gz], t10k-images-idx3-ubyte[.gz]",
    ),
    data("folder for a file", a_folder_for_a_file, FILES["train images"], "be read"),
    data(
        "truncated images",
        content("train images", lambda whole: whole[:500]),
        FILES["train images"],
        "is truncated: 484 entries, its header says 60 x 4 x 4",
    ),
    data(
        "truncated header",
        content("train labels", lambda whole: whole[:5]),
        "is truncated: 5 bytes, not even a header",
    ),
    data("empty file", content("test labels", lambda _: b""), "truncated: 0 bytes"),
    data(
        "too long",
        content("train labels", lambda whole: whole + b"x"),
        "is too long: 61 entries, its header says 60",
    ),
    data(
        "not IDX",
        content("train images", lambda _: b"PNG and so on, not IDX"),
        "is not an IDX file: it must begin with two zero bytes",
    ),
    data(
        "floats",
        array("train images", np.zeros((60, 4, 4)), type_byte=0x0D),
        "holds type 0x0d, must be 0x08",
    ),
    data(
        "colour images",
        array("train images", np.zeros((60, 4, 4, 3))),
        "has 4 axes, must have 3",
    ),
    data(
        "labels where images belong",
        array("test images", np.zeros(20)),
        FILES["test images"],
        "axes, must have 3",
    ),
    data(
        "huge claim in a header",
        content("train images", lambda whole: whole[:4] + b"\xff" * 12 + whole[16:]),
        "is truncated: 960 entries, its header says 4294967295 x 4294967295",
    ),
    data(
        "truncated gzip",
        content("train images", lambda whole: gzip.compress(whole)[:-20]),
        "is truncated: its gzip stream has no end",
    ),
    data(
        "gzip garbage",
        content("train images", lambda _: b"\x1f\x8b garbage behind the magic"),
        FILES["train images"],
        "is damaged gzip",
    ),
    data(
        "gzip with flipped bytes",
        content(
            "train images",
            lambda whole: gzip.compress(whole)[:40] + b"!" * 40 + gzip.compress(whole),
        ),
        "is damaged gzip",
    ),
    data(
        "label out of range",
        array("train labels", labels_with(10)),
        "row 7 has a label out of range",
        "labels must be in [0, 10)",
    ),
    data(
        "label out of range in the test file",
        array("test labels", np.full(20, 255)),
        "t10k",
        "row 0 has a label out of range (and 19 more rows)",
    ),
    data(
        "more images than labels",
        array("train labels", np.arange(59) % 10),
        "60 images and 59 labels, the counts must be equal",
    ),
    data("no images", array("test images", np.zeros((0, 4, 4))), "0 images and 20"),
    data(
        "test images of another size",
        array("test images", np.zeros((20, 5, 5))),
        "training images have shape (1, 4, 4), test images (1, 5, 5)",
    ),
    data(
        "too few private examples",
        lambda _: None,
        "60 examples, the config asks for 20 (transfer.size) + 5 (data.validation) + "
        "60 (data.per-site) = 85",
        text=IDX.replace('"10"', '"20"'),
    ),
    data(
        "too few test examples",
        lambda _: None,
        "20 examples, the config asks for 21 (data.test) = 21",
        text=IDX.replace("test = 0", "test = 21"),
    ),
    data(
        "transfer set larger than the data",
        lambda _: None,
        "digits: 1797 examples, the config asks for 1500 (transfer.size)",
        text=FEW % 1500,
    ),
    data(
        "classes that run out",
        lambda _: None,
        "[data] alpha = 0.0001: the examples of some site's classes ran out",
        text=f'{NAME}[data]\npartition = "dirichlet"\nalpha = 0.0001\n',
    ),
    data(
        "path that is no path",
        lambda _: None,
        "[data] path = ",
        "there is no such folder",
        text=IDX.replace(f'"{DATA}"', f'"{"x" * 300}"'),
    ),
]

PATIENTS = f"""{NAME}sites = 3
models = "linear:3"
[data]
name = "csv"
path = "patients.csv"
schema = "schema.toml"
per-site = 10
validation = 5
test = 5
[transfer]
size = 10
per-round = 10
[train]
batch-size = 10
[baselines]
enabled = false
"""
BY_WARD = PATIENTS.replace("per-site", 'partition = "by:ward"\nper-site')


def table(name, *expected, change=lambda row: row, extra="", text=PATIENTS, schema=""):
    """A case with a table, of which one row, or the schema, is wrong.

    Args:
        name: what is wrong.
        expected: what the message must contain.
        change: what happens to the cells of the row in line 9.
        extra: text at the end of the file.
        text: the config.
        schema: a schema in place of the right one.
    """

    def prepare(folder):
        (folder / CONFIG).write_text(text)
        (folder / "schema.toml").write_text(schema or SCHEMA)
        rows = table_rows(60)
        rows[7] = change(rows[7])
        write_csv(folder / "patients.csv", rows, extra=extra)

    return BadInput(name=name, prepare=prepare, expected=expected, error=DataError)


def cell(column, value):
    """A change: another value in one column."""

    def changed(row):
        position = TABLE_HEADER.index(column)
        return [*row[:position], value, *row[position + 1 :]]

    return changed


def schema_case(name, old, new, *expected):
    """A case with a table and one wrong place in its schema."""
    return table(
        name, "Schema", "schema.toml", *expected, schema=SCHEMA.replace(old, new)
    )


def npz(name, arrays, *expected, text=PATIENTS):
    """A case with NumPy arrays that do not fit."""
    text = text.replace('"csv"', '"npz"').replace("patients.csv", "arrays.npz")
    text = text.replace('schema = "schema.toml"', "classes = 3")

    def prepare(folder):
        (folder / CONFIG).write_text(text)
        np.savez(folder / "arrays.npz", **arrays)

    return BadInput(name=name, prepare=prepare, expected=expected, error=DataError)


INPUTS, LABELS = np.zeros((60, 4)), np.arange(60) % 3

MORE_DATA_KEY_CASES = [
    section("partition by nothing", "data", 'partition = "by:"', "by:file, or by: and"),
    section(
        "natural sites of digits",
        "data",
        'partition = "by:file"',
        "must be iid, dirichlet or shards, digits names no sites",
    ),
    config(
        "schema of digits",
        f'{NAME}[data]\nschema = "s"\n',
        "[data] schema = ",
        "must be empty, digits is no table",
    ),
    config(
        "test file of digits",
        f'{NAME}[data]\ntest-path = "t"\n',
        "[data] test-path = ",
        "must be empty, digits is no table",
    ),
    section("classes of digits", "data", "classes = 3", "must be 0, digits states"),
    section(
        "input column of digits",
        "data",
        'input-column = "x"',
        "only hugging-face finds",
    ),
    section(
        "label column of digits",
        "data",
        'label-column = "x"',
        "only hugging-face finds",
    ),
    config(
        "table without path and schema",
        f'{NAME}[data]\nname = "parquet"\nschema = "s"\n',
        '[data] path = "": must be a Parquet file',
    ),
    config(
        "table without a schema",
        f'{NAME}[data]\nname = "csv"\npath = "x"\n',
        '[data] schema = "": must be a TOML file with the public bounds',
    ),
    config(
        "table without test rows",
        f'{NAME}[data]\nname = "csv"\npath = "x"\nschema = "s"\ntest = 0\n',
        "[data] test = 0: must be >= 1, or data.test-path a file of test rows",
    ),
    config(
        "arrays without classes",
        f'{NAME}[data]\nname = "npz"\npath = "x"\n',
        "[data] classes = 0: must be the number of classes, >= 2",
    ),
    config(
        "files of Hugging Face as sites",
        f'{NAME}[data]\nname = "hugging-face"\npath = "x"\npartition = "by:file"\n',
        '[data] partition = "by:file": must name a column',
    ),
    section("share of one", "transfer", "from-private = 1.0", "must be < 1"),
    section("empty transfer set", "transfer", "size = 0", "must be >= 1 unless"),
    config(
        "size that follows",
        f"{NAME}[transfer]\nfrom-private = 0.2\nsize = 100\n",
        "[transfer] size = 100: must be 0 or left out, it follows from "
        "transfer.from-private",
    ),
    config(
        "two transfer sets",
        f'{NAME}[transfer]\nfrom-private = 0.2\npath = "t.npz"\n',
        "[transfer] from-private = 0.2: must be 0 where transfer.path names",
    ),
]

TABLE_CASES = [
    table(
        "word for a number",
        'patients.csv, line 9, column age = "old": must be a number, 18 to 90',
        change=cell("age", "old"),
    ),
    table(
        "infinite number",
        'line 9, column age = "inf": must be a number',
        change=cell("age", "inf"),
    ),
    table(
        "missing number",
        'line 9, column age = "?": must be a number, the schema has no missing = true',
        change=cell("age", "?"),
    ),
    table(
        "unknown class",
        'line 9, column result = "maybe": must be one of healthy, ill, severe',
        change=cell("result", "maybe"),
    ),
    table(
        "too few fields", "has 3 fields in line 9, must have 4", change=lambda r: r[1:]
    ),
    table("open quote", "is not CSV in line", extra='"'),
    table(
        "missing site",
        'line 9, column ward = "": must name a site',
        change=cell("ward", ""),
        text=BY_WARD,
    ),
    table(
        "another number of sites",
        "sites = 3: must be 2, one for each value of",
        '[data] partition = "by:ward"',
        "patients.csv: north, south",
        text=BY_WARD,
    ),
    table(
        "files of one table as sites",
        "sites = 3: must be 1, one for each value of",
        "patients.csv",
        text=PATIENTS.replace("per-site", 'partition = "by:file"\nper-site'),
    ),
    table(
        "site of which all is public",
        '[data] partition = "by:ward"',
        "has no private examples left after the public parts were cut",
        change=cell("ward", "only"),
        text=BY_WARD.replace("test = 5", "test = 45"),
    ),
    table(
        "site column that is not there",
        '[data] partition = "by:x" names the column "x"',
        "has only age, pressure, ward, result",
        text=PATIENTS.replace("per-site", 'partition = "by:x"\nper-site'),
    ),
    table(
        "share that holds nothing out",
        "[transfer] from-private = 0.001: holds out none of 50 rows",
        text=PATIENTS.replace("size = 10", "from-private = 0.001", 1),
    ),
    table(
        "more labels a round than held out",
        "[transfer] per-round = 10: must be <= 5, the number of examples",
        text=PATIENTS.replace("size = 10", "from-private = 0.1", 1),
    ),
    table(
        "share that leaves too few",
        "asks for 25 (transfer.from-private) + 5 (data.validation) + 5 (data.test)",
        text=PATIENTS.replace("size = 10", "from-private = 0.5", 1),
    ),
    table(
        "table missing",
        "[data] path = ",
        "there is no such file or folder",
        text=PATIENTS.replace("patients.csv", "other.csv"),
    ),
    table(
        "folder without a table",
        "the folder holds no file that ends in .parquet",
        text=PATIENTS.replace("patients.csv", ".").replace('"csv"', '"parquet"'),
    ),
    table(
        "CSV as Parquet",
        "patients.csv is not Parquet",
        text=PATIENTS.replace('"csv"', '"parquet"'),
    ),
    table(
        "transfer set missing",
        "nothing.npz cannot be read",
        text=PATIENTS.replace("size = 10", 'path = "nothing.npz"', 1),
    ),
    table(
        "schema missing",
        "other.toml cannot be read: No such file",
        text=PATIENTS.replace("schema.toml", "other.toml"),
    ),
    schema_case("schema that is no TOML", "[label]", "[label", "is not valid TOML"),
    schema_case(
        "unknown key in a schema", "missing =", "mising =", "did you mean missing?"
    ),
    schema_case(
        "unknown key of a column",
        "missing = true",
        "missed = true",
        "[columns.pressure] missed = true: unknown key, did you mean missing?",
    ),
    schema_case(
        "unknown kind",
        'age = { kind = "numeric"',
        'age = { kind = "number"',
        '[columns.age] kind = "number": must be one of numeric, categorical',
    ),
    schema_case(
        "bounds in disorder", "low = 18", "low = 99", "[columns.age] high = 90"
    ),
    schema_case(
        "value of a class that is not there",
        'severe = "ill"',
        'severe = "dead"',
        '[label.values] severe = "dead": must be one of healthy, ill',
    ),
    schema_case("one class", '"healthy", "ill"', '"ill"', "[label] classes", "two"),
    schema_case(
        "category twice", '"north", "south"', '"north", "north"', "must not name one"
    ),
    table(
        "column that is not there",
        '[columns] of data.schema names the column "size"',
        "has only age, pressure, ward, result",
        schema=SCHEMA.replace("age = {", "size = {"),
    ),
    schema_case(
        "label as an input", 'column = "result"', 'column = "age"', "it is the label"
    ),
]

ARRAY_CASES = [
    npz(
        "arrays of other names", {"x": INPUTS}, "must hold inputs and labels, it holds"
    ),
    npz("more inputs than labels", {"inputs": INPUTS, "labels": LABELS[1:]}, "(59,)"),
    npz(
        "label beyond the classes",
        {"inputs": INPUTS, "labels": LABELS + 1},
        "row 2 has label 3, must be in [0, 3)",
    ),
    npz(
        "input that is no number",
        {"inputs": np.full((60, 4), np.nan), "labels": LABELS},
        "row 0 has a value that is NaN",
    ),
    npz(
        "Python objects",
        {"inputs": np.full((60, 4), None), "labels": LABELS},
        "is not an .npz file of plain numbers",
    ),
    npz(
        "test inputs of another shape",
        {
            "inputs": INPUTS,
            "labels": LABELS,
            "test_inputs": np.zeros((9, 5)),
            "test_labels": LABELS[:9],
        },
        "test examples of shape (5,), must be (4,)",
    ),
    npz(
        "arrays without test rows",
        {"inputs": INPUTS, "labels": LABELS},
        "[data] test = 0: must be >= 1",
        text=PATIENTS.replace("test = 5", "test = 0"),
    ),
]

CASES = (
    *MORE_DATA_KEY_CASES,
    *TABLE_CASES,
    *ARRAY_CASES,
    *FILE_CASES,
    *KEY_CASES,
    *TYPE_CASES,
    *RANGE_CASES,
    *CHOICE_CASES,
    *CONTRADICTION_CASES,
    *DATA_CASES,
)
