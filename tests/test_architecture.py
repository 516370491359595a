"""The page says what the tree is: one line a file, none missing, none invented."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "potstill"


def test_the_page_and_the_tree_agree():
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    block = page.split("```text\n", 1)[1].split("```", 1)[0]
    listed = {}
    for line in block.splitlines():
        path, _, purpose = line.partition("  ")
        listed[path] = purpose.strip()
    found = {
        p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts
    }

    assert set(listed) == found
    assert all(listed.values()), "a file without its purpose"


def test_no_file_is_longer_than_a_reader_bears():
    lengths = {p.relative_to(PACKAGE).as_posix(): len(p.read_text().splitlines()) for p in PACKAGE.rglob("*.py")}
    assert {name: n for name, n in lengths.items() if n > 500} == {}


def test_help_is_instant_and_loads_nothing_heavy():
    code = (
        "import sys\nfrom potstill.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'transformers', 'pyarrow', 'aiohttp', 'httpx', 'httpx2'}\n"
        "heavy |= {'pydantic', 'yaml', 'jinja2', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stderr.strip() == "[]"
    assert "quickstart" in out.stdout


def test_checking_a_recipe_needs_no_torch_and_no_network_client():
    code = (
        "import sys\nfrom potstill.cli import main\nassert main(['check', 'quickstart']) == 0\n"
        "print(sorted({'torch', 'transformers', 'aiohttp', 'httpx2', 'datasets'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[-1] == "[]"


def test_remote_code_stays_off():
    assert not any("trust_remote_code=True" in p.read_text() for p in PACKAGE.rglob("*.py"))
