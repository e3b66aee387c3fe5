"""The config as a value: derived figures, forms, identity."""

import subprocess
import sys
import tomllib
from typing import get_args

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.codec import CODECS
from common.config import Config, load_config
from common.config.sections import CodecChoice, Privacy
from common.errors import ConfigError
from common.privacy.events import Mechanism, PrivacyUnit
from tests.conftest import ROOT

SHIPPED = sorted((ROOT / "simulations" / "configs").glob("*.toml"))


def make(**overrides):
    flat = {key.replace("__", "."): value for key, value in overrides.items()}
    return Config(name="x").with_overrides(
        {key.replace("_", "-"): value for key, value in flat.items()}
    )


def test_a_name_is_enough():
    """Every other key has a default, and the defaults make sense together."""
    config = Config.from_nested({"name": "x"})

    assert (config.rounds, config.sites, config.engine) == (0, 10, "inline")
    assert config.data.name == "digits"
    assert not config.allow_non_private


def test_sites_get_the_models_in_order():
    """The first four sites have an mlp, the next three a cnn, the rest are linear."""
    config = make(models="mlp:4,cnn:3,linear:3")

    assert config.site_models == ("mlp",) * 4 + ("cnn",) * 3 + ("linear",) * 3
    assert config.site_names[:2] == ("site-00", "site-01")
    assert len(config.site_names) == 10


def test_site_names_sort_like_the_sites():
    """The order of sums is by name, and names are unique."""
    names = make(sites=12, models="mlp:12").site_names

    assert list(names) == sorted(set(names))


def test_one_size_holds_for_all_sites_and_a_list_for_each():
    """``per-site`` is one number, or one a site."""
    one = make(data__per_site=80, train__batch_size=10)
    each = make(
        sites=3, models="mlp:3", data__per_site="100,50,30", train__batch_size=9
    )

    assert one.nominal_examples == (80,) * 10
    assert each.nominal_examples == (100, 50, 30)
    assert each.mean_nominal_examples == 60
    assert each.sampling_probability == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("batch_size", "epochs", "steps"),
    [(100, 2.0, 2), (100, 1, 1), (50, 3, 6), (10, 0.05, 1), (30, 1, 3), (100, 0.4, 1)],
)
def test_steps_are_epochs_over_sampling_probability(batch_size, epochs, steps):
    """Enough Poisson batches for the expected passes, and at least one."""
    config = make(train__batch_size=batch_size, train__epochs=epochs)

    assert config.steps_per_round == steps


FLAT = st.fixed_dictionaries(
    {},
    optional={
        "rounds": st.integers(1, 10**6),
        "seed": st.integers(0, 2**63 - 1),
        "train.learning-rate": st.floats(1e-9, 1e9),
        "train.batch-size": st.integers(1, 100),
        "privacy.epsilon": st.floats(1e-6, 1e6),
        "data.partition": st.sampled_from(["iid", "dirichlet", "shards"]),
        "allow-non-private": st.booleans(),
        "output": st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])),
    },
)


@given(FLAT)
def test_round_trip_through_flower_and_toml(flat):
    """A config comes back from its run config and from its TOML unchanged."""
    config = Config(name="x").with_overrides(flat)

    assert Config.from_run_config(config.to_run_config()) == config
    assert Config.from_nested(tomllib.loads(config.to_toml())) == config
    assert {key: config.to_run_config()[key] for key in flat} == flat


def test_run_config_holds_scalars_of_one_type():
    """Flower's run config takes scalars, and a float key is a float by default."""
    flat = Config(name="x").to_run_config()

    assert {type(value) for value in flat.values()} == {str, int, float, bool}
    assert isinstance(flat["privacy.epsilon"], float)
    assert isinstance(
        make(privacy__epsilon=4).to_run_config()["privacy.epsilon"], float
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("output", "elsewhere"),
        ("resume", True),
        ("resume-from", "elsewhere"),
        ("evaluation.path", "own.npz"),
    ],
)
def test_where_a_run_writes_is_not_its_identity(key, value):
    """A resumed or moved run is the same run."""
    config = Config(name="x")

    assert config.with_overrides({key: value}).run_id == config.run_id


def test_where_data_lie_is_not_identity():
    """The same run on another machine has the same id; contents have their own id."""
    here, there = (
        make(data__name="idx", data__path=path) for path in ("/here", "/there")
    )

    assert here.run_id == there.run_id


def test_every_other_key_is_identity():
    """Changing any other key makes another run."""
    changes = {
        "name": "y",
        "engine": "flower",
        "models": "mlp:3,cnn:4,linear:3",
        "global-student.model": "cnn",
        "data.partition": "dirichlet",
        "data.per-site": "101",
        "aggregation.rule": "era",
        "codec.name": "float16",
        "codec.bits": 7,
        "head.features": "pixels",
        "head.exponent": 0.5,
        "personal-student.own-weight": 0.25,
        "no-privacy.students": "heads",
        "fedavg.model": "cnn",
        "privacy.mechanism": "none",
        "transfer.size": 400,
        "transfer.per-round": 396,
        "train.batch-size": 99,
        "round.quorum": 0.4,
        "round.fraction": 0.4,
        "privacy.delta": 1e-6,
    }
    # These have a single choice, or need a partner to be changed with.
    skipped = {"output", "resume", "data.path", "data.name", "privacy.unit", "sites"}
    skipped |= {"data.classes", "data.input-column", "data.label-column"}
    skipped |= {"data.schema", "data.test-path", "transfer.path"}
    skipped |= {"transfer.from-private", "resume-from", "evaluation.path"}
    config = make(allow_non_private=True)

    ids = {config.run_id}
    flat = config.to_run_config()
    for key in sorted(flat.keys() - skipped):
        old = flat[key]
        new = not old if isinstance(old, bool) else changes.get(key)
        ids.add(config.with_overrides({key: old + 1 if new is None else new}).run_id)

    assert len(ids) == 1 + len(flat.keys() - skipped)


def test_run_id_is_name_and_twelve_digits():
    """A name that a person recognises, and a hash that a machine does."""
    name, _, digits = make().run_id.rpartition("-")

    assert name == "x"
    assert len(digits) == 12
    assert set(digits) <= set("0123456789abcdef")


def test_a_config_cannot_be_changed():
    """Frozen, at the top and inside."""
    config = make()

    for owner, name in ((config, "rounds"), (config.train, "epochs")):
        with pytest.raises(pydantic.ValidationError, match="frozen"):
            setattr(owner, name, 3)


def test_overrides_of_a_value_are_checked():
    """A copy with an impossible change cannot be made."""
    with pytest.raises(ConfigError, match=r"^sites = 0: must be >= 1\. Nothing was"):
        make(sites=0)


def test_choices_are_those_of_the_code():
    """What a config may name is what exists."""
    mechanisms = Privacy.model_fields["mechanism"].annotation
    units = Privacy.model_fields["unit"].annotation
    codecs = CodecChoice.model_fields["name"].annotation

    assert set(get_args(mechanisms)) == {mechanism.value for mechanism in Mechanism}
    assert set(get_args(units)) <= {unit.value for unit in PrivacyUnit}
    named = {name.partition("-")[0] for name in CODECS}
    assert set(get_args(codecs)) == {"auto", *named}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_configs_load_and_say_their_name(path):
    """Every config in the project is valid, once it is told where its data lie."""
    needs_data = tomllib.loads(path.read_text())["data"]["name"] == "idx"

    config = load_config(path, {"data.path": "/data"} if needs_data else {})

    assert config.name == path.stem
    assert config.privacy.delta < 1 / max(config.nominal_examples)


def test_there_are_configs():
    """The glob above found the experiments that the README names."""
    assert {path.stem for path in SHIPPED} >= {"digits-demo", "fashion-mnist", "mnist"}


def test_reading_a_config_needs_neither_torch_nor_flower():
    """A relay or a help text that reads a config starts fast."""
    program = (
        "import sys, common.config;"
        "print(sorted({'torch', 'flwr', 'opacus', 'sklearn'} & set(sys.modules)))"
    )

    output = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True
    ).stdout

    assert output.split() == [b"[]"]
