"""`fedstill deploy init` by root: each file is whose it should be, and stays that."""

import os
import pwd
import stat
import tempfile
from pathlib import Path

import pytest

from common.deployment.layout import DeploymentFolder
from server.deployment.init import init_deployment
from server.deployment.rotate import rotate_keys
from tests.other_user import DONE, tries_of
from tests.server.deployment.deployments import make_deployment, write_federation

USER = "daemon"
DENIED = "PermissionError"
# Somebody who needs no entry in the user database.
COORDINATOR = 61_003

pytestmark = pytest.mark.usefixtures("quick_disk")


@pytest.fixture(scope="module", autouse=True)
def _is_root():
    """Nobody else can give files away; a build server must be able to."""
    if os.geteuid() == 0:
        return
    if os.environ.get("CI"):
        pytest.fail("CI is set, and only root can give files to others.")
    pytest.skip("giving files to others needs root")


@pytest.fixture
def services():
    """The services' user, as numbers."""
    found = pwd.getpwnam(USER)
    return found.pw_uid, found.pw_gid


@pytest.fixture
def place():
    """A folder that everybody may enter, so that the deployment's modes decide."""
    with tempfile.TemporaryDirectory(prefix="fedstill-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        yield folder


def _owner(path):
    found = path.stat()
    return found.st_uid, found.st_gid


def _check(folder, services):
    _, group = services
    written = (folder.database.parent, folder.runs, folder.flower_home)
    for path in (folder.key, folder.superexec_secret, folder.flower_config, *written):
        assert _owner(path) == services, path
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO), path
    for path in (folder.authority_key, folder.authority, folder.federation):
        assert _owner(path) == (0, 0), path
    for path in (folder.root, folder.authority.parent, folder.key.parent):
        assert _owner(path) == (0, group), path
        assert stat.S_IMODE(path.stat().st_mode) == 0o750
    for path in folder.units.iterdir():
        assert _owner(path) == (0, 0), path


def test_services_get_what_they_need_and_root_keeps_the_authority(place, services):
    """The SuperLink's user cannot sign, and cannot change what root does next."""
    _check(make_deployment(place, user=USER), services)


def test_folder_that_a_user_made_is_handed_over(place, services):
    """First without sudo, then with: no key changes, each owner is right."""
    folder = make_deployment(place, user="fedstill-nobody-x")
    for path in (folder.root, *folder.root.rglob("*")):
        os.chown(path, COORDINATOR, COORDINATOR)
    keys = (folder.authority_key, folder.key, folder.superexec_secret)
    before = [path.read_bytes() for path in keys]

    init_deployment(write_federation(place / "f.toml", user=USER), folder.root)

    assert [path.read_bytes() for path in keys] == before
    _check(folder, services)


@pytest.mark.parametrize("with_authority", [False, True])
def test_new_keys_have_the_same_owners(place, services, with_authority):
    """`rotate` by root leaves the services able to start."""
    folder = make_deployment(place, user=USER)

    rotate_keys(folder.root, with_authority=with_authority)

    _check(folder, services)


def test_kernel_keeps_the_services_from_the_rest(place, services):
    """They read their own key and write their state; a stranger does not even enter."""
    folder: DeploymentFolder = make_deployment(place, user=USER)
    user, group = services
    tries = {
        "read the key": ("read", str(folder.key)),
        "read the secret": ("read", str(folder.superexec_secret)),
        "read the authority": ("read", str(folder.authority)),
        "add to the state": ("create", str(folder.database)),
        "add to the runs": ("create", str(folder.runs / "x")),
    }
    forbidden = {
        "read the authority's key": ("read", str(folder.authority_key)),
        "change the authority": ("write", str(folder.authority)),
        "change the federation": ("write", str(folder.federation)),
        "change a unit": ("write", str(next(folder.units.iterdir()))),
        "add a unit": ("create", str(folder.units / "x.service")),
        "change a bundle": ("write", str(folder.bundle("hospital-a").bundle)),
        "move the state": ("move", str(folder.database.parent), str(folder.root / "x")),
        "open the folder": ("change mode", str(folder.root)),
    }

    found = tries_of(tries | forbidden, user=user, groups=(group,))
    of_stranger = tries_of(tries | forbidden, user=COORDINATOR)

    assert found == dict.fromkeys(tries, DONE) | dict.fromkeys(forbidden, DENIED)
    assert set(of_stranger.values()) == {DENIED}
