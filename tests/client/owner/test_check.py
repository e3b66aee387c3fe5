"""`fedstill site check`: every part is proved in advance, and nothing is changed."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from client.owner import check_data
from client.owner.check import check
from client.owner.open_site import open_site, open_store
from client.owner.policy_file import load_policy_file
from common.finding import Finding
from common.findings import Level, exit_code
from common.models.zoo import build_model
from common.weights import to_bytes
from tests.client.owner.support import play_run, write_policy
from tests.client.support import NUM_CLASSES, SHAPE, make_transfer_set
from tests.own_modules import write_module


def found(path, level=Level.ERROR):
    """The findings of a level, as (subject, text)."""
    return [(one.subject, one.text) for one in check(path) if one.level is level]


def only(path, level=Level.ERROR):
    """The one finding of a level; it says what to do."""
    (one,) = [one for one in check(path) if one.level is level]
    assert one.remedy
    return one.subject, one.text


def test_a_good_policy_has_no_error(tmp_path):
    """Every part is named, and the exit code is 0."""
    findings = list(check(write_policy(tmp_path)))

    assert exit_code(findings) == 0
    assert [one for one in findings if one.level is not Level.OK] == []
    assert {one.subject for one in findings} == {
        "policy",
        "data",
        "model",
        "ledger",
        "transfer set",
        "socket",
    }


def test_nothing_is_made_or_changed(tmp_path):
    """No folder, no file, no ledger."""
    path = write_policy(tmp_path)
    before = sorted(tmp_path.rglob("*"))

    list(check(path))

    assert sorted(tmp_path.rglob("*")) == before


def test_examples_that_every_user_can_read_are_a_warning(tmp_path, monkeypatch):
    """The relay's user is one of them, unless a folder on the way keeps it out."""
    path = write_policy(tmp_path)
    examples = Path(load_policy_file(path).data.path)
    monkeypatch.setattr(check_data, "_mode", lambda _: 0o755)

    subject, text = only(path, Level.WARNING)

    assert subject == "data"
    assert text.startswith(f"{examples} can be read by every user")
    closed = examples.parent
    monkeypatch.setattr(
        check_data, "_mode", lambda one: 0o700 if one == closed else 0o755
    )
    assert found(path, Level.WARNING) == []


def test_no_ledger_row_is_written(tmp_path):
    """The head is what it was, and the file's bytes too."""
    path = write_policy(tmp_path)
    play_run(path, rounds=1)
    ledger = load_policy_file(path).ledger_path
    before = ledger.read_bytes()

    findings = list(check(path))

    assert exit_code(findings) == 0
    assert ledger.read_bytes() == before


def test_a_check_beside_a_serving_custodian_is_a_warning(tmp_path):
    """It may well be the owner's own."""
    path = write_policy(tmp_path)

    with open_site(load_policy_file(path)):
        subject, text = only(path, Level.WARNING)

    assert subject == "ledger"
    assert "is held by another custodian" in text


def test_a_bad_policy_is_an_error_a_line(tmp_path):
    """And the rest is not looked at."""
    path = write_policy(tmp_path, **{"budget.epsilon": -1.0, "classes": -1})

    assert [subject for subject, _ in found(path)] == ["policy", "policy"]


def test_what_is_wide_open_is_warned_of(tmp_path):
    """Allowed, and worth a second look."""
    path = write_policy(
        tmp_path, **{"allow-non-private": True, "limits.transfer-sets": None}
    )

    texts = [text for _, text in found(path, Level.WARNING)]
    assert len(texts) == 2
    assert "allow-non-private = true" in texts[0]
    assert "transfer-sets is left out" in texts[1]


def test_data_that_cannot_be_read(tmp_path):
    """And what does not need them is still looked at."""
    path = write_policy(tmp_path)
    (tmp_path / "examples.npz").unlink()

    findings = list(check(path))

    assert only(path)[0] == "data"
    assert "model" not in {one.subject for one in findings}
    assert "socket" in {one.subject for one in findings}


def test_faulty_rows_are_told_and_stop_nothing(tmp_path):
    """To the owner; the site starts."""
    path = write_policy(tmp_path)
    inputs = np.zeros((40, 1, 8, 8))
    inputs[3] = np.nan
    labels = np.zeros(40, int)
    np.savez(tmp_path / "examples.npz", inputs=inputs, labels=labels)

    subject, text = only(path, Level.WARNING)

    assert subject == "data"
    assert "rows 3" in text


def test_a_nominal_size_far_from_the_rows(tmp_path):
    """The true count is not proposed: it would become public."""
    path = write_policy(tmp_path, **{"nominal-examples": 400})

    subject, text = only(path, Level.WARNING)

    assert subject == "data"
    assert "nominal-examples = 400 is far from" in text
    assert "40 " not in text.replace("400 ", "")


def test_changed_data_are_an_error(tmp_path):
    """Every request would be refused."""
    path = write_policy(tmp_path)
    play_run(path, rounds=1)
    inputs, labels = np.ones((40, 1, 8, 8)), np.zeros(40, int)
    np.savez(tmp_path / "examples.npz", inputs=inputs, labels=labels)

    subject, text = only(path)

    assert subject == "data"
    assert "not those that you last agreed to" in text


@pytest.mark.parametrize(
    ("factory", "fault"),
    [
        ("with_batch_norm", "BatchNorm"),
        ("fails", "cannot be built"),
        ("no_module", "must give a torch.nn.Module"),
        ("one_class_too_many", "must be logits of shape (2, 10)"),
        ("for_tables", "it fails on examples of shape (1, 8, 8)"),
        ("absent", "has no 'absent'"),
    ],
)
def test_a_model_that_cannot_be_used(tmp_path, monkeypatch, factory, fault):
    """The independence test included."""
    name = write_module(monkeypatch, tmp_path)

    errors = found(write_policy(tmp_path, **{"model.name": f"{name}:{factory}"}))

    assert errors, "Rule 12: a model that mixes examples passes the check."
    assert {subject for subject, _ in errors} == {"model"}
    assert any(fault in text for _, text in errors)


def test_a_model_for_images_with_a_table(tmp_path):
    """Another model is proposed."""
    path = write_policy(tmp_path, **{"model.name": "cnn"})
    np.savez(
        tmp_path / "examples.npz", inputs=np.zeros((40, 3)), labels=np.zeros(40, int)
    )

    assert only(path)[0] == "model"


def test_with_heads_alone_a_model_need_not_be_private(tmp_path, monkeypatch):
    """It is for the personal student then."""
    name = write_module(monkeypatch, tmp_path)
    changes = {"model.name": f"{name}:with_batch_norm"}

    path = write_policy(tmp_path, **changes, **{"limits.mechanisms": ["dp-head"]})

    assert found(path) == []


@pytest.mark.parametrize(
    ("classes", "change", "fault"),
    [(3, False, "do not fit"), (NUM_CLASSES, True, "NaN or infinity")],
)
def test_initial_weights_that_cannot_be_used(tmp_path, classes, change, fault):
    """Of another model, or not finite."""
    model = build_model("mlp", input_shape=SHAPE, num_classes=classes, seed=1)
    if change:
        next(model.parameters()).data[0] = np.nan
    (tmp_path / "w.safetensors").write_bytes(to_bytes(model))

    path = write_policy(tmp_path, **{"model.initial-weights": "w.safetensors"})

    subject, text = only(path)
    assert subject == "initial weights"
    assert fault in text


def test_a_ledger_that_cannot_be_believed(tmp_path):
    """Its bytes were edited."""
    path = write_policy(tmp_path)
    play_run(path, rounds=1)
    ledger = load_policy_file(path).ledger_path
    ledger.write_bytes(b"no ledger" + ledger.read_bytes()[9:])

    assert only(path)[0] == "ledger"


def test_a_ledger_that_was_set_back(tmp_path):
    """The second head has seen more."""
    head = tmp_path / "head.json"
    path = write_policy(tmp_path, **{"ledger.second-head": str(head)})
    policy = load_policy_file(path)
    with open_site(policy):
        pass
    empty = policy.ledger_path.read_bytes()
    play_run(path, rounds=1)
    open_store(policy).close()
    policy.ledger_path.write_bytes(empty)

    findings = list(check(path))

    errors = [one.text for one in findings if one.level is Level.ERROR]
    assert any("rolled back" in text or "was set back" in text for text in errors), (
        f"Rule 1: a ledger that was set back passes the check: {errors}."
    )


def test_a_second_head_on_storage_that_is_not_there(tmp_path):
    """Told before the custodian starts."""
    path = write_policy(tmp_path, **{"ledger.second-head": "nowhere/head.json"})

    subject, text = only(path)

    assert subject == "ledger"
    assert "second-head" in text


def test_a_state_folder_that_cannot_be_written(tmp_path):
    """A file is in its place."""
    path = write_policy(tmp_path, folder="taken/state")
    (tmp_path / "taken").write_text("")

    assert only(path)[0] == "ledger"


def test_a_transfer_set_that_is_here(tmp_path):
    """Its size is told."""
    path = write_policy(tmp_path)
    play_run(path, rounds=1)

    texts = [one.text for one in check(path) if one.subject == "transfer set"]

    assert texts == [f"{make_transfer_set().content_id[:12]}... is here: 30 examples."]


def test_a_transfer_set_of_another_shape(tmp_path):
    """The private examples were changed since."""
    path = write_policy(tmp_path)
    play_run(path, rounds=1)
    np.savez(
        tmp_path / "examples.npz", inputs=np.zeros((40, 3)), labels=np.zeros(40, int)
    )

    assert "transfer set" in [subject for subject, _ in found(path)]


def test_a_policy_that_listens_nowhere(tmp_path):
    """Neither socket nor address."""
    assert only(write_policy(tmp_path, **{"socket.path": ""}))[0] == "endpoint"


def test_a_socket_group_that_does_not_exist(tmp_path):
    """The remedy makes it."""
    path = write_policy(tmp_path, **{"socket.group": "no-such-group-here"})

    subject, text = only(path)

    assert subject == "socket"
    assert "does not exist" in text


@pytest.mark.parametrize("mode", [0o755, 0o770])
def test_a_socket_folder_that_others_can_enter_or_write(tmp_path, mode):
    """The kernel would not keep them out."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(mode)

    subject, text = only(write_policy(tmp_path))

    assert subject == "socket"
    assert f"{mode:04o}" in text


def test_something_else_in_the_sockets_place(tmp_path):
    """It is not removed."""
    (tmp_path / "run").mkdir(mode=0o750)
    (tmp_path / "run/site.sock").write_text("mine")

    assert "is no socket" in only(write_policy(tmp_path))[1]


def test_a_socket_path_that_is_too_long(tmp_path):
    """The system has a limit."""
    path = write_policy(tmp_path, **{"socket.path": f"{'x' * 120}/site.sock"})

    assert only(path)[0] == "endpoint"


def _tls_policy(folder, days=300, **changes):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "custodian")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=400))
        .not_valid_after(now + dt.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "c.pem").write_bytes(certificate.public_bytes(pem))
    key_bytes = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "c.key").write_bytes(key_bytes)
    (folder / "c.key").chmod(0o600)
    return write_policy(
        folder,
        **{
            "socket.path": "",
            "tls.address": "127.0.0.1:9443",
            "tls.certificate": "c.pem",
            "tls.key": "c.key",
            "tls.client-ca": "c.pem",
        }
        | changes,
    )


def test_good_certificates(tmp_path):
    """With the day on which they end."""
    path = _tls_policy(tmp_path)

    assert found(path) == []
    assert found(path, Level.WARNING) == []


@pytest.mark.parametrize(
    ("days", "level"), [(-1, Level.ERROR), (10, Level.WARNING)], ids=["over", "soon"]
)
def test_a_certificate_that_ends(tmp_path, days, level):
    """Told a month ahead."""
    subject, text = only(_tls_policy(tmp_path, days=days), level)

    assert subject == "tls"
    assert "valid until" in text


def test_a_key_that_others_can_read(tmp_path):
    """Anybody could answer in the site's name."""
    path = _tls_policy(tmp_path)
    (tmp_path / "c.key").chmod(0o644)

    assert only(path)[0] == "tls"


def test_a_key_of_another_certificate(tmp_path):
    """They are tried together."""
    path = _tls_policy(tmp_path)
    certificate = (tmp_path / "c.pem").read_bytes()
    _tls_policy(tmp_path)
    (tmp_path / "c.pem").write_bytes(certificate)

    assert only(path)[0] == "tls"


def test_a_finding_is_a_line_and_an_error_has_a_remedy():
    """The display counts on it."""
    with pytest.raises(ValueError, match="one line"):
        Finding(subject="a", level=Level.OK, text="two\nlines")
    with pytest.raises(ValueError, match="a remedy"):
        Finding(subject="a", level=Level.ERROR, text="bad")
