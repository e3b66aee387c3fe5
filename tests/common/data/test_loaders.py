"""The data sets that a config may name."""

from typing import get_args

import pytest

from common.config.data_sections import Data
from common.data.loaders import LOADERS, load_data_set
from common.errors import DataError


def test_every_name_of_the_config_has_a_loader():
    """Hugging Face's comes with the simulations."""
    import simulations.sites  # noqa: F401, PLC0415 - it adds the loader

    names = get_args(Data.model_fields["name"].annotation)

    # Nobody but the sites has those.
    assert set(names) - {"at-sites"} == set(LOADERS)


def test_where_there_are_no_simulations_one_line_says_so(monkeypatch):
    """A site has no such extra."""
    monkeypatch.delitem(LOADERS, "hugging-face", raising=False)

    with pytest.raises(DataError, match="only simulations in one process read it"):
        load_data_set(Data(name="hugging-face", path="x"))
