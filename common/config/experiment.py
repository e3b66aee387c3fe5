"""The config of one experiment as a typed value that can be believed."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import tomli_w
from pydantic import AfterValidator, Field, StringConstraints, ValidationError
from pydantic import model_validator as validates

from common.config import (
    baseline_sections,
    data_sections,
    sections,
    student_sections,
)
from common.config.consistency import inconsistencies
from common.config.keys import is_text_in, keys_of, nested
from common.config.lists import parse_models, parse_sizes
from common.config.problems import InconsistentError, in_plain_words, raise_problems
from common.config.section import CountOrZero, Section
from common.run_plan import Scalar

# What may differ between a run and its resumption, or between two machines.
NOT_IDENTITY = frozenset(
    {
        "output",
        "resume",
        "resume-from",
        "data.path",
        "data.test-path",
        "data.schema",
        "transfer.path",
        "evaluation.path",
    }
)
DEPLOYED = "flower"  # the engine of runs on separate machines
RUN_ID_DIGITS = 12
MOST_SITES = 100_000


def _models(text: str) -> str:
    parse_models(text)
    return text


def _file_name(text: str) -> str:
    is_plain = all(letter.isalnum() or letter in "._-" for letter in text)
    if not (text.isascii() and is_plain and text[:1].isalnum()):
        raise ValueError(
            "must be letters, digits, '.', '-' and '_' and begin with a letter or digit"
        )
    return text


class Config(Section):
    """One experiment; keys as in the TOML file, in snake case.

    Attributes:
        name: names the run and its folder.
        rounds: planned rounds; 0 takes 10, and for additive heads what the rule of
            ``common.head_rule`` finds.
        seed: public seed of everything that a simulation draws.
        sites: number of sites.
        engine: what runs the federation.
        models: ``"mlp:4,cnn:3"``: the first 4 sites have an mlp, the next 3 a cnn.
        allow_non_private: whether a run without privacy is allowed.
        output: run folder; empty for ``runs/<name>``.
        resume: whether an existing run folder is continued.
        resume_from: run folder whose own config counts instead, and whose run goes on;
            for ``flwr run``.
    """

    name: Annotated[
        str, StringConstraints(min_length=1, max_length=64), AfterValidator(_file_name)
    ]
    rounds: CountOrZero = 0
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    sites: Annotated[int, Field(ge=1, le=MOST_SITES)] = 10
    engine: Literal["inline", "flower"] = "inline"
    models: Annotated[str, AfterValidator(_models)] = "mlp:4,cnn:3,linear:3"
    allow_non_private: bool = False
    output: str = ""
    resume: bool = False
    resume_from: str = ""
    global_student: student_sections.GlobalStudent = student_sections.GlobalStudent()
    head: student_sections.Head = student_sections.Head()
    personal_student: student_sections.PersonalStudent = (
        student_sections.PersonalStudent()
    )
    round: sections.Round = sections.Round()
    data: data_sections.Data = data_sections.Data()
    transfer: data_sections.Transfer = data_sections.Transfer()
    evaluation: data_sections.Evaluation = data_sections.Evaluation()
    distill: sections.Distill = sections.Distill()
    train: sections.Train = sections.Train()
    aggregation: sections.Aggregation = sections.Aggregation()
    codec: sections.CodecChoice = sections.CodecChoice()
    privacy: sections.Privacy = sections.Privacy()
    no_privacy: baseline_sections.NoPrivacy = baseline_sections.NoPrivacy()
    alone: baseline_sections.Alone = baseline_sections.Alone()
    pooled: baseline_sections.Pooled = baseline_sections.Pooled()
    fedavg: baseline_sections.FedAvg = baseline_sections.FedAvg()
    baselines: baseline_sections.Baselines = baseline_sections.Baselines()

    @validates(mode="after")
    def _is_consistent(self) -> Self:
        lines = inconsistencies(self)
        if lines:
            raise InconsistentError("\n".join(lines))
        return self

    @classmethod
    def from_nested(cls, values: Mapping[str, object]) -> Config:
        """Returns the config in a parsed TOML file.

        Raises:
            ConfigError: with every problem found, one a line.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            lines = in_plain_words(error.errors(include_url=False), keys())
        raise_problems(lines)
        raise AssertionError("a validation error without a problem")

    @classmethod
    def from_run_config(cls, flat: Mapping[str, Scalar]) -> Config:
        """Returns the config in Flower's run config: flat, dotted, scalar.

        Raises:
            ConfigError: with every problem found, one a line.
        """
        return cls.from_nested(nested(flat))

    def to_run_config(self) -> dict[str, Scalar]:
        """Returns every key as a dotted scalar, for ``flwr run --run-config``."""
        flat: dict[str, Scalar] = {}
        for key, value in self._to_nested().items():
            if isinstance(value, dict):
                flat |= {f"{key}.{inner}": scalar for inner, scalar in value.items()}
            else:
                flat[key] = value
        return flat

    @classmethod
    def from_toml(cls, text: str) -> Config:
        """Returns the config in :meth:`to_toml`'s text.

        Raises:
            ConfigError: with every problem found, one a line.
        """
        return cls.from_nested(tomllib.loads(text))

    def to_toml(self) -> str:
        """Returns the whole resolved config as TOML."""
        return tomli_w.dumps(self._to_nested())

    def with_overrides(self, overrides: Mapping[str, Scalar]) -> Config:
        """Returns a checked copy with some dotted keys changed.

        Raises:
            ConfigError: with every problem found, one a line.
        """
        return self.from_run_config({**self.to_run_config(), **overrides})

    @property
    def site_names(self) -> tuple[str, ...]:
        """Public names of the simulated sites, in order: ``site-00`` and on."""
        return tuple(f"site-{number:02d}" for number in range(self.sites))

    @property
    def site_models(self) -> tuple[str, ...]:
        """The model of each site, in the order of the sites."""
        pairs = parse_models(self.models)
        return tuple(name for name, count in pairs for _ in range(count))

    @property
    def nominal_examples(self) -> tuple[int, ...]:
        """The public nominal size of each site, in the order of the sites."""
        sizes = parse_sizes(self.data.per_site)
        return sizes * self.sites if len(sizes) == 1 else sizes

    @property
    def mean_nominal_examples(self) -> float:
        """Mean nominal size of the sites, in examples."""
        return sum(self.nominal_examples) / self.sites

    @property
    def has_heads(self) -> bool:
        """Whether the sites' students are additive heads on public features."""
        mechanism = self.privacy.mechanism
        return mechanism == "dp-head" or (
            mechanism == "none" and self.no_privacy.students == "heads"
        )

    @property
    def global_student_model(self) -> str:
        """The architecture of the global student: a zoo name, or ``head``."""
        automatic = "head" if self.has_heads else "mlp"
        chosen = self.global_student.model
        return automatic if chosen == "auto" else chosen

    @property
    def aggregation_rule(self) -> str:
        """The name of the consensus rule."""
        automatic = "log-opinion-pool" if self.has_heads else "enhanced-era"
        return automatic if self.aggregation.rule == "auto" else self.aggregation.rule

    @property
    def codec_name(self) -> str:
        """The name of the codec, bits included: ``float32``, ``logit-8``."""
        automatic = "logit" if self.has_heads else "float32"
        name = automatic if self.codec.name == "auto" else self.codec.name
        is_packed = name == "logit" and self.codec.bits < sections.FLOAT32_BITS
        return f"{name}-{self.codec.bits}" if is_packed else name

    @property
    def revisit(self) -> sections.Train | baseline_sections.NoPrivacy:
        """The section that describes training on private data under the mechanism."""
        is_private = self.privacy.mechanism != "none"
        return self.train if is_private else self.no_privacy

    @property
    def sampling_probability(self) -> float:
        """Poisson sampling probability of the private steps, in (0, 1]."""
        return self.revisit.batch_size / self.mean_nominal_examples

    @property
    def steps_per_round(self) -> int:
        """Private steps a round, at least one."""
        return max(1, round(self.revisit.epochs / self.sampling_probability))

    @property
    def run_id(self) -> str:
        """Our own name of the run: the same for the same config, on any machine."""
        flat = self.to_run_config()
        identity = {key: flat[key] for key in sorted(flat.keys() - NOT_IDENTITY)}
        digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
        return f"{self.name}-{digest[:RUN_ID_DIGITS]}"

    def _to_nested(self) -> dict[str, Any]:
        return self.model_dump(by_alias=True)


def keys() -> dict[str, tuple[str, ...]]:
    """Returns the known keys of each section; section "" is the top level."""
    return keys_of(Config)


def is_text(key: str) -> bool:
    """Returns whether a dotted key holds neither a number nor a truth."""
    return is_text_in(Config, key)
