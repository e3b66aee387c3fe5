"""How a run's data are spoken of in the report and in the model card."""

from __future__ import annotations

from common.config import Config

_PARTITIONS = {
    "iid": "dealt out evenly",
    "dirichlet": "dealt out unevenly (Dirichlet, alpha {alpha:g})",
    "shards": "dealt out by label ({shards} shards a site)",
}


def dealt_out(config: Config) -> str:
    """Returns how the private examples came to the sites."""
    data = config.data
    if data.has_natural_sites:
        return f"as {data.partition.removeprefix('by:')!r} says whose they are"
    return _PARTITIONS[data.partition].format(
        alpha=data.alpha, shards=data.shards_per_site
    )


def transfer_examples(config: Config) -> str:
    """Returns what knowledge was exchanged on; a stand-in is called one."""
    transfer = config.transfer
    if transfer.is_stand_in:
        return (
            f"{transfer.from_private:.0%} of the private examples, held out as a "
            "stand-in for a public transfer set"
        )
    return f"{transfer.size} public examples" if transfer.size else "public examples"
