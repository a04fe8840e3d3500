"""The pictures of the user's store over HTTP: `langgraph.json` adds this to a LangGraph server's own routes."""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from llmi_agent.store.home import default_store
from llmi_agent.store.intake import IntakeError, recognise
from llmi_graphs.server import PICTURES


async def picture(request: Request) -> Response:
    """A picture by its digest, which is known to who may see the document. Nothing else of the store is served."""
    try:
        data = await asyncio.to_thread(lambda: default_store().read(request.path_params["digest"]))
        form = recognise(data[:512])
    except (KeyError, IntakeError):
        return PlainTextResponse("there is no such picture", 404)
    headers = {
        "Cache-Control": "private, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(data, media_type=f"image/{form.lower()}", headers=headers)


app = Starlette(routes=[Route(f"{PICTURES}/{{digest}}", picture)])
