"""Formulas as MathML: what is drawn, what stays as written, and that no text becomes markup."""

import time
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report.report_facts import HOSTILE

from potstill.report.mathml import DEEPEST, formula, with_formulas


def text_of(markup):
    return "".join(ElementTree.fromstring(f"<p>{markup}</p>").itertext())


@pytest.mark.parametrize(
    ("source", "drawn"),
    [
        (r"\frac{1}{2}", "<mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac>"),
        (r"\frac12", "<mfrac><mn>1</mn><mn>2</mn></mfrac>"),
        ("x^2", "<msup><mi>x</mi><mn>2</mn></msup>"),
        ("x_1^2", "<msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup>"),
        (r"\sqrt[3]{8}", "<mroot><mrow><mn>8</mn></mrow><mn>3</mn></mroot>"),
        (r"3 \times 4 \le 12", "<mn>3</mn><mo>×</mo><mn>4</mn><mo>≤</mo><mn>12</mn>"),
        (r"\boxed{42}", '<mrow class="boxed"><mrow><mn>42</mn></mrow></mrow>'),
        (r"\left( a - b \right)", "<mo>(</mo><mi>a</mi><mo>−</mo><mi>b</mi><mo>)</mo>"),
        (r"5 \text{ apples}", "<mn>5</mn><mtext> apples</mtext>"),
        (r"\pi r^{2}", "<mi>π</mi><msup><mi>r</mi><mrow><mn>2</mn></mrow></msup>"),
    ],
)
def test_the_usual_forms_are_drawn(source, drawn):
    assert drawn in formula(source)


@pytest.mark.parametrize("source", [
    r"\begin{matrix} 1 \end{matrix}", r"\href{javascript:alert(1)}{x}", "{", "}", "x^", "x^2^3", r"\frac{1}",
    r"\unknown x", "x & y", "{" * (DEEPEST + 2) + "}" * (DEEPEST + 2), "1" * 3000, r"\text{a \frac{1}{2}}",
    r"\input{/etc/passwd}", r"\sqrt[",
])  # fmt: skip
def test_what_is_outside_the_language_is_no_formula(source):
    assert formula(source) is None


def test_formulas_in_a_text_are_found_and_prices_are_not():
    drawn = with_formulas(r"So $x^2$ and \(y\) and \[z\] and $$w$$.")
    assert drawn.count("<math") == 4
    assert drawn.count('display="block"') == 2
    assert "<math" not in with_formulas("It costs $5 and then $6, or $ 7 $.")
    assert with_formulas("a < b & c") == "a &lt; b &amp; c"
    assert with_formulas(r"$\unknown$") == r"$\unknown$"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_a_formula_is_escaped(text):
    for whole in (f"${text}$", rf"\[{text}\]", rf"$\text{{{text}}}$"):
        drawn = with_formulas(whole)
        assert not any(tag in drawn for tag in ("<script", "<img", "<a ", "<svg", "<style", "<iframe"))


@given(st.text(alphabet="abc12 ^_{}\\$[]()<>&\"'frac\n", max_size=80))
def test_any_text_is_sound_markup_and_what_is_not_drawn_stays(text):
    drawn = with_formulas(text)
    found = ElementTree.fromstring(f"<p>{drawn}</p>")
    if not list(found):
        assert (found.text or "") == text


def test_time_is_bounded():
    began = time.monotonic()
    for text in ("$" * 100_000, r"\[" * 50_000, "$x^{" * 30_000, r"\frac" * 20_000, "$a$" * 50_000):
        with_formulas(text)
    assert time.monotonic() - began < 10
