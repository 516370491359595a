"""What the documents say exists: commands, options, make targets, links, keys; and no machine shows through."""

import contextlib
import importlib.util
import io
import re
from pathlib import Path

import pytest
import yaml

from potstill.cli import main
from potstill.recipe_file import Loader, parse, shipped

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
PRESENT = [page for page in PAGES if page.parent.name != "decisions"]
"""Decisions also speak of what was and what is to come."""
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def text(page):
    return page.read_text(encoding="utf-8")


def help_of(*command):
    said = io.StringIO()
    with contextlib.redirect_stdout(said), pytest.raises(SystemExit):
        main([*command, "--help"])
    return said.getvalue()


def code_lines(page):
    """Lines of shell blocks, and what stands between backticks."""
    for block in re.findall(r"^```sh\n(.*?)^```$", text(page), re.DOTALL | re.MULTILINE):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", FENCE.sub("", text(page)))


COMMANDS = set(re.findall(r"^    ([\w-]+)(?: |$)", help_of(), re.MULTILINE))
TARGETS = set(re.findall(r"^([a-z-]+):", text(ROOT / "Makefile"), re.MULTILINE))
TARGETS |= {f"study-{name}" for name in shipped("study")}


@pytest.mark.parametrize("page", PRESENT, ids=lambda page: page.name)
def test_every_command_and_option_that_a_page_names_is_real(page):
    for line in code_lines(page):
        line = line.split("  #")[0]
        for command in re.findall(r"^potstill ([a-z-]+)", line):
            assert command in COMMANDS, line
            known = set(re.findall(r"--[a-z-]+", help_of(command)))
            assert set(re.findall(r"(?<!\S)--[a-z-]+", line)) <= known, line
        for target in re.findall(r"^make ([a-z-]+)", line):
            assert target in TARGETS, line


def test_the_pages_name_every_command_and_the_first_screen_the_first_ones():
    assert {"quickstart", "init", "check", "run", "status", "evaluate", "ask"} <= COMMANDS
    reference, readme = text(ROOT / "docs/reference/commands.md"), text(ROOT / "README.md")
    for command in COMMANDS:
        assert f"potstill {command}" in reference
        assert f"potstill {command}" in readme
        for option in set(re.findall(r"--[a-z-]+", help_of(command))) - {"--help"}:
            assert option in reference, (command, option)
    screen = "\n".join(readme.splitlines()[:40])
    assert all(said in screen for said in ("make quickstart", "make test", "potstill quickstart", "Linux x86-64"))


def anchors(page):
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", text(page)), re.MULTILINE)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", title.lower()).strip()) for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_internal_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text(page))):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target
        if (ROOT / "docs") in page.parents:
            assert (ROOT / "docs") in file.parents, f"{target} leads out of the site"


def test_every_page_that_the_code_names_exists():
    named = {
        name
        for folder in ("src", "tests", "benchmarks", "examples")
        for file in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"docs/[\w/-]+\.md", text(file))
    }
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_the_generated_pages_are_those_of_this_source():
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    stale = [page.name for page, generated in build.pages().items() if text(page) != generated]
    assert stale == [], "run `make docs`"
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", build.reference(), re.MULTILINE)
    assert len(rows) > 90
    assert [key for key, meaning in rows if not meaning.strip()] == [], "a key without its meaning"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_recipe_in_a_page_is_sound(page):
    """A block with a name is a whole recipe; others are laid over one."""
    for block in re.findall(r"^```yaml\n(.*?)^```$", text(page), re.DOTALL | re.MULTILINE):
        given = yaml.load(block, Loader=Loader)
        whole = {
            "name": "page",
            "problems": {"sources": [{"family": "chain", "count": 9}]},
            "teacher": {"kind": "worked"},
            "student": {"scratch": {}},
        }
        parse(block if "name" in given else yaml.safe_dump(whole | given), str(page))


def test_the_pages_name_every_shipped_recipe():
    for name in shipped():
        assert f"`{name}`" in text(ROOT / "docs/guide/recipes.md")
        assert f"`{name}`" in text(ROOT / "README.md")
    for name in shipped("study"):
        assert f"`{name}`" in text(ROOT / "docs/guide/studies.md")


def tracked():
    folders = ("src", "tests", "docs", "examples", "benchmarks", ".ci")
    found = [file for folder in folders for file in (ROOT / folder).rglob("*") if "__pycache__" not in file.parts]
    found += [ROOT / name for name in ("Makefile", "mkdocs.yml", "pyproject.toml", "constraints.txt", *NAMES)]
    return sorted({file for file in found if file.is_file() and file.suffix not in (".png", ".gz", ".parquet")})


def test_no_file_names_a_machine_or_a_package_index():
    machine = [re.escape(f"/{root}/") + r"\w" for root in ("work", "root", "home")]
    index = [re.escape(host) for host in ("pypi" + ".org", "python" + "hosted.org", "download." + "pytorch.org")]
    index.append(r"file:" + r"///\w|--(extra-)?index-url[ =]+https?:")
    banned = re.compile("|".join(rf"(?<![\w.}}]){pattern}" for pattern in (*machine, *index)))
    files = tracked()
    assert len(files) > 100
    hits = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for file in files
        for number, line in enumerate(text(file).splitlines(), 1)
        if banned.search(line)
    ]
    assert hits == []
