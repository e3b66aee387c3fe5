"""`fedstill site init`: a policy that explains itself, from an example where given."""

import os
import re
import stat

import numpy as np
import pytest
import tomli_w

from client.owner.policy_file import PolicyFile, load_policy_file
from client.owner.policy_init import write_policy_file
from common.config import load_config
from common.config.keys import keys_of
from common.data.parts import load_public_parts
from common.deployment.bundle import SiteBundle
from common.errors import ConfigError, DataError, OutputExistsError
from tests.common.data.table_files import write_table
from tests.own_modules import write_module
from tests.simulations.tiny import TINY


def write(folder, config=None, data=None):
    """Writes a policy and returns it, its text, and the notes."""
    path = folder / "site.toml"
    notes = write_policy_file(path, config_file=config, data=data)
    return load_policy_file(path), path.read_text(), notes


def write_config(folder, **changes):
    """An example config; dotted keys, None leaves one out."""
    values = {"name": "trial", **TINY, **changes}
    values = {key: value for key, value in values.items() if value is not None}
    nested = {}
    for key, value in values.items():
        section, _, inner = key.rpartition(".")
        (nested.setdefault(section, {}) if section else nested)[inner] = value
    path = folder / "experiment.toml"
    path.write_text(tomli_w.dumps(nested))
    return path


def test_the_policy_can_be_read_and_is_tight(tmp_path):
    """What it starts with allows nothing without a guarantee."""
    policy, _, notes = write(tmp_path)

    assert policy.allow_non_private is False
    assert policy.budget.epsilon == 1.0
    assert policy.data.path == str(tmp_path / "examples.npz")
    assert notes == ()


def test_every_key_is_in_it_with_a_word(tmp_path):
    """Set, or in a comment that shows how."""
    _, text, _ = write(tmp_path)

    for section, keys in keys_of(PolicyFile).items():
        block = text if not section else text.partition(f"[{section}]")[2]
        for key in keys:
            pattern = rf"^(# )?({re.escape(key)} = |\[{re.escape(key)}\])"
            assert re.search(pattern, block, re.MULTILINE), f"{section} {key}"


_ID = "0" * 64


def test_every_comment_out_key_is_valid_once_it_is_in(tmp_path):
    """Taking the mark away leaves a policy that can be read."""
    _, text, _ = write(tmp_path)
    path = tmp_path / "site.toml"
    text = text.replace(
        '# transfer-sets = ["<content id>"]', f'transfer-sets = ["{_ID}"]'
    )

    for line in ("most-rounds = 20", "most-queries = 20"):
        path.write_text(text.replace(f"# {line}", line))
        key = line.partition(" ")[0].replace("-", "_")
        assert getattr(load_policy_file(path).limits, key) == 20


def test_nobody_else_can_write_it_whatever_the_umask(tmp_path):
    """Else the custodian would refuse its own policy."""
    before = os.umask(0)
    try:
        write(tmp_path)
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "site.toml").stat().st_mode) == 0o644


def test_a_folder_that_is_not_there_is_made_for_the_owner(tmp_path):
    """Whatever the umask: others must not write it."""
    path = tmp_path / "ward-7" / "site.toml"
    before = os.umask(0)
    try:
        write_policy_file(path, config_file=None, data=None)
    finally:
        os.umask(before)

    assert load_policy_file(path).site_name == "site-a"


def test_an_existing_file_stays_as_it_is(tmp_path):
    """A policy is never overwritten."""
    path = tmp_path / "site.toml"
    path.write_text("mine")

    with pytest.raises(OutputExistsError, match=r"exists already.*Nothing was written"):
        write_policy_file(path, config_file=None, data=None)

    assert path.read_text() == "mine"


def test_an_example_config_fills_in_what_its_runs_need(tmp_path):
    """Mechanism, transfer set by content id, classes, sizes, rounds, run and model."""
    file = write_config(
        tmp_path,
        **{
            "models": "linear:1,mlp:2",
            "privacy.mechanism": "dp-sgd",
            "privacy.epsilon": 3.0,
            "privacy.delta": 1e-3,
            "rounds": 4,
        },
    )
    config = load_config(file)

    policy, _, notes = write(tmp_path, config=file)

    transfer_set = load_public_parts(config).transfer
    assert policy.limits.transfer_sets == (transfer_set.content_id,)
    assert policy.limits.mechanisms == ("dp-sgd",)
    assert policy.limits.most_rounds == 4
    assert policy.budget.epsilon == 3.0
    assert policy.nominal_examples == config.nominal_examples[0]
    assert policy.data.loader == "digits"
    assert policy.model.name == "linear"
    assert notes == ()
    assert _allows(policy, config.run_id)


def _allows(policy, run_id):
    values = {"num_classes": 10, "model": "mlp", "initial_weights": None}
    return policy.policy(**values).allows_run(run_id)


def test_a_transfer_set_of_its_own_needs_no_data(tmp_path):
    """Its file is enough."""
    np.savez(tmp_path / "t.npz", inputs=np.ones((20, 3), np.float32))
    changes = {
        "transfer.path": "t.npz",
        "transfer.size": None,
        "data.name": "npz",
        "data.path": "none.npz",
        "data.classes": 4,
    }
    file = write_config(tmp_path, **changes)

    policy, _, notes = write(tmp_path, config=file)

    assert len(policy.limits.transfer_sets) == 1
    assert policy.classes == 4
    assert notes == ()


def test_public_data_that_are_not_here_are_told(tmp_path):
    """The key stays out, and the owner is told whom to ask."""
    changes = {"data.name": "npz", "data.path": "none.npz", "data.classes": 4}
    file = write_config(tmp_path, **changes)

    policy, text, notes = write(tmp_path, config=file)

    assert policy.limits.transfer_sets is None
    assert '# transfer-sets = ["<content id>"]' in text
    assert "Ask the server's operator for its content id" in notes[0]


def test_a_run_without_privacy_stays_refused(tmp_path):
    """A config never makes a policy allow it."""
    changes = {"privacy.mechanism": "none", "allow-non-private": True}
    file = write_config(tmp_path, **changes)

    policy, _, notes = write(tmp_path, config=file)

    assert policy.allow_non_private is False
    assert "none" not in policy.limits.mechanisms
    assert "allow-non-private = true" in notes[0]


def test_code_that_a_config_names_is_never_written_into_a_policy(tmp_path, monkeypatch):
    """What a site imports is its owner's word alone."""
    name = write_module(monkeypatch, tmp_path)
    file = write_config(tmp_path, models=f"{name}:build:3")

    policy, text, _ = write(tmp_path, config=file)

    assert name not in text, "Rule 12: a config's code is written into a policy."
    assert policy.model.name == "mlp"


@pytest.mark.parametrize(
    ("name", "loader"),
    [("a.npz", "npz"), ("a.csv.gz", "csv"), ("a.parquet", "parquet"), ("a", "idx")],
)
def test_the_data_file_says_the_loader(tmp_path, name, loader):
    """Nothing of it is read; a path below the policy is relative."""
    if loader == "idx":
        (tmp_path / name).mkdir()

    policy, text, _ = write(tmp_path, data=tmp_path / name)

    assert policy.data.loader == loader
    assert policy.data.path == str(tmp_path / name)
    assert f'path = "{name}"' in text
    assert bool(policy.data.schema_path) is (loader in ("csv", "parquet"))


def test_a_data_file_of_an_unknown_kind_is_refused(tmp_path):
    """In one line, before anything is written."""
    with pytest.raises(DataError, match="must be a folder of IDX files, or"):
        write(tmp_path, data=tmp_path / "a.xlsx")

    assert list(tmp_path.iterdir()) == []


def test_a_tables_schema_comes_from_the_config(tmp_path):
    """It is public."""
    changes = write_table(tmp_path)
    file = write_config(tmp_path, **changes)

    policy, _, _ = write(tmp_path, config=file)

    assert policy.data.schema_path == str(tmp_path / "schema.toml")
    assert policy.classes == 0


def test_a_bundle_gives_the_sites_name(tmp_path):
    """The coordinator has chosen it; nobody has to copy it by hand."""
    bundle = tmp_path / "ward-7"
    bundle.mkdir()
    (bundle / "bundle.toml").write_text(
        SiteBundle(
            federation="study",
            site_name="ward-7",
            address="here.example:9090",
            authority="0" * 64,
            fedstill="0.1.0",
            flower="1.41.0",
        ).to_toml()
    )
    path = tmp_path / "site.toml"

    write_policy_file(path, bundle=bundle)

    assert load_policy_file(path).site_name == "ward-7"


def test_a_folder_that_is_no_bundle_is_refused(tmp_path):
    """One line, and no policy."""
    path = tmp_path / "site.toml"

    with pytest.raises(ConfigError, match=r"bundle\.toml"):
        write_policy_file(path, bundle=tmp_path)

    assert not path.exists()


def test_a_nodes_group_puts_the_socket_where_units_expect_it(tmp_path):
    """Below the folder that systemd makes, and open to that group."""
    path = tmp_path / "site.toml"

    write_policy_file(path, node_group="fedstill-node")

    socket = load_policy_file(path).socket
    assert socket.path == "/run/fedstill/socket/site.sock"
    assert socket.group == "fedstill-node"
