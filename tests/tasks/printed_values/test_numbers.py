"""A printed number is read whole, or not at all, or with a doubt: never silently as a part of
itself."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.printed_values.money import find_amounts

GROUP_MARKS = [
    *(",", ".", " ", "'", "\u2019", "\u00b4", "\u0060", "\u02bc", "\u2032", "\uff07", "\u00b7"),
    *("\u00a0", "\u202f", "\u2009", "\u2007", "\u3000", "\u066c", "\uff0c"),
]
UNKNOWN_MARKS = ["^", "~", "|", ";", "\u00a8", "\u2023", "\u00a6", "\u2027"]
DIGITS = {
    "ascii": "0123456789",
    "arabic-indic": "٠١٢٣٤٥٦٧٨٩",
    "persian": "۰۱۲۳۴۵۶۷۸۹",
    "full-width": "０１２３４５６７８９",
    "devanagari": "०१२३४५६७८९",
}


def grouped(whole: int, mark: str, sizes: str) -> str:
    """`whole` with `mark` between its groups; `sizes` is "three" or "indian" (3, then 2, 2,
    ...)."""
    digits, groups = str(whole), []
    while digits:
        size = 3 if not groups or sizes == "three" else 2
        groups.insert(0, digits[-size:])
        digits = digits[:-size]
    return mark.join(groups)


@given(
    whole=st.integers(0, 99_999_999_999),
    cents=st.integers(0, 99),
    mark=st.sampled_from(GROUP_MARKS),
    script=st.sampled_from(list(DIGITS)),
    before=st.sampled_from(["", "Total ", "Total: EUR ", "€ ", "€", "合計"]),
    after=st.sampled_from(["", " EUR", "€", " Kč", "円", " and more"]),
)
def test_any_amount_in_any_style_is_read_back_exactly(whole, cents, mark, script, before, after):
    decimal = "." if mark in (",", "\u066c", "\uff0c", "'") else ","
    text = f"{grouped(whole, mark, 'three')}{decimal}{cents:02}"
    text = text.translate(str.maketrans(DIGITS["ascii"], DIGITS[script]))
    (found,) = find_amounts(before + text + after)
    assert found.value == Decimal(f"{whole}.{cents:02}")
    assert found.doubt is None


@given(whole=st.integers(0, 9_999_999_999), cents=st.integers(0, 99))
def test_indian_groups_are_read_back_exactly(whole, cents):
    text = f"Rs. {grouped(whole, ',', 'indian')}.{cents:02}"
    assert [found.value for found in find_amounts(text)] == [Decimal(f"{whole}.{cents:02}")]


@given(
    whole=st.integers(1_000, 999_999),
    cents=st.integers(0, 99),
    mark=st.sampled_from(UNKNOWN_MARKS),
)
def test_a_mark_that_is_not_known_cuts_no_number_without_a_doubt(whole, cents, mark):
    text = f"Total {grouped(whole, mark, 'three')}.{cents:02}"
    right = Decimal(f"{whole}.{cents:02}")
    for found in find_amounts(text):
        assert found.value == right or found.doubt or found.decimals == 0


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 200.00", "1200.00"),
        ("1 200 Kč", "1200"),
        ("1´200.00", "1200.00"),
        ("1,00,000/-", "100000"),
        ("500/=", "500"),
        ("合計13,200円", "13200"),
        ("￥13,200", "13200"),
        ("12.500 TND", "12.500"),
        ("KWD 1,234.500", "1234.500"),
        ("1.200 EUR", "1200"),
        ("108.43 CR", "-108.43"),
        ("108.43 DR", "108.43"),
        ("119,00 €-", "-119.00"),
        ("119,00- EUR", "-119.00"),
        ("(119.00)", "-119.00"),
        ("\u2212119,00", "-119.00"),
    ],
)
def test_marks_signs_and_currencies(text, value):
    (found,) = find_amounts(text)
    assert (str(found.value), found.doubt) == (value, None)


def test_what_is_no_number_in_any_notation_is_not_read_in_parts():
    assert find_amounts("1.200.00") == ()
    assert find_amounts("1.2.3") == ()


def test_whole_numbers_with_a_blank_between_may_be_two():
    (found,) = find_amounts("Total 1 380")
    assert found.doubt == "may be two numbers"


def test_numbers_in_a_row_stay_apart():
    assert [str(found.value) for found in find_amounts("24.99 5.00 29.99")] == [
        "24.99",
        "5.00",
        "29.99",
    ]


def test_three_digits_behind_a_mark_have_two_readings_unless_a_currency_is_beside_them():
    (found,) = find_amounts("12.500")
    assert (found.value, found.other) == (Decimal(12_500), Decimal("12.500"))


@pytest.mark.parametrize("text", ["Total 1 . 200,00", "Total 1 .200,00", "Total 12 .500,00"])
def test_a_mark_with_blanks_around_it_cuts_no_number_without_a_doubt(text):
    assert any(found.doubt for found in find_amounts(text))
