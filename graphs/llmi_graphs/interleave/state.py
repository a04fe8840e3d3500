"""The graph's state: plain JSON with string keys beside the messages. No picture's bytes, ever."""

from __future__ import annotations

from typing import Annotated, Any

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages

# Below Python 3.12 pydantic makes no JSON schema of the standard library's.
from typing_extensions import TypedDict

Json = dict[str, Any]


def merge(old: dict[str, Json], new: dict[str, Json]) -> dict[str, Json]:
    """The reducer of `results`: the slots of one document report one by one."""
    return {**old, **new}


class Request(TypedDict, total=False):
    """What a run is started with."""

    messages: Annotated[list[AnyMessage], add_messages]
    """The last human message is the prompt; files in it become attachments."""
    resume: str
    """An episode that was cut and is to be gone on with; its journal is in the graph's store."""
    seed: int
    """Where chance plays a part, another document; by default the options' seed, from which each member of a group derives one of its own."""
    options: Json
    """Options for this run alone (`llmi_agent.config.options.PER_REQUEST`): sampling, repairs, a lower budget."""
    attachments: list[Json]
    """Files: `Attachment`s or their dicts, with their bytes in the graph's store; content blocks; in the same process paths, too."""
    continues: str
    """The episode of a document to go on from where the thread does not have it; its journal is in the graph's store."""
    group: str
    """Episodes of one prompt that are compared have the same; with `Options.group_budget` they share their money."""
    member: int
    """Which one of its group it is, from 0."""
    split: str
    """What the prompt is for, put on record: `train`, `test`."""
    demand: Json | None
    """What the prompt asks for, as a rule can check it, put on record: the fields of a `Demand`, `pictures` and `kinds`. The
    policy is not told."""


class State(Request, total=False):
    """What the nodes share."""

    episode: str
    parent: str
    """The episode that this one goes on from, or was forked from."""
    request: str
    """A digest of what the episode was opened with: a fork of the thread that changes it is another episode."""
    earlier: list[Json]
    """What was said before the thread: the `prompt` and the `text` of the document that `continues` names."""
    inputs: list[Json]
    """The pictures that `img_index` counts first: attached ones, then the last document's figures."""
    draft: list[Json]
    """Its blocks (`blocks.plain`)."""
    results: Annotated[dict[str, Json], merge]
    """Each slot's verdict, by its number."""
    document: Json | None


class Answer(TypedDict, total=False):
    """What a run hands over."""

    messages: Annotated[list[AnyMessage], add_messages]
    document: Json | None


class Turn(TypedDict, total=False):
    """Where one slot stands, as its nodes see it."""

    episode: str
    seed: int
    options: Json
    group: str
    attachments: list[Json]
    inputs: list[Json]
    slot: Json
    """The slot as the draft has it, or as the policy repaired it (`blocks.plain`)."""
    origins: list[str]
    """Digests of all slots as the draft has them: a verdict on record holds only for the same slot."""
    stands_in_for: str
    """The kind that was asked for, while another stands in for it."""
    attempt: int
    retries: int
    repairs: int
    exchange: list[Json]
    """Repair requests (`request`), the policy's answers (`answer`) and the calls that gave them (`call`)."""
    outcome: Json
    """What the last call came to: a `Finished`, or a `Failed` (`outcome.plain`)."""
    failure: Json
    """Why the policy is asked for a repair."""
    first_failure: Json
    """Why the kind that was asked for failed, once a fallback stands in for it."""
    fork: Json
    """Of a slot whose draft was not written in its episode: the document's state, for what it begins with."""
    next: str
    """Where the observation leads: tool, repair, or the end."""


class SlotState(TypedDict, total=False):
    """What the nodes of one slot share, in a single channel: LangGraph keeps and writes each one by itself."""

    turn: Turn
    results: Annotated[dict[str, Json], merge]


class SlotAnswer(TypedDict):
    """What a slot hands to the document."""

    results: Annotated[dict[str, Json], merge]
