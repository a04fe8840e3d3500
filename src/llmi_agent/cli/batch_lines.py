"""What is said of a batch: a line on stdout for each document, notices and failures on stderr."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import click

from llmi_agent.base.logs import get_logger
from llmi_agent.cli.announcement import tell_unsampled
from llmi_agent.cli.batch_progress import Display, Tally
from llmi_agent.cli.failures import in_words
from llmi_agent.cli.output import Output
from llmi_agent.cli.text import plural
from llmi_agent.runner.batch import Ended, Wanted
from llmi_agent.runner.episodes import SHORT
from llmi_agent.runner.job import Failure
from llmi_agent.runner.manifest import Item


class Lines:
    """Listens to a batch."""

    def __init__(
        self, folder: Path, tally: Tally, screen: Display, output: Output, stdout: TextIO | None
    ) -> None:
        """stdout: what tools print does not go there."""
        self._folder = folder
        self._tally = tally
        self._screen = screen
        self._output = output
        self._stdout = stdout
        self._failures: list[tuple[str, str]] = []
        self._settings_told = False

    def begun(self, wanted: Wanted) -> None:
        self._tally.running += 1

    def tell(self, wanted: Wanted, event: Mapping[str, Any]) -> None:
        """Notices at once, costs in the tally."""
        self._tally.tell(event)
        match event.get("type"):
            case "restart":
                sentence = str(event["message"])
            case "resumed":
                sentence = f"goes on with run {event['episode'][:SHORT]}"
            case "unsampled":
                tell_unsampled(event, self._output)
                return
            case "changed" if event["what"] == "settings":
                self._tell_settings()
                return
            case "changed":
                sentence = "its prompt, attachments or demand have changed, so it is written anew"
            case _:
                return
        self._output.say(f"{wanted.name}: {sentence}", str(event["type"]))

    def ended(self, ended: Ended) -> None:
        """The document's line; failures are said once more at the end."""
        self._tally.running -= 1
        self._tally.count(ended.state)
        item = ended.item
        if ended.failure:
            item = item.model_copy(update={"message": in_words(ended.failure)})
            self._failures.append((ended.wanted.name, item.message))
            _log(ended.wanted, ended.failure)
        self._give(ended.wanted, ended.state, item)

    def tell_failures(self) -> None:
        """On stderr, one line each."""
        if self._failures:
            self._output.say(f"{plural(len(self._failures), 'document')} failed:", "failures")
        for name, message in self._failures:
            self._output.say(f"{name}: {message}", "failed")

    def tell_stop(self) -> None:
        """The same when the batch was stopped, and how it goes on."""
        self._tally.running = 0
        with self._screen.aside():
            self.tell_failures()
            self._output.say(f"{self._tally}; the same command again goes on", "resumable")

    def _tell_settings(self) -> None:
        """Once: they are the same for all documents."""
        if not self._settings_told:
            self._settings_told = True
            sentence = (
                "the settings (graph, model, tools or options) have changed: "
                "what was begun with others is written anew"
            )
            self._output.say(sentence, "changed")

    def _give(self, wanted: Wanted, state: str, item: Item) -> None:
        if self._stdout is None:
            return
        line = self._data(state, item) if self._output.json else self._line(wanted, state, item)
        with self._screen.aside():
            click.echo(line.encode("utf-8", "surrogateescape"), file=self._stdout)

    def _line(self, wanted: Wanted, state: str, item: Item) -> str:
        costs = "-" if item.usd is None else f"{item.usd:.4f}"
        figures = ("-", "-") if state == "failed" else (item.figures, item.missing)
        path = self._paths(item)[0] if item.files else "-"
        return "\t".join(map(str, (wanted.name, state, *figures, costs, item.seconds, path)))

    def _data(self, state: str, item: Item) -> str:
        data = item.model_dump(exclude={"inputs", "settings"})
        return json.dumps({**data, "state": state, "files": self._paths(item)})

    def _paths(self, item: Item) -> list[str]:
        """The main file first."""
        return [str(self._folder / each) for each in item.files]


def _log(wanted: Wanted, failure: Failure) -> None:
    if failure.unexpected:
        log = get_logger(document=wanted.name, episode=failure.episode)
        log.error("document.failed", exc_info=failure.error)
