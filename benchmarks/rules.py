"""make rules: what each rule of `potstill.verify` is worth on every labelled text that the tests judge.

A rule is a pattern, an alternative of a pattern, or a branch of code. The tests of `tests/verify` are run once in this
process (shared traces, list of faults, grids, all cases); on the way is noted which patterns match for which judged
text, which alternatives of a pattern they need, and which branches are taken. Then every pattern and every branch (an
`if` without `else`) is taken away alone, and texts that met it are judged again: what changes is what it is for.

    python benchmarks/rules.py                      the whole
    python benchmarks/rules.py --every 20           a twentieth of the shared traces and the grids: a few minutes
    python benchmarks/rules.py --keep calls.pickle  keep the judged texts with their verdicts
    python benchmarks/rules.py --again calls.pickle judge them again with the code as it is now, print what differs

Read what it prints as a question: a pattern that nothing meets may be a guard, and a word of a table that no text has
is no waste where its neighbours are met. Patterns behind a cache are seen when the cache is filled.
"""

from __future__ import annotations

import argparse
import ast
import functools
import gc
import pickle
import re
import signal
import sys
import threading
from collections import Counter, defaultdict
from pathlib import Path

HOME = Path(__file__).parents[1]
ROOM = HOME / "src" / "potstill" / "verify"
APART = ("sandbox", "code")
"""Folders whose code reads no answers."""
SPARED = (
    "test_real_traces.py",
    "test_grid.py",
    "test_hostile.py",
    "test_no_evaluation.py",
    "test_pool.py",
    "test_workers.py",
    "test_llm_judge.py",
)
"""The two that are taken row by row, and tests of times, processes and models, in which nothing is labelled."""
EACH = 12
"""Texts of one test file that are judged again without a rule that they meet."""
KEPT = 4_000
"""Matches of one pattern whose alternatives are tried."""
LONGEST = 400
PATIENCE = 10.0
"""Seconds for one text: without its rule a loop may have no end."""
ASKED = {
    "potstill.verify.answers": ("judge_answer", "judge_response"),
    "potstill.verify.extract": ("extract",),
    "potstill.verify.symbolic.compare": ("compare",),
    "potstill.verify.steps.arithmetic": ("check_steps",),
    "potstill.verify.parts": ("judge_parts",),
}
"""What judges or reads a text, by the module that has it."""


class Seen:
    """All that is noted while the tests run."""

    def __init__(self) -> None:
        self.test = ""
        self.calls: list[tuple[str, str, tuple, dict, str]] = []
        self.known: set[tuple] = set()
        self.met: set[Rule] | None = None
        self.depth = 0


SEEN = Seen()
RULES: list[Rule] = []


class Rule:
    """A compiled pattern that notes what it matches, and can be taken away."""

    def __init__(self, compiled: re.Pattern, place: str) -> None:
        self.compiled, self.place, self.off = compiled, place, False
        self.hits = 0
        self.calls: dict[str, list[int]] = defaultdict(list)
        self.matches: set[tuple[str, int, int]] = set()
        RULES.append(self)

    def __getattr__(self, name):
        return getattr(self.compiled, name)

    def _note(self, found):
        if found is None:
            return None
        self.hits += 1
        if SEEN.met is not None:
            SEEN.met.add(self)
        if len(self.matches) < KEPT and found.end() - found.start() <= LONGEST:
            begin, end = max(0, found.start() - 40), found.end() + 40
            self.matches.add((found.string[begin:end], found.start() - begin, found.end() - begin))
        return found

    def search(self, text, *bounds):
        return None if self.off else self._note(self.compiled.search(text, *bounds))

    def match(self, text, *bounds):
        return None if self.off else self._note(self.compiled.match(text, *bounds))

    def fullmatch(self, text, *bounds):
        return None if self.off else self._note(self.compiled.fullmatch(text, *bounds))

    def finditer(self, text, *bounds):
        return iter(()) if self.off else (self._note(found) for found in self.compiled.finditer(text, *bounds))

    def findall(self, text, *bounds):
        if self.off:
            return []
        self._note(self.compiled.search(text, *bounds))
        return self.compiled.findall(text, *bounds)

    def sub(self, written, text, count=0):
        if self.off:
            return text
        self._note(self.compiled.search(text))
        return self.compiled.sub(written, text, count=count)

    def split(self, text, maxsplit=0):
        if self.off:
            return [text]
        self._note(self.compiled.search(text))
        return self.compiled.split(text, maxsplit=maxsplit)


def stand_in() -> None:
    """Put rules in the place of the patterns of the room, by the hand of `re.compile` while its modules are loaded."""
    compiling = re.compile

    def compiled(pattern, flags=0):
        result = compiling(pattern, flags)
        caller = sys._getframe(1)
        while caller is not None and "/re/" in caller.f_code.co_filename:
            caller = caller.f_back
        file = Path(caller.f_code.co_filename)
        if not file.is_relative_to(ROOM) or file.relative_to(ROOM).parts[0] in APART:
            return result
        return Rule(result, f"{file.relative_to(ROOM)}:{caller.f_lineno}")

    re.compile = compiled
    import pkgutil

    import potstill.verify

    for module in pkgutil.walk_packages(potstill.verify.__path__, "potstill.verify."):
        if not any(f".{folder}" in module.name for folder in APART):
            __import__(module.name)
    re.compile = compiling


def listen() -> None:
    """Note what is asked of the judging functions, by whomever; what they ask of each other is not noted."""
    for home, names in ASKED.items():
        for name in names:
            own = getattr(sys.modules[home], name)
            heard = _heard(own, f"{home}.{name}")
            for module in [m for key, m in sys.modules.items() if key.startswith("potstill.")]:
                for key, value in list(vars(module).items()):
                    if value is own:
                        setattr(module, key, heard)


def _heard(function, name):
    @functools.wraps(function)
    def heard(*args, **kwargs):
        if SEEN.depth or threading.current_thread() is not threading.main_thread():
            return function(*args, **kwargs)
        SEEN.depth, SEEN.met = 1, set()
        try:
            result = function(*args, **kwargs)
        finally:
            SEEN.depth, met, SEEN.met = 0, SEEN.met, None
        key = (name, repr(args), repr(kwargs))
        if key not in SEEN.known and "function" not in key[1] and "function" not in key[2]:
            SEEN.known.add(key)
            try:
                kept = pickle.loads(pickle.dumps((args, kwargs)))
            except (TypeError, AttributeError, pickle.PicklingError):
                return result
            for rule in met:
                if len(rule.calls[SEEN.test]) < EACH:
                    rule.calls[SEEN.test].append(len(SEEN.calls))
            SEEN.calls.append((SEEN.test, name, *kept, told(result)))
        return result

    return heard


def told(result) -> str:
    """Return what of a result counts."""
    if hasattr(result, "outcome"):
        return f"{result.outcome} {getattr(result, 'cause', '')}"
    if hasattr(result, "value"):
        return repr((result.value, result.ambiguous))
    if hasattr(result, "steps"):
        return repr([(step.outcome, step.recomputed) for step in result.steps])
    return repr(result)


@functools.cache
def caches() -> tuple:
    """Every cache of the room but that of units, where pint is slow and no rule is asked."""
    wrappers = [each for each in gc.get_objects() if isinstance(each, functools._lru_cache_wrapper)]
    homes = {id(each): each.__module__ for each in wrappers}
    own = {key for key, home in homes.items() if home.startswith("potstill.verify.") and not home.endswith(".units")}
    return tuple(each for each in wrappers if id(each) in own)


def forget() -> None:
    """Empty the caches, so that nothing judged before is taken for what is judged now."""
    for each in caches():
        each.cache_clear()


def judged_again(call) -> str:
    _, name, args, kwargs, _ = call
    home, _, function = name.rpartition(".")
    function = getattr(sys.modules[home], function)
    function = getattr(function, "__wrapped__", function)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        return told(function(*args, **kwargs))
    except Exception as error:  # noqa: BLE001 - whatever a rule was there to prevent
        return type(error).__name__
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _too_long(*_):
    raise TimeoutError


def corpus(every: int) -> None:
    """Judge every so many rows of the shared traces and of the grids, as the tests of these do."""
    sys.path.insert(0, str(HOME / "tests"))
    from verify import grid, languages, replies_abroad, test_grid, test_real_traces
    from verify.replies import replies

    for name in test_real_traces.FILES:
        SEEN.test = name
        if (test_real_traces.SHARED / name).exists():
            for row in [row for row in test_real_traces.rows(name) if row["correct"] is not None][::every]:
                test_real_traces.judged(row)
    sources = [("grid", grid.grid()), ("replies", replies())]
    sources += [(f"grid {name}", languages.cases(name)) for name in languages.LANGUAGES]
    sources += [(f"replies {name}", replies_abroad.replies_in(name)) for name in replies_abroad.LANGUAGES]
    for SEEN.test, cases in sources:
        test_grid.agreement(list(cases)[::every])
    SEEN.test = "whole responses"
    for rows in (test_grid.STYLES, test_grid.FIRST, test_grid.SECOND, test_grid.NAMED):
        test_grid.test_whole_responses(rows)


class Plugin:
    """What pytest tells while it runs."""

    def pytest_collection(self, session):
        from hypothesis import settings

        settings.register_profile("rules", deadline=None, max_examples=10, derandomize=True, database=None)
        settings.load_profile("rules")

    def pytest_runtest_setup(self, item):
        SEEN.test = item.path.name

    def pytest_collection_finish(self, session):
        listen_in_tests()


def listen_in_tests() -> None:
    """Tests that took a function before it was listened to get the one that notes."""
    for module in list(sys.modules.values()):
        for key, value in list(getattr(module, "__dict__", {}).items()):
            if callable(value) and getattr(value, "__module__", "") in ASKED and not hasattr(value, "__wrapped__"):
                heard = getattr(sys.modules[value.__module__], getattr(value, "__name__", ""), None)
                if heard is not None and getattr(heard, "__wrapped__", None) is value:
                    setattr(module, key, heard)


def alternatives(pattern: str) -> list[tuple[int, int]]:
    """Return where the alternatives of a pattern stand, each with the bar before or behind it."""
    stack: list[list[int]] = [[0]]
    spans, at = [], 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            at += 2
            continue
        if sign == "[":
            at += 2 if pattern[at + 1] in "^]" else 1
            while pattern[at] != "]" or pattern[at - 1] == "[":
                at += 2 if pattern[at] == "\\" else 1
        elif sign == "(":
            begin = at + 1
            if pattern[begin : begin + 1] == "?":
                head = re.match(r"\?(?:P<\w+>|[a-zA-Z-]*:|<?[=!])", pattern[begin:])
                begin += head.end() if head else 0
            stack.append([begin])
        elif sign == "|":
            stack[-1].append(at)
        elif sign == ")":
            spans += _spans(stack.pop(), at)
        at += 1
    return spans + _spans(stack.pop(), len(pattern))


def _spans(bars: list[int], end: int) -> list[tuple[int, int]]:
    begin, *bars = bars
    if not bars:
        return []
    return [(begin, bars[0] + 1), *zip(bars, [*bars[1:], end], strict=True)]


def needless(rule: Rule) -> list[str]:
    """Return the alternatives of a pattern without which every match that was noted stays as it is."""
    pattern = rule.compiled.pattern
    found = []
    for begin, end in alternatives(pattern):
        try:
            without = re.compile(pattern[:begin] + pattern[end:], rule.compiled.flags)
        except re.error:
            continue
        if all(_stays(rule.compiled, without, match) for match in rule.matches):
            found.append(pattern[begin:end].strip("|"))
    return found


def _stays(whole, without, match) -> bool:
    text, begin, end = match
    usual = whole.match(text, begin)
    if usual is None or usual.end() != end:
        return True  # it looks further than what was kept of the text
    found = without.match(text, begin)
    return found is not None and found.groups() == usual.groups() and found.end() == end


def ablate(rule: Rule) -> Counter:
    """Judge the texts that met a rule without it; returns what changes how often."""
    rule.off = True
    forget()
    changed = _compared([number for numbers in rule.calls.values() for number in numbers])
    rule.off = False
    return changed


class Branches:
    """Every `if` without `else`: which kept texts take it, and what changes where it is taken away."""

    def __init__(self) -> None:
        self.nodes: dict[Path, dict[int, ast.If]] = {}
        self.trees: dict[Path, ast.Module] = {}
        for file in sorted(ROOM.rglob("*.py")):
            if file.relative_to(ROOM).parts[0] not in APART:
                tree = self.trees[file] = ast.parse(file.read_text())
                found = [node for node in ast.walk(tree) if isinstance(node, ast.If) and not node.orelse]
                self.nodes[file] = {node.body[0].lineno: node for node in found}
        self.bodies = {str(file): set(nodes) for file, nodes in self.nodes.items()}
        self.calls: dict[tuple[str, int], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self.codes: dict[tuple[str, int], set] = defaultdict(set)
        forget()
        for number, call in enumerate(SEEN.calls):
            self._follow(number, call)

    def _follow(self, number, call) -> None:
        met: set = set()

        def local(frame, event, argument):
            code = frame.f_code
            if event == "line" and frame.f_lineno in self.bodies[code.co_filename]:
                met.add((code, frame.f_lineno))
            return local

        sys.settrace(lambda frame, event, argument: local if frame.f_code.co_filename in self.bodies else None)
        same = judged_again(call) == call[-1]
        sys.settrace(None)
        for code, line in met if same else ():
            place = (code.co_filename, line)
            self.codes[place].add(code)
            if len(self.calls[place][call[0]]) < EACH:
                self.calls[place][call[0]].append(number)

    def taken_away(self):
        """Yield each branch: its place, how many texts that take it were judged without it, what changed."""
        functions = {each.__code__: each for each in gc.get_objects() if type(each).__name__ == "function"}
        for file, nodes in self.nodes.items():
            for line, node in sorted(nodes.items()):
                test, node.test = node.test, ast.copy_location(ast.Constant(value=False), node)
                made = compile(ast.fix_missing_locations(self.trees[file]), str(file), "exec")
                node.test = test
                place = f"{file.relative_to(ROOM)}:{node.lineno} {ast.unparse(test)[:60]}"
                numbers = [number for of_test in self.calls[str(file), line].values() for number in of_test]
                changed: Counter = Counter()
                for code in self.codes[str(file), line]:
                    function, other = functions.get(code), _same_code(made, code)
                    if function is not None and other is not None and other.co_freevars == code.co_freevars:
                        function.__code__ = other
                        forget()
                        changed += _compared(numbers)
                        function.__code__ = code
                yield place, len(numbers), changed


def _compared(numbers) -> Counter:
    """Judge kept texts again; returns what changes in which test."""
    changed: Counter = Counter()
    for call in (SEEN.calls[number] for number in numbers):
        now = judged_again(call)
        if now != call[-1]:
            changed[f"{call[-1].split()[0][:12]} -> {now.split()[0][:12]}", call[0]] += 1
    return changed


def _same_code(made, code):
    """Return the code object of a compiled file that stands where another one stood."""
    stack = [made]
    while stack:
        top = stack.pop()
        if top.co_name == code.co_name and top.co_firstlineno == code.co_firstlineno:
            return top
        stack.extend(const for const in top.co_consts if hasattr(const, "co_lines"))
    return None


def names_of() -> dict[int, str]:
    """Return the names under which rules stand in their modules."""
    names = {}
    for name, module in sys.modules.items():
        if name.startswith("potstill.verify"):
            for key, value in vars(module).items():
                if isinstance(value, Rule):
                    names.setdefault(id(value), key)
    return names


def report() -> None:
    names = names_of()
    print(f"{len(SEEN.calls):,} texts judged, {len(RULES)} patterns\n")
    print("== patterns that nothing meets")
    for rule in RULES:
        if not rule.hits:
            print(f"  {rule.place} {names.get(id(rule), '')}: {rule.compiled.pattern[:100]!r}")
    print("\n== alternatives that no match needs")
    for rule in RULES:
        if rule.hits and (unneeded := needless(rule)):
            print(f"  {rule.place} {names.get(id(rule), '')}: {len(unneeded)}: {' | '.join(unneeded)[:160]}")
    print("\n== what changes without a pattern, of the texts that meet it (at most", EACH, "of a test file)")
    for rule in RULES:
        asked = sum(map(len, rule.calls.values()))
        changed = ablate(rule) if asked else Counter()
        print(f"  {rule.place} {names.get(id(rule), '')}: {rule.hits:,} matches, {asked} texts: {_changes(changed)}")
    print("\n== what changes without a branch, of the texts that take it (at most", EACH, "of a test file)")
    for place, asked, changed in Branches().taken_away():
        print(f"  {place}: {asked} texts: {_changes(changed)}", flush=True)


def _changes(changed: Counter) -> str:
    by_change: Counter = Counter()
    for (change, _), count in changed.items():
        by_change[change] += count
    tests = {test for _, test in changed}
    alone = f"; {next(iter(tests))} alone" if len(tests) == 1 else ""
    return (", ".join(f"{count} {change}" for change, count in by_change.most_common(4)) or "nothing") + alone


def again(file: Path) -> int:
    """Judge kept texts again; returns how many differ."""
    for home in ASKED:
        __import__(home)
    differing = 0
    for call in pickle.loads(file.read_bytes()):
        now = judged_again(call)
        if now != call[-1]:
            differing += 1
            print(f"{call[0]}: {call[1].rpartition('.')[2]}{str(call[2])[-300:]}: {call[-1]} -> {now}")
    print(f"{differing} differ")
    return differing


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", nargs="+", default=None)
    parser.add_argument("--keep", type=Path, help="write the judged texts with their verdicts")
    parser.add_argument("--again", type=Path, help="judge such a file again and print what differs")
    parser.add_argument(
        "--every", type=int, default=1, help="of the shared traces and the grids take one row in so many"
    )
    parser.add_argument("--only-keep", action="store_true", help="take nothing away")
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, _too_long)
    if options.again:
        return min(again(options.again), 1)
    import pytest

    stand_in()
    listen()
    folders = ("", "symbolic", "steps")
    tests = options.tests or [
        str(file) for folder in folders for file in sorted((HOME / "tests" / "verify" / folder).glob("test_*.py"))
        if file.name not in SPARED
    ]  # fmt: skip
    pytest.main(["-q", "-p", "no:cacheprovider", "--timeout", "0", "--tb", "no", *tests], plugins=[Plugin()])
    if not options.tests:
        corpus(options.every)
    if options.keep:
        options.keep.write_bytes(pickle.dumps(SEEN.calls))
    if not options.only_keep:
        report()
    return 0


if __name__ == "__main__":
    sys.exit(main())
