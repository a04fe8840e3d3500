"""The runner: a job in, its episode followed, files out. All that runs documents goes this way, one or thousands."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage

from llmi_agent.base.errors import InputError, LlmiError
from llmi_agent.contract.tool import Attachment
from llmi_agent.document.model import Document
from llmi_agent.document.render.files import check_formats
from llmi_agent.records.costs import Costs
from llmi_agent.records.known import Known
from llmi_agent.run.seeds import member_seed
from llmi_agent.runner.episodes import Episodes, Order
from llmi_agent.runner.graphs import Graph
from llmi_agent.runner.inputs import attach, check_same
from llmi_agent.runner.job import Failure, Job, Written, failure_of
from llmi_agent.runner.rendering import rendered
from llmi_agent.runner.setup import Setup, prepare
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.store.home import default_store

Tell = Callable[[Mapping[str, Any]], None]
"""Who is told of a run's events: those of the graph's custom stream (docs/embedding.md), and {"type": "resumed", "episode": ...}
before them if the run goes on with an episode. It runs on the event loop, and what it raises ends the run."""


def _nobody(event: Mapping[str, Any]) -> None:
    """Nobody listens."""


class Runner:
    """Runs jobs, as many at once as it is given, on one graph and one store."""

    def __init__(
        self,
        graph: Graph,
        store: ArtifactStore,
        *,
        order: Order | None = None,
        settings: str = "",
        secrets: Mapping[str, str] | None = None,
        episodes: Episodes | None = None,
    ) -> None:
        """store: the graph's own.

        order: what is noted of each episode beside its folder and formats, so that `llmi run --resume` goes on with it.
        settings: a digest of what the graph was told, which tells groups apart.
        secrets: what is erased from the words of failures; by default the environment's.
        episodes: by default those in the journal beside the store.
        """
        self.graph = graph
        self.store = store
        self.order = order or Order()
        self.settings = settings
        self.secrets: Mapping[str, str] = os.environ if secrets is None else secrets
        self.episodes = episodes or Episodes(store)

    @classmethod
    def of(cls, setup: Setup, store: ArtifactStore) -> Runner:
        """One on the graph that is set up. Raises what its builder raises."""
        order = Order(setup.graph, setup.config.fallback, setup.config.api_base)
        graph = setup.build(store)
        return cls(graph, store, order=order, settings=setup.digest, secrets=setup.secrets)

    @classmethod
    def configured(
        cls, flags: Mapping[str, Any] | None = None, *, graph: str = Setup.graph
    ) -> Runner:
        """One as the command line makes it: from llmi.toml, the environment and `flags`, on the user's store.

        flags: by dotted name, as for `load_config`: {"model": "offline", "options.budget": 0.5}.

        Raises ConfigError or UnavailableError if something cannot be used or is not there.
        """
        setup = prepare(flags or {}, graph)
        setup.check()
        return cls.of(setup, default_store())

    async def write(self, job: Job, tell: Tell = _nobody) -> Written:
        """Write the document. Raises what stops it; a run that is cancelled closes what it has open first."""
        return await self.life(job, tell).write()

    async def attempt(self, job: Job, tell: Tell = _nobody) -> Written | Failure:
        """The same, but what stops it is data; only to be cancelled is not."""
        return await self.life(job, tell).attempt()

    def life(self, job: Job, tell: Tell = _nobody) -> Life:
        """The same for those who want to know of it in the meantime, or when it was stopped."""
        return Life(self, job, tell)


class Life:
    """A life of an episode, which is one attempt at it: if it is cut, another one can go on. To be used once."""

    def __init__(self, runner: Runner, job: Job, tell: Tell = _nobody) -> None:
        self.job = job
        self.episode: str | None = None
        """Known from its first event on."""
        self.recorded = True
        """Whether anything is kept of the episode; known from its first event on."""
        self.asked = False
        """Whether the policy has begun to write, so that there is something to go on with."""
        self._runner = runner
        self._listener = tell
        self._out = None if job.out is None else Path(job.out)
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the job was taken."""
        return time.monotonic() - self._began

    async def write(self) -> Written:
        """As `Runner.write`."""
        store = self._runner.store
        request = await self._request()
        document = _document(await self._follow(request))
        files, replaced = await rendered(document, store, self._out, self.job.formats)
        episode = self.episode or document.episode
        return Written(episode, document, files, replaced, self.seconds)

    async def attempt(self) -> Written | Failure:
        """As `Runner.attempt`."""
        try:
            return await self.write()
        except (Exception, asyncio.CancelledError) as error:  # anybody's code has run
            if _stopping():
                raise
            failure = failure_of(error, self._runner.secrets)
        costs = await self._costs()
        return replace(failure, episode=self.episode, costs=costs, seconds=self.seconds)

    async def _request(self) -> Mapping[str, Any]:
        """What the graph is started with."""
        job, runner = self.job, self._runner
        if not (job.prompt.strip() or job.resume):
            raise InputError("the prompt is empty: say what the document should be about")
        check_formats(job.formats)
        # Also of one that goes on: the store may have been swept meanwhile.
        attachments = await asyncio.to_thread(attach, runner.store, job.attachments)
        known = await self._known(job.resume) if job.resume and job.prompt else None
        if not job.resume or (job.prompt and not known):
            return _request_of(job, attachments)
        if known and known.opened:
            check_same(job.resume, known.opened, job.prompt, attachments)
        self.episode = job.resume
        self._listener({"type": "resumed", "episode": job.resume})
        return {"resume": job.resume}

    async def _follow(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run the graph to its end; its last state."""
        state: Mapping[str, Any] = {}
        modes = ["custom", "values"]
        async with aclosing(self._runner.graph.astream(request, stream_mode=modes)) as events:
            async for mode, event in events:
                if mode == "values":
                    state = event
                elif isinstance(event, Mapping):  # another graph may say anything
                    self._tell(event)
        return state

    def _tell(self, event: Mapping[str, Any]) -> None:
        """An event of the run. The first one comes before anything is asked or paid for."""
        if event.get("type") == "opened":
            self.episode = str(event["episode"])
            self.recorded = event.get("record") != "none"
            if self.recorded:
                self._runner.episodes.remember(self.episode, self._order())
        self.asked = self.asked or event.get("type") == "text"
        self._listener(event)

    def _order(self) -> Order:
        out = str(self._out.absolute()) if self._out else None
        return replace(self._runner.order, out=out, formats=tuple(self.job.formats))

    async def _costs(self) -> Costs:
        """What is on record of its calls; it may be that this cannot be read either."""
        if not self.recorded:
            return Costs(unknown=1)
        try:
            known = await self._known(self.episode) if self.episode else None
        except LlmiError:
            return Costs(unknown=1)
        return known.costs if known else Costs()

    async def _known(self, episode: str) -> Known | None:
        return await asyncio.to_thread(self._runner.episodes.known, episode)


def _request_of(job: Job, attachments: Sequence[Attachment]) -> Mapping[str, Any]:
    """What a fresh episode starts with."""
    request: dict[str, Any] = {
        "messages": [HumanMessage(job.prompt)],
        "attachments": [asdict(each) for each in attachments],
    }
    given = {
        "seed": None if job.seed is None else member_seed(job.seed, job.member),
        "options": dict(job.options),
        "group": job.group,
        "member": job.member,
        "split": job.split,
        "demand": asdict(job.demand) if job.demand else None,
    }
    return request | {name: value for name, value in given.items() if value not in (None, "", {})}


def _document(state: Mapping[str, Any]) -> Document:
    """The document of a graph's last state. Raises LlmiError if there is none."""
    if not state.get("document"):
        raise LlmiError("the graph ended without a document; does it write `document`?")
    return Document.model_validate(state["document"])


def _stopping() -> bool:
    """Whether the running task has been told to stop."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
