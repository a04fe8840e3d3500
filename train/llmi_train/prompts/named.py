"""Tools that a prompt names: it is to want pictures, and the policy to find out by which tool they are made."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_TOOLS = "tools?|functions?|plug-?ins?|apis?|modules?"
_USE = (
    "us(?:e|ing)|call(?:ing)?|invok(?:e|ing)|via|through|employ(?:ing)?|with(?: the)?(?: help of)?"
)
_WAYS = (
    "(?:image|picture|photo|web|google|online|reverse image)[- ]search|diffusion|text[- ]to[- ]image|image[- ](?:generation|editing|edit)"
    "|image generator|code(?: execution| interpreter)?|python|search"
)
_NAMES = (
    r"(?:matplotlib|pyplot|seaborn|plotly|ggplot2?|gnuplot|d3\.js|bokeh|dall[- ·]?e(?:[- ]?\d)?|midjourney|stable[- ]diffusion|sdxl|comfyui|tavily"
    r"|openverse|imagen[- ]?\d|qwen-image|seedream|flux(?:\.1|[- ](?:schnell|dev|kontext|pro))?|nano[- ]banana|gpt-image(?:-\d)?"
    r"|google images|google|bing|baidu|unsplash|pexels|flickr|getty|shutterstock|wikimedia|photoshop|gimp|adobe illustrator|canva|powerpoint|excel"
    r"|python|chatgpt|gpt-?\d|百度|谷歌|必应)(?![a-z0-9_])"
)
"""Names alone may be the topic; see `_ORDERED`."""
_MAKING = r"(?:make|draw|plot|paint|generate|create|edit|take|get|find|render|picture|image|illustration|photo|photograph|chart|diagram)s?"
_ORDERED = (
    rf"(?:^|[.!?;:,] )(?:please )?(?:use|ask|call|search|nutze|verwende|utilise|usa) (?:the )?(?:[\w'’-]+ ){{0,1}}{_NAMES}",
    rf"(?:^|[.!?;:,] )(?:please )?(?:an? )?{_MAKING}\b(?:(?!\b(?:about|how|tutorial|history|guide)\b)[^.!?;:]){{0,60}}?"
    rf"\b(?:with|in|by|using|via|from|on|through) (?:[\w'’-]+ )?{_NAMES}(?=[.,;:!?]|$| (?:and|to|of|for)\b)",
    rf"(?:请|^|[,，。;])(?:用|使用|调用|通过|让) ?{_NAMES}[^,，。;]{{0,6}}(?:画|绘|生成|作图|制作|搜|找|图)",
)
_SURE = (
    *_ORDERED,
    r"<imgen>|</imgen>|\bimg_index\b|\bllmi_\w+",
    rf"\b(?:{_WAYS}) (?:{_TOOLS})\b",
    rf"\b(?:{_USE}) (?:a |an |the |your |some |any )?(?:{_WAYS})(?: (?:model|engine|script|code|{_TOOLS})s?)?(?= (?:to|for|and|or|when|where)\b|[.,;:!?)]|$)",
    r"\b(?:search for|look up|google|retrieve|fetch|download)(?: and (?:insert|include|embed))? (?:an? |the |some |real |suitable )*"
    r"(?:images?|pictures?|photos?|photographs?) (?:online|on the web|on google|from the (?:web|internet))",
    r"\b(?:write|run|execute) (?:some |a |the )?(?:python|plotting|matplotlib)? ?(?:code|script|program) (?:to|that|which) (?:draws?|plots?|creates?|makes?|generates?|produces?|renders?)",
    r"(?:使用|调用|利用|借助|通过|用)(?:一个|该|你的)?(?:图像|图片|网络|谷歌|百度|文生图|扩散|绘图|画图|代码|python|编辑|搜索|检索)*"
    r"(?:工具|模型|插件|接口|函数|搜索引擎|代码|python)",
    r"(?:搜索|编辑|扩散|代码|绘图|文生图)工具",
)
_DOUBTFUL = (
    rf"(?<![a-z0-9_])(?!python|flux\b(?! (?:to|for)\b)){_NAMES}",
    r"\b(?:diffusion|text[- ]to[- ]image) models?\b",
    r"\bpython\b",
    r"\b(?:image|picture|photo|web|google) search\b",
    r"\bimage (?:generation|editing|generator)\b|\bai[- ]generated\b",
    r"扩散模型|文生图|图像生成|图像编辑|图片搜索|代码|python",
)
# ASCII, so that a word ends where Chinese begins, which writes no blank there.
_SURE_RE = re.compile("|".join(f"(?:{each})" for each in _SURE), re.ASCII)
_DOUBTFUL_RE = re.compile("|".join(f"(?:{each})" for each in _DOUBTFUL), re.ASCII)


@dataclass(frozen=True)
class Named:
    """Words that name a tool."""

    words: str
    sure: bool
    """False: they may be what the document is about."""


def tools_in(text: str) -> list[Named]:
    """The tools that a text names, or may name, each once; in English, Chinese, or by their own names."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    sure = dict.fromkeys(each[0].strip() for each in _SURE_RE.finditer(plain))
    rest = _SURE_RE.sub(" ", plain)
    doubtful = dict.fromkeys(each[0].strip() for each in _DOUBTFUL_RE.finditer(rest))
    return [*(Named(each, True) for each in sure), *(Named(each, False) for each in doubtful)]
