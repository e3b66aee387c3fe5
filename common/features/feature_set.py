"""A set of public features: a fixed map from an example to non-linear numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

Shape = tuple[int, ...]
IMAGE_AXES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Public constants of a set; JSON values only, since a student's file holds them.

    A set that has none uses this class itself.
    """


class FeatureSet(nn.Module, ABC):
    """One set of features: buffers only, zero until it is fitted or loaded.

    Args:
        input_shape: shape of one example.
        settings: of the set.

    Raises:
        ValueError: examples of a shape that the set is not for.
    """

    name: ClassVar[str]
    # All that default_settings picks from.
    choices: ClassVar[tuple[Settings, ...]] = (Settings(),)

    def __init__(self, input_shape: Shape, settings: Settings) -> None:
        super().__init__()
        self.input_shape = input_shape
        self.settings = settings

    @classmethod
    def default_settings(cls, input_shape: Shape) -> Settings:
        """Returns the settings for examples of a shape.

        Args:
            input_shape: shape of one example.

        Raises:
            ValueError: examples of a shape that the set is not for.
        """
        del input_shape
        return cls.choices[0]

    @classmethod
    def settings_from(cls, values: dict[str, Any]) -> Settings:
        """Returns settings from the JSON values of :meth:`layout`.

        Raises:
            ValueError, TypeError: unknown or missing names, or a value out of range.
        """
        return Settings(**values)

    @property
    @abstractmethod
    def num_features(self) -> int:
        """Number of features of an example."""

    def fit(self, inputs: Tensor) -> None:
        """Fills the buffers, in place and always alike.

        Args:
            inputs: float32 [num_examples, *input_shape], of the transfer set.
        """
        del inputs

    @abstractmethod
    def forward(self, inputs: Tensor) -> Tensor:
        """Maps [batch, *input_shape] to [batch, num_features], row by row."""

    def layout(self) -> dict[str, Any]:
        """Returns name and settings as JSON values."""
        return {"name": self.name, **asdict(self.settings)}


def image_sizes(name: str, input_shape: Shape, *, smallest: int) -> tuple[int, ...]:
    """Returns (channels, height, width).

    Args:
        name: of the set, for messages.
        input_shape: shape of one example.
        smallest: least height and width that the set can work with, in pixels.

    Raises:
        ValueError: not an image, or one that is too small.
    """
    if len(input_shape) != IMAGE_AXES:
        raise ValueError(
            f"{name} needs images of shape (channels, height, width), these examples "
            f"have shape {input_shape}: use standardised for tables"
        )
    if min(input_shape[1:]) < smallest:
        raise ValueError(
            f"{name} needs images of at least {smallest} x {smallest} pixels, these "
            f"have shape {input_shape}: use pixels"
        )
    return input_shape
