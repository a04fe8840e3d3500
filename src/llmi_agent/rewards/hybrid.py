"""The hybrid reward: rules and judges in one sum, with the blame table applied to what judges said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from llmi_agent.contract.judging import ANY_PICTURES, Score
from llmi_agent.records.events.reward import TOTAL
from llmi_agent.rewards.facts import Facts
from llmi_agent.rewards.profile import JUDGED, OWN, SCORED, Profile
from llmi_agent.rewards.rules import wants_pictures
from llmi_agent.rewards.slot_facts import SlotFacts


def combined(
    profile: Profile, facts: Facts, rules: Sequence[Score], judged: Sequence[Score]
) -> tuple[Score, ...]:
    """What the components come to, and the reward: of each slot `pictures`, of the document `writing` and `pictures`, as far
    as they apply, and last of all `total`.

    rules: as `rule_scores` gave them. judged: as judges and plugins gave them, from 0 to 1; a score without a value is one
    that could not be given. The total has no value if any of its parts that apply has none, and says why.
    """
    form = _Paper if profile.form == "paper" else _Blaming
    return tuple(form(profile, facts, [*map(_in_range, judged), *rules]).scores())


class _Sum:
    """What both forms share."""

    def __init__(self, profile: Profile, facts: Facts, given: Iterable[Score]) -> None:
        self.profile, self.facts = profile, facts
        self.given: dict[tuple[str, int | None], Score] = {
            (each.component, each.slot): each for each in given if not each.call
        }

    def of_document(self, component: str) -> Score | None:
        return self.given.get((component, None))

    def weighs(self, component: str) -> bool:
        return self.profile.weights.get(component, 0.0) > 0

    def summed(self, parts: Mapping[str, Score], *, whole: float | None = None) -> Score:
        """whole: what the weights are divided by; by default those of the parts, together."""
        missing = [f"{name}: {each.error}" for name, each in parts.items() if each.value is None]
        weights = self.profile.weights
        whole = whole or sum(weights[name] for name in parts)
        if missing:
            return Score(component=TOTAL, value=None, error="; ".join(missing))
        if not whole:
            return Score(component=TOTAL, value=None, error="nothing of the profile applies to it")
        points = {name: weights[name] / whole for name in parts}
        said = " + ".join(f"{points[name]:.3g} {name} {parts[name].value:.3g}" for name in parts)
        value = sum(points[name] * (each.value or 0.0) for name, each in parts.items())
        return Score(component=TOTAL, value=value, reason=said)

    def judged_mean(self, weights: Mapping[str, float], slot: int | None, component: str) -> Score:
        """The mean of judges' scores of one thing; without a value if one of them is lacking. A judge that looks at nothing
        but the whole, or failed of it, speaks for each slot."""
        found = {name: self.given.get((name, slot)) or self.of_document(name) for name in weights}
        for name, each in found.items():
            if each is None or each.value is None:
                why = f"{name}: {each.error if each else 'no judge has scored it'}"
                return Score(component=component, slot=slot, value=None, error=why)
        values = {name: each.value or 0.0 for name, each in found.items() if each}
        mean = sum(weights[name] * value for name, value in values.items()) / sum(weights.values())
        said = ", ".join(f"{name} {value:.3g}" for name, value in values.items())
        return Score(component=component, slot=slot, value=mean, reason=said)

    def scores(self) -> Iterator[Score]:
        raise NotImplementedError


class _Blaming(_Sum):
    """By the blame table."""

    def scores(self) -> Iterator[Score]:
        draft = self.facts.draft
        if draft.blame == "policy":
            yield Score(component=TOTAL, value=0.0, reason=draft.why)
            return
        if lost := draft.lost:
            yield Score(component=TOTAL, value=None, error=lost)
            return
        slots = {each.slot: self._picture(each) for each in self.facts.slots}
        if self.weighs("pictures"):
            yield from slots.values()
        parts = {
            name: part for name in self.profile.components if (part := self._part(name, slots))
        }
        yield from (each for name, each in parts.items() if name in JUDGED)
        yield self.summed(parts)

    def _part(self, name: str, slots: Mapping[int, Score]) -> Score | None:
        """The component, as it is summed; None if it does not apply."""
        demand = self.facts.demand
        match name:
            case "count" if demand is None or demand.pictures == ANY_PICTURES:
                return None
            case "writing":
                return self._writing()
            case "pictures":
                return self._pictures(slots)
        found = self.of_document(name)
        if found is None and name not in OWN:
            return Score(component=name, value=None, error="nobody has scored it")
        return found

    def _writing(self) -> Score:
        """What the judge says of text and tags, less what is repeated; 0 for a draft that is cut, or without prose."""
        draft, profile = self.facts.draft, self.profile
        if draft.cut:
            return _least("writing", f"the draft is cut: {draft.cut_why}")
        if not draft.prose:
            return _least("writing", "there is no prose")
        weights = {"text": profile.text_weight, "tag": profile.tag_weight}
        tagless = not self.facts.slots and self.of_document("tag") is None
        if tagless and profile.text_weight:
            del weights["tag"]
        found = self.judged_mean(_used(weights), None, "writing")
        free = profile.free_repetition
        over = max(0.0, draft.repetition - free) / (1 - free)
        if found.value is None or not over:
            return found
        said = f"{found.reason}, less {over:.0%} that is repeated"
        return Score(component="writing", value=found.value * (1 - over), reason=said)

    def _picture(self, slot: SlotFacts) -> Score:
        if slot.earns == "minimum":
            return Score(component="pictures", slot=slot.slot, value=0.0, reason=slot.why)
        if slot.earns == "missing":
            return Score(component="pictures", slot=slot.slot, value=None, error=slot.why)
        return self.judged_mean(_used(self.profile.picture_weights), slot.slot, "pictures")

    def _pictures(self, slots: Mapping[int, Score]) -> Score | None:
        facts, demand = self.facts, self.facts.demand
        if facts.draft.cut:
            return _least("pictures", f"the draft is cut: {facts.draft.cut_why}")
        if facts.shown > self.profile.most_pictures:
            many = f"{facts.shown} pictures; at most {self.profile.most_pictures} are judged"
            return _least("pictures", many)
        if not slots:
            return _least("pictures", "there is none") if wants_pictures(demand) else None
        mean = self._mean(slots)
        return mean and self._gate(mean)

    def _mean(self, slots: Mapping[int, Score]) -> Score | None:
        """Of those that the infrastructure has not taken. A judge that has failed of one picture costs that picture alone, of
        too many the whole: long documents must not be lost more often."""
        own = [slots[each.slot] for each in self.facts.slots if each.earns != "missing"]
        if not own:
            return None
        failed = [each.error for each in own if each.value is None]
        earned = sum(each.earns == "earned" for each in self.facts.slots)
        if len(failed) > (1 - self.profile.least_judged) * earned:
            why = f"{failed[0]} ({len(failed)} of {earned} pictures)"
            return Score(component="pictures", value=None, error=why)
        known = [each.value for each in own if each.value is not None]
        if not known:
            return Score(component="pictures", value=None, error=failed[0])
        said = f"mean of {len(known)} of {len(slots)} slots"
        return Score(component="pictures", value=fmean(known), reason=said)

    def _gate(self, mean: Score) -> Score:
        count = self.of_document("count")
        if not self.profile.gated or mean.value is None or count is None:
            return mean
        if count.value is None:
            return Score(component="pictures", value=None, error=count.error)
        said = f"{mean.reason}, times count {count.value:.3g}"
        return Score(component="pictures", value=mean.value * count.value, reason=said)


class _Paper(_Sum):
    """As they sum it, but that what a judge or the infrastructure failed to give is missing, and never 1 of 5."""

    def scores(self) -> Iterator[Score]:
        draft = self.facts.draft
        if lost := draft.lost:
            yield Score(component=TOTAL, value=None, error=lost)
            return
        parts = {
            "count": self.of_document("count") or Score(component="count", value=1.0),
            "writing": self._writing(),
            "pictures": self._pictures(),
            "validity": self.of_document("validity"),
            **{name: self.of_document(name) for name in ("kinds", "made", "whole")},
        }
        used = {name: each for name, each in parts.items() if each and self.weighs(name)}
        yield from (each for name, each in used.items() if name in JUDGED)
        yield self.summed(used, whole=1.0)

    def _writing(self) -> Score:
        facts, profile = self.facts, self.profile
        if facts.draft.blame:
            return _least("writing", facts.draft.why)
        if not facts.draft.prose and facts.realised == len(facts.slots):
            self.given["text", None] = _least("text", "there is no prose")
        weights = {"text": profile.text_weight, "tag": profile.tag_weight}
        return self.judged_mean(_used(weights), None, "writing")

    def _pictures(self) -> Score:
        made = self.facts.realised
        if not made:
            found = Score(component="pictures", value=1.0, reason="there is none")
        elif made > self.profile.most_pictures:
            return _least("pictures", f"{made} pictures")
        else:
            found = self.judged_mean(_used(self.profile.picture_weights), None, "pictures")
        count = self.of_document("count")
        gated = self.profile.gated and count is not None
        if not gated or count is None or count.value is None or found.value is None:
            return found
        said = f"{found.reason}, times count {count.value:.3g}"
        return Score(component="pictures", value=found.value * count.value, reason=said)


def _in_range(score: Score) -> Score:
    """What is no share of 1 is not read as one; a judge that scores from 1 to 5 would make the best of the worst."""
    if score.component not in SCORED or score.value is None or 0 <= score.value <= 1:
        return score
    why = f"the judge gave {score.value:g}, which is not from 0 to 1"
    return replace(score, value=None, error=why)


def _used(weights: Mapping[str, float]) -> dict[str, float]:
    return {name: weight for name, weight in weights.items() if weight > 0}


def _least(component: str, why: str) -> Score:
    return Score(component=component, value=0.0, reason=why)
