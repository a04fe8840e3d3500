"""A prediction from its start, or from where an earlier life of the run left it, to its end.

Replicate charges for a prediction whether anybody waits for it or not. So whoever stops waiting cancels it, and whoever
starts one notes its id first of all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any

from llmi_agent.contract import ToolContext, ToolFailed
from llmi_replicate.api import NotFound, Prediction, Replicate

FIRST_PAUSE = 0.25
"""Seconds before the first poll; each further pause is longer."""
LONGEST_PAUSE = 3.0
_GROWTH = 1.4
_MISSES = 4
"""Polls that may fail one after the other: the prediction goes on meanwhile, and giving up would waste it."""
_TRANSIENT = ("quota", "unreachable", "timeout", "bad_output")
ANSWER_SECONDS = 2.0
"""How long a call that is stopped waits for the id of the prediction that it has just asked for."""
CANCEL_SECONDS = 2.0
"""How long cancelling may take. Together they stay below what the framework leaves for cleaning up."""


async def finished(
    replicate: Replicate, model: str, inputs: Mapping[str, Any], context: ToolContext
) -> Prediction:
    """A prediction that has ended, well or badly. Raises ToolFailed; whatever it raises, nothing goes on."""
    if earlier := await _earlier(replicate, context):
        return earlier
    made = await _created(replicate, model, inputs, context)
    return await _watched(replicate, made, context)


async def _earlier(replicate: Replicate, context: ToolContext) -> Prediction | None:
    """The prediction that an earlier life of the call has started, if there is anything to be had of it.

    Replicate deletes the output of a prediction after an hour.
    """
    if context.job is None:
        return None
    try:
        prediction = await _watched(
            replicate, Prediction(id=context.job, status="starting"), context
        )
    except NotFound:
        return None
    usable = prediction.status == "succeeded" and prediction.output is not None
    return prediction if usable else None


async def _created(
    replicate: Replicate, model: str, inputs: Mapping[str, Any], context: ToolContext
) -> Prediction:
    creating = asyncio.ensure_future(replicate.create(model, inputs))
    try:
        return await asyncio.shield(creating)
    except asyncio.CancelledError:
        await _to_the_end(_withdraw(replicate, creating, context))
        raise


async def _watched(
    replicate: Replicate, prediction: Prediction, context: ToolContext
) -> Prediction:
    """The prediction at its end. It is cancelled if anything keeps us from getting there."""
    picked_up = prediction.id == context.job
    try:
        if not picked_up:
            await context.record_job(prediction.id)
        return await _polled(replicate, prediction, context, 0.0 if picked_up else FIRST_PAUSE)
    except NotFound:
        raise
    except BaseException:
        await _to_the_end(_cancel(replicate, prediction.id, context))
        raise


async def _polled(
    replicate: Replicate, prediction: Prediction, context: ToolContext, pause: float
) -> Prediction:
    wait, misses, shown = pause, 0, ""
    while not prediction.ended:
        if prediction.status != shown:
            shown = prediction.status
            context.progress(f"Replicate: {shown}")
        await asyncio.sleep(wait)
        pause = wait = min(max(pause, FIRST_PAUSE) * _GROWTH, LONGEST_PAUSE)
        try:
            prediction, misses = await replicate.get(prediction.id), 0
        except ToolFailed as failed:
            misses += 1
            failed.usd = None  # the poll was free, but the prediction was not
            if failed.reason not in _TRANSIENT or misses > _MISSES:
                raise
            wait = max(pause, failed.retry_after or 0.0)
    return prediction


async def _withdraw(
    replicate: Replicate, creating: asyncio.Future[Prediction], context: ToolContext
) -> None:
    """Cancel a prediction whose id is still on its way."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            prediction = await creating
    except ToolFailed:
        return
    except TimeoutError:
        context.log.warning("replicate.id_unknown", remedy="see replicate.com/predictions")
        return
    if not prediction.ended:
        await _cancel(replicate, prediction.id, context)


async def _cancel(replicate: Replicate, prediction: str, context: ToolContext) -> None:
    try:
        async with asyncio.timeout(CANCEL_SECONDS):
            await replicate.cancel(prediction)
    except (ToolFailed, TimeoutError) as error:
        said = str(error) or "no answer in time"
        context.log.warning("replicate.cancel_failed", prediction=prediction, error=said)


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Do what must be done after a cancellation, also if we are cancelled again meanwhile."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({task})
    if not task.cancelled():
        task.result()
