"""Laws of the consensus rules, and what each does to numbers worked out by hand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from common.codec import CODECS, encode
from common.soft_labels import SoftLabels, log_softmax
from server.aggregation.enhanced_era import enhanced_era
from server.aggregation.era import era
from server.aggregation.log_opinion_pool import log_opinion_pool
from server.aggregation.mean import mean
from server.aggregation.rules import NAMES, Rule, make_consensus, make_rule
from server.replies import Reply

Logs = NDArray[np.float64]

stacks = st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(2, 6)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.floats(-60, 60))
)
once = settings(
    derandomize=True,
    deadline=None,
    max_examples=50,
    # One contract, inherited by every rule: the executors differ on purpose.
    suppress_health_check=[HealthCheck.differing_executors],
)


def stack(*probabilities: list[float]) -> Logs:
    """One example; a list of class probabilities for each site."""
    return np.log(np.array(probabilities, np.float64))[:, None, :]


class RuleContract(ABC):
    """What holds for every rule; a subclass names the rule."""

    @abstractmethod
    def rule(self) -> Rule: ...

    @once
    @given(logits=stacks)
    def test_gives_rows_on_the_simplex(self, logits: Logs) -> None:
        """Rows of the consensus sum to 1, without NaN or +inf."""
        consensus = self.rule()(log_softmax(logits))

        assert consensus.shape == logits.shape[1:]
        assert not np.isnan(consensus).any()
        assert np.allclose(np.exp(consensus).sum(axis=-1), 1.0, atol=1e-12)

    @once
    @given(logits=stacks, seed=st.integers(0, 2**32 - 1))
    def test_does_not_depend_on_the_order_of_sites(
        self, logits: Logs, seed: int
    ) -> None:
        """Permuting the sites changes nothing beyond rounding."""
        logs = log_softmax(logits)
        order = np.random.default_rng(seed).permutation(len(logs))

        shuffled = self.rule()(logs[order])

        assert np.allclose(self.rule()(logs), shuffled, rtol=1e-9, atol=1e-9)

    @once
    @given(logits=stacks, copies=st.integers(2, 5))
    def test_equal_sites_count_as_one(self, logits: Logs, copies: int) -> None:
        """Several sites that say the same give what one of them gives."""
        one = log_softmax(logits[:1])

        many = self.rule()(np.repeat(one, copies, axis=0))

        assert np.allclose(self.rule()(one), many, rtol=1e-9, atol=1e-9)

    @once
    @given(logits=stacks)
    def test_examples_do_not_touch_each_other(self, logits: Logs) -> None:
        """The consensus on an example depends on that example alone."""
        logs = log_softmax(logits)

        alone = self.rule()(logs[:, :1])

        assert np.array_equal(self.rule()(logs)[:1], alone)

    @once
    @given(logits=stacks)
    def test_keeps_the_class_that_all_sites_prefer(self, logits: Logs) -> None:
        """Where the sites agree on a class by a margin, so does the consensus."""
        agreed = logits.copy()
        agreed[..., 0] = 65.0

        consensus = self.rule()(log_softmax(agreed))

        assert (consensus.argmax(axis=-1) == 0).all()

    @pytest.mark.parametrize("shape", [(2, 3), (0, 3, 2), (2, 3, 4, 5)])
    def test_refuses_other_axes_and_no_sites(self, shape: tuple[int, ...]) -> None:
        """Anything but [num_sites, num_examples, num_classes] is refused."""
        with pytest.raises(ValueError, match="Expected log probabilities of shape"):
            self.rule()(np.zeros(shape))

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_refuses_nan_and_infinity(self, bad: float) -> None:
        """NaN never gets in."""
        logs = stack([0.5, 0.5])
        logs[0, 0, 0] = bad

        with pytest.raises(ValueError, match="without NaN or infinity"):
            self.rule()(logs)


class TestMean(RuleContract):
    def rule(self) -> Rule:
        return make_rule("mean", temperature=0.1, power=2.0)

    @once
    @given(logits=stacks)
    def test_one_site_is_its_own_consensus(self, logits: Logs) -> None:
        """The mean of one site is that site."""
        one = log_softmax(logits[:1])

        assert np.array_equal(mean(one), one[0])

    @once
    @given(logits=stacks, hostile=st.integers(0, 5))
    def test_a_site_moves_a_probability_by_at_most_its_share(
        self, logits: Logs, hostile: int
    ) -> None:
        """One of K sites moves no class by more than 1 / K, whatever it says."""
        logs = log_softmax(logits)
        attacked = logs.copy()
        attacked[0] = -np.inf
        attacked[0, :, hostile % logs.shape[-1]] = 0.0

        moved = np.abs(np.exp(mean(attacked)) - np.exp(mean(logs)))

        assert moved.max() <= 1 / len(logs) + 1e-12

    def test_averages_probabilities(self) -> None:
        """The mean of (0.8, 0.2) and (0.4, 0.6) is (0.6, 0.4)."""
        consensus = mean(stack([0.8, 0.2], [0.4, 0.6]))

        assert np.allclose(np.exp(consensus), [[0.6, 0.4]], atol=1e-15)

    def test_a_class_without_any_probability_stays_at_zero(self) -> None:
        """Where every site says 0, the consensus says 0 and not NaN."""
        with np.errstate(divide="ignore"):
            logs = stack([1.0, 0.0], [1.0, 0.0])

        assert np.array_equal(mean(logs), [[0.0, -np.inf]])


class TestEra(RuleContract):
    def rule(self) -> Rule:
        return make_rule("era", temperature=0.1, power=2.0)

    def test_is_softmax_of_mean_probabilities_over_temperature(self) -> None:
        """softmax((0.6, 0.4) / 0.1) by its definition."""
        consensus = era(stack([0.8, 0.2], [0.4, 0.6]), temperature=0.1)

        weights = np.exp([6.0, 4.0])
        assert np.allclose(np.exp(consensus), [weights / weights.sum()], atol=1e-12)

    def test_leaves_no_class_at_zero(self) -> None:
        """ERA works on probabilities, so its logits span at most 1 / T."""
        with np.errstate(divide="ignore"):
            consensus = era(stack([1.0, 0.0]), temperature=0.1)

        assert np.allclose(consensus[0, 0] - consensus[0, 1], 10.0)

    def test_refuses_temperature_zero(self) -> None:
        """A temperature of 0 is refused by name."""
        with pytest.raises(ValueError, match=r"Expected temperature=0\.0 to be > 0\."):
            era(stack([0.5, 0.5]), temperature=0.0)


class TestEnhancedEra(RuleContract):
    def rule(self) -> Rule:
        return make_rule("enhanced-era", temperature=0.1, power=2.0)

    @once
    @given(logits=stacks)
    def test_power_one_is_the_mean(self, logits: Logs) -> None:
        """Power 1 sharpens nothing."""
        logs = log_softmax(logits)

        assert np.allclose(enhanced_era(logs, power=1.0), mean(logs), atol=1e-9)

    @once
    @given(logits=stacks, power=st.floats(1.0, 5.0))
    def test_a_power_above_one_reduces_entropy(
        self, logits: Logs, power: float
    ) -> None:
        """Sharpening never makes the consensus less certain."""
        logs = log_softmax(logits)

        sharp, plain = enhanced_era(logs, power=power), mean(logs)

        def entropy(log_probabilities: Logs) -> Logs:
            terms = np.exp(log_probabilities) * log_probabilities
            return np.asarray(-terms.sum(axis=-1))

        assert (entropy(sharp) <= entropy(plain) + 1e-9).all()

    def test_squares_and_normalises(self) -> None:
        """(0.6, 0.4) squared is (0.36, 0.16), normalised."""
        consensus = enhanced_era(stack([0.8, 0.2], [0.4, 0.6]), power=2.0)

        assert np.allclose(np.exp(consensus), [[0.36 / 0.52, 0.16 / 0.52]])

    def test_refuses_power_zero(self) -> None:
        """A power of 0 would make every consensus uniform."""
        with pytest.raises(ValueError, match=r"Expected power=0\.0 to be > 0\."):
            enhanced_era(stack([0.5, 0.5]), power=0.0)


class TestLogOpinionPool(RuleContract):
    def rule(self) -> Rule:
        return make_rule("log-opinion-pool", temperature=0.1, power=2.0)

    @once
    @given(logits=stacks)
    def test_one_site_is_its_own_consensus(self, logits: Logs) -> None:
        """The pool of one site is that site."""
        one = log_softmax(logits[:1])

        assert np.allclose(log_opinion_pool(one), one[0], atol=1e-12)

    @once
    @given(logits=stacks)
    def test_is_the_softmax_of_mean_logits(self, logits: Logs) -> None:
        """Pooling soft labels is averaging the logits that they came from."""
        pooled = log_opinion_pool(log_softmax(logits))

        assert np.allclose(pooled, log_softmax(logits.mean(axis=0)), atol=1e-9)

    def test_a_logit_gap_of_sixty_keeps_every_class_finite(self) -> None:
        """One very certain site does not veto a class for all."""
        logits = np.zeros((3, 1, 4))
        logits[0, 0] = [60.0, 0.0, 0.0, 0.0]
        logs = log_softmax(logits).astype(np.float32)

        pooled = log_opinion_pool(logs)

        assert np.isfinite(pooled).all()
        assert np.allclose(pooled[0, 0] - pooled[0, 1:], 20.0, atol=1e-4)

    def test_refuses_a_probability_of_exactly_zero(self) -> None:
        """An underflowed 0 would veto its class for every site."""
        with np.errstate(divide="ignore"):
            logs = stack([1.0, 0.0], [0.5, 0.5])

        with pytest.raises(ValueError, match="would veto its class"):
            log_opinion_pool(logs)


def reply(site_name: str, probabilities: list[list[float]]) -> Reply:
    with np.errstate(divide="ignore"):
        logs = np.log(np.array(probabilities, np.float32))
    return Reply(
        site_name=site_name,
        round_number=1,
        soft_labels=SoftLabels(
            log_probabilities=logs,
            temperature=2.0,
            transfer_set_id="abc",
            indices=np.array([4, 7], np.int32)[: len(logs)],
        ),
        budget_exhausted=False,
        ledger_entries=1,
    )


MEAN = make_rule("mean", temperature=0.1, power=2.0)


def test_every_rule_has_a_contract() -> None:
    """No rule can be added without its contract test."""
    covered = {contract.__name__ for contract in RuleContract.__subclasses__()}

    assert covered == {"TestMean", "TestEra", "TestEnhancedEra", "TestLogOpinionPool"}
    assert len(NAMES) == len(covered)


def test_refuses_an_unknown_rule() -> None:
    """The message lists what is allowed."""
    with pytest.raises(ValueError, match=r"aggregation rule 'median' .* 'era'"):
        make_rule("median", temperature=1.0, power=1.0)


def test_consensus_does_not_depend_on_the_order_of_arrival() -> None:
    """Replies are summed in the order of site names: the same bytes."""
    replies = [reply(f"site-{n}", [[0.1 * n, 1 - 0.1 * n]]) for n in range(1, 8)]

    forward = make_consensus(replies, MEAN)
    backward = make_consensus(replies[::-1], MEAN)

    assert forward.log_probabilities.tobytes() == backward.log_probabilities.tobytes()


@pytest.mark.parametrize(
    "reported", [{"ledger_entries": 1000}, {"budget_exhausted": True}]
)
def test_what_a_site_reports_is_no_weight(reported: dict[str, int]) -> None:
    """Neither numbers nor flags of a reply change what its soft labels count."""
    replies = [reply("a", [[0.9, 0.1]]), reply("b", [[0.2, 0.8]])]
    equal = make_consensus(replies, MEAN)

    changed = make_consensus([replace(replies[0], **reported), replies[1]], MEAN)

    assert np.array_equal(equal.probabilities, changed.probabilities), (
        "Rule 7: a site chooses its own weight in the consensus."
    )


def test_consensus_keeps_temperature_transfer_set_and_indices() -> None:
    """The consensus is about what the replies were about."""
    consensus = make_consensus([reply("a", [[0.5, 0.5], [0.2, 0.8]])], MEAN)

    assert consensus.temperature == 2.0
    assert consensus.transfer_set_id == "abc"
    assert consensus.indices.tolist() == [4, 7]


@pytest.mark.parametrize("codec", CODECS.values(), ids=list(CODECS))
def test_a_class_that_nobody_gives_probability_can_be_sent(codec: object) -> None:
    """The consensus is finite, and exactly 0 as a probability."""
    consensus = make_consensus([reply("a", [[1.0, 0.0]])], MEAN)

    assert np.isfinite(encode(consensus, codec)).all()  # type: ignore[arg-type]
    assert consensus.probabilities.tolist() == [[1.0, 0.0]]


def test_refuses_replies_about_different_examples() -> None:
    """Soft labels of other examples are never averaged."""
    other = reply("b", [[0.5, 0.5]])

    with pytest.raises(ValueError, match="Expected soft labels of b on the same"):
        make_consensus([reply("a", [[0.5, 0.5], [0.5, 0.5]]), other], MEAN)


def test_refuses_no_replies_and_two_of_one_site() -> None:
    """A site has one voice."""
    one = reply("a", [[0.5, 0.5]])

    for replies in ([], [one, one]):
        with pytest.raises(ValueError, match="one or more distinct sites"):
            make_consensus(replies, MEAN)
