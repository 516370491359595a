"""Worked solutions in which one result is bent: the step that states it is the first false one by construction."""

import hashlib
import re

MARK = re.compile(r"<<[^<>]*>>")
"""`<<48/2=24>>`, the calculator's mark in the solutions of GSM8K."""
COMPUTED = re.compile(
    r"(?<![\w.])(?P<left>\d[\d,.]*%?\)?\s?(?:[-+*/×÷x]|\\times|\\cdot|\\div)\s?\$?\(?\d[\d,.]*\)?)\s?=\s?\$?"
    r"(?P<result>\d[\d,]*(?:\.\d+)?)(?![\d%]|\s?[-+*/×÷=x^])"
)
"""`48 / 2 = $24`, a computation of two written numbers and its result at the end of the chain."""

UNKNOWN = re.compile(r"(?:\d|\b)[A-Za-z][\s)]*[-+*/][-+*/\s()\d]*$")
"""`2x + `: a computation behind it is a piece of an equation with an unknown, and no false one when it is bent."""


def number_of(text, bound):
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % bound


def bent(result, key):
    """Return another number of about the size of a written result: one digit is another one, the last included."""
    digits = [at for at, sign in enumerate(result) if sign.isdigit()]
    at = digits[number_of(key, len(digits))]
    other = (int(result[at]) + 1 + number_of(key + "!", 8)) % 10
    if at == digits[0] and other == 0:
        other = 1 if result[at] != "1" else 2
    return result[:at] + str(other) + result[at + 1 :]


def planted(name, lines):
    """Return (lines with one bent result, the number of its line), None where nothing is computed so."""
    lines = [MARK.sub("", line) for line in lines]
    places = [
        (number, found) for number, line in enumerate(lines) for found in COMPUTED.finditer(line)
        if not UNKNOWN.search(line[: found.start()])
    ]  # fmt: skip
    if not places:
        return None
    number, found = places[number_of(name, len(places))]
    line, result = lines[number], found["result"]
    lines[number] = line[: found.start("result")] + bent(result, name) + line[found.end("result") :]
    return lines, number
