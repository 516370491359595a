"""Dates and times of day read from the ways people write them, compared field by field."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from potstill.verify.calendars import MONTHS, english_date
from potstill.verify.judged import Judged, decided, unknown
from potstill.verify.normalise import plain_math

MAX_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Date:
    """A day: `year` is None where none is written; `swapped` is the same figures read day first, if that is a day."""

    year: int | None
    month: int
    day: int
    swapped: bool = False


@dataclass(frozen=True, slots=True)
class Time:
    """A time of day in seconds; `marked`: `am` or `pm` is written; `certain`: so it is, or the hour says it (15:05)."""

    seconds: int
    marked: bool
    certain: bool


_MONTH = r"(?P<name>jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|" + "|".join(MONTHS) + r")\.?"
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s)?(?:the\s)?"
_FORMS = tuple(
    re.compile(form)
    for form in (
        r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?:t00:00(?::00)?z?)?",
        r"(?P<first>\d{1,2})(?P<sign>[/.-])(?P<second>\d{1,2})(?P=sign)(?P<year>\d{4}|\d{2})",
        rf"{_WEEKDAY}{_MONTH}\s?(?:the\s)?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:\s?,?\s?(?P<year>\d{{4}}))?",
        rf"{_WEEKDAY}(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s(?:day\s)?(?:of\s)?{_MONTH}(?:\s?,?\s?(?P<year>\d{{4}}))?",
    )
)
_ERA = re.compile(r"(?P<day>.*?\d.*?|.*\s[a-z]{3,9}),?\s(?P<year>\d{1,4})\s?(?P<era>b\.?c|a\.?d|c\.?e)\.?(?:e\.?)?")
"""`March 15, 44 BCE`"""
_TIME = re.compile(
    r"(?P<hour>\d{1,2})(?:(?::|\.(?=\d\d\s?[ap]\.?\s?m))(?P<minute>\d{2})(?::(?P<second>\d{2}))?)?\s?(?:(?P<half>[ap])\.?\s?m\.?|(?P<oclock>o'clock))?"
    r"(?:\s?(?:hours|hrs|h))?(?:\s(?:in the (?P<part>morning|afternoon|evening)|at (?P<night>night)))?"
)
_NAMED = {"noon": 12 * 3600, "12 noon": 12 * 3600, "midday": 12 * 3600, "midnight": 0, "12 midnight": 0}


def _words(text: str) -> str:
    return " ".join(plain_math(text).casefold().split()).strip(" .$(){}").removeprefix("on ").removeprefix("at ")


def parse_date(text: str) -> Date | None:
    """Return the date that the whole text is, or None. Figures between slashes are read month first, as in the US."""
    if len(text) > MAX_CHARACTERS or not any(map(str.isdigit, text)):
        return None
    words = english_date(_words(text))
    era = _ERA.fullmatch(words)
    if era is not None:
        date = parse_date(era["day"])
        year = int(era["year"]) * (-1 if era["era"].startswith("b") else 1)
        return None if date is None or date.year is not None else replace(date, year=year)
    for form in _FORMS:
        found = form.fullmatch(words)
        if found is not None:
            return _date(found.groupdict())
    return None


def _date(fields: dict[str, str | None]) -> Date | None:
    written = fields["year"]
    year = None if written is None else int(written)
    if year is not None and written is not None and len(written) == 2:
        year += 2000 if year < 70 else 1900
    swapped = False
    if fields.get("first"):
        month, day = int(fields["first"] or 0), int(fields["second"] or 0)
        if fields.get("sign") == "." or month > 12:
            month, day = day, month
        else:
            swapped = day <= 12 and day != month
    elif fields.get("name"):
        month = next(at for at, name in enumerate(MONTHS, 1) if name.startswith((fields["name"] or "")[:3]))
        day = int(fields["day"] or 0)
    else:
        month, day = int(fields["month"] or 0), int(fields["day"] or 0)
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return Date(year, month, day, swapped)


def parse_time(text: str) -> Time | None:
    """Return the time of day that the whole text is, or None; hours alone need `pm`, `o'clock` or the like."""
    if len(text) > MAX_CHARACTERS:
        return None
    words = _words(text)
    if words in _NAMED:
        return Time(_NAMED[words], marked=True, certain=True)
    found = _TIME.fullmatch(words)
    if found is None:
        return None
    hour, minute, second = (int(found.group(name) or 0) for name in ("hour", "minute", "second"))
    late = 6 <= hour < 12 if found["night"] else found["part"] != "morning"
    told = (found["part"] or found["night"]) and hour < 13
    half = found["half"] or (("p" if late else "a") if told else None)
    if found["minute"] is None and not half and not found["oclock"]:
        return None
    if hour > 24 or minute > 59 or second > 59 or (half and not 1 <= hour <= 12):
        return None
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return Time(hour % 24 * 3600 + minute * 60 + second, bool(half), bool(half) or not 1 <= hour <= 12)


def compare_dates(stated: Date, wanted: Date) -> Judged:
    """Compare two dates; a missing year, and figures that may be read day first, leave it open."""
    forms = (_form(wanted), _form(stated))
    years = stated.year is None or wanted.year is None or stated.year == wanted.year
    same_day = (stated.month, stated.day) == (wanted.month, wanted.day)
    if years and same_day:
        if (stated.year is None) != (wanted.year is None):
            return unknown("ambiguous", "only one side names the year")
        return decided(True, "date", *forms)
    other_way = (stated.day, stated.month) == (wanted.month, wanted.day)
    if years and other_way and stated.swapped != wanted.swapped:
        return unknown("ambiguous", "the same date, if the day is written first")
    return decided(False, "date", *forms)


def compare_times(stated: Time, wanted: Time) -> Judged:
    """Compare two times of day; a gold without `am` or `pm` takes either, an answer without leaves it open."""
    forms = (_clock(wanted), _clock(stated))
    same_face = stated.seconds % 43_200 == wanted.seconds % 43_200
    if same_face and wanted.marked and not stated.certain and wanted.seconds != 43_200:
        return unknown("ambiguous", "the answer does not say which half of the day")
    either = same_face and stated.marked and not wanted.certain
    return decided(either or stated.seconds == wanted.seconds, "time", *forms)


def _form(date: Date) -> str:
    return f"{'' if date.year is None else f'{date.year:04d}-'}{date.month:02d}-{date.day:02d}"


def _clock(time: Time) -> str:
    hours, rest = divmod(time.seconds, 3600)
    return f"{hours:02d}:{rest // 60:02d}" + (f":{rest % 60:02d}" if rest % 60 else "")
