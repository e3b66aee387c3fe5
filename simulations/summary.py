"""``summary.json``: the figures of a run, as one frozen value.

An infinite epsilon, which is what a run without privacy has, is ``null`` in the file:
JSON knows no infinity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from common import checks
from common.errors import DataError
from simulations.baseline_figures import BaselineFigures
from simulations.personal_figures import PersonalStudentFigures

Epsilon = Annotated[
    float, BeforeValidator(lambda value: math.inf if value is None else value)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalStudentFigures:
    """The student for everybody.

    Attributes:
        test_accuracy: share of the test part that it labels correctly, in [0, 1];
            None where the coordinator has nothing to measure on.
    """

    test_accuracy: float | None

    def __post_init__(self) -> None:
        if self.test_accuracy is not None:
            checks.in_range(0, 1, test_accuracy=self.test_accuracy)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStudentFigures:
    """The sites' released students on the common test part; accuracies in [0, 1].

    Attributes:
        mean_test_accuracy: mean over the sites.
        by_model: mean per architecture.
        by_site: per site name.
    """

    mean_test_accuracy: float
    by_model: Mapping[str, float]
    by_site: Mapping[str, float]

    def __post_init__(self) -> None:
        checks.in_range(0, 1, mean_test_accuracy=self.mean_test_accuracy)
        checks.in_range(0, 1, **self.by_model)
        checks.in_range(0, 1, **self.by_site)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyFigures:
    """What the run cost in privacy.

    Attributes:
        mechanism: its name in the config, such as ``dp-sgd``.
        max_epsilon: the largest of the sites, >= 0; infinite without privacy.
        sum_epsilon: of all sites, for a person with data at every one of them.
        delta: the delta at which epsilon is read, in (0, 1).
        unit: what one adjacency step changes, such as ``example``.
        budget_exhausted_at_round: the first round that a site took part in without
            private training because its budget had ended; None if there was none.
    """

    mechanism: str
    max_epsilon: Epsilon
    sum_epsilon: Epsilon
    delta: float
    unit: str
    budget_exhausted_at_round: int | None = None

    def __post_init__(self) -> None:
        # `not >=` also refuses NaN: an unknown epsilon has to arrive as infinite.
        if not (self.max_epsilon >= 0 and self.sum_epsilon >= 0):
            raise ValueError(
                f"Expected max_epsilon={self.max_epsilon} and "
                f"sum_epsilon={self.sum_epsilon} to be >= 0."
            )
        checks.in_open_range(0, 1, delta=self.delta)

    @property
    def is_private(self) -> bool:
        """Whether the run carries a guarantee at all."""
        return math.isfinite(self.max_epsilon)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteFigures:
    """Serialised bytes over the whole run, all sites together.

    Attributes:
        up: of the replies, sites to server.
        down: of the requests, server to sites.
        soft_labels_up: of the accepted replies to rounds, which carry soft labels.
        float32_equivalent_up: the same soft labels as bare float32 numbers.
        fedavg_equivalent_up: one upload of the global student's weights per accepted
            reply, which is what federated averaging sends.
    """

    up: int
    down: int
    soft_labels_up: int
    float32_equivalent_up: int
    fedavg_equivalent_up: int

    def __post_init__(self) -> None:
        checks.non_negative(
            up=self.up,
            down=self.down,
            soft_labels_up=self.soft_labels_up,
            float32_equivalent_up=self.float32_equivalent_up,
            fedavg_equivalent_up=self.fedavg_equivalent_up,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The figures of a finished run.

    Attributes:
        name: the experiment's name, from the config.
        run_id: name and hash of the resolved config.
        seed: the run seed.
        rounds: rounds that were run.
        global_student: the student for everybody.
        local_students: the sites' released students; None for a deployed run, where
            nobody but the sites has them.
        baselines: what they are compared with.
        privacy: what it cost in privacy.
        bytes: what it cost on the wire.
        seconds: wall-clock time of the federation, without its baselines.
        personal_students: the sites' personal students; None where there are none.
        sites: names of the sites that took part in a deployed run, sorted.
        never_came: names of the federation's other sites, sorted.
    """

    name: str
    run_id: str
    seed: int
    rounds: int
    global_student: GlobalStudentFigures
    local_students: LocalStudentFigures | None
    baselines: BaselineFigures
    privacy: PrivacyFigures
    bytes: ByteFigures
    seconds: float
    personal_students: PersonalStudentFigures | None = None
    sites: tuple[str, ...] = ()
    never_came: tuple[str, ...] = ()

    @property
    def is_simulation(self) -> bool:
        """Whether all of it ran on one machine, with every site's student at hand."""
        return self.local_students is not None

    @property
    def num_sites(self) -> int:
        """Number of sites that took part."""
        students = self.local_students
        return len(self.sites if students is None else students.by_site)

    def to_json(self) -> str:
        """Returns the content of ``summary.json``; ends with a line break."""
        return _ADAPTER.dump_json(self, indent=2).decode() + "\n"

    @classmethod
    def from_json(cls, text: str, *, source: str = "summary.json") -> Summary:
        """Reads what :meth:`to_json` wrote.

        Args:
            text: the content of the file.
            source: the file's name, for the message.

        Raises:
            DataError: the text is no summary; names the first key that is wrong.
        """
        try:
            return _ADAPTER.validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"]) or "the whole file"
            fault = first["msg"].rstrip(".")
            raise DataError(
                f"{source}: {key}: {fault}. The summary cannot be read."
            ) from error


_ADAPTER = TypeAdapter(Summary)
