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
    config("no rounds", f"{NAME}rounds = 0\n", "rounds = 0: must be >= 1"),
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
        "one of mean, era, enhanced-era, log-opinion-pool",
    ),
    section("unknown codec", "codec", 'name = "int8"', "one of float32, float16"),
    section("unknown mechanism", "privacy", 'mechanism = "x"', "one of dp-sgd, none"),
    section("unknown unit", "privacy", 'unit = "client"', "one of example"),
]

CONTRADICTION_CASES = [
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
        '[codec] name = "float16": must be float32',
        'aggregation.rule = "log-opinion-pool"',
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

CASES = (
    *FILE_CASES,
    *KEY_CASES,
    *TYPE_CASES,
    *RANGE_CASES,
    *CHOICE_CASES,
    *CONTRADICTION_CASES,
    *DATA_CASES,
)
