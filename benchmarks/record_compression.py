"""How small records are: with the dictionary that ships, against zstd without one, and against none.

Workload: runs that are no part of what the dictionary was made from: offline reports on the tables of `examples/data`, with the
installed tools, and drafts on other topics whose tools answer, fail, are repaired and fall back. Every record is counted as the
file has it: compressed where that is shorter.

Bar: <= 0.30 of the bytes of the JSON, and <= 0.75 of zstd without a dictionary.

python benchmarks/record_compression.py                     # measure
python benchmarks/record_compression.py --train OUT         # make the dictionary anew: src/llmi_agent/records/records.zdict
python benchmarks/record_compression.py --prompts FILE      # measure with the prompts of a file of JSON lines, too
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import zstandard
from langchain_core.messages import BaseMessage, HumanMessage

from llmi_agent.config.options import Options
from llmi_agent.contract.tool import Failed, Image, Produced, Provenance, ToolCall, ToolContext
from llmi_agent.records import bodies
from llmi_agent.records.journal import Journal, journal_beside
from llmi_agent.store.artifacts import ArtifactStore
from llmi_agent.testing import FakeTool, ScriptedModel, random_png, slot
from llmi_graphs import build_graph

BARS = 0.30, 0.75
SIZE = 32_768
"""Bytes of the dictionary."""
DATA = Path(__file__).parents[1] / "examples" / "data"
TOPICS = {
    True: ("tides", "glaciers", "beekeeping", "canals", "weaving", "observatories", "railways", "coffee", "bread", "chess",
           "lighthouses", "deserts"),
    False: ("volcanoes", "clocks", "penguins", "bridges", "pottery", "sailing", "orchids", "maps"),
}  # fmt: skip
"""What is written about: for the dictionary, and apart from it."""
SENTENCES = {
    True: (
        "There is more to {topic} than meets the eye, and much of it can be seen in a single picture.",
        "For a long time, people who knew about {topic} kept that knowledge to themselves.",
        "The first written account of {topic} is about two hundred years old.",
        "In the north of the country, {topic} are still a part of everyday life.",
        "However, the numbers of the last ten years tell another story.",
        "This section shows how the two are related, and what follows from it.",
        "As the figure shows, the highest value was reached in the summer of the third year.",
        "Most of what is known about {topic} today was found out by accident.",
    ),
    False: (
        "Nobody agrees on where {topic} come from, though theories abound.",
        "Early engravings depict {topic} with surprising accuracy.",
        "A survey of forty towns suggests that interest in {topic} has doubled since 1998.",
        "Critics object that such comparisons ignore climate, trade and taste.",
        "Readers who want to go further will find three museums worth a detour.",
        "Between March and October, the difference is hardly noticeable.",
        "What began as a pastime soon became an industry employing thousands.",
    ),
}
CODE = {
    True: "import numpy as np\nx = np.arange(12)\nfig, ax = plt.subplots(figsize=(8, 4.5))\nax.plot(x, x ** 1.5, marker='o')\n"
    "ax.set_title('{topic} by month')\nax.set_xlabel('month')\nax.set_ylabel('count')\nfig.tight_layout()",
    False: "data = pd.DataFrame({{'year': range(2010, 2020), '{topic}': range(3, 23, 2)}})\n"
    "sns.barplot(data=data, x='year', y='{topic}', color='teal')\nplt.title('{topic}, per year')\nplt.xticks(rotation=45)",
}
OWNERS = ("Ana Lima", "J. Okoro", "Mika Sato", "The Commons", "L. Novak")


def paragraphs(topic: str, chance: random.Random, training: bool) -> Iterator[str]:
    """A draft's parts: words, and now and then a slot of any kind."""
    yield f"# {topic.title()}"
    for number in range(chance.randrange(3, 9)):
        said = chance.sample(SENTENCES[training], chance.randrange(2, 6))
        yield f"## Part {number + 1}\n\n" + " ".join(said).format(topic=topic)
        kind = chance.choice(("search", "search", "diffusion", "code", "edit"))
        about = f"{topic} {number}"
        yield {
            "search": slot("search", f"{topic.title()} in a photograph", query=f"{about} photograph"),
            "diffusion": slot("diffusion", f"How {topic} may look", prompt=f"a quiet watercolour of {about}, soft light, detailed"),
            "code": slot("code", f"{topic.title()} over time", code=CODE[training].format(topic=topic)),
            "edit": slot("edit", f"{topic.title()}, once more", img_index=0, prompt="crop it to a square and make it warmer"),
        }[kind]  # fmt: skip


class Hosted:
    """Answers as vendors do: mostly with a picture of somebody's, now and then with a failure."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def __call__(self, call: ToolCall, context: ToolContext) -> Any:
        if self._chance.random() < 0.15:
            reason = self._chance.choice(
                ("bad_params", "quota", "timeout", "unreachable", "refused", "bad_output")
            )
            return Failed(
                reason, f"the vendor says: {reason}", retryable=self._chance.random() < 0.5
            )  # type: ignore[arg-type]
        number, owner = self._chance.randrange(10**7), self._chance.choice(OWNERS)
        address = f"https://images.example.org/{call.kind}/{number}"
        said = Provenance(
            call.tool,
            title=f"Picture {number}",
            creator=owner,
            licence="CC BY-SA 4.0",
            licence_url="https://creativecommons.org/licenses/by-sa/4.0/",
            attribution=f"{owner}, CC BY-SA 4.0",
            source_url=f"{address}.jpg",
            page_url=address,
        )
        return Produced((Image(random_png(16, 16, number), said),), usd=0.002)


def hosted(store: ArtifactStore, topic: str, chance: random.Random, training: bool) -> Any:
    """A graph whose model writes one draft on the topic, and whose tools are vendors'."""
    draft = "\n\n".join(paragraphs(topic, chance, training))

    def answer(messages: list[BaseMessage]) -> str:
        if len(messages) <= 2:
            return draft
        return slot("search", f"{topic.title()}, found anew", query=f"{topic} again")

    tools = (
        ("tavily_images", "search"),
        ("replicate_flux", "diffusion"),
        ("e2b_code", "code"),
        ("litellm_image_edit", "edit"),
    )
    answers = Hosted(chance)
    return build_graph(
        model=ScriptedModel(script=answer, chunk=chance.randrange(20, 200)),
        tools=[FakeTool(name, kind, [answers], usd=0.01) for name, kind in tools],
        options=Options(cache=chance.random() < 0.3, retry_wait=0.0),
        store=store,
        secrets={},
    )  # fmt: skip


def table(topic: str, chance: random.Random) -> str:
    rows = (
        f"{2010 + n // 12}-{n % 12 + 1:02},{chance.randrange(900)},{chance.random() * 40:.1f},{chance.choice('abc')}"
        for n in range(60)
    )
    return f"month,{topic},temperature,region\n" + "\n".join(rows) + "\n"


async def write(folder: Path, seed: int, training: bool, prompts: Sequence[str] = ()) -> Journal:
    """Runs of both sorts, in a home of their own."""
    chance = random.Random(seed)
    store = ArtifactStore(folder)
    offline = build_graph(store=store, environment=False, secrets={})
    for topic in TOPICS[training]:
        for number in range(4):
            graph = hosted(store, topic, chance, training)
            words = f"Write {chance.choice(('a short', 'an illustrated', 'a long'))} article about {topic}."
            group = {"group": f"group of {topic}", "member": number, "split": "train"}
            request = {"messages": [HumanMessage(words)], **(group if number > 1 else {})}
            await graph.ainvoke(request)
        file = folder / f"{topic}.csv"
        file.write_text(table(topic, chance))
        files = [file] if training else sorted(DATA.glob("*.csv"))[:1]
        await offline.ainvoke(
            {"messages": [HumanMessage(f"A report on {topic}.")], "attachments": files}
        )
    for prompt in prompts:
        await hosted(store, prompt[:40], chance, training).ainvoke(
            {"messages": [HumanMessage(prompt)]}
        )
    journal = journal_beside(store)
    journal.close()
    return journal


def records(journal: Journal) -> list[str]:
    """All JSON that is on record, without the name of the folder it was made in."""
    found = [r.data for each in journal.episodes() for r in journal.read(each, tokens=False)]
    return [each.replace(str(journal.path.parent), "the-folder") for each in found]


def train(found: Sequence[str], out: Path) -> None:
    """Make a dictionary that holds nothing of this machine."""
    dictionary = zstandard.train_dictionary(
        SIZE, [each.encode() for each in found], level=bodies.LEVEL
    )
    own = dictionary.as_bytes()
    places = Path.home(), Path.cwd(), Path(tempfile.gettempdir()), Path(sys.prefix)
    if clue := re.search("|".join(re.escape(f"{each}/") for each in places).encode(), own):
        sys.exit(f"the dictionary holds {clue[0]!r}: run this elsewhere")
    out.write_bytes(own)
    print(
        f"{len(found)} records, {sum(map(len, found)):,} characters -> {len(own):,} bytes, id {dictionary.dict_id()}"
    )


def sizes(found: Sequence[str]) -> tuple[int, int, int]:
    """Bytes of the JSON, with zstd alone, and with the dictionary."""
    alone = zstandard.ZstdCompressor(level=bodies.LEVEL, write_checksum=True)
    plain = [each.encode() for each in found]
    return (
        sum(map(len, plain)),
        sum(min(len(each), len(alone.compress(each))) for each in plain),
        sum(
            len(b if isinstance(b := bodies.packed(each), bytes) else b.encode()) for each in found
        ),
    )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", type=Path, metavar="OUT")
    parser.add_argument("--prompts", type=Path, metavar="FILE")
    given = parser.parse_args()
    lines = given.prompts.read_text("utf-8").splitlines() if given.prompts else []
    prompts = [json.loads(line)["prompt"] for line in lines][:20]
    with tempfile.TemporaryDirectory() as folder:
        training = given.train is not None
        found = records(asyncio.run(write(Path(folder), 7, training, prompts)))
        if training:
            train(found, given.train)
            return 0
    plain, alone, ours = sizes(found)
    print(
        f"{len(found)} records of {plain:,} bytes; zstd alone {alone:,}, with the dictionary {ours:,}"
    )
    print(f"of the JSON: {ours / plain:.3f} (bar: <= {BARS[0]})")
    print(f"of zstd alone: {ours / alone:.3f} (bar: <= {BARS[1]})")
    return 0 if ours / plain <= BARS[0] and ours / alone <= BARS[1] else 1


if __name__ == "__main__":
    sys.exit(main())
