"""From a table to an illustrated page, in code: python examples/quickstart.py [FILE]"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from langchain_core.messages import HumanMessage

from llmi_agent import Document, default_store, write_document
from llmi_graphs import build_graph

HERE = Path(__file__).parent


async def main(table: Path, out: Path) -> None:
    store = default_store()
    graph = build_graph(model="offline", store=store)  # or "openai/gpt-5", or any chat model
    request = {
        "messages": [HumanMessage(f"What does {table.name} tell?")],
        "attachments": [table],
    }
    document = None
    async for mode, event in graph.astream(request, stream_mode=["custom", "values"]):
        if mode == "custom" and isinstance(event, dict) and event["type"] == "slot":
            print(f"slot {event['slot']}: {event['state']}")
        elif mode == "values" and isinstance(event, dict) and event.get("document"):
            document = Document.model_validate(event["document"])
    assert document is not None
    print(*write_document(document, store, out, ["html"]))


if __name__ == "__main__":
    given = sys.argv[1:] or [str(HERE / "data" / "birdstrikes-seattle-portland.csv")]
    asyncio.run(main(Path(given[0]), Path("quickstart-report")))
