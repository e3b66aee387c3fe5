"""Student files: what a student is stands in its own header."""

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save
from torch import nn

from common import student_file
from common.errors import DataError
from common.features.basis import fit_basis
from common.features.map import FeatureMap
from common.models.zoo import ZOO, build_model
from common.safetensors_header import metadata_of, with_metadata
from common.student_description import FORMAT, StudentDescription
from common.student_file import (
    BUILDERS,
    load_student,
    open_student,
    read_student,
    student_from_weights,
    student_to_bytes,
)
from common.weights import to_bytes

SHAPE = (1, 8, 8)
MLP = StudentDescription(architecture="mlp", input_shape=SHAPE, num_classes=10)
TEXT = st.text(max_size=5)


def build(name="mlp", seed=3):
    return build_model(name, input_shape=SHAPE, num_classes=10, seed=seed)


def described(**changes):
    values = {"architecture": "mlp", "input_shape": SHAPE, "num_classes": 10}
    return StudentDescription(**(values | changes))


def file_of(metadata, module=None):
    """A student file of an mlp with parts of its header changed; None drops one."""
    whole = MLP.to_metadata() | metadata
    kept = {name: text for name, text in whole.items() if text is not None}
    return with_metadata(to_bytes(module or build()), kept)


@pytest.mark.parametrize("name", sorted(ZOO))
def test_a_zoo_student_comes_back_as_it_was(name, tmp_path):
    """From the file alone: the same logits, ready to use."""
    student = build(name).eval()
    path = tmp_path / "student.safetensors"
    path.write_bytes(student_to_bytes(student, described(architecture=name)))
    inputs = torch.randn(5, *SHAPE, generator=torch.Generator().manual_seed(1))

    loaded = load_student(path)

    assert not loaded.training
    assert torch.equal(loaded(inputs), student(inputs))
    assert all(one.requires_grad for one in loaded.parameters())


def test_a_run_folder_stands_for_its_global_student(tmp_path):
    """The folder that `simulate` left behind is as good as the file."""
    content = student_to_bytes(build(), MLP)
    (tmp_path / "global_student.safetensors").write_bytes(content)

    assert to_bytes(load_student(str(tmp_path))) == to_bytes(build())


def test_the_same_student_gives_the_same_bytes():
    """No time, path or machine: a hash names the student."""
    content = student_to_bytes(build(), MLP)

    assert student_to_bytes(build(), MLP) == content
    assert student_to_bytes(*read_student(content)) == content
    assert student_to_bytes(build(seed=4), MLP) != content
    assert student_to_bytes(build(), described(white=255)) != content


def test_the_header_is_what_the_documentation_says():
    """Text by name, as safetensors has it."""
    content = student_to_bytes(
        build(), described(white=16, class_names=tuple("abcdefghij"))
    )

    assert metadata_of(content) == {
        "format": "fedstill-student-1",
        "architecture": "mlp",
        "input_shape": "[1, 8, 8]",
        "num_classes": "10",
        "white": "16",
        "class_names": json.dumps(list("abcdefghij")),
    }


@given(
    shape=st.lists(st.integers(1, 100), min_size=1, max_size=3),
    names=st.none() | st.lists(TEXT, min_size=2, max_size=9),
    white=st.none() | st.integers(1, 2**31 - 1),
    features=st.none() | st.dictionaries(TEXT, st.integers() | TEXT | st.lists(TEXT)),
)
def test_a_description_survives_its_header(shape, names, white, features):
    """Whatever it says."""
    description = StudentDescription(
        architecture="mlp",
        input_shape=tuple(shape),
        num_classes=len(names or "ab"),
        class_names=None if names is None else tuple(names),
        white=white,
        features=features,
    )

    assert StudentDescription.from_metadata(description.to_metadata()) == description


@pytest.fixture(scope="module")
def head():
    """A head on pixels: (module, description)."""
    inputs = np.random.default_rng(1).random((40, *SHAPE), np.float32)
    basis = fit_basis(("pixels",), inputs)
    features = FeatureMap(basis, dimension=6, exponent=0.5)
    module = nn.Sequential(features, nn.Linear(6, 10, bias=False))
    return module, described(architecture="head", features=features.layout())


def test_a_head_brings_its_features_along(head):
    """No transfer set is needed to use it, and no random number is drawn."""
    module, description = head
    inputs = torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(1))
    before = torch.get_rng_state()

    loaded, read = read_student(student_to_bytes(module, description))

    assert read == description
    assert torch.equal(loaded(inputs), module(inputs))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "changes",
    [
        {"features": None},
        {"features": {}},
        {"features": {"input_shape": [1, 8, 8], "dimension": "6", "sets": []}},
        {"input_shape": (1, 4, 16)},
        {"num_classes": 9},
    ],
)
def test_a_head_whose_header_is_wrong_is_refused(head, changes):
    """Features that are none, or of other examples."""
    module, description = head
    content = student_to_bytes(module, replace(description, **changes))

    with pytest.raises(DataError, match="architecture 'head'"):
        read_student(content)


def test_another_architecture_is_one_entry_away(monkeypatch):
    """BUILDERS is where an architecture registers."""

    def build_plain(description):
        return nn.Linear(*description.input_shape, description.num_classes)

    monkeypatch.setitem(BUILDERS, "plain", build_plain)
    plain = described(architecture="plain", input_shape=(4,), num_classes=2)

    module, _ = read_student(student_to_bytes(build_plain(plain), plain))

    assert module(torch.zeros(3, 4)).shape == (3, 2)


def test_weights_that_a_store_holds_become_a_file():
    """Without building the module first."""
    content = student_from_weights(to_bytes(build()), MLP)

    assert content == student_to_bytes(build(), MLP)


@pytest.fixture
def own_model(monkeypatch):
    """A module of the user's own; counts how often its factory ran."""
    calls = []

    def factory(input_shape, num_classes):
        calls.append((input_shape, num_classes))
        return nn.Sequential(nn.Flatten(), nn.Linear(64, num_classes))

    monkeypatch.setitem(sys.modules, "my_models", SimpleNamespace(small=factory))
    return calls


def own_file():
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    return student_to_bytes(module, described(architecture="my_models:small"))


def test_code_is_not_run_unless_allowed(own_model):
    """A file from anybody cannot make this process import what it names."""
    with pytest.raises(DataError, match="runs that code") as caught:
        read_student(own_file(), source="x.safetensors")

    assert own_model == []
    assert str(caught.value) == (
        "x.safetensors: the student is a model of its author's own, "
        "'my_models:small', and loading it runs that code. If you trust it, say "
        "allow_code=True or --allow-code. Nothing was loaded."
    )


def test_an_own_model_loads_where_its_code_is_allowed(own_model):
    """Its factory is called as a site calls it."""
    module, _ = read_student(own_file(), allow_code=True)

    assert own_model == [(SHAPE, 10)]
    assert module(torch.zeros(2, *SHAPE)).shape == (2, 10)


@pytest.mark.parametrize("name", ["no_such_module:small", "my_models:no_such_factory"])
@pytest.mark.usefixtures("own_model")
def test_an_own_model_that_is_not_here_is_a_plain_error(name):
    """The code does not travel with the student."""
    content = file_of({"architecture": name})

    with pytest.raises(DataError, match=f"architecture '{name}' cannot be built"):
        read_student(content, allow_code=True)


def with_nan():
    module = build()
    with torch.no_grad():
        next(module.parameters())[0, 0] = np.nan
    return module


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is not a student file: it is not safetensors"),
        (b"\x80\x04pickle", "it is not safetensors"),
        (student_to_bytes(build(), MLP)[:-1], "it is not safetensors"),
        (to_bytes(build()), "its header has format None, must be"),
        (save({}, metadata={"format": "pt"}), "its header has format 'pt', must be"),
        (file_of({"format": "fedstill-student-2"}), "has format 'fedstill-student-2'"),
        (file_of({"architecture": "vgg"}), "unknown architecture 'vgg', must be one"),
        (file_of({"architecture": "a b:c"}), "unknown architecture 'a b:c'"),
        (file_of({"architecture": ""}), "header is malformed. Expected architecture"),
        (file_of({"architecture": None}), "Expected architecture, which is missing"),
        (file_of({"num_classes": None}), "Expected num_classes, which is missing"),
        (file_of({"num_classes": "9"}), "do not fit the architecture 'mlp'"),
        (file_of({"num_classes": "1"}), "Expected num_classes=1 in [2, "),
        (file_of({"num_classes": "ten"}), "its header is malformed"),
        (file_of({"num_classes": "true"}), "Expected num_classes to be of int"),
        (file_of({"input_shape": "64"}), "Expected input_shape to be of list"),
        (file_of({"input_shape": "[]"}), "numbers in an example"),
        (file_of({"input_shape": "[8, -8]"}), "whole numbers >= 1"),
        (file_of({"input_shape": "[65536, 65536]"}), "numbers in an example"),
        (file_of({"input_shape": "[2147483647]"}), "shapes or types: 1.weight"),
        (file_of({"class_names": '["a"]'}), "Expected 10 class names"),
        (file_of({"class_names": "[1]"}), "Expected class_names to be text"),
        (file_of({"white": "0"}), "Expected white=0 in [1, "),
        (file_of({"features": "[" * 10_000}), "its header is malformed"),
        (file_of({"epsilon": "1"}), "Expected no epsilon"),
        (
            file_of({"architecture": "cnn", "input_shape": "[64]"}),
            "architecture 'cnn' cannot be built for examples of shape (64,)",
        ),
        (file_of({}, with_nan()), "has a weight that is NaN or infinite"),
        (file_of({}, build("linear")), "other names, shapes or types: 1.bias, "),
    ],
)
def test_what_is_no_student_file_is_refused_in_one_line(content, problem):
    """Whoever wrote it: what is wrong, and that nothing was loaded."""
    with pytest.raises(DataError) as caught:
        read_student(content, source="my.safetensors")

    message = str(caught.value)
    assert problem in message
    assert message.startswith("my.safetensors")
    assert message.endswith("Nothing was loaded.")
    assert "\n" not in message


def test_a_file_that_is_not_there_is_refused(tmp_path):
    """And so is a folder without a student."""
    for path in (tmp_path / "no.safetensors", tmp_path):
        with pytest.raises(DataError, match="cannot be read as a student: No such"):
            open_student(path)


def test_pickle_is_never_read(tmp_path):
    """What torch.save writes is refused, whatever its name."""
    path = tmp_path / "student.safetensors"
    torch.save(build().state_dict(), path)

    with pytest.raises(DataError, match="it is not safetensors"):
        load_student(path)


def test_the_format_is_pinned():
    """Files written today are read tomorrow: a new format is a new name."""
    assert FORMAT == "fedstill-student-1"
    assert set(student_file.BUILDERS) >= set(ZOO)
