"""Months and days of the week as other languages write them, one table. Pure."""

from __future__ import annotations

import re

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NAMES = """
januar februar märz april mai juni juli august september oktober november dezember
janvier février mars avril mai juin juillet août septembre octobre novembre décembre
enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
januari februari maart april mei juni juli augustus september oktober november december
stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia
января февраля марта апреля мая июня июля августа сентября октября ноября декабря
يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر
जनवरी फरवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर
montag dienstag mittwoch donnerstag freitag samstag sonntag
lundi mardi mercredi jeudi vendredi samedi dimanche
lunes martes miércoles jueves viernes sábado domingo
segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo
lunedì martedì mercoledì giovedì venerdì sabato domenica
maandag dinsdag woensdag donderdag vrijdag zaterdag zondag
poniedziałek wtorek środa czwartek piątek sobota niedziela
понедельник вторник среда четверг пятница суббота воскресенье
星期一 星期二 星期三 星期四 星期五 星期六 星期日
月曜日 火曜日 水曜日 木曜日 金曜日 土曜日 日曜日
월요일 화요일 수요일 목요일 금요일 토요일 일요일
الاثنين الثلاثاء الأربعاء الخميس الجمعة السبت الأحد
सोमवार मंगलवार बुधवार गुरुवार शुक्रवार शनिवार रविवार
"""
_ENGLISH = {
    word: name
    for line in _NAMES.split("\n")
    for word, name in zip(line.split(), DAYS if len(line.split()) == len(DAYS) else MONTHS, strict=False)
}
FOREIGN_MONTHS = "|".join(sorted((word for word, name in _ENGLISH.items() if name in MONTHS), key=len, reverse=True))
"""A pattern for the months of the table."""
_MONTH = re.compile(rf"(?<!\w)(?:{FOREIGN_MONTHS})(?!\w)")
_FIGURES = re.compile(r"(\d{4})\s?[年년]\s?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日일]")
_JOINS = re.compile(r"\s(?:r|г|року)\.?\Z|(?<=\d)\.?\s(?:de\s)?(?=[^\W\d_])|\s(?:de|del)\s")
"""`4. März`, `4 de marzo de 2023`, `4 marca 2023 r.`"""


def english_day(word: str) -> str:
    """Return the English name of a day of the week or a month in lower case; another word as it is."""
    return _ENGLISH.get(word, word)


def english_date(words: str) -> str:
    """Return a date in lower case with the month's English name: `4 marca 2023` is `4 march 2023`."""
    if (figures := _FIGURES.fullmatch(words)) is not None:
        return "-".join(figures.groups())
    found = _MONTH.search(words)
    if found is None:
        return words
    joined = _JOINS.sub(" ", f"{words[: found.start()]}{_ENGLISH[found.group()]}{words[found.end() :]}")
    return " ".join(joined.removeprefix("le ").split())
