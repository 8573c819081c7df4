import pytest

from schemas.document import Box
from tasks.layout.rows import sheet_of, text_of
from tests.support.pages import page, turned

_LETTER = """
ACME Limited                                      Invoice number: 4711
12 High Street                                    Date: 5 May 2020
London SW1A 2AA
"""


def test_rows_are_split_at_wide_gaps_and_read_left_to_right() -> None:
    assert text_of(page(_LETTER)).splitlines() == [
        "ACME Limited   Invoice number: 4711",
        "12 High Street   Date: 5 May 2020",
        "London SW1A 2AA",
    ]


def test_the_order_of_the_file_does_not_matter() -> None:
    upright = page(_LETTER)
    shuffled = upright.model_copy(
        update={"words": tuple(sorted(upright.words, key=lambda word: word.text))}
    )
    assert text_of(shuffled) == text_of(upright)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_scan_reads_like_an_upright_one(degrees: int) -> None:
    upright = page(_LETTER, words_from="ocr")
    assert text_of(turned(upright, degrees)) == text_of(upright)


def test_skewed_lines_stay_rows() -> None:
    upright = page(
        "\n".join(f"Item number {row}   with words   and a price   {row}.00" for row in range(12)),
        words_from="ocr",
    )
    skewed = tuple(
        word._replace(
            box=Box(
                word.box.x0,
                word.box.y0 + 0.02 * word.box.x0,
                word.box.x1,
                word.box.y1 + 0.02 * word.box.x0,
            )
        )
        for word in upright.words
    )
    assert text_of(upright.model_copy(update={"words": skewed})) == text_of(upright)


def test_lines_that_lie_close_are_not_one_row() -> None:
    sheet = sheet_of(page("Amazon Web Services\n410 Terry Avenue"))
    assert [len(row) for row in sheet.rows] == [1, 1]


def test_neighbours_are_found_by_place() -> None:
    sheet = sheet_of(page("Total       24.99\nPaid        30.00"))
    label, amount = sheet.rows[0]
    assert sheet.right_of(label) == (amount,)
    assert sheet.left_of(amount) == (label,)
    assert [s.text for s in sheet.below(amount)] == ["30.00"]
    assert [s.text for s in sheet.above(sheet.rows[1][0])] == ["Total"]


def test_an_empty_page_has_no_text() -> None:
    assert text_of(page("")) == ""
