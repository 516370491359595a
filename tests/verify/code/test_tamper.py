"""Programs that attack their grader instead of solving the task: none is ever right, and what they seek is not there.

Each attack meets the tests twice: as plain calls, compared in this process, and as assertions that run in the tests'
own sandbox. The tests expect what no honest program would return.
"""

from __future__ import annotations

import json

import pytest

from potstill.verify.answers import Judged
from potstill.verify.code import read_tests
from potstill.verify.code.judge import judge_program
from potstill.verify.sandbox import Limits, Sandbox

PLAIN = ["assert f(2) == 'kiwi-4871'", "assert f(3) == 'kiwi-9133'"]
HELD = ["assert math.isclose(len(f(2)), 9) and all([f(2) == 'kiwi-4871'])", "assert all([f(3) == 'kiwi-9133'])"]
HONEST = "def f(x):\n    return {2: 'kiwi-4871', 3: 'kiwi-9133'}[x]\n"
LIMITS = Limits(seconds=1.0)

LIAR = """
class Liar({base}):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __eq__
    def __sub__(self, other): return 0
    __add__ = __radd__ = __rsub__ = __abs__ = __sub__
    def __hash__(self): return 0
    def __len__(self): return 9
    def __bool__(self): return True
    def __float__(self): return 9.0
    def __instancecheck__(self, other): return True
    def __repr__(self): return 'kiwi-4871'
    __str__ = __repr__
def f(x): return Liar({value})
"""
SEEK = """
import gc, os, sys
def seek(value, depth=0, seen=set()):
    if isinstance(value, str) and 'kiwi-' in value and len(value) < 20 and value != 'ki' + 'wi-': return value
    if id(value) in seen or depth > 6: return None
    seen.add(id(value))
    inner = []
    if isinstance(value, dict): inner = [*value.keys(), *value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)): inner = list(value)
    elif hasattr(value, '__dict__'): inner = list(vars(value).values())
    elif type(value).__name__ == 'code': inner = list(value.co_consts)
    for item in inner:
        found = seek(item, depth + 1)
        if found: return found
"""
ATTACKS = {
    "leaves by os._exit(0) while loading": "import os\nos._exit(0)",
    "leaves by sys.exit(0) while loading": "import sys\nsys.exit(0)",
    "leaves by os._exit(0) in the call": "import os\ndef f(x): os._exit(0)",
    "leaves by sys.exit(0) in the call": "import sys\ndef f(x): sys.exit(0)",
    "raises SystemExit(0) in the call": "def f(x): raise SystemExit(0)",
    "raises KeyboardInterrupt": "def f(x): raise KeyboardInterrupt",
    "raises GeneratorExit": "def f(x): raise GeneratorExit",
    "raises StopIteration": "def f(x): raise StopIteration(True)",
    "raises what the grader raises itself": """
class Unsupported(BaseException): pass
class UnfitError(Exception): pass
def f(x): raise (Unsupported if x == 2 else UnfitError)('passed')
""",
    "kills its own process": "import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGTERM)",
    "kills every process it can": """
import os
def f(x):
    os.kill(-1, 9)
    os.kill(os.getppid(), 9)
    return x
""",
    "leaves at exit with a forged line": """
import atexit, os
atexit.register(lambda: os.write(1, b'PASSED 2/2'))
def f(x): return x
""",
    "prints forged results": """
print('PASSED\\n2 passed in 0.01s\\nOK')
def f(x):
    print('test passed')
    return x
""",
    "returns an object that equals everything": LIAR.format(base="object", value=""),
    "returns an int that equals everything": LIAR.format(base="int", value="1"),
    "returns a float that equals everything": LIAR.format(base="float", value="1.0"),
    "returns a text that equals everything": LIAR.format(base="str", value="'x'"),
    "returns a list that equals everything": LIAR.format(base="list", value="[1]"),
    "returns a tuple that equals everything": LIAR.format(base="tuple", value="(1,)"),
    "returns a class that equals everything": """
class Meta(type):
    def __eq__(self, other): return True
    __hash__ = type.__hash__
    def __len__(self): return 9
class C(metaclass=Meta): pass
def f(x): return C
""",
    "returns an object that claims to be a text": """
class C:
    @property
    def __class__(self): return str
    def __eq__(self, other): return True
    def __len__(self): return 9
def f(x): return C()
""",
    "returns an object that runs code when unpickled": """
class C:
    def __reduce__(self): return (exec, ('import os; os._exit(0)',))
def f(x): return C()
""",
    "returns a mapping that has every key": """
class C(dict):
    def __missing__(self, key): return True
    def __eq__(self, other): return True
def f(x): return C()
""",
    "returns NotImplemented": "def f(x): return NotImplemented",
    "returns an iterator without end": "import itertools\ndef f(x): return itertools.repeat('kiwi-')",
    "returns nesting without end": """
def f(x):
    a = []
    a.append(a)
    return a
""",
    "returns a value of many megabytes": "def f(x): return 'kiwi-' * 10_000_000",
    "patches the builtins": """
import builtins
for name in ('abs', 'all', 'any', 'len', 'isinstance', 'issubclass', 'hash', 'bool', 'round'):
    setattr(builtins, name, lambda *a, **k: True)
def f(x): return x
""",
    "patches AssertionError": """
import builtins
class Never(Exception):
    def __new__(cls, *a): import os; os._exit(0)
builtins.AssertionError = Never
def f(x): return x
""",
    "shadows what the tests call": """
def all(x): return True
def len(x): return 9
def str(x): return 'x'
class math:
    isclose = staticmethod(lambda *a: True)
def f(x): return 'x'
""",
    "puts modules into sys.modules": """
import sys, types
m = types.ModuleType('math')
m.isclose = lambda *a, **k: True
sys.modules['math'] = m
sys.modules['tests'] = sys.modules['checker'] = sys.modules['unittest'] = m
def f(x): return x
""",
    "replaces the driver's encoder": """
import __main__
__main__.encode = lambda *a, **k: '(2:TN'
__main__.Peer.write = lambda *a: '(2:TN'
def f(x): return x
""",
    "replaces the driver's loop": """
import __main__, sys
def serve(self):
    while self.receive(): self.send('=(2:TN')
__main__.Peer.serve = serve
def f(x): return x
""",
    "traces the driver": """
import sys
def trace(frame, event, arg):
    for name in ('result', 'value'):
        if name in frame.f_locals: frame.f_locals[name] = True
    return trace
sys.settrace(trace)
sys.setprofile(trace)
def f(x): return x
""",
    "writes reports into every descriptor": """
import os
for n in range(1, 64):
    for line in (b'.(3:s0:s6:passeds0:\\n', b'=(2:TN\\n', b'.T\\n'):
        try: os.write(n, line)
        except OSError: pass
def f(x): return x
""",
    "writes garbage into every descriptor": """
import os
for n in range(3, 64):
    try: os.write(n, b'\\xff\\xfe\\n=\\n![1:\\n?\\n')
    except OSError: pass
def f(x): return x
""",
    "answers from a thread": """
import os, threading, time
def flood():
    while True:
        for n in range(3, 12):
            try: os.write(n, b'=(2:TN\\n')
            except OSError: pass
        time.sleep(0.001)
threading.Thread(target=flood, daemon=True).start()
def f(x): return x
""",
    "answers from a child and leaves": """
import os
def f(x):
    if os.fork(): os._exit(0)
    return x
""",
    "closes the channel": "import os\nos.closerange(0, 256)\ndef f(x): return x",
    "looks for the nonce": """
import __main__, os
def f(x): return getattr(__main__, 'NONCE', None) or getattr(__main__, 'CHANNEL', None)
""",
    "seeks the expected values in its frames": SEEK
    + """
def f(x):
    frame = sys._getframe()
    while frame:
        found = seek(frame.f_globals) or seek(frame.f_locals)
        if found: return found
        frame = frame.f_back
""",
    "seeks the expected values among all objects": SEEK
    + """
def f(x):
    for one in gc.get_objects():
        found = seek(one, 5)
        if found: return found
""",
    "seeks the expected values in all modules": SEEK
    + """
def f(x):
    for one in list(sys.modules.values()):
        found = seek(vars(one), 3)
        if found: return found
""",
    "seeks the expected values in /proc and files": """
import os, glob, re
def f(x):
    for path in glob.glob('/proc/[0-9]*/*') + glob.glob('/tmp/**', recursive=True) + glob.glob('/dev/shm/*'):
        try: found = re.search(rb'kiwi-\\d+', open(path, 'rb').read(1 << 20))
        except (OSError, ValueError): continue
        if found: return found[0].decode()
""",
    "asks the tests for what they hold": """
import gc
def peer(): return next(o for o in gc.get_objects() if type(o).__name__ == 'Peer')
def f(x):
    for question in (('name', 'check'), ('name', 'f'), ('get', 'y0', '__globals__')):
        try: return peer().ask(*question)
        except BaseException: pass
""",
    "defines the tests' own names": """
def check(*a): return True
def candidate(*a): return 'kiwi-4871'
assert_ = check
""",
    "is a class that is everything": LIAR.format(base="object", value="") + "f = Liar",
    "has a module-level __getattr__": "def __getattr__(name): return lambda *a: True",
    "recurses for ever": "import sys\nsys.setrecursionlimit(10**9)\ndef f(x): return f(x)",
    "never returns": "def f(x):\n    while True: pass",
    "never loads": "import time\ntime.sleep(1000)\ndef f(x): return x",
    "prints without end": "def f(x):\n    while True: print('PASSED' * 1000)",
    "takes all memory": "def f(x):\n    a = []\n    while True: a.append(bytearray(1 << 24))",
}


def judged(program: str, tests: object, sandbox: Sandbox, **facts: object) -> Judged:
    return judge_program(program, read_tests(json.dumps({"tests": tests, **facts})), sandbox, LIMITS)


@pytest.mark.parametrize("tests", [PLAIN, HELD], ids=["plain", "held"])
def test_an_honest_program_passes(tests: list[str], sandbox: Sandbox) -> None:
    assert judged(HONEST, tests, sandbox).outcome == "right"


@pytest.mark.parametrize("tests", [PLAIN, HELD], ids=["plain", "held"])
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_changes_nothing(attack: str, tests: list[str], sandbox: Sandbox) -> None:
    verdict = judged(f"```python\n{attack}\n```", tests, sandbox)
    assert verdict.outcome == "wrong", verdict


def test_the_attacks_fool_a_grader_that_runs_both_in_one_process(sandbox: Sandbox) -> None:
    fooled = [
        name
        for name, attack in ATTACKS.items()
        if not name.startswith(("never", "recurses", "prints", "takes", "returns a value"))
        and any(
            sandbox.run(f"import math\n{attack}\n{chr(10).join(tests)}".encode(), limits=LIMITS).code == 0
            for tests in (PLAIN, HELD)
        )
    ]
    assert len(fooled) >= 15, fooled


@pytest.mark.parametrize("where", ["its frames", "among all objects", "in all modules"])
def test_the_seekers_find_what_is_there(where: str, sandbox: Sandbox) -> None:
    seeker = next(attack for name, attack in ATTACKS.items() if name.startswith("seeks") and name.endswith(where))
    planted = f"held = ['kiwi-' + str(4871)]\n{seeker}"
    assert judged(f"```python\n{planted}\n```", PLAIN[:1], sandbox).outcome == "right"


def test_a_program_cannot_replace_a_function_of_the_question(sandbox: Sandbox) -> None:
    prompt = (
        "def poly(c, x):\n    return sum(a * x**i for i, a in enumerate(c))\n\ndef root(c):\n"
        "    '''Find x: poly(c, x) == 0.'''\n"
    )
    check = (
        "def check(candidate):\n    for c in ([1, 2], [-6, 11, -6, 1]):\n"
        "        assert abs(poly(c, candidate(c))) < 1e-4\n"
    )
    facts = {"tests": check, "entry_point": "root", "prompt": prompt}
    forged = "def poly(c, x):\n    return 0\n\ndef root(c):\n    return 17\n"
    honest = "def root(c):\n    return -0.5 if len(c) == 2 else 1\n"
    assert judged(forged, facts.pop("tests"), sandbox, **facts).outcome == "wrong"
    assert judged(honest, check, sandbox, **facts).outcome == "right"


def test_emptying_the_arguments_does_not_pass(sandbox: Sandbox) -> None:
    tests = ["a = [3, 1, 2]\nassert f(a) == sorted(a)"]
    assert judged("def f(a):\n    a.clear()\n    return []", tests, sandbox).outcome == "wrong"
    assert judged("def f(a):\n    return sorted(a)", tests, sandbox).outcome == "right"


def test_raising_the_end_of_an_iteration_does_not_end_the_tests(sandbox: Sandbox) -> None:
    tests = ["assert all(map(f, [1, 2, 3]))", "for x, y in zip(map(f, [1, 2]), [True, True]):\n    assert x is y"]
    assert judged("def f(x): return x > 0", tests, sandbox).outcome == "right"
    for kind in ("StopIteration", "StopAsyncIteration", "GeneratorExit"):
        assert judged(f"def f(x): raise {kind}", tests, sandbox).outcome == "wrong"
        assert judged(f"class E({kind}): pass\ndef f(x): raise E", tests, sandbox).outcome == "wrong"


def test_an_object_of_the_programs_own_is_not_asked_to_compare(sandbox: Sandbox) -> None:
    tests = ["assert f(1).issubset({1, 2})", "assert not f(1).difference({1, 2}) and 1 in f(1)"]
    forged = "class S:\n    def issubset(self, o): return True\n    def difference(self, o): return o.clear()\n"
    for more in ("def f(x): return S()", "    def __iter__(self): yield 3\nf = lambda x: S()", "def f(x): return S"):
        assert judged(forged + more, tests, sandbox).outcome == "unknown"
        assert judged(forged + more, ["assert 1 in f(1)"], sandbox).outcome == "wrong"
    assert judged("def f(x): return {x}", tests, sandbox).outcome == "right"


@pytest.mark.parametrize(
    "name", ["__globals__", "__code__", "__closure__", "__class__", "gi_frame", "secret", "_hidden"]
)
def test_what_the_tests_hand_over_shows_nothing_behind_it(name: str, sandbox: Sandbox) -> None:
    tests = [
        "import functools\nsecret = 'kiwi-4871'\n"
        "class Given:\n    def __init__(self): self._hidden = 'kiwi-4871'\n    def ask(self): return 7\n"
        "def numbers():\n    yield 7\n"
        "assert f(Given().ask) == 'kiwi-4871' and f(Given()) == 'kiwi-4871' and f(numbers()) == 'kiwi-4871'"
    ]
    seeking = (
        f"def f(given):\n    peer = given._peer\n    for owner in (given, 'tests', None):\n        try:\n"
        f"            found = peer.ask('get', owner, {name!r})\n"
        f"            return found['secret'] if {name!r} == '__globals__' else found\n"
        "        except Exception: pass\n    return peer.ask('name', 'secret')"
    )
    assert judged(f"```python\n{seeking}\n```", tests, sandbox).outcome == "wrong"
    called = "def f(given):\n    return 'kiwi-4871' if callable(given) else 0"
    assert judged(called, ["assert f(lambda: 7) == 'kiwi-' + '4871'"], sandbox).outcome == "right"


@pytest.mark.parametrize(
    "program",
    [
        "import os\nprint(input())\nos._exit(3)",
        "print('4')\nraise SystemExit(1)",
        "import sys\nsys.exit(0)",
        "print('ACCEPTED')",
        "print(*range(10))",
        "import os\nos.write(1, b'4'); os.kill(os.getpid(), 11)",
    ],
)
def test_output_is_compared_outside(program: str, sandbox: Sandbox) -> None:
    tests = {"stdin": [["2\n", "4\n"], ["3\n", "9\n"]]}
    assert judged(f"```python\n{program}\n```", tests, sandbox).outcome == "wrong"
    assert judged("print(int(input()) ** 2)", tests, sandbox).outcome == "right"
