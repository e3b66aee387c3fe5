"""A deployed site takes its model from its own policy, and from nowhere else."""

import ast
import sys
from pathlib import Path

import pytest

from tests.client.support import hello, make_policy, make_site, reason_of
from tests.own_modules import write_module
from tests.rules import naming

ROOT = Path(__file__).resolve().parents[2]
# What leads from a name to code, and what in a config names models.
IMPORTERS = {"common.own_code", "importlib", "runpy", "simulations.own_code"}
# They look up versions and files, and import no code.
HARMLESS = {"metadata", "resources"}
NAMES_OF_MODELS = {"models", "site_models", "parse_models"}
ALLOWED = {
    # The rule of the server's own operator.
    "server/aggregation/own_rule.py": {"common.own_code"},
    # What the owner's own policy names; it looks at no config.
    "client/owner/own_code.py": {"common.own_code"},
    # How an exception of the owner's code is told; it imports no name.
    "client/owner/check_model.py": {"common.own_code"},
    # Proposes a model of the zoo to the owner of a new policy; it imports nothing.
    "client/owner/policy_init.py": {"site_models"},
}


def _found(file):
    """Yields what in a source file could lead from a config's models to code."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Import(names=names):
                yield from {one.name for one in names} & IMPORTERS
            case ast.ImportFrom(module="importlib", names=names) if {
                one.name for one in names
            } <= HARMLESS:
                pass
            case ast.ImportFrom(module=module, names=names):
                full = {f"{module}.{one.name}" for one in names}
                yield from ({module} | full) & IMPORTERS
                yield from {one.name for one in names} & NAMES_OF_MODELS
            case ast.Attribute(attr=name) if name in NAMES_OF_MODELS:
                yield name


def test_nothing_at_a_site_or_server_leads_from_a_configs_models_to_code():
    """Neither is able to import a name, nor looks at what `models` says."""
    files = [
        path for part in ("client", "server") for path in (ROOT / part).rglob("*.py")
    ]
    found = {
        name: sorted(odd)
        for path in files
        if (
            odd := set(_found(path))
            - ALLOWED.get(name := path.relative_to(ROOT).as_posix(), set())
        )
    }

    assert files
    assert found == {}, f"Rule 12: a site or server could import a model: {found}."


def test_only_the_owners_side_leads_from_names_to_code_at_a_site():
    """And what does so knows neither a config nor a message."""
    at_a_site = [
        name
        for name, allowed in ALLOWED.items()
        if name.startswith("client/") and allowed & IMPORTERS
    ]
    known = {
        name: {
            node.module
            for node in ast.walk(ast.parse((ROOT / name).read_text()))
            if isinstance(node, ast.ImportFrom)
        }
        for name in at_a_site
    }

    assert all(name.startswith("client/owner/") for name in at_a_site)
    foreign = {"common.config", "common.config.experiment", "common.messages"}
    assert not any(modules & foreign for modules in known.values()), (
        f"Rule 12: a config or a message reaches the importer: {known}."
    )


def test_no_request_reaches_the_importer():
    """What answers imports nothing of the owner's side."""
    answering = [
        path for path in (ROOT / "client").glob("*.py") if path.name != "cli.py"
    ]
    answering += (ROOT / "client" / "custodian").glob("*.py")
    found = [
        path.name
        for path in answering
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and str(node.module).startswith("client.owner")
    ]

    assert answering
    assert found == [], f"Rule 12: a request could reach the owner's code: {found}."


@pytest.mark.parametrize(
    "line",
    [
        "import importlib",
        "from importlib import import_module",
        "from common.own_code import import_callable",
        "from common import own_code",
        "name = config.site_models[0]",
        "from common.config.lists import parse_models",
    ],
)
def test_each_way_would_be_found(line, tmp_path):
    """The search can fail."""
    module = tmp_path / "module.py"
    module.write_text(f"{line}\n")

    assert list(_found(module))


def test_a_site_imports_nothing_for_a_name(tmp_path, monkeypatch):
    """A name in a policy is one of the zoo; own models come as builders."""
    name = write_module(monkeypatch, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    site = make_site(tmp_path, policy=make_policy(model=f"{name}:build"))

    with (
        naming("Rule 12: a site imported a model by its name."),
        pytest.raises(ValueError, match="one of linear, mlp, cnn, resnet8"),
    ):
        site._parts.build(seed=1)

    assert reason_of(site.answer(hello())) is not None
    assert name not in sys.modules
