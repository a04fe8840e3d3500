"""The files that a calling model may name: those that its developer has given it, and no others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from llmi_agent.base.errors import ConfigError, InputError
from llmi_agent.contract.tool import Attachment

MOST_LISTED = 50

Allowed = str | Path | Attachment


@dataclass(frozen=True)
class AllowedFiles:
    """Files by their names, and folders whose files go by their paths within them."""

    named: dict[str, Path | Attachment] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()

    @classmethod
    def of(cls, files: Allowed | Iterable[Allowed]) -> AllowedFiles:
        """Raises ConfigError for what does not exist, and for two files of one name."""
        named: dict[str, Path | Attachment] = {}
        folders: list[Path] = []
        for each in [files] if isinstance(files, str | Path | Attachment) else files:
            file = each if isinstance(each, Attachment) else Path(each)
            if isinstance(file, Path) and file.is_dir():
                folders.append(file.resolve())
            elif isinstance(file, Path) and not file.is_file():
                raise ConfigError(f"{file} is no file or folder; give the tool what exists")
            elif named.setdefault(file.name, file) is not file:
                raise ConfigError(f"two files are named {file.name}; rename one of them")
        return cls(named, tuple(folders))

    def __bool__(self) -> bool:
        return bool(self.named or self.folders)

    def find(self, name: str) -> Path | Attachment:
        """The file that a model means. Raises InputError, saying what there is, for any other."""
        if name in self.named:
            return self.named[name]
        for folder in self.folders:
            if found := _within(folder, name):
                return found
        raise InputError(
            f"there is no file {name!r}; there is: {', '.join(self.names()) or 'none'}"
        )

    def names(self) -> list[str]:
        """What can be named, as far as it is worth listing."""
        names = list(self.named)
        for folder in self.folders:
            for path in sorted(folder.rglob("*")):
                if len(names) >= MOST_LISTED:
                    return [*names, "..."]
                name = path.relative_to(folder).as_posix()
                if _within(folder, name):
                    names.append(name)
        return names

    @property
    def listing(self) -> str:
        """What the tool's description says of them."""
        return f" Files that can be named in `files`: {', '.join(self.names())}." if self else ""


def _within(folder: Path, name: str) -> Path | None:
    """The file of the folder, wherever links and dots lead; hidden files are not meant to be read."""
    try:
        path = (folder / name).resolve()
        inside = path.relative_to(folder)
        return path if path.is_file() and not any(p.startswith(".") for p in inside.parts) else None
    except (OSError, ValueError):  # outside, too long, or with characters that no file's name has
        return None
