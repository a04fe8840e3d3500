import json
from pathlib import Path

from llmi_train_smollm2.course import Course


def test_a_training_that_was_stopped_just_after_its_end_is_not_begun_again(tmp_path: Path) -> None:
    course = Course(tmp_path)
    (tmp_path / "grpo").mkdir()
    story = {"state": "done", "figures": {"steps": 12}}
    (tmp_path / "grpo" / "training.json").write_text(json.dumps(story))
    assert course.train() == {"steps": 12}
    assert course.minutes() == [("grpo", "")]
