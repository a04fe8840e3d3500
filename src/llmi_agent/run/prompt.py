"""What a policy is told: the system prompt, the user's message with its attachments, a repair request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from llmi_agent.contract.kinds import Kind
from llmi_agent.contract.tool import Failed
from llmi_agent.draft import Dialect, Slot, format_slot
from llmi_agent.records.events import Input

_RULES = """\
You write illustrated documents in Markdown. Begin with one `# ` title, structure with `## ` headings, write \
complete prose, and place a picture wherever it tells the reader more than words would.

You do not draw pictures yourself. Where one belongs, leave a slot on a line of its own, and a tool fills it:

{form}

Each slot is {object} with exactly three keys. `source` is the kind of picture, `description` its caption \
(one sentence, for readers, also read aloud to those who cannot see it), `params` what the tool needs.

The kinds:

{kinds}

Rules:
- Choose the kind that fits: data is plotted with code and never imagined; what is real is searched.
- Text and picture belong together: say in the prose what the picture shows, without figure numbers.
- Every slot stands alone. Code starts anew each time: read the attachments again, define what you use.
- Never put a slot inside a code fence, a table or another slot, and write nothing else inside its tags.
- If the user gives a number of pictures, leave exactly that many slots; if the user wants none, leave none."""


def system_prompt(kinds: Iterable[Kind], dialect: Dialect = "json") -> str:
    """The system prompt for these kinds; its examples are valid slots of the dialect."""
    known = list(kinds)
    form = '<imgen>{"source": "...", "description": "...", "params": {...}}</imgen>'
    if dialect == "python":
        form = form.replace('"', "'")
    return _RULES.format(
        form=form,
        object="a JSON object" if dialect == "json" else "a Python dict literal",
        kinds="\n\n".join(_kind(kind, dialect) for kind in known) or "(none is available)",
    )


def user_message(prompt: str, inputs: Sequence[Input], files: Sequence[str]) -> str:
    """The prompt, followed by the input images, and by what is to be told of each attached file."""
    parts = [prompt]
    if inputs:
        lines = [f"- img_index {n}: {each.label}" for n, each in enumerate(inputs)]
        parts.append("Input images:\n" + "\n".join(lines))
    if files:
        parts.append("Attached files, in the working folder of code:\n\n" + "\n\n".join(files))
    return "\n\n".join(parts)


def repair_request(slot: int, description: str, failure: Failed, kinds: Mapping[str, Kind]) -> str:
    """Asks for one slot again, with the reason why it failed."""
    title = f' ("{description}")' if description else ""
    return (
        f"Slot {slot}{title} could not be filled.\n\nReason: {failure.reason}\n{failure.message}\n\n"
        "Reply with this one slot, corrected, as a single <imgen>...</imgen> and nothing else. "
        f"You may change its params or its source ({', '.join(kinds)}). If there is no way to fill it, "
        "reply with the word SKIP."
    )


def _kind(kind: Kind, dialect: Dialect) -> str:
    fields = ", ".join(f"`{name}`" for name in kind.params.model_fields)
    example = Slot(0, kind.name, kind.title, dict(kind.example))
    return f"- `{kind.name}`, with {fields}: {kind.description}\n  {format_slot(example, dialect=dialect)}"
