"""``model_card.md``: what the global student is, and what may be expected of it.

Nothing in it depends on time, path or host: the same run gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

from common.atomic_file import write_atomically
from common.config import Config, load_config
from common.run_folder import RunFolder
from simulations.data_wording import dealt_out, transfer_examples
from simulations.privacy_statement import privacy_statement
from simulations.summary import Summary
from simulations.table import baseline_rows
from simulations.wording import accuracy_text, of_count, percent


def write_model_card(folder: RunFolder, summary: Summary) -> None:
    """Writes the card of a run's global student.

    Args:
        folder: the run folder; its resolved config is read.
        summary: the figures of the run.

    Raises:
        ConfigError: the run folder has no valid config.
    """
    card = model_card(load_config(folder.config), summary)
    write_atomically(folder.model_card, card.encode())


def model_card(config: Config, summary: Summary) -> str:
    """Returns the card as Markdown."""
    blocks = [
        f"# {summary.name}: the global student",
        _what_it_is(config, summary),
        "## Accuracy",
        "\n".join(_accuracies(summary)),
        "## Privacy",
        *_privacy(summary),
        "## How it was trained",
        "\n".join(_training(config, summary)),
        "## How to load it",
        _loading(),
        "## Limits",
        _limits(summary),
    ]
    return "\n\n".join(blocks) + "\n"


def _what_it_is(config: Config, summary: Summary) -> str:
    sites = _who_answered(config, summary)
    place = "" if summary.is_simulation else " on separate machines"
    kind = (
        f"of {config.data.classes} classes"
        if config.data.is_at_sites
        else f"for `{config.data.name}`"
    )
    return (
        f"A `{config.global_student_model}` classifier {kind}, "
        f"distilled from the soft labels of {sites} "
        f"on {transfer_examples(config)}, in "
        f"{of_count(summary.rounds, 'round')}{place}. It has seen no private data, "
        "only the consensus of the sites' answers. "
        f"Run `{summary.run_id}`, seed {summary.seed}."
    )


def _who_answered(config: Config, summary: Summary) -> str:
    if not summary.is_simulation:  # which model a site has, its own policy says
        return f"{of_count(summary.num_sites, 'site')}"
    models = ", ".join(dict.fromkeys(config.site_models))
    return f"{of_count(config.sites, 'site')} ({models})"


def _accuracies(summary: Summary) -> Iterator[str]:
    examples = (
        "the test part" if summary.is_simulation else "the coordinator's own examples"
    )
    yield f"| student | accuracy on {examples} | |"
    yield "|---|---:|---|"
    yield f"| this one | {accuracy_text(summary.global_student.test_accuracy)} | |"
    if summary.local_students is not None:
        mean = percent(summary.local_students.mean_test_accuracy)
        yield f"| the sites' students, mean | {mean} | |"
    for who, accuracy, remark in baseline_rows(summary):
        yield f"| {who[0].lower()}{who[1:]} | {accuracy} | {remark} |"


def _privacy(summary: Summary) -> Iterator[str]:
    statement = privacy_statement(summary)
    yield f"**{statement.headline}**"
    for clause in statement.clauses:
        yield f"**{clause.title}.** {clause.text}"


def _private_data(config: Config, summary: Summary) -> str:
    if not summary.is_simulation:
        size = f"{config.mean_nominal_examples:g}"
        return f"the sites' own; the run was planned for {size} a site on average"
    sizes = sorted(set(config.nominal_examples))
    size = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    return f"{size} examples a site, {dealt_out(config)}"


def _private_steps(config: Config) -> str:
    if config.has_heads:
        return "one full-batch step a round on additive heads, public preconditioner"
    return (
        f"{config.steps_per_round} a round, sampling probability "
        f"{config.sampling_probability:g}, clipping norm "
        f"{config.train.clipping_norm:g}, learning rate {config.train.learning_rate:g}"
    )


def _global_training(config: Config) -> str:
    if config.global_student_model == "head":
        return "least squares on the consensus of each round"
    return (
        f"{config.global_student.epochs} epochs a round at learning rate "
        f"{config.global_student.learning_rate:g}"
    )


def _training(config: Config, summary: Summary) -> Iterator[str]:
    mechanism = summary.privacy.mechanism
    yield f"- private data: {_private_data(config, summary)}"
    yield f"- private steps: {_private_steps(config)}, mechanism {mechanism}"
    yield (
        f"- consensus: {config.aggregation_rule} over soft labels at temperature "
        f"{config.distill.temperature:g}, {config.transfer.per_round} examples a round"
    )
    yield f"- global student: {_global_training(config)}"
    yield "- everything else: `config.toml` beside this card"


def _loading() -> str:
    return (
        "```python\n"
        "import fedstill\n\n"
        'student = fedstill.load_student("global_student.safetensors")\n'
        "```\n\n"
        "The file holds architecture and preprocessing: `fedstill predict "
        "global_student.safetensors INPUT` answers for a file of examples."
    )


def _limits(summary: Summary) -> str:
    text = (
        "A student trained under differential privacy learns less of what is rare: "
        "expect lower accuracy on classes and groups with few examples, and measure "
        "it before use."
    )
    if summary.is_simulation:
        return (
            f"{text} The accuracies above come from a simulation whose sites were "
            "dealt out from one data set; real sites differ in more than their labels."
        )
    if summary.global_student.test_accuracy is None:
        return f"{text} The coordinator had no labelled examples to measure it on."
    return (
        f"{text} The accuracy above is that on the coordinator's own public examples."
    )
