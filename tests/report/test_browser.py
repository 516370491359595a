from itertools import product

import pytest
from report.full_facts import full_facts, full_study
from report.report_facts import hostile_facts, hostile_study
from report.webdriver import BROWSER, DRIVER, browser

from potstill.report import build
from potstill.report.study import build_study

pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver")

UNFOLD = "document.querySelectorAll('details').forEach(one => one.open = true)"
TOO_WIDE = """
const page = document.documentElement;
return [page.scrollWidth, window.innerWidth, [...document.querySelectorAll('figure, details, h1, p, svg')]
  .filter(one => one.getBoundingClientRect().right > window.innerWidth + 1).map(one => one.className || one.tagName)];
"""
CLIPPED = """
const out = [];
for (const svg of document.querySelectorAll('svg')) {
  const frame = svg.getBoundingClientRect();
  for (const text of svg.querySelectorAll('text')) {
    const box = text.getBoundingClientRect();
    const sides = [frame.left - box.left, box.right - frame.right, box.bottom - frame.bottom];
    if (Math.max(...sides) > 1) out.push(text.textContent);
  }
}
return out;
"""
OUT_OF_CELL = """
return [...document.querySelectorAll('svg text.small')].filter(one => {
  let cell = one;
  while (cell.tagName !== 'rect') cell = cell.previousElementSibling;
  const [text, frame] = [one.getBoundingClientRect(), cell.getBoundingClientRect()];
  return text.left < frame.left || text.right > frame.right;
}).map(one => one.textContent);
"""
# WCAG 2 asks for a contrast of at least 4.5 between text and what lies behind it.
CONTRAST = """
const linear = v => v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4;
const light = colour => {
  const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(linear);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = one => {
  for (; one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    if (colour !== 'rgba(0, 0, 0, 0)') return colour;
  }
  return 'rgb(255, 255, 255)';
};
const low = [];
const texts = 'h1, h2, h4, p, td, th, summary, .mark, .text, .tag, text, footer, figcaption, pre';
for (const one of document.querySelectorAll(texts)) {
  const style = getComputedStyle(one);
  const pair = [light(one.tagName === 'text' ? style.fill : style.color), light(behind(one))].sort((a, b) => b - a);
  const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
  if (ratio < 4.5) low.push([one.tagName, one.className, ratio]);
}
return low;
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of a run of hostile texts, with that of a study beside it, and of both with all sections filled."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    made = {
        "report": build(hostile_facts()), "study": build_study(hostile_study()),
        "full": build(full_facts()), "full-study": build_study(full_study()),
    }  # fmt: skip
    for name, report in made.items():
        path.with_name(f"{name}.html").write_text(report.html(), encoding="utf-8")
    return path


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 900)])
def test_page_renders_runs_nothing_and_fits(page, tmp_path, width, height):
    with browser(width, height, tmp_path / "profile") as driver:
        for dark, name in product((False, True), ("report", "study", "full", "full-study")):
            driver.open(page.with_name(f"{name}.html"), dark)
            driver.script(UNFOLD)
            title = driver.script("return document.title")
            assert title.startswith("demo<script>") == (not name.startswith("full"))
            assert driver.script("return document.querySelectorAll('script, iframe, img, a, object, base').length") == 0
            assert driver.script("return performance.getEntriesByType('resource').length") == 0
            assert driver.script("return document.querySelectorAll('footer').length") == 1
            assert driver.script("return getComputedStyle(document.body).display") == "block"
            scroll, inner, wide = driver.script(TOO_WIDE)
            assert (scroll, inner, wide) == (width, width, [])
            assert driver.script(CLIPPED) == []
            assert driver.script(OUT_OF_CELL) == []
            assert driver.script(CONTRAST) == []
            back = driver.script("return getComputedStyle(document.body).backgroundColor")
            assert back == ("rgb(21, 25, 23)" if dark else "rgb(251, 250, 247)")


def test_the_policy_stops_a_script_that_got_into_the_page(page, tmp_path):
    """The page's own policy is a second wall: it must hold even if escaping once failed."""
    hurt = tmp_path / "hurt.html"
    script = "<script>document.title = 'PWNED'</script><img src=x onerror=\"document.title = 'PWNED'\">"
    hurt.write_text(page.read_text(encoding="utf-8").replace("<main>", f"<main>{script}"), encoding="utf-8")
    with browser(390, 844, tmp_path / "profile") as driver:
        driver.open(hurt, dark=False)
        assert driver.script("return document.querySelectorAll('script').length") == 1
        assert driver.script("return document.title").startswith("demo<script>")
