"""The pages in a real browser: found, read, compared and labelled by keys; and traces that try to do something."""

import json
import re
import time

import pytest
from report.test_browser import CONTRAST as REPORT_CONTRAST
from report.webdriver import BROWSER, DRIVER, browser
from view.hostile import hostile
from view.made_run import make_run
from view.served import serving

from potstill.view import files
from potstill.view.bundle import script

pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver")

TEXTS = "main h1, main h2, main p, main td, main th, main dt, main dd, main .mark, main code, main a, main .fact, main legend, main button:not(:disabled)"
CONTRAST = REPORT_CONTRAST.replace(
    "const texts = 'h1, h2, h4, p, td, th, summary, .mark, .text, .tag, text, footer, figcaption, pre';",
    f"const texts = '{TEXTS}';",
)
READY = "return document.querySelector('#main h1, #main [role=alert]')?.textContent ?? ''"
CLEAN = """
return [document.title.includes('PWNED'), document.querySelectorAll('main script, main iframe, main img, main style, main link, main base, main meta, main form[action], main a[href^=javascript], main [onerror], main [onload]').length,
  performance.getEntriesByType('resource').filter(one => !one.name.startsWith(location.origin)).length]
"""
WIDE = """
return [document.documentElement.scrollWidth, innerWidth, [...document.querySelectorAll('main h1, main section, main li, main p, main dl, main pre')]
  .filter(one => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest('.scroll, .tex, pre')).map(one => `${one.tagName} ${one.className}`).slice(0, 5)];
"""
UNNAMED = """
return [...document.querySelectorAll('main input, main select, main textarea, main button, main a')].filter(one =>
  !(one.textContent.trim() || one.getAttribute('aria-label') || one.closest('label')?.textContent.trim() || one.placeholder)).map(one => one.outerHTML).slice(0, 5);
"""


def shown(driver, route, wanted=""):
    """Go to a page, and wait until it is another than the one before."""
    driver.script(
        f"document.querySelector('#main').firstChild?.setAttribute('data-before', 1); location.hash = {json.dumps('#/' + route)}"
    )
    driver.until(f"return !document.querySelector('[data-before]') && ({READY.removeprefix('return ')})")
    assert driver.script("return document.querySelector('#main [role=alert]')?.textContent ?? ''") == wanted


@pytest.mark.parametrize("width", [390, 1280])
def test_reading_and_labelling(tmp_path, width):
    make_run(tmp_path / "run", problems=10, samples=4, characters=1_600)
    with serving(tmp_path / "run", cache=tmp_path / "cache") as served, browser(width, 900, tmp_path / "p") as driver:
        driver.go(served.link)
        assert driver.until("return document.querySelectorAll('.row').length") == 38
        assert "token" not in driver.script("return location.href")
        driver.script("document.querySelector('[data-facet=outcome][data-value=wrong]').click()")
        driver.until("return location.hash.includes('outcome=wrong') && document.querySelectorAll('.row').length < 38")
        driver.script(
            "const q = document.querySelector('input[name=q]'); q.value = 'wagons with 2'; q.form.requestSubmit()"
        )
        driver.until("return document.querySelector('.total')?.textContent.endsWith('.')")
        assert driver.script("return document.querySelectorAll('.row mark').length") > 0
        link = driver.script("return location.hash")
        assert "q=wagons" in link
        assert "outcome=wrong" in link
        driver.keys("j", "\ue007")
        driver.until("return document.querySelector('.response h1')")
        key = driver.script("return location.hash").split("/")[2].split("?")[0]
        its = served.json(f"/api/response/{key}?count=500")
        assert driver.script("return document.querySelectorAll('.step').length") == its["steps"]["total"] > 20
        assert (
            driver.script("return document.querySelectorAll('.finding.wrong').length")
            == its["steps"]["counts"]["wrong"]
        )
        for route in ("list", f"response/{key}?label=1", "problem/0", "compare", "label", "people"):
            shown(driver, route)
            scroll, inner, wide = driver.script(WIDE)
            assert (scroll <= inner, wide) == (True, []), route
            for dark in (False, True) if width == 1280 else ():
                driver.dark(dark)
                assert driver.script(CONTRAST) == [], (route, dark)
            assert driver.script(UNNAMED) == [], route
        if width == 1280:
            labelled_by_keys(driver, served, key, its)
        assert driver.console() == []


def labelled_by_keys(driver, served, key, its):
    """Label 20 steps by keys; what was saved is what comes back after a reload, an export and an import."""
    total = its["steps"]["total"]
    driver.script("localStorage.setItem('potstill-labeller', 'ada')")
    shown(driver, f"response/{key}?label=1")
    driver.until("return document.querySelector('.step.now')")
    pressed = ["1", "1", "0", "-", "1"] * 4
    driver.keys(*pressed)
    assert driver.script("return document.querySelector('.progress').textContent") == f"20 of {total} steps rated"
    driver.keys("u")
    driver.keys("x", "\ue007")
    driver.until("return globalThis.potstillSaved")
    saved = [one for one in served.json(f"/api/response/{key}")["people"] if one["kind"] == "steps"]
    wanted = [{"1": 1, "0": 0, "-": -1}[one] for one in pressed[:-1]] + [-1] + [None] * (total - 20)
    assert [one["ratings"] for one in saved] == [wanted]
    driver.call("POST", "/refresh")
    driver.until(READY)
    shown(driver, f"response/{key}")
    assert driver.script("return document.querySelectorAll('.rating').length") == 20
    out = served.ask("/api/export?shape=prm800k")[2].decode()
    assert served.json("/api/import", {"text": out, "labeller": "x"}) == {"imported": 1}
    again = [one for one in served.json(f"/api/response/{key}")["people"] if one["kind"] == "steps"]
    assert [(one["labeller"], one["ratings"]) for one in again] == [("ada", wanted)]
    row = json.loads(out)
    assert row["labeler"] == "ada"
    assert [step["completions"][0]["rating"] for step in row["label"]["steps"]] == wanted


def test_nothing_in_a_trace_runs(tmp_path):
    make_run(tmp_path / "run", problems=4, samples=5, hostile=hostile, scores=False)
    with serving(tmp_path / "run", cache=tmp_path / "cache") as served, browser(1280, 900, tmp_path / "p") as driver:
        driver.go(served.link)
        driver.until("return document.querySelectorAll('.row').length")
        keys = [row["key"] for row in served.json("/api/list?of=set%20traces&problem=0")["rows"]]
        assert len(keys) == 5
        for route in ["list?q=PWNED", "problem/0", "compare", *(f"response/{key}?label=1" for key in keys)]:
            shown(driver, route)
            for _ in range(3):
                driver.script("scrollBy(0, 4000)")
            assert driver.script(CLEAN) == [False, 0, 0], route
            assert driver.script("return document.querySelectorAll('main a[href]:not([href^=\"#\"])').length") == 0
        assert driver.script("return globalThis.potstillSlowest ?? 0") < 500
        spelt = "return document.querySelector('main').textContent"
        shown(driver, f"response/{keys[0]}")
        for character in ("⟨U+202E⟩", "⟨U+0000⟩", "⟨U+001B⟩", "⟨U+200B⟩"):
            assert character in driver.script(spelt)
        assert [line for line in driver.console() if "PWNED" in line or "127.0.0.1:9" in line] == []


@pytest.mark.soak
def test_a_hundred_thousand_steps_stay_usable(tmp_path):
    steps = "\n\n".join(f"Step {n}: {n} + 1 = {n + 1}." for n in range(100_000))
    make_run(tmp_path / "run", problems=1, samples=1, hostile=lambda *_: (steps, "The answer is 6."), scores=False)
    with serving(tmp_path / "run", cache=tmp_path / "cache") as served, browser(1280, 900, tmp_path / "p") as driver:
        driver.go(served.link)
        driver.until("return document.querySelectorAll('.row').length")
        driver.script("localStorage.setItem('potstill-labeller', 'ada')")
        key = served.json("/api/list")["rows"][0]["key"]
        began = time.monotonic()
        shown(driver, f"response/{key}?label=1")
        assert time.monotonic() - began < 10
        driver.script("document.querySelector('.more-steps').click()")
        driver.until("return document.querySelectorAll('.step').length === 260")
        began = time.monotonic()
        driver.keys("w")
        driver.keys("\ue007")
        driver.until("return globalThis.potstillSaved", 30)
        assert time.monotonic() - began < 20
        assert len(served.json(f"/api/response/{key}?count=0")["people"][0]["ratings"]) == 100_000


def test_a_bundle_opens_from_the_disk(made, room, tmp_path):
    from potstill.view.bundle import write_bundle

    told = write_bundle(room, tmp_path / "out", 50)
    assert told.startswith("50 responses, the first of 57")
    page = (tmp_path / "out" / "index.html").as_uri()
    with browser(390, 844, tmp_path / "p") as driver:
        driver.go(page)
        assert driver.until("return document.querySelectorAll('.row').length") == 50
        driver.script("document.querySelector('[data-facet=outcome][data-value=wrong]').click()")
        driver.until("return location.hash.includes('outcome=wrong')")
        rows = [row for row in room.index.rows.slice(0, 50).to_pylist() if row["outcome"] == "wrong"]
        assert driver.until(
            "return document.querySelectorAll('.row').length < 50 && document.querySelectorAll('.row').length"
        ) == len(rows)
        for route in ("list?q=wagons", f"response/{rows[0]['key']}", "problem/0", "compare"):
            driver.go(f"{page}#/{route}")
            driver.until("return document.querySelector('.step, .row mark, table')")
            assert driver.script("return document.querySelectorAll('#main [role=alert]').length") == 0
        assert driver.script("return document.querySelectorAll('.rate, .labelling').length") == 0
        assert driver.console() == []


def test_the_modules_make_no_markup_from_text():
    for name in files.STATIC:
        text = files.static(name).decode()
        for banned in (
            "innerHTML",
            "outerHTML",
            "insertAdjacent",
            "document.write",
            "eval(",
            "new Function",
            "createContextualFragment",
        ):
            assert banned not in text, (name, banned)
        assert "http://" not in text
        assert "https://" not in text
    assert not re.search("^(import|export) ", script(), re.MULTILINE)
