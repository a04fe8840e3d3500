"""Whether words say what is demanded: said, contradicted, not said, or not to be told."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from llmi_agent.contract import Demand
from llmi_train.prompts.lexicon import LEXICONS
from llmi_train.prompts.said import claims_of, verdict

CASES = [
    ("Write a guide to Bergen with exactly three photographs.", 3, "said"),
    ("Write a guide to Bergen with exactly three photographs.", 2, "contradicted"),
    ("Write a guide to Bergen with 3 images.", 3, "said"),
    ("Two photographs and one chart, please, about the harbour of Bergen.", 3, "said"),
    ("Two photographs and one chart, please, about the harbour of Bergen.", 2, "contradicted"),
    ("Write a guide with two photographs and a chart of the rain.", 3, "said"),
    ("Write a guide with two photographs and a chart of the rain.", 2, "said"),
    ("Write a guide with two photographs and a chart of the rain.", 5, "contradicted"),
    ("Explain tides. Do not include any pictures.", -1, "said"),
    ("Explain tides in plain text, no images.", -1, "said"),
    ("Explain the tides to a child, text only.", -1, "said"),
    ("Explain the tides to a child, text only.", 2, "contradicted"),
    ("Explain the tides to a child.", -1, "unsaid"),
    ("Explain the tides to a child.", 2, "unsaid"),
    ("Explain the tides to a child.", 99, "unsaid"),
    ("Explain the tides to a child.", 0, "said"),
    ("Explain the tides to a child with several pictures.", 99, "said"),
    ("Explain the tides to a child with several pictures.", -1, "contradicted"),
    ("Explain the tides to a child with several pictures.", 3, "unclear"),
    ("Explain the tides to a child with at least one picture.", 99, "said"),
    ("Explain the tides to a child with at least one picture.", 1, "contradicted"),
    ("Explain the tides with no more than three images, for a child.", -1, "contradicted"),
    ("Explain the tides with no more than three images, for a child.", 3, "contradicted"),
    ("Give a photo for each of the five cities in the list.", 5, "unclear"),
    ("Include a retrieved diagram and draw a timeline chart of the events.", 2, "said"),
    ("Explain the history of the picture frame in the museum.", 3, "unclear"),
    ("Write an illustrated report on the bees of the valley.", 99, "said"),
    ("Write an illustrated report on the bees of the valley.", 4, "unclear"),
    (
        "Write a report on the bees, five pictures in total, two of them photos of the hive.",
        5,
        "said",
    ),
    (
        "Add four striking, high-contrast black and white photographs to the report on mining.",
        4,
        "said",
    ),
    ("Tell the story of the four seasons of the year without any illustrations.", -1, "said"),
    (
        "Tell the story of the four seasons of the year without any illustrations.",
        4,
        "contradicted",
    ),
    ("Use 2-3 images in the report on the bees.", 3, "unclear"),
    ("Use 2-3 images in the report on the bees.", 5, "contradicted"),
    ("Report on 12 planets in the system, and include a single image.", 1, "said"),
    ("Report on sales in 2026 with images of the shops.", 99, "unclear"),
    ("请介绍一下杭州的西湖，并配三张照片。", 3, "said"),
    ("请介绍一下杭州的西湖，并配三张照片。", 2, "contradicted"),
    ("写一篇关于潮汐的文章，不要插入任何图片。", -1, "said"),
    ("写一篇关于潮汐的文章，纯文字。", -1, "said"),
    ("写一篇关于潮汐的文章，纯文字。", 2, "contradicted"),
    ("写一篇关于潮汐的文章，图文并茂。", 99, "said"),
    ("写一篇关于潮汐的文章。", 2, "unsaid"),
    ("写一篇关于图书馆的文章。", 2, "unsaid"),
    ("写一篇关于潮汐的文章，包括两张图表和一张示意图。", 3, "said"),
    ("写一篇关于潮汐的文章，不要超过五张图片。", 5, "contradicted"),
    ("写一篇关于潮汐的文章，至少一张图片。", 99, "said"),
    ("写一篇关于潮汐的文章，用十二张图片。", 12, "said"),
    ("Schreibe einen Bericht über die Gezeiten mit drei Bildern.", 3, "said"),
    ("Schreibe einen Bericht über die Gezeiten ohne Bilder.", -1, "said"),
    ("Schreibe einen Bericht über die Gezeiten mit drei Bildern.", 2, "contradicted"),
    ("Écris un guide de la ville de Lyon avec trois photos du Rhône.", 3, "said"),
    ("Écris un guide de la ville de Lyon sans images.", -1, "said"),
    ("Escribe una guía de la ciudad de Sevilla con dos fotos.", 2, "said"),
    ("Escribe una guía de la ciudad de Sevilla sin imágenes.", -1, "said"),
    ("请介绍五个地区的地图测绘历史，配两张照片。", 2, "said"),
    ("请介绍潮汐，配三个不同的图表。", 3, "said"),
    ("请介绍潮汐，配三张以上图片。", 3, "contradicted"),
    ("Report on the archive of 14 million images and how it is kept.", 3, "unclear"),
    ("Report on the archive of 10,000 images and how it is kept.", 3, "unclear"),
    ("Write about bees for children and please include no images.", -1, "said"),
    ("The article on the bees must not contain any figures.", -1, "said"),
    ("Write about the bees in words; pictures aren't wanted.", -1, "said"),
    ("Write about the bees and do not illustrate it.", -1, "said"),
    ("Write about the bees; there is no need to add pictures.", -1, "said"),
    ("Write about the bees with no visual aids.", -1, "said"),
    ("Write about the bees with half a dozen pictures.", 6, "said"),
    ("Write about the bees with half a dozen pictures.", 12, "contradicted"),
    ("Write about the bees with between two and four images.", 3, "unclear"),
    ("Write about the bees with one or two images.", 2, "unclear"),
    ("Write about the bees with one or two images.", 3, "contradicted"),
    ("Write about the bees with three or more images.", 99, "said"),
    ("Write about the bees with three or more images.", 3, "contradicted"),
    ("Write about the bees with max. 3 images.", -1, "contradicted"),
    ("Write about the bees with three (3) images.", 3, "said"),
    ("Write about the bees with 3 (three) images.", 2, "contradicted"),
    ("Write about the bees. Number of images: 3", 3, "said"),
    ("Write about the bees. Number of images: 3", 4, "contradicted"),
    ("Write about the bees with twenty-one images.", 21, "said"),
    ("Write about the bees with twenty-one images.", 1, "contradicted"),
    ("Write about the bees with a chart and two maps of the valley.", 3, "said"),
    ("Insert a picture after each paragraph on the bees.", 4, "unclear"),
    ("请介绍潮汐，请不要配图。", -1, "said"),
    ("请介绍潮汐，仅需文字。", -1, "said"),
    ("请介绍潮汐，文中不出现图片。", -1, "said"),
    ("请介绍潮汐，图片不需要。", -1, "said"),
    ("请介绍潮汐，配图三张。", 3, "said"),
    ("请介绍潮汐，配图3张。", 2, "contradicted"),
    ("请介绍潮汐，附图两幅，图文并茂。", 2, "said"),
    ("请介绍潮汐，用两三张图片说明。", 3, "unclear"),
    ("请介绍潮汐，用两三张图片说明。", 5, "contradicted"),
    ("请介绍潮汐，用三张左右的图片说明。", 3, "unclear"),
    ("请介绍这些城市，每个城市配一张照片。", 5, "unclear"),
    ("请介绍潮汐，用二十三张图片说明。", 23, "said"),
    ("Schreibe über die Bienen mit drei oder mehr Bildern.", 99, "said"),
    ("Schreibe über die Bienen mit drei oder mehr Bildern.", -1, "contradicted"),
    ("Скажи о приливах с тремя картинками", 3, "unclear"),
    ("潮汐について三枚の写真で説明してください", 3, "unclear"),
]


@pytest.mark.parametrize(("text", "pictures", "found"), CASES)
def test_words_and_demands(text: str, pictures: int, found: str) -> None:
    assert verdict(Demand(pictures), claims_of(text)) == found


DOUBTFUL = [
    ("Explain bees in 3 sections, with 1 image for each section.", 1),
    ("Each of the four chapters gets one photo.", 1),
    ("A tour of Kyoto, one photo apiece.", 1),
    ("For every step, add one drawing.", 1),
    ("A tour of Kyoto with three pictures per temple.", 3),
    ("写一篇京都游记，每个景点配一张照片。", 1),
    ("Schreibe über Kyoto mit je einem Foto pro Stadtteil.", 1),
    ("Écris sur Kyoto avec une image par temple.", 1),
    ("Escribe sobre Kioto con una imagen por templo.", 1),
    ("A tour of Kyoto with three pictures at least.", 3),
    ("A tour of Kyoto with three pictures, maximum.", 3),
    ("A tour of Kyoto with three pictures or more.", 3),
    ("A tour of Kyoto with >=3 pictures.", 3),
    ("写一篇京都游记，配三张以内的照片。", 3),
    ("Schreibe über Kyoto mit drei Bildern oder mehr.", 3),
    ("Écris sur Kyoto avec trois images au maximum.", 3),
    ("A tour of Kyoto with two dozen photos.", 24),
    ("A tour of Kyoto with two dozen photos.", 2),
    ("Schreibe über Kyoto mit zwei Dutzend Bildern.", 24),
    ("Écris sur Kyoto avec vingt et une images.", 21),
    ("A tour of Kyoto with 0 pictures.", -1),
    ("Schreibe über Kyoto mit keinem einzigen Bild.", -1),
    ("How do I hang three pictures on a wall?", 0),
    ("Compare the three paintings by Monet, and show one chart.", 1),
    ("One photo of the harbour, one of the opera and one of the fortress.", 3),
    ("A guide with no pictures of people but two of buildings.", 2),
    ("I used to want two photos but now I want four.", 4),
    ("A tour of Kyoto with a picture or two.", 1),
    ("A tour of Kyoto with a three-panel comic.", 1),
    ("A tour of Kyoto with around three pictures.", 3),
]


@pytest.mark.parametrize(("text", "pictures"), DOUBTFUL)
def test_what_allows_for_another_reading_is_unclear(text: str, pictures: int) -> None:
    assert verdict(Demand(pictures), claims_of(text)) == "unclear"


@pytest.mark.parametrize(
    ("text", "pictures"),
    [
        ("寫一篇關於長城的文章，配兩張圖片。", 2),
        ("寫一篇關於長城的文章，不要圖片。", -1),
        ("請寫一篇關於台北夜市的導覽，並附上兩幅插圖與一個圖表。", 3),
    ],
)
def test_traditional_chinese_is_read(text: str, pictures: int) -> None:
    assert verdict(Demand(pictures), claims_of(text)) == "said"


def test_a_language_that_is_not_read_is_unclear_whatever_its_words_look_like() -> None:
    assert verdict(Demand(3), claims_of("Con una foto, per favore", "it")) == "unclear"


@pytest.mark.parametrize("number", range(1, 21))
def test_every_number_in_words_and_digits(number: int) -> None:
    words = {value: word for word, value in reversed(LEXICONS["en"].numbers.items())}[number]
    tens, ones = divmod(number, 10)
    chinese = (
        ("" if tens < 2 else "二") + "十" * bool(tens) + "零一二三四五六七八九"[ones] * bool(ones)
    )
    for text in (
        f"Describe the harbour of Bergen in {words} photographs.",
        f"Describe the harbour of Bergen in {number} photographs.",
        f"请介绍卑尔根的港口，配{chinese}张照片。",
        f"请介绍卑尔根的港口，配 {number} 张照片。",
    ):
        assert verdict(Demand(number), claims_of(text)) == "said", text
        assert verdict(Demand(number + 1), claims_of(text)) == "contradicted", text
        assert verdict(Demand(-1), claims_of(text)) == "contradicted", text
        assert verdict(Demand(99), claims_of(text)) == "said", text


@given(st.text(), st.sampled_from(["", "en", "zh", "de", "fr", "es", "ja"]), st.integers(-1, 99))
def test_any_text_has_a_verdict(text: str, language: str, pictures: int) -> None:
    assert verdict(Demand(pictures), claims_of(text, language)) in (
        "said",
        "contradicted",
        "unsaid",
        "unclear",
    )


@pytest.mark.parametrize(
    "piece", ["a ", "three ", "no picture ", "三张", "不要", "image, ", "two very "]
)
def test_a_long_text_takes_no_long_time(piece: str) -> None:
    claims_of(piece * (30_000 // len(piece)), "zh" if ord(piece[0]) > 256 else "en")
