"""The page says what the tree is: one line a file, none missing, none invented."""

import ast
import itertools
import subprocess
import sys
from collections import Counter
from pathlib import Path

import grimp

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


def classes(but="verify"):
    """Yield (file, class) of the package, those of its own issue left out."""
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        if not name.startswith(f"{but}/"):
            yield from ((name, n) for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.ClassDef))


def test_no_module_imports_itself_by_way_of_others():
    graph = grimp.build_graph("potstill", exclude_type_checking_imports=True, cache_dir=None)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    while free := {name for name, below in imports.items() if not below & set(imports)}:
        imports = {name: below for name, below in imports.items() if name not in free}
    while free := set(imports) - {below for found in imports.values() for below in found}:
        imports = {name: below for name, below in imports.items() if name not in free}
    assert imports == {}, "a circle"


def test_no_class_name_is_used_for_two_things():
    named = Counter(found.name for _, found in classes(but=None))
    assert {name for name, count in named.items() if count > 1} == {"Number", "Token"}, "two left inside verify"


def test_a_record_with_more_than_four_fields_is_made_with_keywords_only():
    for name, found in classes():
        made = [text for text in map(ast.unparse, found.decorator_list) if text.startswith("dataclass")]
        fields = [
            item for item in found.body if isinstance(item, ast.AnnAssign) and "ClassVar" not in ast.unparse(item)
        ]
        assert not made or len(fields) <= 4 or "kw_only=True" in made[0], (name, found.name)


def test_nothing_is_decided_by_comparing_sentences():
    for file in sorted(PACKAGE.rglob("*.py")):
        if (PACKAGE / "verify") in file.parents:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Compare(left=left, comparators=others):
                    compared = [left, *others]
                case ast.Call(func=ast.Attribute(attr="startswith" | "endswith"), args=args):
                    compared = args
                case ast.MatchValue(value=value):
                    compared = [value]
                case _:
                    continue
            texts = [item.value for part in compared for item in getattr(part, "elts", [part])
                     if isinstance(item, ast.Constant) and isinstance(item.value, str)]  # fmt: skip
            assert not [text for text in texts if " " in text.strip()], (file, node.lineno)


def test_every_pattern_has_words_beside_it():
    for file in sorted(PACKAGE.rglob("*.py")):
        lines, body = file.read_text().splitlines(), ast.parse(file.read_text()).body
        for above, below in itertools.pairwise([*body, ast.Pass()]):
            value = ast.unparse(getattr(above, "value", None) or ast.Pass())
            if (PACKAGE / "verify") not in file.parents and value.startswith("re.compile("):
                beside = "\n".join(lines[above.lineno - 2 : above.end_lineno])
                assert isinstance(below, ast.Expr) or "# " in beside, (file, above.lineno)
