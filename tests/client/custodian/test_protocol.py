"""The generated code is that of the protocol."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROTOCOL = "client/custodian/protocol.proto"


@pytest.mark.parametrize("name", ["protocol_pb2.py", "protocol_pb2.pyi"])
def test_generated_code_is_up_to_date(name, tmp_path):
    """Whoever changes the protocol writes its code again."""
    command = [sys.executable, "-m", "grpc_tools.protoc", "--proto_path=."]
    subprocess.run(
        [*command, f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", PROTOCOL],
        cwd=ROOT,
        check=True,
    )

    written = (ROOT / "client" / "custodian" / name).read_text()
    assert written == (tmp_path / "client" / "custodian" / name).read_text()
