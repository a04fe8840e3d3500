"""What a Chinese prompt says of how many pictures it wants."""

from __future__ import annotations

import re

from llmi_train.prompts.claims import Claim, Claims
from llmi_train.prompts.doubt import doubtful

_DIGITS = {digit: number for number, digit in enumerate("一二三四五六七八九", 1)} | {
    "两": 2,
    "俩": 2,
}
_NUMBER = r"(?:\d{1,3}|[一二两俩三四五六七八九]?十[一二三四五六七八九]?|[一二两俩三四五六七八九])"
_GENERAL = "图片|插图|配图|图像|图画|附图|图"
_SORTS = (
    "照片|相片|图表|示意图|流程图|插画|[折曲]线图|柱状图|柱形图|条形图|饼图|地图|漫画|海报|思维导图|信息图|时间轴|时间线"
    "|结构图|架构图|散点图|热力图|趋势图|对比图|水彩画|油画|画"
)
_ANY = f"(?:{_SORTS}|{_GENERAL})"
_NOUN = f"(?P<noun>{_ANY})"
_SHEETS, _UNIT = "[张幅副枚帧]", "[张幅副份枚帧个款组]"
"""Units of pictures; and of anything, so that in "five regions' maps" it is not the maps that are five."""
_GAP = r"[^，。；、,.;!?！？\d一二两三四五六七八九十]{0,12}?"
_OWN = _GAP.replace("[^", "[^的").replace("12", "6")
_COUNTED = re.compile(
    rf"(?:(?P<least>至少|不少于|不低于|最少|起码)|(?P<most>至多|最多|不(?:要|得|能|可|应|宜)?(?:超过|多于)|别超过)|大约|约|恰好|正好|只|仅|共)?(?:要|需要|附|配|用|放|有)?\s*"
    rf"(?P<n>{_NUMBER})\s*(?:(?:到|至|或|-|~|–)?\s*(?P<to>{_NUMBER})\s*)?(?:{_SHEETS}(?P<more>以上)?{_GAP}|{_UNIT}(?P<any>以上)?(?:不同的|相关的)?{_OWN})"
    rf"{_NOUN}"
)
_BEHIND = re.compile(
    rf"{_NOUN}(?:共|为|数量?为?)?[::]?\s*(?P<n>{_NUMBER})\s*(?:(?:到|至|或|-|~|–)\s*(?P<to>{_NUMBER})\s*)?{_SHEETS}"
    rf"(?P<more>以上)?(?P<any>x)?(?P<least>x)?(?P<most>x)?(?!{_GAP.replace('12', '4')}{_ANY})"
)
"""With the number behind, as in "pictures: three sheets"."""
_NONE = re.compile(
    rf"(?:不要|无需|无须|不需要|不用|不必|请勿|切勿|不得|不应|不能|不可|不包含|不包括|不含|不带|不附|不配|不使用|不插入|不添加|不出现|不放|没有|禁止|避免|省略|无)"
    rf"(?!超过|多于|少于|低于)(?:任何|包含|包括|使用|插入|添加|出现|附带|附上|加入|配|提供|有|用|带|的|一张){{0,3}}{_GAP.replace('12', '4')}{_NOUN}"
)
_NONE_AT_ALL = re.compile(
    "纯文字|纯文本|[仅只]?(?:[仅只]|需|要|用)文[字本](?!件)|文字即可|(?:图片|配图|插图|图像)(?:不需要|不必要|不要|免了)|全文字|无图|零张?图"
)
_SOME = re.compile(
    rf"图文并茂|图文结合|图文|(?:若干|几|多|数|一些|一系列|适当|相关|必要){_UNIT}?{_GAP.replace('12', '4')}{_ANY}"
    rf"|(?:配上|附上|加上|加入|插入|添加|包含|包括|绘制|画出|制作|生成|展示|用|以|辅以|结合|配|附|配合|提供|给出){_GAP}{_ANY}"
)
_MENTIONED = re.compile(_ANY)
_SIMPLIFIED = str.maketrans(
    "圖張兩幅個與無須輔繪畫線餅條狀資訊軸間構熱趨勢對報導維結點於過請數寫純應別約僅隻書試動聯連論經網庫處識視據種給顯製達幾內來傳圍關",
    "图张两幅个与无须辅绘画线饼条状资讯轴间构热趋势对报导维结点于过请数写纯应别约仅只书试动联连论经网库处识视据种给显制达几内来传围关",
)
"""Of traditional characters those that the patterns have."""
_NO_PICTURE = re.compile(
    "图书|图书馆|图谋|企图|试图|(?<!示)意图|力图|版图|蓝图|图腾|图灵|图案|图形|宏图|贪图|路线图|地图册|动画|绘画|书画|[联连]通图|图论|图神经|图数据库|有向图|无向图|图像(?:识别|处理|分割|理解|分类)"
)
"""Words with the character for picture in them that are of something else."""


def claims(text: str) -> Claims:
    """Of a text in NFKC."""
    text = _NO_PICTURE.sub("〇", text.translate(_SIMPLIFIED))
    refused = [each["noun"] for each in _NONE.finditer(text)]
    without = _NONE.sub("〇", text)
    counted = tuple(map(_claim, _COUNTED.finditer(without)))
    rest = _COUNTED.sub("〇", without)
    counted += tuple(map(_claim, _BEHIND.finditer(rest)))
    general = any(re.fullmatch(_GENERAL, each) for each in refused)
    at_all = bool(_NONE_AT_ALL.search(text))
    return Claims(
        counted,
        none=at_all or general or bool(refused and not counted),
        some=bool(_SOME.search(_COUNTED.sub("〇", _NONE_AT_ALL.sub("〇", without)))),
        doubt=doubtful(text, _MENTIONED, chinese=True),
        mentioned=bool(_MENTIONED.search(text)),
    )


def _claim(found: re.Match[str]) -> Claim:
    least = _value(found["n"])
    most: int | None = _value(found["to"]) if found["to"] else least
    if found["least"] or found["more"] or found["any"]:
        most = None
    elif found["most"]:
        least = 0
    general = re.fullmatch(_GENERAL, found["noun"]) is not None
    return Claim(least, most, general=general)


def _value(words: str) -> int:
    if words.isdigit():
        return int(words)
    tens, ten, ones = words.partition("十")
    if not ten:
        return _DIGITS[words]
    return 10 * _DIGITS.get(tens, 1) + _DIGITS.get(ones, 0)
