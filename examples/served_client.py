"""A client of the graph on a LangGraph server: a table goes up, events and pictures come down, a second turn follows.

In the repository: `pip install "langgraph-cli[inmem]"` and `langgraph dev`; then `python examples/served_client.py http://127.0.0.1:2024`.
"""

from __future__ import annotations

import asyncio
import base64
import sys
from typing import Any

from langgraph_sdk import get_client

TABLE = "month,rain\n" + "".join(f"2024-{m:02}-01,{20 + 7 * m % 50}\n" for m in range(1, 13))


async def turn(client: Any, thread: str, content: Any) -> None:
    """One request on a thread, with what becomes of its pictures."""
    request = {"messages": [{"role": "user", "content": content}]}
    async for part in client.runs.stream(
        thread, "interleave", input=request, stream_mode="custom", stream_subgraphs=True
    ):
        if part.event == "error":
            print("error:", part.data["message"])
        elif part.data.get("state") == "kept":
            picture = await client.http.client.get(part.data["url"])
            print(part.data["caption"], f"({len(picture.content):,} bytes)")
    state = await client.threads.get_state(thread)
    print("title:", state["values"]["document"]["title"])


async def main(url: str) -> None:
    client = get_client(url=url)
    thread = (await client.threads.create())["thread_id"]
    table = {
        "type": "file",
        "base64": base64.b64encode(TABLE.encode()).decode(),
        "mime_type": "text/csv",
        "filename": "rain.csv",
    }
    await turn(client, thread, [{"type": "text", "text": "A report on the rain."}, table])
    await turn(client, thread, "Make figure 2 blue.")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
