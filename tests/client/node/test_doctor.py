"""`fedstill doctor` on a site: each fault is told with its remedy."""

from importlib import metadata

from common.findings import Level
from tests.client.node.doctor_site import look, of
from tests.common.doctor.servers import authority


def test_site_that_only_has_to_start_its_node(site):
    """All is well but for that."""
    findings = look(site)

    bad = {one.subject: one for one in findings if one.level is not Level.OK}
    assert set(bad) == {"node", "policy"}
    assert bad["node"].text == "The key is let in, and the node does not run."
    assert "enable --now fedstill-node" in bad["node"].remedy
    assert "--policy FILE" in bad["policy"].remedy


def test_bundle_that_was_changed_ends_it(site):
    """Nothing in it is believed then."""
    folder = site[0]
    folder.authority.write_bytes(authority().certificate)

    (finding,) = look(site)

    assert (finding.subject, finding.level) == ("bundle", Level.ERROR)
    assert "SHA-256" in finding.text


def test_other_version_is_told(site):
    """Another protocol would be refused."""
    path = site[0].bundle
    text = path.read_text()
    path.write_text(text.replace('fedstill = "0', 'fedstill = "9'))

    finding = of(look(site), "versions")

    assert finding.level is Level.WARNING
    assert "the coordinator has Fedstill 9" in finding.text


def test_other_patch_of_flower_is_told(site):
    """It speaks the same, and it is not what the coordinator has."""
    path = site[0].bundle
    here = metadata.version("flwr")
    path.write_text(path.read_text().replace(f'"{here}"', f'"{here}9"'))

    finding = of(look(site), "versions")

    assert finding.level is Level.WARNING
    assert f"and Flower {here}9" in finding.text


def test_flower_that_does_not_fit_is_no_fault_of_the_bundle(site):
    """The remedy is to install another one."""
    path = site[0].bundle
    path.write_text(path.read_text().replace(metadata.version("flwr"), "1.2.3"))

    (finding,) = look(site)

    assert (finding.subject, finding.level) == ("versions", Level.ERROR)
    assert "pip install 'flwr==1.2.3'" in finding.remedy
