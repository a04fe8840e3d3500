from llmi_train_smollm2.course import check_apart
from llmi_train_smollm2.prompts import wishes
from llmi_train_smollm2.requests import TEST, TRAIN, requests
from llmi_train_smollm2.reward import keys_asked


def test_no_request_that_is_tested_is_trained_on() -> None:
    own, tested = [e for e in requests() if e.split == TRAIN], wishes(TEST, 9, 0)
    check_apart(own, tested)
    assert len(own) + len({each.request.id for each in tested}) == len(requests()) == 50
    assert len({each.text for each in tested}) == len(tested)
    assert len({each.request.id for each in tested[:10]}) == 10


def test_every_request_tells_what_it_is_about_and_is_found_again_by_its_prompt() -> None:
    for split in (TRAIN, TEST):
        for wish in wishes(split, 2, 0):
            assert wish.request.keys
            assert keys_asked(wish.as_prompt(0).text) == wish.request.keys
