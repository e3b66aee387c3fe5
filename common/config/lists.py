"""Lists inside scalars, since Flower's run config holds nothing but scalars.

``models = "mlp:4,my_models:build:3,linear:3"`` and ``per-site = "100,80,120"``.
"""

from __future__ import annotations

from common.code_names import is_code_name
from common.features.recipe import parse_features

# Names only: the zoo itself needs torch, which reading a config should not.
MODEL_NAMES = ("linear", "mlp", "cnn", "resnet8")
RULE_NAMES = ("auto", "mean", "era", "enhanced-era", "log-opinion-pool")


def check_model_name(name: str) -> None:
    """Raises ValueError, saying what is allowed, unless the zoo has ``name``."""
    if name in MODEL_NAMES:
        return
    text = f"model {name!r} is unknown, must be one of {', '.join(MODEL_NAMES)}"
    if "resnet" in name or "batch" in name:
        text += (
            " (BatchNorm mixes examples and cannot train privately: resnet8 uses "
            "GroupNorm)"
        )
    raise ValueError(text)


def check_rule(name: str) -> None:
    """Raises ValueError, saying what is allowed, unless ``name`` may be a rule."""
    if name not in RULE_NAMES and not is_code_name(name):
        raise ValueError(
            f"must be one of {', '.join(RULE_NAMES)}, or module:function of your own"
        )


def check_features(text: str) -> None:
    """Raises ValueError, saying what is allowed, unless ``text`` names features."""
    if text != "auto":
        parse_features(text)


def parse_models(text: str) -> tuple[tuple[str, int], ...]:
    """Returns (model, number of sites) pairs in the order of the sites.

    Nothing is imported: of the user's own code only the form of its name is checked.

    Args:
        text: for example ``"mlp:4,my_models:build:3"``; a name without a number stands
            for one site.

    Raises:
        ValueError: what is allowed, as an end of "models = ...: ".
    """
    return tuple(_parse_model(part.strip()) for part in text.split(","))


def _parse_model(part: str) -> tuple[str, int]:
    name, _, count = part.partition(":")
    if not name:
        raise ValueError('must be model:number pairs such as "mlp:4,cnn:3"')
    if name not in MODEL_NAMES and ":" in part and not _is_digits(count):
        name, count = _own_name(part)
        return name, _whole_number(count, what=f"sites of {name}")
    _check_site_model_name(name)
    return name, _whole_number(count if ":" in part else "1", what=f"sites of {name}")


def _own_name(part: str) -> tuple[str, str]:
    """Returns the name of own code and the count in ``module:factory[:count]``."""
    module, factory, *counts = part.split(":")
    name = f"{module}:{factory}"
    if not is_code_name(name) or len(counts) > 1:
        raise ValueError(
            f"{part!r} must be a name of the zoo ({', '.join(MODEL_NAMES)}) or "
            "module:factory of your own, and a number of sites"
        )
    return name, counts[0] if counts else "1"


def _check_site_model_name(name: str) -> None:
    try:
        check_model_name(name)
    except ValueError as error:
        raise ValueError(f"{error}; or module:factory of your own") from None


def parse_sizes(text: str) -> tuple[int, ...]:
    """Returns the sizes in ``"100"`` or ``"100,80,120"``.

    Raises:
        ValueError: what is allowed, as an end of "per-site = ...: ".
    """
    return tuple(
        _whole_number(part.strip(), what="examples") for part in text.split(",")
    )


def _is_digits(text: str) -> bool:
    # isascii: isdigit alone takes digits of every script, and superscripts.
    return text.isascii() and text.isdigit()


def _whole_number(text: str, *, what: str) -> int:
    if not _is_digits(text) or len(text) > len(str(10**12)):
        raise ValueError(f"the number of {what} must be a whole number, not {text!r}")
    if int(text) < 1:
        raise ValueError(f"the number of {what} must be >= 1, not {text}")
    return int(text)
