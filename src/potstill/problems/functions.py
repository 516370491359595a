"""A user's own function, by the name that a recipe gives it: loaded to be called, or only read to be checked."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
import threading
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from potstill.errors import PotstillError, RecipeError, nearest

FAILURES = (Exception, SystemExit)
"""What a user's code may raise, classes of its own libraries included: its fault, told in one line."""
_LITERALS = (ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.Set)
"""Values that nobody can call."""
_LOADING = threading.RLock()
"""Held while a user's module is loaded: no other thread is handed half of it, or finds it where `importable` looks."""


def find_function(name: str, data: Path, where: str) -> Callable[..., Any]:
    """Return the function that `module:function` or `file.py:function` names.

    A file, and a module that Python does not find, are looked for in the folder `data`, and may import what stands
    beside them; a function that does so only when it is called is called under `importable`. Raises RecipeError naming
    `where` (a key of the recipe).
    """
    module_name, function_name = _parts(name, where)
    try:
        with _LOADING:
            module = _module(module_name, data, where)
    except PotstillError:
        raise
    except FAILURES as error:
        raise RecipeError(f"{where}: {module_name} cannot be imported: {line(error)}") from error
    function = getattr(module, function_name, None)
    if not callable(function):
        known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise RecipeError(f"{where}: {module_name} has no function {function_name!r}{nearest(function_name, known)}")
    return function  # type: ignore[no-any-return]


def folder_of(name: str, data: Path) -> Path:
    """Return the folder from which a user's function may import: that of its file, or `data` for a module."""
    module = Path(name.rpartition(":")[0]).expanduser()
    return ((data / module).parent if module.suffix == ".py" else data).resolve()


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Let modules of a folder be imported for a while, after everything else: a `datasets.py` there hides no library.

    They are forgotten at the end, so that another folder's modules of the same names are not taken for them.
    """
    before = set(sys.modules)
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if folder in Path(getattr(sys.modules[name], "__file__", None) or "/").parents:
                del sys.modules[name]


def check_function(name: str, data: Path, where: str, *, positional: int, keywords: Collection[str] = ()) -> str:
    """Raise RecipeError unless `find_function` will find `name`; return why it takes no such arguments, or nothing.

    None of its code is run: the file is parsed. What only running it could tell (a function made by another, names
    from `import *`, a compiled module) is taken as sound.
    """
    module_name, function_name = _parts(name, where)
    path = _source(module_name, data, where)
    if path is None:
        return ""
    body = _parsed(path, where).body
    _check_imports(body, path, data, where)
    bound, certain = _bindings(body)
    node = bound.get(function_name)
    if node is None and certain:
        known = [key for key, found in bound.items() if _callable(found) and not key.startswith("_")]
        raise RecipeError(f"{where}: {module_name} has no function {function_name!r}{nearest(function_name, known)}")
    if node is not None and not _callable(node):
        raise RecipeError(f"{where}: {function_name!r} in {module_name} is no function")
    if isinstance(node, ast.AsyncFunctionDef):
        raise RecipeError(f"{where}: {function_name!r} in {module_name} is async: write it as an ordinary function")
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return ""
    return _refusal(node.args, positional, keywords)


def line(error: BaseException) -> str:
    """Return an error's text as one short line."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _parts(name: str, where: str) -> tuple[str, str]:
    module_name, _, function_name = name.rpartition(":")
    if not module_name or not function_name:
        raise RecipeError(f"{where}: {name!r} is not of the form module:function")
    return module_name, function_name


def _beside(name: str, data: Path, where: str) -> Path:
    """Return the file in the folder `data` that a module's or a file's name leads to."""
    path = data / Path(name if name.endswith(".py") else f"{name.replace('.', '/')}.py").expanduser()
    if not path.is_file():
        beside = sorted(other.name for other in path.parent.glob("*.py"))
        raise RecipeError(f"{where}: no module {name!r} and no file {path}{nearest(path.name, beside)}")
    return path


def _module(name: str, data: Path, where: str) -> ModuleType:
    if not name.endswith(".py"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
                raise  # the module is there; something that it imports is not
    path = _beside(name, data, where)
    known = f"potstill_user_{abs(hash(path.resolve()))}"
    if known in sys.modules:
        return sys.modules[known]
    spec = importlib.util.spec_from_file_location(known, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = sys.modules[known] = importlib.util.module_from_spec(spec)
    try:
        with importable(folder_of(f"{name}:", data)):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[known]
        raise
    return module


def _source(name: str, data: Path, where: str) -> Path | None:
    """Return the source file of a module, or None where it has none, as a built-in or compiled one."""
    if not name.endswith(".py"):
        spec = _spec(name)
        if spec is not None:
            return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    return _beside(name, data, where)


def _spec(name: str) -> ModuleSpec | None:
    """Find a module as an import would, without running the packages above it."""
    root, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(root)
    except ValueError:  # loaded without a spec, as `__main__` is
        return None
    for depth, _ in enumerate(rest, 2):
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = PathFinder.find_spec(".".join(name.split(".")[:depth]), list(spec.submodule_search_locations))
    return spec


def _parsed(path: Path, where: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(path.read_bytes(), path.name)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise RecipeError(f"{where}: {path.name} cannot be imported: {line(error)}") from None


def _check_imports(body: list[ast.stmt], path: Path, data: Path, where: str) -> None:
    """Refuse a module that imports, first thing and without a way out, what is not installed."""
    for node in body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [node.module]
        for root in {name.split(".")[0] for name in names} - sys.stdlib_module_names:
            if _spec(root) is None and PathFinder.find_spec(root, [str(path.parent), str(data)]) is None:
                at = f"{path.name} line {node.lineno}"
                raise RecipeError(f"{where}: {at} imports {root!r}, which is neither installed nor beside it")


def _bindings(body: list[ast.stmt]) -> tuple[dict[str, ast.AST], bool]:
    """Return what a module binds at its top level, by name, and whether that is all of it."""
    bound: dict[str, ast.AST] = {}
    certain = True
    for node in _statements(body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound[node.name] = node
            certain = certain and node.name != "__getattr__"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                bound[(alias.asname or alias.name).split(".")[0]] = node
                certain = certain and alias.name != "*"
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            plain = len(targets) == 1 and isinstance(targets[0], ast.Name)
            for name in (part for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)):
                bound[name.id] = node.value if plain else node
        elif isinstance(node, ast.Expr):
            certain = certain and not _changes_names(node.value)
    return bound, certain


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module in order, those inside `if`, `try`, `with` and loops included."""
    for node in body:
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for part in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(node, part, []))
        for inner in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
            yield from _statements(inner.body)


def _changes_names(value: ast.expr) -> bool:
    """Whether a bare expression may bind names, as `globals().update(...)`, `exec(...)` and `setattr(...)` do."""
    names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
    return bool(names & {"globals", "exec", "setattr", "vars", "locals"})


def _callable(node: ast.AST) -> bool:
    return not isinstance(node, _LITERALS)


def _refusal(args: ast.arguments, positional: int, keywords: Collection[str]) -> str:
    """Return why a call with so many positional arguments and these keywords fails, or nothing."""
    named = [*args.posonlyargs, *args.args]
    if positional > len(named) and args.vararg is None:
        return f"it takes {len(named)} positional arguments, and gets {positional}"
    free = {arg.arg for arg in args.args[max(0, positional - len(args.posonlyargs)) :]}
    free |= {arg.arg for arg in args.kwonlyargs}
    for key in keywords:
        if key not in free and args.kwarg is None:
            return f"it has no argument {key!r}{nearest(key, sorted(free))}"
    required = [arg.arg for arg in named[positional : len(named) - len(args.defaults)]]
    required += [arg.arg for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True) if default is None]
    lacking = [name for name in required if name not in keywords]
    return f"it needs {', '.join(map(repr, lacking))}" if lacking else ""
