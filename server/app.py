"""The ServerApp: the same object in every engine.

``flwr run`` loads ``server.app:app``. The attribute stays un-annotated: Flower's
loader looks for a plain assignment.
"""

from __future__ import annotations

from pathlib import Path

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from common.config import DEPLOYED, Config, load_config
from common.data.parts import load_public_parts
from common.run_folder import RunFolder
from common.run_plan import Scalar
from server.outcome import telling_outcome
from server.round_driver import RoundDriver
from server.run_lock import only_server

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Runs the experiment in Flower's run config.

    Raises:
        FedstillError: with the exit code that its class states.
    """
    flat: dict[str, Scalar] = dict(context.run_config)
    config = _resolve(Config.from_run_config(flat))
    driver = RoundDriver(grid, config, load_public_parts(config))
    if config.engine != DEPLOYED:
        driver.run()
        return
    # Nobody sees how a ServerApp ends that Flower has started: it says so itself.
    with only_server(driver.folder), telling_outcome(driver.folder):
        driver.run()


def _resolve(config: Config) -> Config:
    """Returns the config, or that of the run folder which ``resume-from`` names."""
    if not config.resume_from:
        return config
    folder = RunFolder(Path(config.resume_from))
    return load_config(folder.config).with_overrides(
        {"output": str(folder.root), "resume": True}
    )
