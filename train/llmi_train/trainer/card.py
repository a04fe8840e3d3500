"""The model card: what a checkpoint was trained on, how, with what figures, and what is not known of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmi_agent.base.text import one_line


@dataclass(frozen=True, kw_only=True)
class Card:
    """Markdown, with the front matter that model hubs read."""

    title: str
    about: str
    """A paragraph: what was done."""
    base: str
    """The checkpoint that it started from, by its folder's name."""
    method: str
    """A word: `offline-grpo`, `sft`, `dpo`, `kto`."""
    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Tables of two columns, by their headings."""
    notes: Iterable[str] = ()
    """What a reader must know: what was stopped, masked, or not looked at."""

    def __str__(self) -> str:
        front = f"---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags: [llmi, {self.method}]\n---\n"
        parts = [
            front,
            f"# {self.title}\n",
            f"{self.about}\n",
            f"It started from `{one_line(self.base)}`.\n",
        ]
        parts += [f"- {one_line(note)}" for note in self.notes]
        for heading, table in self.sections.items():
            parts.append(f"\n## {heading}\n\n| what | value |\n|---|---|")
            parts += [f"| {_cell(name)} | {_cell(value)} |" for name, value in _rows(table)]
        return "\n".join(parts) + "\n"

    def write(self, out: Path) -> None:
        """Beside the checkpoint, where hubs look for it."""
        (out / "README.md").write_text(str(self), "utf-8")


def _rows(table: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _rows(value, f"{before}{name}, ")
        else:
            yield before + name, value


def _cell(value: Any) -> str:
    return one_line(_plain(value)).replace("|", "\\|")


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "none"
    return "none" if value is None or value == "" else str(value)
