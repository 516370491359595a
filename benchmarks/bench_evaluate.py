"""Evaluating SmolLM2-135M by a protocol of 200 problems and 4 samples, and plain batched `generate`, alternated.

The seam does all that an evaluation does: the protocol's words, requests, batches of like lengths, the ledger on disk,
verdicts and figures. `generate` only generates, the same prompts in the natural order of the problems, with each of
several batch sizes, the best of which is what counts; its own loading and a first short call are not timed, nor are the
sampler's. Both have the same sampling (with one sample: greedy), bf16, most tokens, threads and allocator settings,
each in a process of its own. Drawn texts differ, so tokens a second stand beside the seconds.

Then an evaluation is killed once a third of its responses are on disk and started again: what the second process
samples must be what was missing, and what was there must stay as it was.

In bf16 two batches round differently, and one rounding can turn a whole response, so equal texts are counted in fp32
too, greedily, on the first problems and untimed. Writes benchmarks/results/evaluate.json; a losing row stays.

    make bench-evaluate                             or a part of it:
    python benchmarks/bench_evaluate.py --max-tokens 32 --batch 128 --repeats 1
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import resource
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from potstill import recipe
from potstill.cli import ALLOCATOR
from potstill.errors import StoreError
from potstill.evaluate.benchmarks import BENCHMARKS, Protocol
from potstill.evaluate.benchmarks.asking import asked_of
from potstill.evaluate.benchmarks.figures import figures
from potstill.models.ledger import Ledger
from potstill.problems import families
from potstill.records import Problem

RESULTS = Path(__file__).parent / "results" / "evaluate.json"
SEAM = "potstill"
FAMILIES = ("chain", "shop", "clock", "compare", "row", "weekday")
BATCHES = (32, 64, 128, 256)
SAME = 40
"""Problems on which the texts are compared in fp32."""


def problems(count: int) -> list[Problem]:
    """All families in turn."""
    streams = [families.generate(name, 1, {}) for name in FAMILIES]
    return [next(streams[number % len(streams)]) for number in range(count)]


def protocol_of(options: argparse.Namespace) -> Protocol:
    """GSM8K as R1 asks it (T 0.6, top-p 0.95), with as many samples and tokens as asked for; one sample is greedy."""
    greedy = {"temperature": 0.0, "top_p": 1.0} if options.samples == 1 else {}
    changes = {"samples": options.samples, "max_tokens": options.max_tokens, **greedy}
    return BENCHMARKS.form("gsm8k", "r1").with_changes(changes)


def seam(options: argparse.Namespace, precision: str) -> dict[str, Any]:
    """Seconds of a whole evaluation, its greedy texts by problem, its tokens, and how many responses it sampled."""
    from potstill.evaluate.protocol import TableLine
    from potstill.models.local.model import Prompt
    from potstill.pipeline.benchmarking import Prepared, measured
    from potstill.pipeline.checkpoints import local_student
    from potstill.progress import Progress
    from potstill.verify import Verdicts

    asked, protocol = problems(options.problems), protocol_of(options)
    student, settings = recipe.Student(model=str(options.folder)), recipe.Evaluate()
    model_under_test = local_student(str(options.folder), "smollm2", precision, settings.batch, options.folder.parent)
    engine = model_under_test.model.engine
    warm = engine.render([{"role": "user", "content": asked[0].statement}])
    engine.sample([Prompt(warm)], 2)
    answer, sampled = engine.answer, []
    engine.answer = lambda prompts, about: sampled.extend(prompts) or answer(prompts, about)
    began = time.perf_counter()
    posed = Prepared(protocol, asked).posed(model_under_test, 0)
    with Ledger(options.ledger) as ledger, Verdicts(recipe.Checks()) as verdicts:
        line, progress = TableLine("smollm2", protocol.name), Progress("evaluate", len(posed))
        measures = list(measured(posed, model_under_test, ledger, line, student, verdicts, progress))
        told = {name: value.value for name, value in figures(protocol, measures)}
        seconds = time.perf_counter() - began
        texts = {one.problem.key: ledger.get(one.request.key).content for one in posed if not one.request.sample}
    assert len(measures) == len(asked) * protocol.samples
    tokens = sum(measure.completion_tokens for measure in measures)
    return {"seconds": seconds, "tokens": tokens, "texts": texts, "sampled": len(sampled), "figures": told}


def plain(options: argparse.Namespace, precision: str, batch: int) -> dict[str, Any]:
    """Seconds of `generate`, the first text by problem, and its tokens."""
    import torch
    import transformers

    torch.manual_seed(0)
    asked, protocol = problems(options.problems), protocol_of(options)
    tokenizer = transformers.AutoTokenizer.from_pretrained(options.folder, padding_side="left")
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    model = transformers.AutoModelForCausalLM.from_pretrained(options.folder, dtype=dtype).eval()
    stop = tokenizer.eos_token_id
    drawn = protocol.temperature > 0
    sampling = {"temperature": protocol.temperature, "top_p": protocol.top_p, "top_k": 0} if drawn else {}

    def answers(questions: list[str], most: int) -> list[list[int]]:
        turns = [[{"role": "user", "content": question}] for question in questions]
        texts = [tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True) for turn in turns]
        inputs = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
        with torch.inference_mode():
            found = model.generate(
                **inputs, max_new_tokens=most, do_sample=drawn, pad_token_id=tokenizer.pad_token_id, **sampling
            )
        written = found[:, inputs["input_ids"].shape[1] :].tolist()
        return [ids[: ids.index(stop)] if stop in ids else ids for ids in written]

    answers([asked[0].statement], 2)
    began = time.perf_counter()
    rows = [(problem.key, asked_of(protocol, problem)) for problem in asked for _ in range(protocol.samples)]
    ids = []
    for start in range(0, len(rows), batch):
        ids += answers([question for _, question in rows[start : start + batch]], options.max_tokens)
    texts = tokenizer.batch_decode(ids, clean_up_tokenization_spaces=False)
    seconds = time.perf_counter() - began
    found: dict[str, str] = {}
    for (key, _), text in zip(rows, texts, strict=True):
        found.setdefault(key, text.strip())
    tokens = sum(len(one) + (len(one) < options.max_tokens) for one in ids)
    return {"seconds": seconds, "tokens": tokens, "texts": found, "sampled": len(rows)}


def one(which: str, options: argparse.Namespace, precision: str) -> None:
    """One repetition in this process; prints its figures and its texts as JSON."""
    import torch

    torch.set_num_threads(options.threads)
    found = seam(options, precision) if which == SEAM else plain(options, precision, int(which))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({**found, "cpu_seconds": time.process_time(), "peak_gb": peak}))


def begun(
    which: str, options: argparse.Namespace, ledger: Path, precision: str = "bf16", **changed: int
) -> subprocess.Popen[bytes]:
    """Start one repetition in a process of its own; `changed` are options of its own."""
    asked = {"problems": options.problems, "samples": options.samples, "max_tokens": options.max_tokens, **changed}
    command = [
        sys.executable, __file__, "--one", which, precision, "--folder", str(options.folder), "--ledger", str(ledger),
        "--threads", str(options.threads),
        *(part for name, value in asked.items() for part in (f"--{name.replace('_', '-')}", str(value))),
    ]  # fmt: skip
    environment = {**os.environ, **ALLOCATOR, "OMP_NUM_THREADS": str(options.threads)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def ended(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Return what a repetition printed."""
    said, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"a repetition ended with {process.returncode}: {' '.join(process.args)}")
    return dict(json.loads(said.splitlines()[-1]))


def started(which: str, options: argparse.Namespace, precision: str = "bf16", **changed: int) -> dict[str, Any]:
    """Run one repetition in a process and with a ledger of its own."""
    with TemporaryDirectory() as kept:
        return ended(begun(which, options, Path(kept) / "l.sqlite", precision, **changed))


def interrupted(options: argparse.Namespace) -> dict[str, int]:
    """Kill an evaluation once a third of its responses are on disk, and go on: what was there, sampled then, in all."""
    wanted = options.problems * options.samples
    with TemporaryDirectory() as kept:
        path = Path(kept) / "l.sqlite"
        first = begun(SEAM, options, path)
        while len(there := _on_disk(path)) < wanted / 3 and first.poll() is None:
            time.sleep(0.2)
        first.send_signal(signal.SIGKILL)
        first.communicate()
        there = _on_disk(path)
        second = ended(begun(SEAM, options, path))
        after = _on_disk(path)
    unchanged = sum(after.get(key) == said for key, said in there.items())
    return {
        "responses": wanted, "on_disk_when_killed": len(there), "of_these_unchanged": unchanged,
        "sampled_after": second["sampled"], "on_disk_at_the_end": len(after),
    }  # fmt: skip


def _on_disk(path: Path) -> dict[str, str]:
    try:
        with Ledger(path, write=False) as ledger:
            return {completion.key: completion.content for completion in ledger}
    except StoreError:  # not there yet, or just being made
        return {}


def same(a: dict[str, str], b: dict[str, str]) -> int:
    """How many responses are equal."""
    return sum(a[key] == b[key] for key in a)


def main() -> None:
    """Alternate them and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--samples", type=int, default=4, help="a problem; with one it is greedy")
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--batch", type=int, action="append", help=f"of generate (default: {BATCHES})")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--interrupt", type=int, default=60, metavar="PROBLEMS", help="of the one that is killed")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--folder", type=Path, default=Path("runs") / "bench-evaluate" / "smollm2")
    parser.add_argument("--ledger", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--one", nargs=2, metavar=("WHICH", "PRECISION"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.one[0], options, options.one[1])
        return
    if not (options.folder / "config.json").exists():
        from potstill.train import students

        students.prepare(recipe.Student(model=students.PACKAGED), lambda: (), 0, options.folder)
    names = [*map(str, options.batch or BATCHES)]
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in (SEAM, *names)}
    for _, which in itertools.product(range(options.repeats), found):
        found[which].append(started(which, options))
        print(f"{which:<9} {found[which][-1]['seconds']:7.1f} s, {found[which][-1]['tokens']} tokens", flush=True)
    medians = {name: statistics.median(run["seconds"] for run in runs) for name, runs in found.items()}
    best = min(names, key=medians.__getitem__)
    few = {"problems": min(SAME, options.problems), "samples": 1, "max_tokens": min(64, options.max_tokens)}
    exact = same(started(SEAM, options, "fp32", **few)["texts"], started(best, options, "fp32", **few)["texts"])
    gone_on = interrupted(argparse.Namespace(**{**vars(options), "problems": min(options.interrupt, options.problems)}))
    for runs in found.values():
        for run in runs:
            del run["texts"]
    report = {
        "machine": {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()},
        "problems": options.problems, "samples": options.samples, "max_tokens": options.max_tokens,
        "threads": options.threads, "seconds": medians, "best_batch": int(best),
        "times_as_fast": medians[best] / medians[SEAM], "equal_texts_fp32": [exact, few["problems"]],
        "interrupted": gone_on, "runs": found,
    }  # fmt: skip
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    for name, seconds in medians.items():
        shown = name if name == SEAM else f"generate, batch {name}"
        print(f"{shown:<22} {seconds:7.1f} s, {found[name][0]['tokens'] / seconds:5.0f} tokens/s")
    print(f"the evaluation is {report['times_as_fast']:.2f} times as fast as generate with batch {best}, its best")
    print(f"equal greedy responses in fp32: {exact} of {few['problems']}")
    print(
        f"killed with {gone_on['on_disk_when_killed']} of {gone_on['responses']} responses on disk: "
        f"{gone_on['sampled_after']} sampled after, {gone_on['of_these_unchanged']} unchanged, "
        f"{gone_on['on_disk_at_the_end']} in all"
    )
    repeated = gone_on["on_disk_when_killed"] + gone_on["sampled_after"] != gone_on["responses"]
    if repeated or gone_on["of_these_unchanged"] != gone_on["on_disk_when_killed"]:
        raise SystemExit("a response was sampled twice, or changed")


if __name__ == "__main__":
    main()
