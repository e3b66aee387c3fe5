"""The public side of additive heads: features, digest, curvature, preconditioner.

A head is a linear classifier W on public features phi of unit norm. Everything here
follows from the transfer set, the run plan and the consensus; nothing is private.

- *Digest*: a softmax forgets a constant per row, so row-centred log probabilities are
  the logits, and least squares on the transfer examples finds the head behind them:
  exactly where the examples span the feature space. Where a codec rounds and they are
  few, least squares would blow the rounding up, and is damped by as much as the
  rounding weighs (Hoerl & Kennard 1970, "Ridge regression").
- *Step*: dW = (n h H + (ridge / K) I)^-1 G with the public second moment
  H = mean phi phi^T over the transfer set, the curvature h = mean p (1 - p) of the
  head's answers there, n the mean nominal size of K sites, and G the noised sum of
  clipped residual outer products. It is a damped (Levenberg-Marquardt) Newton step of
  multinomial logistic regression whose Hessian comes from public data, hence
  post-processing of G. Public second moments as a preconditioner: Mehta et al. (2023),
  "Towards Large Scale Transfer Learning for Differentially Private Image
  Classification", https://arxiv.org/abs/2211.13403. We differ: the step is a site's
  share of one pooled step, so that the log-opinion pool of the sites' heads is the
  step that pooled data would have taken, however the examples are spread.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from common.codec import Codec
from common.features.map import FeatureMap
from common.features.table import CoordinateTable
from common.run_plan import RunPlan
from common.soft_labels import SoftLabels

MOST_INVERSES_HELD = 4
MOST_PARTS_HELD = 3
CURVATURE_EXAMPLES = 2000  # a mean needs no more
# Directions in which the labelled examples hardly differ carry only rounding.
_LEAST_SINGULAR_VALUE = 1e-4
# With as many rows as features the least singular value of random features is next to
# 0, with twice as many it is (1 - sqrt(1/2)) of the largest's order (Marchenko &
# Pastur 1967), and rounding is not blown up.
ROWS_PER_FEATURE = 2
# Rounding over the mean energy of logits is the ridge where a head has as much energy
# in every direction; weak directions have less, so it is twice that.
_WEAK_DIRECTIONS = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadSpace:
    """The feature space of a run's additive heads, the same at every site.

    Attributes:
        feature_map: from inputs to features.
        coordinates: from inputs to the feature map's coordinates, remembered by row.
        transfer_features: float32 [transfer_size, dimension].
        second_moment: float64 [dimension, dimension], mean of phi phi^T.
    """

    feature_map: FeatureMap
    coordinates: CoordinateTable
    transfer_features: Tensor
    second_moment: Tensor
    _kept: dict[bytes, NDArray[np.float32]] = field(
        default_factory=dict, init=False, repr=False
    )

    @property
    def dimension(self) -> int:
        """Number of features."""
        return int(self.transfer_features.shape[1])

    def features(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the features of inputs, float32 [num_examples, dimension].

        Args:
            inputs: float32 [num_examples, ...]; an example's features depend on no
                other example.
        """
        return self.feature_map.from_coordinates(self.coordinates(inputs))

    def public_features(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the features of public inputs, the last few of which are kept whole.

        Args:
            inputs: float32 [num_examples, ...], such as the test part of a run, which
                is asked about after every round.
        """
        key = hashlib.blake2b(np.ascontiguousarray(inputs).data).digest()
        if key not in self._kept:
            while len(self._kept) >= MOST_PARTS_HELD:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = self.features(inputs)
        return self._kept[key]

    def new_head(self, num_classes: int) -> nn.Sequential:
        """Returns a head of zeros: [batch, dimension] to logits."""
        linear = nn.Linear(self.dimension, num_classes, bias=False)
        nn.init.zeros_(linear.weight)
        # Flatten first: the shape that ghost clipping knows; vectors pass unchanged.
        return nn.Sequential(nn.Flatten(), linear)

    def digest(
        self, head: nn.Sequential, consensus: SoftLabels, *, codec: Codec
    ) -> None:
        """Fits ``head`` to a consensus by least squares, in place.

        Args:
            head: from :meth:`new_head`; nothing of what it was is left.
            consensus: on examples of the transfer set.
            codec: that it travels by; says how far its entries are rounded.
        """
        logits = consensus.log_probabilities.astype(np.float64) * consensus.temperature
        logits -= logits.mean(axis=1, keepdims=True)
        ridge = self._digest_ridge(logits, codec)
        inverse = _damped_inverse(self, consensus.indices.tobytes(), ridge)
        weight = (inverse @ torch.from_numpy(logits)).T.float()
        with torch.no_grad():
            weight_of(head).copy_(weight)

    def preconditioner(self, plan: RunPlan, head: nn.Sequential) -> Tensor:
        """Returns (h H + ridge / (K n) I)^-1, float64 [dimension, dimension].

        Args:
            plan: with a head; its ridge, sites K and mean nominal size n.
            head: that the round starts from; it was released, or will be.
        """
        if plan.head is None:
            raise ValueError("Expected a run plan with additive heads.")
        examples = plan.head.sites * plan.mean_nominal_examples
        damping = torch.full((self.dimension,), plan.head.ridge / examples).double()
        hessian = self.curvature(head) * self.second_moment + torch.diag(damping)
        return torch.cholesky_inverse(torch.linalg.cholesky(hessian))

    def curvature(self, head: nn.Sequential) -> float:
        """Returns the mean of p (1 - p) of a head's answers, in [0, 1/4].

        Args:
            head: asked about the first :data:`CURVATURE_EXAMPLES` transfer examples.
        """
        with torch.inference_mode():
            logits = head(self.transfer_features[:CURVATURE_EXAMPLES]).double()
            probabilities = torch.softmax(logits, dim=1)
            return float((probabilities * (1 - probabilities)).mean())

    def _digest_ridge(self, logits: NDArray[np.float64], codec: Codec) -> float:
        """Returns the damping of a digest; 0 where rounding is not blown up.

        Args:
            logits: row-centred [num_examples, num_classes].
            codec: that they travel by.
        """
        energy = float(np.mean(logits**2)) if logits.size else 0.0
        if len(logits) >= ROWS_PER_FEATURE * self.dimension or not energy:
            return 0.0
        return _WEAK_DIRECTIONS * codec.rounding_variance(logits) / energy


class HeadOnFeatures(nn.Sequential):
    """Features and head as one module, from inputs to logits.

    Args:
        space: of the head.
        head: from :meth:`HeadSpace.new_head`.
    """

    def __init__(self, space: HeadSpace, head: nn.Sequential) -> None:
        weight = weight_of(head)
        linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        with torch.no_grad():
            linear.weight.copy_(weight)
        super().__init__(space.feature_map, linear)
        self._space = space

    def predict_logits(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the logits of inputs, [num_examples, num_classes].

        The same as a forward pass, but features of inputs seen before are remembered:
        many heads are asked about the same examples.

        Args:
            inputs: float32 [num_examples, ...].
        """
        features = torch.from_numpy(self._space.public_features(inputs))
        with torch.inference_mode():
            logits: NDArray[np.float32] = self[1](features).numpy()
        return logits


def weight_of(head: nn.Sequential) -> nn.Parameter:
    """Returns the weights of a head, [num_classes, dimension]."""
    weight = head[1].weight
    if not isinstance(weight, nn.Parameter):
        raise TypeError("Expected a head from HeadSpace.new_head.")
    return weight


@lru_cache(maxsize=MOST_INVERSES_HELD)  # the sites of a round ask for the same one
def _damped_inverse(space: HeadSpace, indices: bytes, ridge: float) -> Tensor:
    """Returns (F^T F + ridge I)^-1 F^T of the labelled examples' features F, float64.

    The pseudo-inverse where the ridge is 0.
    """
    rows = torch.from_numpy(np.frombuffer(indices, np.int32).copy()).long()
    features = space.transfer_features[rows].double()
    if not ridge:
        inverse: Tensor = torch.linalg.pinv(features, rtol=_LEAST_SINGULAR_VALUE)
        return inverse
    gram = features.T @ features + ridge * torch.eye(space.dimension).double()
    damped: Tensor = torch.linalg.solve(gram, features.T)
    return damped
