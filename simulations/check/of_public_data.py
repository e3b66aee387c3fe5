"""What a coordinator has of a deployed run: a transfer set, and what it tests on."""

from __future__ import annotations

from functools import partial

from common.config import Config
from common.data.parts import PublicParts, load_public_parts
from common.findings import Level
from common.transfer_set import TransferSet
from simulations.check.finding import Finding, Group

_Line = partial(Finding, group=Group.DATA)


def load_public_for_check(config: Config) -> tuple[PublicParts, tuple[Finding, ...]]:
    """Returns the public parts of a run whose data are at the sites, and the findings.

    Raises:
        DataError: files that are missing, damaged, or do not fit each other.
    """
    parts = load_public_parts(config)
    return parts, (_found(parts), _tested_on(parts), compare_transfer(parts.transfer))


def compare_transfer(transfer: TransferSet) -> Finding:
    """Returns what a person has to compare: only they see both sides of it."""
    inputs = transfer.inputs
    low, high = float(inputs.min()), float(inputs.max())
    return _Line(
        level=Level.OK,
        text="Whether the transfer set is like the private data cannot be told without "
        f"reading those. Compare it with each site's public schema: shape "
        f"{inputs.shape[1:]}, values from {low:.3g} to {high:.3g}; one from another "
        "world costs most of the accuracy.",
        figures={"lowest": low, "highest": high},
    )


def _found(parts: PublicParts) -> Finding:
    content_id = parts.transfer.content_id
    return _Line(
        level=Level.OK,
        text=f"The private examples are at the sites: {parts.num_classes} classes, "
        f"shape {parts.input_shape}. Transfer set {len(parts.transfer):,}, content id "
        f"{content_id}: each site's policy allows it by that.",
        figures={
            "transfer": len(parts.transfer),
            "content_id": content_id,
            "input_shape": parts.input_shape,
            "num_classes": parts.num_classes,
        },
    )


def _tested_on(parts: PublicParts) -> Finding:
    if parts.test is None:
        return _Line(
            level=Level.WARNING,
            text="evaluation.path is not set: accuracy will not be measured.",
        )
    return _Line(
        level=Level.OK,
        text=f"Accuracy is measured on {len(parts.test):,} examples of your own "
        "(evaluation.path).",
        figures={"test": len(parts.test)},
    )
