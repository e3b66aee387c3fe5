"""The config of an experiment: one TOML, one typed value, one-line problems."""

from common.config.experiment import DEPLOYED, Config
from common.config.loading import load_config

__all__ = ["DEPLOYED", "Config", "load_config"]
