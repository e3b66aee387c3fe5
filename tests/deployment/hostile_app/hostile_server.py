"""The coordinator's part of it: passes the orders on and writes the answers down."""

from __future__ import annotations

import json
import time
from pathlib import Path

from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.serverapp import Grid, ServerApp

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Asks every node once."""
    text = Path(str(context.run_config["orders"])).read_text()
    while not (nodes := list(grid.get_node_ids())):
        time.sleep(1)
    messages = [
        Message(
            RecordDict({"orders": ConfigRecord({"text": text})}),
            node,
            "query.probe",
            ttl=240.0,
        )
        for node in nodes
    ]
    replies = list(grid.send_and_receive(messages, timeout=240.0))
    found = [
        {"error": str(one.error)}
        if one.has_error()
        else json.loads(one.content["report"]["text"])
        for one in replies
    ]
    output = Path(str(context.run_config["output"]))
    partial = output.with_suffix(".partial")
    partial.write_text(json.dumps(found))
    partial.rename(output)
