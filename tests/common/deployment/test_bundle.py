"""`bundle.toml`: comes back as it was written, and nothing else is taken for one."""

import dataclasses

import pytest

from common.deployment.bundle import SiteBundle, split_address
from common.errors import ConfigError

BUNDLE = SiteBundle(
    federation="ward-study",
    site_name="hospital-a",
    address="fedstill.example:9090",
    authority="0123456789abcdef" * 4,
    fedstill="0.1.0",
    flower="1.41.0",
)


def test_comes_back(tmp_path):
    """Every field."""
    path = tmp_path / "bundle.toml"
    path.write_text(BUNDLE.to_toml())

    assert SiteBundle.read(path) == BUNDLE
    assert (BUNDLE.host, BUNDLE.port) == ("fedstill.example", 9090)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("federation", "Ward"),
        ("site_name", "../x"),
        ("site_name", ""),
        ("address", "fedstill.example"),
        ("address", "x:0"),
        ("authority", "abc"),
        ("fedstill", ""),
        ("schema", 2),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, field, value):
    """As a value, and as a file with one line on it."""
    with pytest.raises(ValueError, match=r".+"):
        dataclasses.replace(BUNDLE, **{field: value})
    path = tmp_path / "bundle.toml"
    old = getattr(BUNDLE, field)
    key = field.replace("_", "-")
    line = f"{key} = {old!r}".replace("'", '"')
    new = f"{key} = {value!r}".replace("'", '"')
    text = BUNDLE.to_toml()
    assert line in text
    path.write_text(text.replace(line, new))

    with pytest.raises(ConfigError, match="Ask the coordinator") as caught:
        SiteBundle.read(path)

    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "x = 1", "not toml", 'federation = "a"'])
def test_file_that_is_no_bundle(tmp_path, text):
    """Missing keys, unknown keys, no TOML."""
    path = tmp_path / "bundle.toml"
    path.write_text(text)

    with pytest.raises(ConfigError, match="Ask the coordinator"):
        SiteBundle.read(path)


def test_addresses():
    """The brackets of IPv6 are taken off."""
    assert split_address("[2001:db8::1]:9090") == ("2001:db8::1", 9090)
    for wrong in ("", "x", "x:", ":1", "x:0", "x:70000", "a b:1"):
        with pytest.raises(ValueError, match="must be host:port"):
            split_address(wrong)
