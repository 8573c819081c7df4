import sys
from importlib.util import find_spec

import pytest
from PIL import Image, ImageDraw, ImageFont

from schemas.errors import OcrMissingError
from tasks.documents.worker import ocr_engine as ocr
from tasks.documents.worker.ocr_engine import read_words

needs_ocr = pytest.mark.skipif(
    find_spec("rapidocr") is None or find_spec("onnxruntime") is None,
    reason="the [ocr] extra is not installed",
)


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    drawn = Image.new("RGB", (700, 400), "white")
    pen, font = ImageDraw.Draw(drawn), ImageFont.load_default(32)
    for row, line in enumerate(
        (
            "ACME WIDGETS LIMITED",
            "Invoice number 4711",
            "Date 05.03.2018",
            "Total 1,234.50 EUR",
            "Thank you for your order",
        )
    ):
        pen.text((40, 30 + 65 * row), line, "black", font)
    return drawn


@needs_ocr
def test_words_are_read_with_boxes_and_confidence(picture: Image.Image) -> None:
    words = read_words(picture)
    assert [word.text for word in words][:6] == [
        "ACME",
        "WIDGETS",
        "LIMITED",
        "Invoice",
        "number",
        "4711",
    ]
    first, second = words[0].box, words[1].box
    assert 0 < first.x0 < first.x1 <= second.x0 < 1
    assert 0.05 < first.y0 < first.y1 < 0.25
    assert all(0.8 < word.confidence <= 1 for word in words)


@needs_ocr
@pytest.mark.parametrize("degrees", [90, 180])
def test_a_turned_picture_is_read_in_order_with_boxes_where_its_words_lie(
    picture: Image.Image, degrees: int
) -> None:
    words = read_words(picture.rotate(degrees, expand=True))
    assert [word.text for word in words][:3] == ["ACME", "WIDGETS", "LIMITED"]
    box = words[0].box
    if degrees == 90:  # the head of the page lies at its left side
        assert box.x1 < 0.25
        assert box.y1 - box.y0 > box.x1 - box.x0
    else:
        assert box.y0 > 0.75


@needs_ocr
def test_an_empty_picture_has_no_words() -> None:
    assert read_words(Image.new("L", (300, 300), 255)) == []


def test_without_the_extra_the_error_names_the_install_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    ocr._engine.cache_clear()
    with pytest.raises(OcrMissingError, match=r"pip install .*\[ocr\]"):
        read_words(Image.new("RGB", (50, 50)))
    ocr._engine.cache_clear()
