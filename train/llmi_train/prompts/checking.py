"""A file of prompts, checked: what is in it, and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from llmi_agent.base.errors import InputError
from llmi_agent.contract import Demand
from llmi_agent.contract.judging import ANY_PICTURES, NO_PICTURE, SOME_PICTURES
from llmi_agent.contract.kinds import WELL_KNOWN
from llmi_train.prompts.alike import Tell
from llmi_train.prompts.claims import Claims
from llmi_train.prompts.comparing import compare
from llmi_train.prompts.findings import Example, Findings
from llmi_train.prompts.language import language_of, primary
from llmi_train.prompts.named import tools_in
from llmi_train.prompts.near import THRESHOLD
from llmi_train.prompts.prompt import TrainingPrompt
from llmi_train.prompts.reading import Read
from llmi_train.prompts.said import claims_of, verdict
from llmi_train.prompts.text import UNSPACED_RE

SHORTEST, LONGEST = 12, 32_000
"""Letters of a prompt, of which one in Chinese or Japanese counts as four: about 8,000 tokens at most, as the paper has it."""


@dataclass
class Report:
    """What a check says."""

    source: str
    prompts: int
    findings: Findings
    splits: Counter[str] = field(default_factory=Counter)
    """Prompts by split; "" is of those that say none. So with the others."""
    languages: Counter[str] = field(default_factory=Counter)
    """As they say, else as it looks."""
    kinds: Counter[str] = field(default_factory=Counter)
    pictures: Counter[str] = field(default_factory=Counter)
    """What is demanded: "none", "any", "at least one", a number, or "" where nothing is said."""
    left_out: Counter[str] = field(default_factory=Counter)
    """What its rows hold and a prompt does not."""


def check(
    read: Read,
    others: Sequence[Read] = (),
    *,
    threshold: float = THRESHOLD,
    shortest: int = SHORTEST,
    longest: int = LONGEST,
    tell: Tell = lambda _, __: None,
) -> Report:
    """Check the prompts of a file, and whether one of them is in others, too.

    threshold: see `near.likeness`. shortest, longest: in letters, see `SHORTEST`.

    Raises InputError if there is nothing in one of them to check, or to compare with.
    """
    _check_there_is_something(read, others)
    report = Report(read.source, len(read.prompts), Findings(), left_out=read.left_out)
    for number, why in read.bad:
        report.findings.add("bad line", Example(number, why))
    if read.bad_lines:
        report.findings.counts["bad line"] = read.bad_lines
    for line, prompt in zip(read.places, read.prompts, strict=True):
        _count(prompt, report)
        _check_words(line, prompt, report.findings)
        if not shortest <= (size := size_of(prompt.text)) <= longest:
            kind = "too short" if size < shortest else "too long"
            report.findings.add(kind, Example(line, f"letters: {size:,}"))
    _check_ids(read, report.findings)
    _check_files(read, report.findings)
    compare(read, others, threshold, report.findings, tell)
    return report


def _check_there_is_something(read: Read, others: Sequence[Read]) -> None:
    if not read.prompts and not read.bad_lines:
        raise InputError(f"{read.source} has no prompt in it")
    for other in others:
        if not other.prompts:
            bad = f"; line {other.bad[0][0]}: {other.bad[0][1]}" if other.bad else ""
            raise InputError(f"{other.source} has no prompt that can be compared with{bad}")


def size_of(text: str) -> int:
    """Letters, of which one of a script without spaces counts as four."""
    return len(text.strip()) + 3 * len(UNSPACED_RE.findall(text))


def demand_in_words(demand: Demand | None) -> str:
    """As reports have it."""
    if demand is None:
        return ""
    named = {NO_PICTURE: "none", ANY_PICTURES: "any", SOME_PICTURES: "at least one"}
    return named.get(demand.pictures, str(demand.pictures))


def _count(prompt: TrainingPrompt, report: Report) -> None:
    report.splits[prompt.split] += 1
    report.languages[primary(prompt.language) or language_of(prompt.text)] += 1
    report.pictures[demand_in_words(prompt.demand)] += 1
    report.kinds.update(prompt.demand.kinds if prompt.demand else ())


def _check_words(line: int, prompt: TrainingPrompt, findings: Findings) -> None:
    for named in tools_in(prompt.text):
        kind = "names a tool" if named.sure else "may name a tool"
        findings.add(kind, Example(line, repr(named.words)))
    looks = language_of(prompt.text)
    if looks and prompt.language and looks != primary(prompt.language):
        findings.add("other language", Example(line, f"{prompt.language}, and looks like {looks}"))
    if prompt.demand:
        _check_demand(line, prompt, prompt.demand, findings)


def _check_demand(line: int, prompt: TrainingPrompt, demand: Demand, findings: Findings) -> None:
    kinds = {"contradicted": "contradiction", "unsaid": "unsaid", "unclear": "unclear"}
    claims = claims_of(prompt.text, prompt.language)
    found = verdict(demand, claims)
    if found in kinds:
        says = f"{demand_in_words(demand)} demanded; {_said(claims)}"
        findings.add(kinds[found], Example(line, says))
    for kind in demand.kinds:
        if kind not in WELL_KNOWN:
            findings.add("kind unknown", Example(line, repr(kind)))
    limit = max(demand.pictures, 0)
    if demand.pictures not in (ANY_PICTURES, SOME_PICTURES) and len(demand.kinds) > limit:
        says = f"{demand_in_words(demand)} demanded, and {', '.join(demand.kinds)}"
        findings.add("impossible", Example(line, says))


def _said(claims: Claims | None) -> str:
    """What was read, so that a person can judge it."""
    if claims is None:
        return "its language cannot be read"
    counts = ", ".join(
        f"{c.least}{'' if c.most == c.least else f' to {c.most}' if c.most else ' or more'}"
        for c in claims.numbers
    )
    read = [*(["none"] if claims.none else []), *([counts] if counts else [])]
    if read:
        return f"its words count {' and '.join(read)}"
    return (
        "its words speak of pictures, without a number"
        if claims.mentioned or claims.some
        else "its words speak of none"
    )


def _check_ids(read: Read, findings: Findings) -> None:
    seen: dict[str, int] = {}
    for line, prompt in zip(read.places, read.prompts, strict=True):
        if prompt.id and seen.setdefault(prompt.id.casefold(), line) != line:
            findings.add("same id", Example(line, other_line=seen[prompt.id.casefold()]))


def _check_files(read: Read, findings: Findings) -> None:
    """Within one split: prompts that ask the same, or with other files."""
    seen: dict[tuple[str, str], int] = {}
    demands: dict[str, tuple[int, Demand]] = {}
    texts: dict[tuple[str, str], int] = {}
    for line, prompt in zip(read.places, read.prompts, strict=True):
        first, demand = demands.get(prompt.digest, (line, prompt.demand))
        if demand and prompt.demand and demand != prompt.demand:
            says = (
                f"{demand_in_words(prompt.demand)} demanded here, {demand_in_words(demand)} there"
            )
            findings.add("other demand", Example(line, says, first))
        elif (before := seen.setdefault((prompt.split, prompt.digest), line)) != line:
            findings.add("duplicate", Example(line, other_line=before))
        elif (before := texts.setdefault((prompt.split, prompt.text_digest), line)) != line:
            findings.add("same text", Example(line, other_line=before))
        if prompt.demand:
            demands.setdefault(prompt.digest, (line, prompt.demand))
