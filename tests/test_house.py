"""The house around the code: packaging, pins, layers, Flower bundle, targets."""

import ast
import importlib
import io
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ("client", "common", "server")
PACKAGES = (*SHIPPED, "simulations")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
APP = PYPROJECT["tool"]["flwr"]["app"]
SWITCHES = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
# Pinned by its parent to one exact version and documented as part of it.
PARTS_OF_OTHERS = {"pydantic-core"}
LAYERS = "simulations -> (server | client) -> common"


def _python_files(package):
    return {
        path.relative_to(ROOT).as_posix() for path in (ROOT / package).rglob("*.py")
    }


def _constraints():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def _bundle_files(bundle):
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return set(archive.namelist())


def _expected_bundle():
    modules = set().union(*(_python_files(package) for package in SHIPPED))
    manifest = {"pyproject.toml", ".info/CONTENT"}
    return modules | manifest | {"LICENSE", "README.md"}


def test_bundle_holds_exactly_what_a_site_runs(checkout):
    """The Flower bundle has client, common and server, and nothing else of ours."""
    from flwr.cli.build import build_fab_from_disk  # noqa: PLC0415 - seconds to import

    (checkout / "common" / "secret.json").write_text("{}")
    (checkout / "runs").mkdir()
    (checkout / "runs" / "metrics.jsonl").write_text("{}")

    files = _bundle_files(build_fab_from_disk(checkout))

    assert files == _expected_bundle()
    assert "client/app.py" in files
    assert "server/app.py" in files


@pytest.mark.deploy
def test_flwr_build_makes_the_same_bundle(checkout, tmp_path):
    """The command `flwr build` itself accepts the project and finds both apps."""
    flwr = Path(sys.executable).with_name("flwr")

    subprocess.run(
        [flwr, "build", "--app", checkout],
        cwd=tmp_path,
        env=os.environ | SWITCHES | {"FLWR_HOME": str(tmp_path / "home")},
        check=True,
        timeout=120,
    )

    (bundle,) = tmp_path.glob("*.fab")
    assert _bundle_files(bundle.read_bytes()) == _expected_bundle()


def test_bundle_patterns_are_the_agreed_ones():
    """What is shipped to sites changes by a decision, not by accident."""
    assert APP["fab-include"] == [
        "client/**/*.py",
        "common/**/*.py",
        "server/**/*.py",
        "LICENSE",
        "README.md",
    ]
    assert APP["components"] == {
        "serverapp": "server.app:app",
        "clientapp": "client.app:app",
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_this_repositorys(package):
    """A foreign package of the same bare name has not been imported instead."""
    module = importlib.import_module(package)

    assert Path(module.__file__).parent == ROOT / package


def test_wheel_lists_every_package():
    """A new package folder cannot be forgotten in the wheel."""
    folders = {
        path.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for package in PACKAGES
        for path in (ROOT / package).rglob("__init__.py")
    }
    with_modules = {
        path.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }

    assert set(PYPROJECT["tool"]["setuptools"]["packages"]) == folders
    assert with_modules == folders


def test_wheel_holds_the_protocol():
    """Who writes a relay in another language finds it in what is installed."""
    data = PYPROJECT["tool"]["setuptools"]["package-data"]["client.custodian"]

    assert data == ["protocol.proto", "protocol_pb2.pyi"]
    for name in data:
        assert (ROOT / "client" / "custodian" / name).is_file()


def test_console_script_is_installed():
    """The command `fedstill` leads to the front door."""
    (script,) = metadata.entry_points(group="console_scripts", name="fedstill")

    assert script.value == "fedstill:main"
    assert callable(script.load())


UNSAFE_MODULES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
UNSAFE_CALLS = {"torch.load", "torch.save", "yaml.load"}


def _unsafe(file):
    """Yields what in a source file could run code from somebody's bytes."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Import(names=names):
                modules = {alias.name.partition(".")[0] for alias in names}
                yield from modules & UNSAFE_MODULES
            case ast.ImportFrom(module=module, names=names):
                yield from {module.partition(".")[0]} & UNSAFE_MODULES
                yield from {f"{module}.{one.name}" for one in names} & UNSAFE_CALLS
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                yield from {f"{owner}.{name}"} & UNSAFE_CALLS
            case ast.keyword(arg="allow_pickle", value=value):
                yield from () if ast.unparse(value) == "False" else ("allow_pickle",)
            case ast.Call(func=ast.Name(id=name)):
                yield from {name} & {"eval", "exec", "__import__"}


def test_no_source_reads_pickle_or_runs_data():
    """What can only be read by running it is neither read nor written."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    found = {
        path.relative_to(ROOT).as_posix(): sorted(unsafe)
        for path in (*files, ROOT / "fedstill.py")
        if (unsafe := set(_unsafe(path)))
    }

    assert found == {}, f"Rule 13: no pickle anywhere, but {found}."


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "from torch import load",
        "state = torch.load(file)",
        "array = np.load(file, allow_pickle=True)",
        "value = eval(text)",
    ],
)
def test_each_way_to_run_data_would_be_found(line, tmp_path):
    """The search can fail."""
    module = tmp_path / "module.py"
    module.write_text(f"{line}\n")

    assert list(_unsafe(module))


def _requirements(*extras):
    lines = PROJECT["dependencies"] + [
        line for extra in extras for line in PROJECT["optional-dependencies"][extra]
    ]
    return [Requirement(line) for line in lines]


def _imported_distributions(files):
    """Returns the canonical names of the distributions that some modules import."""
    providers = metadata.packages_distributions()
    ours = {*PACKAGES, "fedstill"}
    names = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module.partition(".")[0])
    foreign = names - ours - set(sys.stdlib_module_names)
    return {
        canonicalize_name(provider) for name in foreign for provider in providers[name]
    } - PARTS_OF_OTHERS


def test_every_import_is_a_declared_dependency():
    """Nothing is used that only another package happens to bring along."""
    site = [path for package in SHIPPED for path in (ROOT / package).rglob("*.py")]
    everything = [*site, *(ROOT / "simulations").rglob("*.py"), ROOT / "fedstill.py"]

    declared = {canonicalize_name(r.name) for r in _requirements()}
    with_extra = {canonicalize_name(r.name) for r in _requirements("simulations")}

    assert _imported_distributions(site) - declared == set()
    assert _imported_distributions(everything) - with_extra == set()


def test_constraints_pin_every_dependency_within_its_bounds():
    """Each direct dependency has one pinned version that pyproject.toml allows."""
    pins = _constraints()

    for requirement in _requirements("simulations", "dev"):
        assert pins[canonicalize_name(requirement.name)] in requirement.specifier


def test_constraints_cover_indirect_dependencies():
    """Two machines get the same versions: what is installed is what is pinned.

    Below torch only its own build decides, since a CUDA build needs more packages.
    """
    pins = _constraints()
    queue = [r for r in _requirements("simulations", "dev") if r.name != "torch"]
    seen = {"torch"}
    unpinned = {}

    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        if name in seen:
            continue
        seen.add(name)
        distribution = metadata.distribution(name)
        version = distribution.version.partition("+")[0]
        if pins.get(name) != version:
            unpinned[name] = version
        extras = requirement.extras or {""}
        for line in distribution.requires or ():
            needed = Requirement(line)
            if needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in extras
            ):
                queue.append(needed)

    assert unpinned == {}


def test_makefile_and_constraints_agree_on_torch():
    """The torch that is installed first is the torch that is pinned."""
    makefile = (ROOT / "Makefile").read_text()

    version = re.search(r"^TORCH_VERSION = (.+)$", makefile, re.MULTILINE)[1]

    assert version == _constraints()["torch"]


def test_makefile_documents_every_target():
    """`make` lists each target that a person may call, and what it does."""
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)[1].split()

    shown = subprocess.run(
        ["make"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout

    assert set(phony) == {"help", "install", "demo", "test", "test-long", "check"}
    for target in phony:
        assert re.search(rf"^  make {target} +\w.+\.$", shown, re.MULTILINE), target


def test_make_turns_off_whatever_reports_home():
    """Telemetry, update checks and installs at run time are off in every recipe."""
    makefile = (ROOT / "Makefile").read_text()

    for name, value in SWITCHES.items():
        assert f"export {name} = {value}\n" in makefile


def _lint_imports(checkout):
    lint_imports = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [lint_imports, "--no-logo", "--no-cache"],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout)},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_import_layers_hold(checkout):
    """The code as it is keeps every contract."""
    result = _lint_imports(checkout)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("client/__init__.py", "import server.app", LAYERS),
        ("server/__init__.py", "import client.app", LAYERS),
        ("common/__init__.py", "import server", LAYERS),
        ("client/__init__.py", "import simulations", LAYERS),
        ("simulations/__init__.py", "import fedstill", "nothing imports the front"),
        ("server/validation.py", "from flwr.app import Message", "flwr: the two apps"),
        ("common/losses.py", "import opacus", "opacus: only"),
        ("server/planning.py", "import dp_accounting", "dp_accounting: only"),
        ("client/site.py", "import flwr_datasets", "flwr_datasets: only"),
        ("client/app.py", "import torch", "the relay starts without torch"),
        ("client/custodian/service.py", "import client.site", "the relay starts"),
        ("client/custodian/server.py", "import common.records", "the custodian's door"),
        ("client/site.py", "import grpc", "grpc: only"),
        ("server/exchange.py", "import client.custodian.wire", LAYERS),
        ("common/weights.py", "import pickle", "no pickle"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(checkout, file, line, contract):
    """Each contract can fail: one import across a fence is found and named."""
    with (checkout / file).open("a") as module:
        module.write(f"\n{line}\n")

    result = _lint_imports(checkout)

    broken = [text for text in result.stdout.splitlines() if " BROKEN" in text]
    assert result.returncode == 1
    assert any(text.startswith(contract) for text in broken), result.stdout
