import re

import pytest

from llmi_agent.base.errors import LlmiError
from llmi_train.prompts.checking import check
from llmi_train.prompts.reading import read
from llmi_train_tiny.course import check_apart
from llmi_train_tiny.language import KINDS, TOPICS, topic_of
from llmi_train_tiny.prompts import TEST, TRAIN, drawn, wishes, write


def test_no_topic_comes_with_a_kind_on_both_sides_and_each_with_two_of_three_in_training():
    train, test = wishes(TRAIN), wishes(TEST)
    assert not {(e.topic, e.kind) for e in train} & {(e.topic, e.kind) for e in test}
    assert not {e.as_prompt(0).text_digest for e in train} & {
        e.as_prompt(0).text_digest for e in test
    }
    assert {(e.topic, e.kind) for e in train + test} == {(t, k) for t in TOPICS for k in KINDS}
    for side, kinds in ((train, 2), (test, 1)):
        assert {len({e.kind for e in side if e.topic == topic}) for topic in TOPICS} == {kinds}
    check_apart(train, test)


def test_what_is_tested_on_what_is_trained_on_is_refused():
    train, test = wishes(TRAIN), wishes(TEST)
    with pytest.raises(LlmiError, match=re.escape(train[0].text)):
        check_apart(train, [*test[:3], train[0]])
    other_words = next(e for e in train[1:] if (e.topic, e.kind) == (train[0].topic, train[0].kind))
    with pytest.raises(LlmiError):
        check_apart(train[:1], [other_words])


def test_the_words_of_each_prompt_say_what_it_demands(tmp_path):
    write(tmp_path / "p.jsonl", drawn(TRAIN, 60, 1) + drawn(TEST, 60, 1))
    report = check(read(tmp_path / "p.jsonl"))
    assert report.splits == {TRAIN: 60, TEST: 60}
    faults = {
        kind for kind, each in report.findings.as_json().items() if each["fault"] and each["count"]
    }
    assert faults == {"near leak"}  # they differ by a word, and that is what is held out


def test_the_topic_of_each_prompt_is_known_again():
    assert all(topic_of(each.text) == each.topic for each in wishes(TRAIN) + wishes(TEST))
    assert topic_of("Of the forest and the lake") is None
    assert topic_of("Of a fox") is None
