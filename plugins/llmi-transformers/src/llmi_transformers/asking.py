"""What a checkpoint is asked: messages as the ids of its chat template, and how it is to be sampled."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llmi_agent.contract import PolicyFailed

if TYPE_CHECKING:
    from llmi_transformers.eyes import Prompt
    from llmi_transformers.loading import Loaded
    from llmi_transformers.sampling import Sampling

NEUTRAL: Mapping[str, Any] = {
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": -1,
    "min_p": 0.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "repetition_penalty": 1.0,
}
"""What holds where the user sets nothing, whatever the checkpoint's generation_config says: sampling from the model's own
distribution. A top_k of -1 is off."""
_FIXED = ("presence_penalty", "frequency_penalty", "repetition_penalty")
_KNOWN = {*NEUTRAL, "max_tokens", "seed", "stop", "chat_template_kwargs"}


def sampling_of(asked: Mapping[str, Any]) -> Sampling:
    """Raises PolicyFailed for what it cannot be asked with."""
    from llmi_transformers.sampling import Sampling

    for name, value in asked.items():
        if name not in _KNOWN or (name in _FIXED and value != NEUTRAL[name]):
            raise PolicyFailed(
                f"a checkpoint of transformers/ takes no {name}; leave it out", "setting"
            )
    seed = asked.get("seed")
    return Sampling(
        temperature=_number(asked, "temperature", 0, math.inf),
        top_p=_number(asked, "top_p", 0, 1),
        top_k=max(0, int(_number(asked, "top_k", -1, math.inf))),
        min_p=_number(asked, "min_p", 0, 1),
        seed=None if seed is None else int(seed),
    )


def prompt_of(
    name: str, loaded: Loaded, messages: Sequence[Mapping[str, Any]], template: Mapping[str, Any]
) -> Prompt:
    """What the model is to read. Raises PolicyFailed if the messages are none for it."""
    if not getattr(loaded.tokenizer, "chat_template", None):
        raise PolicyFailed(
            f"the tokenizer of {name} has no chat template, so it cannot be asked in messages: take a model that was taught "
            "to chat, or put a chat_template.jinja into its folder",
            "input",
        )
    try:
        found = _read(name, loaded, messages, template)
    except PolicyFailed as error:
        if error.reason == "setting":
            raise
        raise PolicyFailed(f"{name} cannot be asked this: {error}", error.reason) from error
    except Exception as error:
        words = " ".join(str(error).split())
        raise PolicyFailed(
            f"the chat template of {name} does not take these messages: {words:.300}", "input"
        ) from error
    ids = found.ids
    if not ids or max(ids) >= loaded.vocabulary:
        made = f"the token {max(ids)}" if ids else "no token"
        raise PolicyFailed(
            f"the tokenizer of {name} is not its model's: of the prompt it makes {made}, and the model knows those below "
            f"{loaded.vocabulary}",
            "input",
        )
    return found


def _read(
    name: str, loaded: Loaded, messages: Sequence[Mapping[str, Any]], template: Mapping[str, Any]
) -> Prompt:
    from llmi_transformers.eyes import Prompt

    if loaded.eyes:
        return loaded.eyes.prompt(messages, template)
    asked = [_plain(name, loaded.blind, each) for each in messages]
    ids = loaded.tokenizer.apply_chat_template(
        asked, tokenize=True, add_generation_prompt=True, return_dict=False, **template
    )
    return Prompt(tuple(ids))


def most_of(name: str, loaded: Loaded, read: int, asked: int | None) -> int:
    """How many tokens an answer may have. Raises PolicyFailed if there is no room for one."""
    room = loaded.context - read
    if room < 1:
        raise PolicyFailed(
            f"what {name} is asked has {read:,} tokens, LLMI's own instructions among them, and its context {loaded.context:,}: take a "
            "model with a longer one, or shorten the prompt and what is attached",
            "input",
        )
    return min(room, asked) if asked else room


def _plain(name: str, blind: str, message: Mapping[str, Any]) -> dict[str, str]:
    """Role and text. Raises PolicyFailed for a picture."""
    content = message["content"]
    if isinstance(content, list):
        if any(each.get("type") != "text" for each in content):
            raise PolicyFailed(
                f"{name} is shown no pictures by transformers/, for {blind}: leave vision off",
                "setting",
            )
        content = "".join(each["text"] for each in content)
    return {"role": message["role"], "content": content}


def _number(asked: Mapping[str, Any], name: str, least: float, most: float) -> float:
    value = asked[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise PolicyFailed(
            f"{name} cannot be {value!r:.80}: a number from {least:g} to {most:g}", "setting"
        )
    return value
