"""Whether the data are there and can be dealt out, and what is left of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from common.config import Config
from common.data.loaders import load_data_set
from common.data.parts import Parts, load_parts
from common.findings import Level
from simulations.check.finding import Finding, Group
from simulations.check.of_public_data import compare_transfer
from simulations.sites import private_indices
from simulations.wording import of_count

# Noise and sampling follow the nominal size: beyond this they fit nobody's data.
FAR_FROM_NOMINAL = 1.5
MOST_NAMED = 5
_Line = partial(Finding, group=Group.DATA)


def load_for_check(config: Config) -> tuple[Parts, tuple[Finding, ...]]:
    """Returns the parts of the data and what is to be said of them.

    Sizes and shapes only: no private input or label is shown.

    Raises:
        DataError: files that are missing or damaged, too few examples, or a pool that
            cannot be dealt out as the config asks.
    """
    data_set = load_data_set(config.data)
    parts = load_parts(config)
    sizes = tuple(len(rows) for rows in private_indices(config, parts))
    examples = data_set.examples
    found = _Line(
        level=Level.OK,
        text=f"{examples.source}: {len(examples):,} examples of shape "
        f"{parts.input_shape}, {parts.num_classes} classes"
        + (f", and {len(data_set.test):,} of a test part." if data_set.test else "."),
        figures={
            "examples": len(examples),
            "input_shape": parts.input_shape,
            "num_classes": parts.num_classes,
        },
    )
    own_test = 0 if data_set.test else len(parts.test)
    is_own_transfer = bool(config.transfer.path)
    used = (
        (0 if is_own_transfer else len(parts.transfer))
        + len(parts.validation)
        + own_test
        + sum(sizes)
    )
    return parts, (
        found,
        _parts_line(parts, sizes, left_over=len(examples) - used),
        *_sites(config, parts, sizes),
        *_transfer(config, parts),
    )


def _parts_line(parts: Parts, sizes: tuple[int, ...], *, left_over: int) -> Finding:
    counts = {
        "transfer": len(parts.transfer),
        "validation": len(parts.validation),
        "test": len(parts.test),
        "private": sum(sizes),
        "left_over": left_over,
    }
    return _Line(
        level=Level.OK,
        text=f"Transfer set {counts['transfer']:,}, validation "
        f"{counts['validation']:,}, test {counts['test']:,}, private "
        f"{counts['private']:,} at {of_count(len(sizes), 'site')}; "
        f"{left_over:,} are left over.",
        figures=counts,
    )


def _sites(config: Config, parts: Parts, sizes: tuple[int, ...]) -> Iterator[Finding]:
    if parts.natural_sites is None:
        return
    rows = zip(parts.natural_sites.names, sizes, config.nominal_examples, strict=True)
    shown = ", ".join(
        f"{name} {size:,}"
        for name, size in list(zip(parts.natural_sites.names, sizes, strict=True))[
            :MOST_NAMED
        ]
    )
    more = ", ..." if len(sizes) > MOST_NAMED else ""
    yield _Line(
        level=Level.OK,
        text=f"Natural sites by {config.data.partition}: {shown}{more}.",
        figures={"site_names": parts.natural_sites.names, "site_sizes": sizes},
    )
    for name, size, nominal in rows:
        if max(size / nominal, nominal / size) > FAR_FROM_NOMINAL:
            yield _Line(
                level=Level.WARNING,
                text=f"{name} has {size:,} private examples, data.per-site says "
                f"{nominal:,}: noise and sampling follow the nominal size, so set it "
                "near the real one, site by site.",
                figures={"size": size, "nominal": nominal},
            )


def _transfer(config: Config, parts: Parts) -> Iterator[Finding]:
    if config.transfer.is_stand_in:
        yield _Line(
            level=Level.WARNING,
            text=f"transfer.from-private = {config.transfer.from_private:g}: the "
            "transfer set is a stand-in cut from the private rows. A deployment needs "
            "a public one, and its accuracy may be lower.",
        )
        return
    yield compare_transfer(parts.transfer)
