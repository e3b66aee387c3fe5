"""The kernel opens the socket to one group; whatever else is there is refused."""

import grp
import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from client.custodian.unix_socket import bind_socket, remove_socket
from common.errors import ConfigError
from tests.client.custodian.support import Echo, door


@pytest.fixture
def path():
    """A socket's path; pytest's own folders may have too long names."""
    with tempfile.TemporaryDirectory(prefix="fedstill-") as folder:
        yield Path(folder).resolve() / "run" / "site.sock"


@pytest.fixture
def binder(path):
    """Binds a socket, and remembers its mode at once."""
    listening = []

    def bind():
        one = socket.socket(socket.AF_UNIX)
        one.bind(str(path))
        one.listen()
        bind.modes.append(_mode(path))
        listening.append(one)

    bind.modes = []
    bind.listening = listening
    yield bind
    for one in listening:
        one.close()


def _mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


def test_folder_and_socket_are_the_groups_alone(path, binder):
    """0750 and 0660, whatever the umask is."""
    before = os.umask(0)
    try:
        bind_socket(path, "", binder)
        during = os.umask(0)
    finally:
        os.umask(before)

    modes = (f"{_mode(path.parent):04o}", f"{_mode(path):04o}")
    assert modes == ("0750", "0660"), f"Rule 9: others can connect, modes {modes}."
    assert during == 0
    assert path.stat().st_gid == os.getegid()


def test_a_served_socket_is_the_groups_alone():
    """The same for what gRPC binds."""
    with door(Echo()) as custodian:
        socket_path = custodian.endpoint.socket
        modes = (_mode(socket_path.parent), _mode(socket_path))

    assert modes == (0o750, 0o660)
    assert not socket_path.exists()


def test_there_is_no_open_moment(path, binder):
    """The socket is the custodian's alone until its group is right."""
    bind_socket(path, "", binder)

    (mode,) = binder.modes
    assert mode & 0o077 == 0, f"Rule 9: the socket was bound with mode {mode:04o}."


def test_a_group_has_name_or_number(path, binder):
    """Either way the socket and its folder belong to it."""
    name = grp.getgrgid(os.getegid()).gr_name

    bind_socket(path, name, binder)
    binder.listening.pop().close()
    bind_socket(path, str(os.getegid()), binder)

    assert path.parent.stat().st_gid == path.stat().st_gid == os.getegid()


def test_an_unknown_group_is_refused(path, binder):
    """The error names the group, and nothing is made."""
    with pytest.raises(ConfigError, match="no group 'flowwer'"):
        bind_socket(path, "flowwer", binder)

    assert not path.parent.exists()


def test_the_socket_of_a_killed_custodian_is_replaced(path, binder):
    """Nobody has to clear up after a kill."""
    bind_socket(path, "", binder)
    binder.listening.pop().close()
    assert path.exists()

    bind_socket(path, "", binder)

    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_custodian_that_answers_is_not_replaced(path, binder):
    """gRPC itself would take its place without a word."""
    bind_socket(path, "", binder)

    with pytest.raises(ConfigError, match="another custodian answers there"):
        bind_socket(path, "", binder)

    remove_socket(path)
    assert path.exists()


def test_a_file_is_not_replaced(path, binder):
    """A path that was mistyped costs nobody a file."""
    path.parent.mkdir(mode=0o750)
    path.write_text("content")

    with pytest.raises(ConfigError, match="something else than a socket"):
        bind_socket(path, "", binder)

    remove_socket(path)
    assert path.read_text() == "content"


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o751])
def test_a_folder_that_others_can_enter_or_change_is_refused(path, binder, mode):
    """It is checked and never changed: it could be /tmp."""
    path.parent.mkdir()
    path.parent.chmod(mode)

    with pytest.raises(ConfigError, match=f"mode 0{mode:o}, allowed is 0750"):
        bind_socket(path, "", binder)

    assert _mode(path.parent) == mode


def test_a_link_in_place_of_the_folder_is_refused(path, binder):
    """A link leads where somebody else decides."""
    elsewhere = path.parent.with_name("elsewhere")
    elsewhere.mkdir(mode=0o750)
    path.parent.symlink_to(elsewhere)

    with pytest.raises(ConfigError, match="a link or no folder"):
        bind_socket(path, "", binder)


def test_a_folder_of_another_group_is_refused(path, binder):
    """The socket's group could not enter it, or another one could."""
    if os.geteuid() != 0:
        pytest.skip("only root gives a folder to a group that it is not in")
    path.parent.mkdir(mode=0o750)
    os.chown(path.parent, -1, os.getegid() + 1)

    with pytest.raises(ConfigError, match="belongs to group"):
        bind_socket(path, "", binder)


def test_a_folder_that_cannot_be_made_is_told(path, binder):
    """The error has the system's words and no traceback."""
    with pytest.raises(ConfigError, match="No such file or directory"):
        bind_socket(path.parent / "missing" / "site.sock", "", binder)
