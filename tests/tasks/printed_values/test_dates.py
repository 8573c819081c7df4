"""A printed date with two readings names both; it is sure only where the document decides."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.printed_values.dates import find_dates, order_of

DAYS = st.dates(date(2011, 1, 1), date(2069, 12, 31))


@given(DAYS, st.sampled_from(["%d-%m-%y", "%m/%d/%y", "%y.%m.%d", "%d/%m/%Y", "%m-%d-%Y"]))
def test_the_right_date_is_always_among_the_readings(day, form):
    (found,) = find_dates("Date: " + day.strftime(form))
    readings = {found.value, found.month_first, found.year_first}
    assert day in readings


@given(DAYS)
def test_a_date_with_two_readings_is_never_sure_evidence_of_an_order(day):
    (found,) = find_dates(day.strftime("%d/%m/%y"))
    if found.month_first or found.year_first:
        assert found.sure_order is None


@pytest.mark.parametrize(
    "text",
    [
        "2024年3月25日",
        "令和6年3月25日",
        "2024년 3월 25일",
        "25. března 2024",
        "25 mars 2024",
        "25 марта 2024 г.",
        "25 Mart 2024",
        "2024. március 25.",
        "25 martie 2024",
        "25. maaliskuuta 2024",
        "٢٥/٠٣/٢٠٢٤",
    ],
)
def test_dates_of_many_languages(text):
    assert [found.value for found in find_dates(text)] == [date(2024, 3, 25)]


def test_the_other_readings_are_named():
    (found,) = find_dates("24-03-05")
    assert found.other_readings("dmy") == (date(2024, 3, 5),)
    assert found.read_as("ymd") == date(2024, 3, 5)


def test_dates_that_disagree_about_the_order_decide_nothing():
    assert order_of(["dmy", "mdy"], american=True) == "mdy"
    assert order_of(["dmy", "mdy"], american=False) == "dmy"
    assert order_of(["ymd"], american=False) == "ymd"
