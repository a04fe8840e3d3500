"""Tools that are named, and words that only look like them."""

from __future__ import annotations

import pytest

from llmi_train.prompts.named import tools_in


@pytest.mark.parametrize(
    "text",
    [
        "Use the search tool to find a photo of Bergen.",
        "Plot the rain with Matplotlib.",
        "Use diffusion to paint a dragon.",
        "Write Python code to plot the rain of Bergen.",
        "Search for images online of the harbour.",
        "Make the second picture with Stable Diffusion.",
        "Answer with <imgen> tags.",
        "Call llmi_sandbox twice.",
        "An image by DALL-E 3, please.",
        "使用搜索工具找一张照片",
        "请用代码画一张图表",
        "调用文生图模型",
        "请用matplotlib画一张图",
        "用Stable Diffusion生成一张狐狸的插图。",
        "Search Google Images for a fox.",
        "Make the chart with ggplot2 and write up the result.",
        "Make the picture with FLUX and write a tale.",
        "Take a picture from Unsplash of a fox.",
    ],
)
def test_they_name_a_tool(text: str) -> None:
    assert any(each.sure for each in tools_in(text))


@pytest.mark.parametrize(
    "text",
    [
        "Write about the search for meaning, with two photographs.",
        "Draw a chart of the rain in Bergen.",
        "The dress code of Oxford, illustrated.",
        "How editors edit a newspaper.",
        "The diffusion of innovations in villages.",
        "请画一张图表，说明降雨量。",
    ],
)
def test_they_do_not(text: str) -> None:
    assert tools_in(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "A report on diffusion models.",
        "The python in the Everglades.",
        "Write about the history of Midjourney.",
        "The stable diffusion of gases in reactors.",
        "Write about a nano banana plantation.",
        "A guide to Adobe Photoshop.",
    ],
)
def test_what_may_be_the_topic_is_doubtful(text: str) -> None:
    assert [each.sure for each in tools_in(text)] == [False]
