"""The Flower ClientApp: a thin relay between the server and a site.

It holds no private data, no torch and no Opacus, and understands none of what it
passes on: hello, the parts of a transfer set, rounds and the finish. Deployed, the site
is a custodian in a process of its own; in a simulation it is in this one. Whatever goes
wrong leaves as one of a closed set of reasons: an exception's text could carry a path
or a value to the server.
"""

from __future__ import annotations

import logging

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from client.connection import connect
from client.custodian.wire import UNKNOWN_SITE
from common.envelope import Envelope, MessageKind
from common.errors import ConfigError, InvalidReplyError
from common.failpoints import failpoint
from common.messages import Refusal, RefusalReason
from common.records import from_record, to_record

_LOG = logging.getLogger(__name__)

app = ClientApp()  # un-annotated: Flower looks for a plain assignment


@app.query("hello")
def hello(message: Message, context: Context) -> Message:
    """Relays the question whether the site takes part in a run."""
    return _relay(message, context, MessageKind.HELLO)


@app.query("transfer")
def transfer(message: Message, context: Context) -> Message:
    """Relays a part of the transfer set to a site that does not hold it."""
    return _relay(message, context, MessageKind.TRANSFER)


@app.train("distill")
def distill(message: Message, context: Context) -> Message:
    """Relays a round."""
    return _relay(message, context, MessageKind.ROUND)


@app.train("finish")
def finish(message: Message, context: Context) -> Message:
    """Relays the end of a run."""
    return _relay(message, context, MessageKind.FINISH)


def _relay(message: Message, context: Context, kind: MessageKind) -> Message:
    reply = Message(to_record(_ask(message, context, kind)), reply_to=message)
    failpoint("site.after-send")
    return reply


def _ask(message: Message, context: Context, kind: MessageKind) -> Envelope:
    try:
        request = from_record(message.content, kind)
        site = connect(
            dict(context.node_config),
            dict(context.run_config),
            deadline_seconds=message.metadata.ttl,
        )
        return site.answer(request)
    except InvalidReplyError:
        return _refuse(kind, RefusalReason.MALFORMED_REQUEST)
    except ConfigError as error:  # the node's own config: told to its owner only
        _LOG.error("The relay cannot ask its site: %s", error)
        return _refuse(kind, RefusalReason.INTERNAL_ERROR)
    except Exception as error:  # noqa: BLE001  # no text may reach the server
        _LOG.error("The relay failed: %s.", type(error).__name__)
        return _refuse(kind, RefusalReason.INTERNAL_ERROR)


def _refuse(kind: MessageKind, reason: RefusalReason) -> Envelope:
    refusal = Refusal(kind=kind, site_name=UNKNOWN_SITE, reason=reason)
    return refusal.to_envelope()
