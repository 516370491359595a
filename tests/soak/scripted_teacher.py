"""A teacher and a judge on loopback that answer as DeepSeek-R1 and a judge do, from a script: nothing of it is a model.

Of a problem's samples some are wrong, some cut off, some mix languages, some are long; which ones hangs on the question
and the seed alone. Told a way of solving, it is right wherever the way is the one that suits the question, and mostly
wrong elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from potstill.teach.roles import packaged
from potstill.teach.strategies.strategies import PACKAGED

SUM = re.compile(r"What is (\d+) plus (\d+)")
PROGRAM = re.compile(r"a function (\w+)\(n\) that returns n plus (\d+)")
WORDS = ("Red", "Blue", "Green", "Yellow")
JUDGED = re.compile(r"VERDICT-(\w+)")
SUITS = {"mathematics": "extract_then_compute", "general": "analogy"}
"""Domain of an instruction -> the way in which it is solved best."""
WAYS = {packaged(f"strategies_{name}"): name for name in PACKAGED}


def problems(folder):
    """Write the four files of problems, a thousandth of R1's, the four of benchmarks, and instructions like Orca's."""
    sums = [(a, b) for a in range(10, 25) for b in range(30, 40)]
    kinds = ["gold", "ink", "rust", "sand", "snow", "wine", "moss", "coal", "milk", "sky"]
    rows = {
        "mathematics.jsonl": [{"question": f"What is {a} plus {b}?", "gold": str(a + b)} for a, b in sums],
        "code.jsonl": [
            {"question": f"Write a function add_{n}(n) that returns n plus {n}.",
             "tests": [f"assert add_{n}(4) == {n + 4}"]}
            for n in range(60)
        ],
        "science.jsonl": [
            {"question": f"Flask {n} is {WORDS[n % 4].lower()}. Which colour has it?", "choices": list(WORDS),
             "gold": "ABCD"[n % 4]} for n in range(40)
        ],
        "general.jsonl": [
            {"question": f"Name in two words what {kind} number {n} is like.", "gold": f"calm {kind}"}
            for n in range(5) for kind in kinds
        ],
        "aime24.jsonl": [{"question": f"How many are {n} and {n} and one?", "gold": str(2 * n + 1)} for n in (3, 5)],
        "math500.jsonl": [{"question": f"Evaluate ${n} - 1$.", "gold": str(n - 1)} for n in (7, 9)],
        "livecodebench.jsonl": [
            {"question_content": f"Print {n}.", "starter_code": "", "question_id": f"q{n}",
             "contest_date": "2024-09-01", "tests": {"stdin": [["", f"{n}\n"]]}} for n in (1, 2)
        ],
    }  # fmt: skip
    mixed = {"mathematics": rows["mathematics.jsonl"][:50], "general": rows["general.jsonl"]}
    rows["instructions.jsonl"] = [one | {"domain": domain} for domain, some in mixed.items() for one in some]
    for name, made in rows.items():
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in made))
    wrong = ",".join(f"Incorrect Answer {n}" for n in (1, 2, 3))
    head = f"Question,Correct Answer,{wrong},Record ID,High-level domain\n"
    (folder / "gpqa_diamond.csv").write_text(head + "Which is odd?,3,2,4,6,r1,Maths\nWhich is even?,8,5,7,9,r2,Maths\n")


def answered(question, seed, system=""):
    """Return reasoning, answer, finish reason and completion tokens."""
    dice = hashlib.sha256(f"{question} {seed} {system}".encode()).digest()
    wrong, kind = dice[0] < 50, dice[1]
    if told := WAYS.get(system):
        wrong = dice[0] < 190 and told != SUITS["mathematics" if SUM.search(question) else "general"]
    if found := SUM.search(question):
        a, b = map(int, found.groups())
        total = a + b + wrong
        way = (f"Tens first: {a} + {b} = {total}.", f"I add {b} to {a}, so {a} + {b} = {total}.")[kind % 2]
        answer = f"The sum is $\\boxed{{{total}}}$."
    elif found := PROGRAM.search(question):
        name, more = found.groups()
        way = f"It takes n and adds {more}, way {kind % 5}."
        answer = f"```python\ndef {name}(n):\n    return n + {int(more) + wrong}\n```"
    elif "Which colour" in question:
        place = next(n for n, word in enumerate(WORDS) if f"is {word.lower()}." in question)
        letter = "ABCD"[(place + wrong) % 4]
        way, answer = f"The flask says it, look {kind % 5}.", f"The answer is ({letter})."
    else:
        kind_of = re.search(r"what (\w+) number", question)
        said = f"calm {kind_of[1]}" if kind_of and not wrong else "loud noise"
        way, answer = f"What comes to mind, try {kind % 7}.", f"The answer is: {said}"
    if kind < 12:
        way += " 让我再想一想这个问题的答案。"
    long = kind > 205
    return way, answer, "length" if dice[2] < 8 else "stop", 7000 if long else 40 + kind % 30


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = body["messages"][-1]["content"]
        self.server.asked[json.dumps(body, sort_keys=True)] += 1
        if nonce := JUDGED.search(said):
            gold = re.search(rf"<reference-{nonce[1]}>\n(.*?)\n", said)[1]
            given = re.search(rf"<answer-{nonce[1]}>\n(.*?)\n</answer", said, re.DOTALL)[1].rpartition("is: ")[2]
            verdict = "RIGHT" if given.strip() == gold.strip() else "WRONG"
            message = {"role": "assistant", "content": f"QUOTE-{nonce[1]}: {given}\nVERDICT-{nonce[1]}: {verdict}"}
            finish, written = "stop", 20
        else:
            told = "".join(turn["content"] for turn in body["messages"] if turn["role"] == "system")
            way, answer, finish, written = answered(said, body.get("seed"), told)
            message = {"role": "assistant", "content": answer, "reasoning_content": way}
        reply = {
            "id": "r1", "object": "chat.completion", "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {"prompt_tokens": len(said.split()), "completion_tokens": written},
        }  # fmt: skip
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


class _Server(ThreadingHTTPServer):
    request_queue_size = 1024
    """As many may knock at once as the client has in flight; the five of the library would make them wait for long."""


@contextmanager
def serving():
    """Serve in threads of this process; yield the address and how often each body was asked."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.daemon_threads, server.asked = True, Counter()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", server.asked
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
