"""A bundle is looked at before anything is made of it."""

import datetime as dt

import pytest

from client.node.bundle_folder import check_flower, open_bundle
from common.deployment.layout import BundleFolder
from common.deployment.spoken import spoken
from common.errors import ConfigError
from tests.client.node.support import DAY, FLOWER, make_authority, make_bundle


def refusal(folder):
    with pytest.raises(ConfigError) as caught:
        open_bundle(folder)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert "Nothing was changed." in text
    return text


def test_good_bundle_is_believed(tmp_path):
    """All that it says is handed on."""
    folder = make_bundle(tmp_path / "hospital-a")

    bundle = open_bundle(folder)

    assert (bundle.federation, bundle.site_name) == ("ward-study", "hospital-a")
    assert bundle.address == "fedstill.example:9090"


def test_folder_that_is_none(tmp_path):
    """It is named."""
    assert "hospital-b is no folder" in refusal(BundleFolder(tmp_path / "hospital-b"))


@pytest.mark.parametrize("name", ["bundle.toml", "ca.crt"])
def test_missing_file(name, tmp_path):
    """It is named."""
    folder = make_bundle(tmp_path)
    (tmp_path / name).unlink()

    assert f"{name}: No such file" in refusal(folder)


def test_certificate_of_another_authority(tmp_path):
    """Both fingerprints are said: a bundle whose halves do not belong together."""
    folder = make_bundle(tmp_path)
    other = make_bundle(tmp_path / "other")
    folder.authority.write_bytes(other.authority.read_bytes())

    text = refusal(folder)

    assert open_bundle(other).authority in text
    assert "and bundle.toml says" in text


@pytest.mark.parametrize(
    ("authority", "words"),
    [
        ({"starts": -2 * DAY, "ends": -DAY}, "expired on"),
        ({"starts": DAY}, "this machine's clock says"),
        ({"is_authority": False}, "is the certificate of no authority"),
    ],
    ids=["expired", "not yet", "no authority"],
)
def test_certificate_that_cannot_be_used(authority, words, tmp_path):
    """Expired, not yet valid, or of a server."""
    assert words in refusal(
        make_bundle(tmp_path, authority=make_authority(**authority))
    )


@pytest.mark.parametrize(
    "content", [b"", b"no PEM", "two"], ids=["empty", "text", "two"]
)
def test_file_that_is_not_one_certificate(content, tmp_path):
    """A second certificate would be trusted without having been compared."""
    folder = make_bundle(tmp_path)
    if content == "two":
        content = 2 * folder.authority.read_bytes()
    folder.authority.write_bytes(content)

    assert "must be one certificate in PEM" in refusal(folder)


def test_other_minor_version_of_flower_names_both(tmp_path):
    """Flower refuses another minor version itself, but on the day of the run."""
    text = refusal(make_bundle(tmp_path, flower="1.3.0"))

    assert f"has Flower 1.3.0 and here is {FLOWER}" in text


def test_other_patch_level_of_flower_is_fine(tmp_path):
    """1.41.0 and 1.41.7 speak with each other."""
    bundle = open_bundle(make_bundle(tmp_path, flower=FLOWER))

    check_flower(bundle, here=f"{FLOWER.rpartition('.')[0]}.77")


def test_fingerprint_is_spoken_in_groups():
    """Sixteen groups of four, in order."""
    text = "0123456789abcdef" * 4

    assert spoken(text).replace(" ", "") == text
    assert {len(group) for group in spoken(text).split()} == {4}


def test_the_day_of_expiry_is_said(tmp_path):
    """So that one knows whether a clock or a certificate is wrong."""
    authority = make_authority(starts=-2 * DAY, ends=-DAY)
    day = (dt.datetime.now(dt.UTC) - DAY).date()

    assert f"expired on {day}" in refusal(make_bundle(tmp_path, authority=authority))
