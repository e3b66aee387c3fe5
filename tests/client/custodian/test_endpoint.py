"""Where a custodian can be, and what is refused in words."""

from pathlib import Path

import pytest

from client.custodian.endpoint import Endpoint, TlsFiles
from common.errors import ConfigError

FILES = {"certificate": "site.pem", "key": "site.key", "authority": "ca.pem"}


def test_a_socket_is_an_absolute_path():
    """The path is kept, and gRPC's name of it is a URI."""
    endpoint = Endpoint.parse("unix:/run/fed still/100%.sock", group="flower")

    assert endpoint.socket == Path("/run/fed still/100%.sock")
    assert endpoint.group == "flower"
    assert endpoint.target == "unix:/run/fed%20still/100%25.sock"


@pytest.mark.parametrize("address", ["site.example:9443", "10.0.0.7:1", "[::1]:65535"])
def test_an_address_needs_and_has_mutual_tls(address):
    """Host and port, with three files."""
    endpoint = Endpoint.parse(address, **FILES)

    assert endpoint.target == address
    assert endpoint.tls == TlsFiles(
        certificate=Path("site.pem"), key=Path("site.key"), authority=Path("ca.pem")
    )


@pytest.mark.parametrize("missing", [*FILES, "all"])
def test_plaintext_tcp_is_refused(missing):
    """Not one of the three files can be left out."""
    files = {} if missing == "all" else FILES | {missing: ""}

    try:
        endpoint = Endpoint.parse("site.example:9443", **files)
    except ConfigError as error:
        assert str(error) == (  # noqa: PT017
            "custodian = 'site.example:9443': TCP without mutual TLS is never used; "
            'allowed are "unix:" with an absolute path and, with certificate, key and '
            'certificate authority, "host:port". Nothing is opened.'
        )
    else:
        pytest.fail(f"Rule 9: {endpoint} has TCP without mutual TLS.")


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("", {}),
        ("unix:", {}),
        ("unix:site.sock", {}),
        ("unix:/run/../etc/site.sock", {}),
        ("unix:/run/" + "x" * 120, {}),
        ("unix:/run/site.sock", FILES),
        ("unix-abstract:site", {}),
        ("dns:///site.example:9443", FILES),
        ("site.example", FILES),
        ("site.example:99999", FILES),
        ("site.example:9443,evil.example:9443", FILES),
        ("site.example:9443", FILES | {"group": "flower"}),
    ],
)
def test_other_texts_are_refused_in_words(text, options):
    """The error names the text, and what is allowed."""
    with pytest.raises(ConfigError, match="allowed are") as caught:
        Endpoint.parse(text, **options)

    assert repr(text) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"address": "site.example:9443"},
        {"socket": Path("/run/s"), "address": "site.example:9443"},
    ],
)
def test_an_endpoint_checks_itself(values):
    """No other way leads to TCP without TLS."""
    with pytest.raises(ValueError, match="Expected"):
        Endpoint(**values)
