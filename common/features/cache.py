"""Bases by what they were learnt from: in memory, then in the user's cache folder.

A basis follows from the transfer set and the settings, so a file is a convenience: one
that is damaged, or somebody else's, is computed again and written over.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path

from safetensors.torch import load

from common.atomic_file import write_atomically
from common.features.basis import SET_COMPONENTS, FeatureBasis, empty_basis, fit_basis
from common.features.recipe import MOST_DIMENSIONS
from common.features.sets import SETS
from common.safetensors_header import metadata_of, with_metadata
from common.transfer_set import TransferSet
from common.weights import load_into, sha256, to_bytes

SCHEMA = "fedstill-features-2"  # another number whenever a basis would come out anew
MOST_BASES_HELD = 4


def public_basis(
    features: tuple[str, ...],
    transfer_set: TransferSet,
    *,
    folder: Path | None = None,
) -> FeatureBasis:
    """Returns the basis of a transfer set; remembered, and not to be changed.

    Args:
        features: names of sets, from :func:`~common.features.recipe.parse_features`.
        transfer_set: whose inputs the basis is learnt from.
        folder: of files to keep; None for :func:`default_cache`. Where it cannot be
            written to, nothing is kept.

    Raises:
        DataError: features that are not for such examples, or examples that are alike.
    """
    request = _Request(
        features=features,
        content_id=content_id(features, transfer_set.content_id),
        folder=default_cache() if folder is None else folder,
        transfer_set=transfer_set,
    )
    return _remembered(request)


def content_id(features: tuple[str, ...], transfer_set_id: str) -> str:
    """Returns the name of a basis, in hexadecimal: equal names, equal bases.

    Args:
        features: names of sets, in order.
        transfer_set_id: content id of the transfer set, its examples' shape included.
    """
    parts = {
        "schema": SCHEMA,
        "sets": [
            [name, *(asdict(choice) for choice in SETS[name].choices)]
            for name in features
        ],
        "components": [SET_COMPONENTS, MOST_DIMENSIONS],
        "transfer_set": transfer_set_id,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def default_cache() -> Path:
    """Returns the user's folder for bases: below ``XDG_CACHE_HOME`` or ``~/.cache``."""
    named = os.environ.get("XDG_CACHE_HOME")
    root = Path(named) if named else Path("~/.cache").expanduser()
    return root / "fedstill" / "features"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What was asked for; equal where the same basis answers."""

    content_id: str
    folder: Path
    features: tuple[str, ...] = field(compare=False)
    transfer_set: TransferSet = field(compare=False)


@lru_cache(maxsize=MOST_BASES_HELD)
def _remembered(request: _Request) -> FeatureBasis:
    file = request.folder / f"{request.content_id}.safetensors"
    basis = _read(file, request)
    if basis is None:
        basis = fit_basis(request.features, request.transfer_set.inputs)
        _write(file, basis, request)
    return basis


def _read(file: Path, request: _Request) -> FeatureBasis | None:
    """Returns the basis in a file; None where there is none to be believed."""
    try:
        content = file.read_bytes()
        load(content)  # metadata_of believes the header
        metadata = metadata_of(content)
        basis = empty_basis(json.loads(metadata["layout"]))
        load_into(basis, content)
    except Exception:  # noqa: BLE001  # missing, damaged, foreign: in many ways
        return None
    # The library does not notice a flipped bit in a tensor.
    expected = _metadata(basis, request)
    return basis if metadata == expected else None


def _write(file: Path, basis: FeatureBasis, request: _Request) -> None:
    content = with_metadata(to_bytes(basis), _metadata(basis, request))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, content)
    except OSError:  # a read-only or full disk: the next process computes again
        return


def _metadata(basis: FeatureBasis, request: _Request) -> dict[str, str]:
    return {
        "content_id": request.content_id,
        "layout": json.dumps(basis.layout(), sort_keys=True),
        "sha256": sha256(to_bytes(basis)),
    }
