"""All hostile requests, by name."""

from tests.hostile.attack import Attack
from tests.hostile.chunks import CHUNKS
from tests.hostile.envelopes import ENVELOPES
from tests.hostile.plans import PLANS
from tests.hostile.rounds import ROUNDS
from tests.hostile.streams import STREAMS

_ALL: tuple[Attack, ...] = (*PLANS, *ROUNDS, *CHUNKS, *ENVELOPES, *STREAMS)
ATTACKS = {attack.name: attack for attack in _ALL}
assert len(ATTACKS) == len(_ALL), "two attacks have one name"
