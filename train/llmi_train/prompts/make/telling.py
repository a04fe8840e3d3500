"""Patterns that tell what a request must not be, in English and Chinese."""

from __future__ import annotations

import re
import unicodedata


def plain_text(text: str) -> str:
    """As the patterns expect it: no invisible characters, no odd widths, no curly apostrophes."""
    shown = unicodedata.normalize("NFKC", text).replace("\u2019", "'")
    return _INVISIBLE.sub("", shown)


_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)

TAG = re.compile(r"(?:<|&lt;)\s*/?\s*imgen", re.IGNORECASE)
TABLE_LINE = re.compile(r"^(?=.*\d).*[,|;\t、:].*$", re.MULTILINE)

TOOLS = re.compile(
    r"""(?<![A-Za-z0-9_])(?: imgen | diffusion | inpaint(?:ing|ed)? | img2img | image-to-image
        | (?:image|photo|picture|web|internet|google|bing|search)[ -](?:engines?|generators?|generation|editors?|synthesis)
        | (?:ai|computer|machine)[ -](?:generated|drawn|made|generation) | generative
        | ai\ (?:art|image|picture|model|tool)s?
        | (?:a|the|your|which|any)\ tools?\ (?:call|to\ (?:draw|plot|generate|search|edit)) | tool\ calls?
        | (?:plotting|drawing|graphics|image|photo|editing)\ (?:library|software|program|app)
        | (?:language|image)\ models? | llms?
        )(?![A-Za-z0-9_])
      | 搜索引擎 | 搜图 | 图像搜索 | 图生图 | 生成模型 | 人工智能生成
      | AI\s*(?:生成|绘图|绘画|作图) | 画图工具 | 绘图工具 | (?:绘图|修图|画图|作图)软件 | 编程 | 大模型 | 调用工具
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Ways and sorts of tools that a request must not speak of, beside what `named.tools_in` knows: that has the names."""

ORDERS = re.compile(
    r"""\b(?:ignore|disregard|forget)\b[^.\n]{0,40}\b(?:instructions?|rules|above|previous|prior)
      | \b(?:answerable|names_a_tool|orders_you)\b
      | \b(?:checker|reviewer|validator|grader|evaluator)s?\b[^.\n]{0,60}\b(?:accept|approve|pass|mark|rate|answer|say|must|should|please)\b
      | \b(?:accept|approve|pass|mark|rate)\ this\ (?:request|prompt|answer|text)
      | \bthis\ (?:request|prompt)\ (?:is|passes|should\ be)\ (?:valid|answerable|accepted|correct|approved)
      | \b(?:checker|reviewer|validator|grader|evaluator)s?(?:'s)?\s*(?:notes?\b|:)
      | \b(?:whoever|anyone\ who|anybody\ who|those\ who|(?:person|model|one)\ (?:who|that))\ (?:checks|validates|reviews|grades|judges|evaluates|rates|verifies|approves)
      | \b(?:say|answer|reply|respond)(?:\ with)?\ ["']?(?:yes|true)\b
      | \bsystem\ prompt | \bas\ the\ checker
      | (?:忽略|无视|忘记)[^。\n]{0,15}(?:指令|指示|规则|上文|以上|之前)
      | (?:审核|检查|评审|评判)(?:者|员|人|模型)[^。\n]{0,30}(?:通过|接受|回答|请|应|必须)
      | (?:审核|检查|评审|校验|验证)(?:者|员|人|模型|方)?(?:注意|请注意|备注|说明)?\s*: | (?:无论谁|凡是|谁)[^。\n]{0,4}(?:审核|检查|验证|评审)
      | (?:判定|标记|视为)[^。\n]{0,10}(?:合格|通过|有效)
    """,
    re.IGNORECASE | re.VERBOSE,
)

META = re.compile(
    r"""[\s"'*#>]*(?:(?:here(?:\ is|'s|\ are)|this\ is)\ (?:a|an|the|my|your|one|another)\ (?:[\w-]+\ ){0,4}(?:request|prompt|example|query)
      | (?:sure|certainly|of\ course|absolutely|okay|ok)\b[,.!:\ ]
      | (?:user|request|prompt|user\ request)\s*:
      | (?:the|a)\ (?:user|person|request|prompt)\ (?:asks|wants|would|is|should)
      | 以下是|这是一(?:个|条|份)(?:请求|提示|示例)|(?:好的|当然)[,。!:]|用户(?:请求|的请求|问|:)|请求:)
    """,
    re.IGNORECASE | re.VERBOSE,
)

REFUSAL = re.compile(
    r"""(?:i'?m|i\ am|we'?re)\ (?:very\ |so\ |truly\ )?(?:sorry|unable|not\ able|afraid)
      | i\ (?:can'?t|cannot|can\ not|won'?t|must\ decline|will\ not)\ (?:help|assist|do|comply|write|create|make|provide|fulfil|generate|produce|with)
      | (?:sorry|apologies|unfortunately)\b
      | as\ an?\ (?:ai|language\ model)
      | (?:很)?抱歉 | 对不起 | 我(?:无法|不能|没办法)(?:帮|协助|提供|完成|满足|写|生成|回答) | 作为一个?(?:AI|人工智能|语言模型)
    """,
    re.IGNORECASE | re.VERBOSE,
)
