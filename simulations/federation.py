"""One federation in this process: the apps, the sites, and what they leave behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from client.app import app as client_app
from client.connection import use_provider
from client.site import Site
from client.storage.store import Store
from common.config import Config
from common.data.examples import LabelledExamples
from common.data.parts import Parts, load_parts
from common.envelope import SiteConnection
from common.errors import FedstillError
from common.prediction import accuracy
from common.run_plan import Scalar
from server.app import app as server_app
from server.progress import RoundListener, listening
from simulations.engines.inline import Faults, run_inline
from simulations.locate import choose_run_folder
from simulations.own_code import require_own_models
from simulations.sites import build_sites, open_store, private_examples


@dataclass(frozen=True, kw_only=True, eq=False)
class Federation:
    """A federation that has run.

    Attributes:
        config: its config.
        parts: the data, all of it.
        sites: the sites, in order.
        store: their students, outboxes and ledgers.
        bytes_up: serialised bytes from sites to server that this process saw.
        bytes_down: the same from server to sites.
    """

    config: Config
    parts: Parts
    sites: tuple[Site, ...]
    store: Store
    bytes_up: int
    bytes_down: int

    def epsilon_spent(self) -> dict[str, float]:
        """Returns what this run cost each site by the ledger, by site name."""
        delta = self.config.privacy.delta
        return {
            name: self.store.ledger(name)
            .spent(delta=delta, run_id=self.config.run_id)
            .epsilon
            for name in self.config.site_names
        }

    def private_rounds(self) -> dict[str, int]:
        """Returns how many rounds each site was charged for, by site name."""
        return {
            name: len(self.store.ledger(name).events(self.config.run_id))
            for name in self.config.site_names
        }

    def local_accuracies(self, examples: LabelledExamples) -> dict[str, float]:
        """Returns each released student's accuracy on public examples, by site name."""
        return {
            name: accuracy(
                site.released_student(self.config.run_id),
                examples.inputs,
                examples.labels,
            )
            for name, site in zip(self.config.site_names, self.sites, strict=True)
        }


def run_federation(
    config: Config,
    *,
    listener: RoundListener = lambda _: None,
    faults: Faults | None = None,
) -> Federation:
    """Runs a whole federation in this process.

    Data are read and dealt out before the run folder is made, so that faulty data
    leave nothing behind.

    Args:
        config: with ``output`` set.
        listener: told about every finished round.
        faults: what goes wrong on purpose.

    Raises:
        FedstillError: bad data, a taken run folder, a missed quorum, a refusal.
    """
    torch.set_num_threads(1)  # a second thread on a shared core costs twentyfold
    parts = load_parts(config)
    examples = private_examples(config, parts)
    require_own_models(
        config, input_shape=parts.input_shape, num_classes=parts.num_classes
    )
    folder = choose_run_folder(config)
    opened: list[tuple[Store, tuple[Site, ...]]] = []
    failures: list[Exception] = []

    def sites() -> tuple[Site, ...]:
        if not opened:  # not before the server has claimed the run folder
            store = open_store(folder.ledger)
            opened.append((store, build_sites(config, parts, examples, store=store)))
        return opened[0][1]

    def provide(
        node_config: Mapping[str, Scalar], run_config: Mapping[str, Scalar]
    ) -> SiteConnection:
        del run_config  # the sites are built from the same config, once
        try:
            return sites()[int(node_config["partition-id"])]
        except Exception as error:
            failures.append(error)
            raise

    try:
        with use_provider(provide), listening(listener):
            grid = run_inline(
                server_app,
                client_app,
                num_nodes=config.sites,
                run_config=config.to_run_config(),
                faults=faults,
            )
    except FedstillError:
        if failures:  # the relay let only a closed reason out; here we may know more
            raise failures[0] from None
        raise
    return Federation(
        config=config,
        parts=parts,
        sites=sites(),
        store=opened[0][0],
        bytes_up=grid.bytes_up,
        bytes_down=grid.bytes_down,
    )
