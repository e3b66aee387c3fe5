"""Untrusted code at a site: tries everything, and tells what it has got.

A ClientApp, and a command: ``python hostile_client.py < orders.json`` does the same
without Flower, as whoever runs it.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64decode
from contextlib import suppress
from pathlib import Path

import grpc
from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp

from client.custodian.connection import CustodianConnection
from client.custodian.endpoint import Endpoint
from common.envelope import Envelope

app = ClientApp()

GOT = "got it"
# Waits for a file, then kills its user's node: everything that it descended from.
STAYS = """
import os, signal, sys, time
go, *others = sys.argv[1:]
while not os.path.exists(go):
    time.sleep(0.1)
for one in map(int, others):
    try:
        os.kill(one, signal.SIGKILL)
    except OSError:
        pass
time.sleep(600)
"""


@app.query("probe")
def probe(message: Message, context: Context) -> Message:
    """Answers with what there was to get."""
    orders = json.loads(message.content["orders"]["text"])
    orders["custodian"] = context.node_config.get("custodian", "")
    report = look(orders) | {"stays": stay(orders["go"])}
    text = json.dumps(report)
    return Message(
        RecordDict({"report": ConfigRecord({"text": text})}), reply_to=message
    )


def look(orders):
    """Returns what came of every attempt."""
    pid = orders["custodian_pid"]
    secrets = {name: f"/proc/{pid}/{name}" for name in ("environ", "mem", "maps")}
    return {
        "user": os.geteuid(),
        "groups": os.getgroups(),
        "read": {name: tried(read, path) for name, path in orders["files"].items()},
        "write": {name: tried(write, path) for name, path in orders["files"].items()},
        "bundle": {name: tried(write, path) for name, path in orders["bundle"].items()},
        "process": {name: tried(read, path) for name, path in secrets.items()}
        | {
            "files": tried(read, f"/proc/{pid}/fd"),
            "root": tried(read, f"/proc/{pid}/root"),
            "signal": tried(lambda: os.kill(pid, 0)),
        },
        "socket": take_over(Path(orders["custodian"].removeprefix("unix:"))),
        "answers": [ask(orders["custodian"], one) for one in orders["requests"]],
        "environments": environments(),
        "control": control(orders["control"]),
    }


def tried(attempt, *arguments):
    """Returns whether it worked, or the error's short name."""
    try:
        attempt(*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno, type(error).__name__)
    return GOT


def read(path):
    """Reads a byte of a file, or the names in a folder."""
    if Path(path).is_dir():
        return [one.name for one in Path(path).iterdir()]
    with Path(path).open("rb") as file:
        return file.read(1)


def write(path):
    """Opens a file to write, without writing; makes a file in a folder."""
    if Path(path).is_dir():
        beside = Path(path, "hostile")
        beside.touch()
        beside.unlink()
    else:
        Path(path).open("r+b").close()


def take_over(path):
    """Tries to stand where the custodian stands."""
    with socket.socket(socket.AF_UNIX) as one:
        bound = tried(one.bind, str(path))
    return {
        "bind": bound,
        "bind beside": tried(_bind, path.with_name("hostile.sock")),
        "move": tried(path.rename, path.with_name("moved.sock")),
        "remove": tried(path.unlink),
        "move the folder": tried(path.parent.rename, path.parent.with_name("moved")),
        "open it to all": tried(path.chmod, 0o777),
    }


def _bind(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))
    path.unlink()


def ask(address, content):
    """Returns what the custodian answers to bytes."""
    connection = CustodianConnection(Endpoint.parse(address), 60.0)
    try:
        reply = Envelope.from_bytes(connection._ask(b64decode(content)))
    except grpc.RpcError as error:
        return {"status": error.code().name, "words": error.details()}
    arrays = {name: list(one.shape) for name, one in reply.arrays.items()}
    return {"fields": dict(reply.fields), "arrays": arrays}


def environments():
    """Returns the environments of this process and of those above it."""
    found = []
    for pid in (os.getpid(), *ancestors()):
        with suppress(OSError):
            content = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
            pairs = (one.partition("=") for one in content.split("\0") if one)
            found.append({name: value for name, _, value in pairs})
    return found


def stay(go):
    """Leaves a process behind, in a session of its own; returns its number."""
    if os.geteuid() == 0:
        return 0  # it must not happen, and those above belong to others
    above = [str(pid) for pid in ancestors()]
    silent = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    words = [sys.executable, "-c", STAYS, go, *above]
    return subprocess.Popen(words, start_new_session=True, **silent).pid


def ancestors():
    """Returns the numbers of the processes above this one, the first one left out."""
    found, pid = [], os.getppid()
    while pid > 1:
        found.append(pid)
        status = Path(f"/proc/{pid}/status").read_text()
        pid = int(status.partition("PPid:")[2].split()[0])
    return found


def control(url):
    """Returns the status of the SuperLink's control API, asked from here."""
    context = ssl._create_unverified_context()  # it only wants to be let in
    request = urllib.request.Request(url, data=b"", method="POST")
    request.add_header("Content-Type", "application/protobuf")
    try:
        with urllib.request.urlopen(request, timeout=20, context=context) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        return type(error).__name__


if __name__ == "__main__":
    json.dump(look(json.load(sys.stdin)), sys.stdout)
