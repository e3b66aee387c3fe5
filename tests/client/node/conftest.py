"""What the tests of the doctor share."""

import pytest

from client.node.activation import Admission
from client.node.node_key import make_node_key
from tests.client.custodian.support import Echo, door
from tests.client.node.doctor_site import Certificate, point
from tests.client.node.support import make_bundle
from tests.common.doctor.servers import authority, server_pair, superlink


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A site whose SuperLink is healthy and lets its key in; its node does not run."""
    signer = authority()
    said = {"admission": Admission.LET_IN}
    monkeypatch.setattr(
        "client.node.activation.try_admission", lambda *_, **__: said["admission"]
    )
    with superlink(tmp_path, server_pair(signer)) as port, door(Echo()) as custodian:
        folder = make_bundle(
            tmp_path / "hospital-a",
            authority=Certificate(signer),
            address=f"127.0.0.1:{port}",
        )
        make_node_key(folder, comment="x")
        point(folder, custodian.endpoint.socket)
        yield folder, said
