"""The tool of the runs in `former_runs.sql`. Leave every byte of it as it is: results are found again by its code, too."""

import asyncio
import os
from typing import Any

from llmi_agent.contract.tool import Failed, Image, Produced, Provenance, ToolRetry
from llmi_agent.testing import random_png

CALLS: list[str] = []
"""What was called, in this process; a job that is picked up by its id has one in brackets."""


class Former:
    """Does what its query or prompt says; with FORMER in the environment, to be killed at it."""

    async def run(self, call: Any, context: Any) -> Any:
        params = call.params.model_dump()
        said = params.get("query") or params.get("prompt")
        CALLS.append(f"{said} [{context.job}]" if context.job else said)
        if said == "vague":
            raise ToolRetry("too vague")
        if said == "refused":
            return Failed("refused", "somebody says no")
        if said == "job" and not context.job:
            await context.record_job("job-7")
        if said in ("job", "hang") and "FORMER" in os.environ:
            await asyncio.sleep(60)
        data = random_png(8, 8, seed=len(said) + 100 * call.slot)
        return Produced((Image(data, Provenance("a vendor")),), usd=0.25)
