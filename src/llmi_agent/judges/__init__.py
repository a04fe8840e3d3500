"""Judges: how good a document is, as a language model sees it, or a plugin.

    adviser = Adviser.of("openai/gpt-5", discover(), store)
    scores = await TextJudge(adviser, votes=3).judge(exhibit_of(trace))

A judge that failed gives scores without a value. docs/judges.md has the rubrics, and what is defended.
"""

from llmi_agent.judges.ballot import Form as Form, NoVote as NoVote, Vote as Vote
from llmi_agent.judges.choosing import judges_of as judges_of
from llmi_agent.judges.criteria import Checklist as Checklist, criteria_of as criteria_of
from llmi_agent.judges.exhibit import exhibit_of as exhibit_of
from llmi_agent.judges.judge import Bounds as Bounds, LanguageJudge as LanguageJudge
from llmi_agent.judges.memory import Memory as Memory
from llmi_agent.judges.of_pictures import PictureJudge as PictureJudge
from llmi_agent.judges.of_text import TextJudge as TextJudge
from llmi_agent.judges.plugin import PluginJudge as PluginJudge, plugin_judges as plugin_judges

__all__ = (
    "Bounds",
    "Checklist",
    "Form",
    "LanguageJudge",
    "Memory",
    "NoVote",
    "PictureJudge",
    "PluginJudge",
    "TextJudge",
    "Vote",
    "criteria_of",
    "exhibit_of",
    "judges_of",
    "plugin_judges",
)
