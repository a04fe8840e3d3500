"""Languages that can be told, and texts of which they cannot."""

from __future__ import annotations

import pytest

from llmi_train.prompts.language import language_of, primary


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Write a report on the harbour, with two pictures.", "en"),
        ("Schreibe einen Bericht über den Hafen mit zwei Bildern.", "de"),
        ("Écris un rapport sur le port avec deux images.", "fr"),
        ("Escribe un informe sobre el puerto con dos imágenes.", "es"),
        ("请介绍一下 2026 年 AI 的发展，并附两张图。", "zh"),
        ("港について二枚の写真で説明してください", "ja"),
        ("항구에 대해 두 장의 사진과 함께 써 주세요", "ko"),
        ("Write about the phrase 你好 and how it is used in the south of China", "en"),
        ("A guide to Oslo.", "en"),
        ("Kyoto tour with two images. Image 1: a shrine. Image 2: a garden.", "en"),
        ("Напишите о порте", ""),
        ("Bergen 2026", ""),
        ("", ""),
        ("12 + 3", ""),
    ],
)
def test_languages(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize("code", ["zh", "zh-Hans", "ZH_cn", " zh "])
def test_what_a_code_is_of(code: str) -> None:
    assert primary(code) == "zh"
