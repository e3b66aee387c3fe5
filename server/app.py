"""The ServerApp: the same object in every engine.

``flwr run`` loads ``server.app:app``. The attribute stays un-annotated: Flower's
loader looks for a plain assignment.
"""

from __future__ import annotations

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from common.config import Config
from common.data.parts import load_public_parts
from common.run_plan import Scalar
from server.round_driver import RoundDriver

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Runs the experiment in Flower's run config.

    Raises:
        FedstillError: with the exit code that its class states.
    """
    flat: dict[str, Scalar] = dict(context.run_config)
    config = Config.from_run_config(flat)
    RoundDriver(grid, config, load_public_parts(config)).run()
