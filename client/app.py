"""The Flower ClientApp: a thin relay between the server and a site.

It holds no private data, no torch and no Opacus, and understands none of what it
passes on. Whatever goes wrong leaves as one of a closed set of reasons: an exception's
text could carry a path or a value to the server.
"""

from __future__ import annotations

import logging

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from client.connection import connect
from common.envelope import Envelope, MessageKind
from common.errors import InvalidReplyError
from common.failpoints import failpoint
from common.messages import Refusal, RefusalReason
from common.records import from_record, to_record

_LOG = logging.getLogger(__name__)
_UNKNOWN_SITE = "unknown"

app = ClientApp()  # un-annotated: Flower looks for a plain assignment


@app.query("hello")
def hello(message: Message, context: Context) -> Message:
    """Relays the question whether the site takes part in a run."""
    return _relay(message, context, MessageKind.HELLO)


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
        site = connect(dict(context.node_config), dict(context.run_config))
        return site.answer(request)
    except InvalidReplyError:
        return _refuse(kind, RefusalReason.MALFORMED_REQUEST)
    except Exception as error:  # noqa: BLE001  # no text may reach the server
        _LOG.error("The relay failed: %s.", type(error).__name__)
        return _refuse(kind, RefusalReason.INTERNAL_ERROR)


def _refuse(kind: MessageKind, reason: RefusalReason) -> Envelope:
    refusal = Refusal(kind=kind, site_name=_UNKNOWN_SITE, reason=reason)
    return refusal.to_envelope()
