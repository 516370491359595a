"""Dates and times of day, field by field."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.verify.dates import compare_dates, compare_times, parse_date, parse_time


def outcome(gold, prediction):
    dates = parse_date(gold), parse_date(prediction)
    if None not in dates:
        return compare_dates(dates[1], dates[0]).outcome
    times = parse_time(gold), parse_time(prediction)
    assert None not in times
    return compare_times(times[1], times[0]).outcome


@pytest.mark.parametrize(
    ("gold", "prediction", "expected"),
    [
        ("2021-07-04", "July 4, 2021", "right"), ("07/04/2021", "2021-07-04", "right"),
        ("7/4/21", "07/04/2021", "right"), ("July 4th, 2021", "4 July 2021", "right"),
        ("Sunday, July 4, 2021", "2021/07/04", "right"), ("25.12.2021", "12/25/2021", "right"),
        ("Jul. 4", "the 4th of July", "right"), ("2021-07-04", "2021-07-05", "wrong"),
        ("2021-07-04", "2022-07-04", "wrong"), ("July 4, 2021", "June 4, 2021", "wrong"),
        ("04/05/2021", "4 May 2021", "unknown"), ("04/05/2021", "5 April 2021", "right"),
        ("July 4", "July 4, 2021", "unknown"), ("3:05 pm", "15:05", "right"), ("3:05", "03:05", "right"),
        ("3:05", "3:05 p.m.", "right"), ("noon", "12:00", "right"), ("3 pm", "3:00 PM", "right"),
        ("midnight", "12:00 am", "right"), ("5 o'clock", "5:00", "right"), ("3:05 pm", "3:05", "unknown"),
        ("3:05 pm", "3:05 am", "wrong"), ("12:00", "1:00", "wrong"), ("3:05", "15:05", "wrong"),
        ("3:05:30", "3:05", "wrong"), ("\\text{4:30 p.m.}", "4:30 \\text{ p.m.}", "right"),
    ],
)  # fmt: skip
def test_dates_and_times(gold, prediction, expected):
    assert outcome(gold, prediction) == expected


@pytest.mark.parametrize(
    "text", ["5", "13/13/2021", "2021-13-01", "July", "7/4", "May be 5", "1,234", "", "3.14", "x" * 99]
)
def test_what_is_no_date(text):
    assert parse_date(text) is None


@pytest.mark.parametrize("text", ["5", "3:4", "25:00", "3:60", "13 pm", "1:2:3", "", "noon or later", "x" * 99])
def test_what_is_no_time(text):
    assert parse_time(text) is None


@given(st.dates(datetime.date(1000, 1, 1)))
def test_every_form_of_a_day_is_the_same_day(day):
    name = f"{day:%B}"
    forms = (
        f"{day.year}-{day.month:02d}-{day.day:02d}", f"{day.month}/{day.day}/{day.year}",
        f"{name} {day.day}, {day.year}", f"{day.day} {name[:3]} {day.year}",
    )  # fmt: skip
    for form in forms:
        found = parse_date(form)
        assert (found.year, found.month, found.day) == (day.year, day.month, day.day)


@given(st.times())
def test_every_form_of_a_time_is_the_same_time(time):
    hour = time.hour % 12 or 12
    half = "am" if time.hour < 12 else "pm"
    assert parse_time(f"{hour}:{time.minute:02d} {half}").seconds == time.hour * 3600 + time.minute * 60
    assert parse_time(f"{time.hour:02d}:{time.minute:02d}").seconds == time.hour * 3600 + time.minute * 60


@given(st.text(max_size=90))
def test_any_text_is_a_moment_or_none(text):
    assert parse_date(text) is None or 1 <= parse_date(text).month <= 12
    assert parse_time(text) is None or 0 <= parse_time(text).seconds < 86_400
