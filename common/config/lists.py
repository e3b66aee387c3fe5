"""Lists inside scalars, since Flower's run config holds nothing but scalars.

``models = "mlp:4,cnn:3,linear:3"`` and ``per-site = "100,80,120"``.
"""

from __future__ import annotations

# Names only: the zoo itself needs torch, which reading a config should not.
MODEL_NAMES = ("linear", "mlp", "cnn", "resnet8")
FEATURE_NAMES = ("pixels", "scattering", "kmeans-patches", "standardised")


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


def check_features(text: str) -> None:
    """Raises ValueError, saying what is allowed, unless ``text`` names features."""
    names = text.split("+")
    odd = [name for name in names if name not in FEATURE_NAMES]
    if text != "auto" and (odd or len(set(names)) != len(names)):
        raise ValueError(
            'must be "auto", or one or more of '
            f"{', '.join(FEATURE_NAMES)}, each once, joined by +"
        )


def parse_models(text: str) -> tuple[tuple[str, int], ...]:
    """Returns (model, number of sites) pairs in the order of the sites.

    Args:
        text: for example ``"mlp:4,cnn:3"``; a name without a number stands for one.

    Raises:
        ValueError: what is allowed, as an end of "models = ...: ".
    """
    return tuple(_parse_model(part.strip()) for part in text.split(","))


def _parse_model(part: str) -> tuple[str, int]:
    name, _, count = part.partition(":")
    if not name:
        raise ValueError('must be model:number pairs such as "mlp:4,cnn:3"')
    check_model_name(name)
    return name, _whole_number(count if ":" in part else "1", what=f"sites of {name}")


def parse_sizes(text: str) -> tuple[int, ...]:
    """Returns the sizes in ``"100"`` or ``"100,80,120"``.

    Raises:
        ValueError: what is allowed, as an end of "per-site = ...: ".
    """
    return tuple(
        _whole_number(part.strip(), what="examples") for part in text.split(",")
    )


def _whole_number(text: str, *, what: str) -> int:
    # isascii: isdigit alone takes digits of every script, and superscripts.
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(10**12)):
        raise ValueError(f"the number of {what} must be a whole number, not {text!r}")
    if int(text) < 1:
        raise ValueError(f"the number of {what} must be >= 1, not {text}")
    return int(text)
