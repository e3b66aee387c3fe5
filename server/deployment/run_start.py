"""Has Flower start a run: at its first round, or from the checkpoint in its folder."""

from __future__ import annotations

from pathlib import Path
from tempfile import NamedTemporaryFile

import tomli_w

from common.config import Config
from common.deployment.layout import DeploymentFolder
from common.run_folder import RunFolder
from server.deployment.app_folder import stage_app
from server.deployment.flower_cli import FlowerCli
from server.deployment.run_record import StartedRun, record_run


def start_run(
    cli: FlowerCli, deployment: DeploymentFolder, config: Config, folder: RunFolder
) -> StartedRun:
    """Starts a run, or has a new ServerApp go on with it.

    Args:
        cli: Flower's command.
        deployment: where the app is staged and the start written down.
        config: the experiment; what a folder with a run in it says goes before.
        folder: the run folder, an absolute path.

    Raises:
        FedstillError: Flower did not start it.
        OSError: something could not be written.
    """
    app = stage_app(deployment)
    # An earlier ServerApp's outcome is not this one's.
    folder.outcome.unlink(missing_ok=True)
    # Flower takes a file for one by its ending.
    with NamedTemporaryFile(
        "w", encoding="utf-8", suffix=".toml", dir=deployment.apps
    ) as file:
        file.write(run_config_text(config, folder))
        file.flush()
        flower_run_id = cli.run(app, Path(file.name))
    return record_run(
        deployment,
        flower_run_id=str(flower_run_id),
        run_folder=folder.root,
        run_id=config.run_id,
    )


def run_config_text(config: Config, folder: RunFolder) -> str:
    """Returns what overrides the app's defaults, as TOML.

    A folder that holds a run already has its config: the ServerApp takes it from there.
    """
    output = str(folder.root)
    if folder.config.exists():
        return tomli_w.dumps({"resume-from": output, "output": output})
    return config.with_overrides({"output": output, "resume": False}).to_toml()
