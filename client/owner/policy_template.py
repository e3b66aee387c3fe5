"""``fedstill site init``: a policy file with a word on every key."""

from __future__ import annotations

import json
from dataclasses import dataclass

_TEMPLATE = """\
# The policy of a site: what any run may ever ask of one body of private data. It is
# yours, it only ever tightens what a run asks, and nothing in it can seed randomness.
# Whoever can write this file can raise the budget: only you or root may.
# Relative paths start at the folder of this file.
#
#     fedstill site check --policy {policy}
#     fedstill site serve --policy {policy}

site-name = {site_name}  # public: servers see it
dataset-id = {dataset_id}  # your name for these data; what is spent is counted under it
nominal-examples = {nominal_examples}  # public: roughly how many rows, never the count
{classes}
folder = "state"  # ledger, students and transfer sets; yours only (0700), back it up
allow-non-private = false  # true allows runs without any guarantee

[data]  # the private examples
# npz (arrays inputs, labels), idx (folder), csv or parquet (with a schema), digits
# (bundled, for a try), or "module:function" of your own that returns (inputs, labels)
loader = {loader}
{path}
{schema}

[budget]  # for the lifetime of the dataset id, over all runs; what is spent stays spent
epsilon = {epsilon}
delta = {delta}  # below 1 / nominal-examples
unit = "example"  # one row more or less

[limits]  # what a run may ask; a run that asks for more is refused
least-noise = 0.0  # the smallest noise multiplier
{most_rounds}
# most-queries = 20  # labels of one transfer example, over all runs; needs the next
mechanisms = {mechanisms}  # of dp-sgd, dp-head
runs = {runs}  # patterns of run ids, with *, ? and [...]
{transfer_sets}

[model]  # your own choice: no run can name another
name = {model}  # linear, mlp, cnn, resnet8, or "module:factory" of your own
initial-weights = ""  # a safetensors file with PUBLIC weights; "" starts anew

[personal-student]  # `fedstill site export`: trained without noise, never to be shared
enabled = true
epochs = 10
learning-rate = 0.003
batch-size = 64
own-weight = 0.5  # of your own examples; the rest is the consensus'

[socket]  # for a relay on this machine
path = {socket}
group = {group}  # of the relay's user; "" is your own

# [tls]  # in place of [socket], for a relay on another machine
# address = "0.0.0.0:9443"
# certificate = "custodian.pem"
# key = "custodian.key"
# client-ca = "relays.pem"  # who signs the relays' certificates

[reply]
at-deadline = 0.0  # seconds after its request at which every answer leaves; 0: at once

[ledger]
second-head = ""  # a file on other storage that shows when the ledger is rolled back
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateValues:
    """What a new policy file starts with; the owner goes through all of it.

    Attributes:
        policy: how the file is called in commands.
        site_name: public.
        socket: path of the socket.
        group: of the relay's user; empty for the custodian's own.
        loader: of the private examples.
        path: of the private examples; empty for a loader without one.
        schema: of a table; empty without one.
        classes: number of classes, 0 where schema or format state it.
        nominal_examples: public size.
        epsilon: lifetime budget.
        delta: of the budget.
        mechanisms: that are allowed.
        most_rounds: of a run; None for any number.
        runs: patterns of run ids.
        transfer_set: content id; None for any.
        model: of the zoo.
    """

    policy: str
    site_name: str = "site-a"
    socket: str = "run/site.sock"
    group: str = ""
    loader: str = "npz"
    path: str = "examples.npz"
    schema: str = ""
    classes: int = 2
    nominal_examples: int = 1000
    epsilon: float = 1.0
    delta: float = 1e-5
    mechanisms: tuple[str, ...] = ("dp-sgd", "dp-head")
    most_rounds: int | None = None
    runs: tuple[str, ...] = ("*",)
    transfer_set: str | None = None
    model: str = "mlp"


def policy_text(values: TemplateValues) -> str:
    """Returns the content of a policy file."""
    id_ = values.transfer_set
    rounds = values.most_rounds
    return _TEMPLATE.format(
        policy=values.policy,
        site_name=_toml(values.site_name),
        socket=_toml(values.socket),
        group=_toml(values.group),
        dataset_id=_toml("my-data"),
        nominal_examples=values.nominal_examples,
        classes=(
            f"classes = {values.classes}  # a public constant, never counted from rows"
            if values.classes
            else "# classes = 2  # where neither the schema nor the format states it"
        ),
        loader=_toml(values.loader),
        path=_key("path", values.path),
        schema=_key("schema", values.schema),
        epsilon=float(values.epsilon),
        delta=values.delta,
        most_rounds=(
            "# most-rounds = 20  # of one run"
            if rounds is None
            else f"most-rounds = {rounds}  # of one run"
        ),
        mechanisms=_toml(list(values.mechanisms)),
        runs=_toml(list(values.runs)),
        transfer_sets=(
            '# transfer-sets = ["<content id>"]  # left out, any may be labelled'
            if id_ is None
            else f"transfer-sets = [  # content ids\n  {_toml(id_)},\n]"
        ),
        model=_toml(values.model),
    )


def _key(name: str, value: str) -> str:
    return f"{name} = {_toml(value)}" if value else f'# {name} = ""'


def _toml(value: object) -> str:
    """Returns a text or a list of texts; TOML takes JSON's."""
    return json.dumps(value, ensure_ascii=False)
