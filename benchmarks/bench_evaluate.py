"""Evaluating SmolLM2-135M on 200 problems: potstill's seam in this process, and plain batched `generate`, alternated.

The seam does all that an evaluation does: requests, batches of like lengths, the ledger on disk, and the verdicts.
`generate` only generates, in the natural order of the problems, with each of several batch sizes, the best of which is
what counts; its own loading and a first short call are not timed, nor are the sampler's. Both are greedy in bf16 with
the same prompts, the same most tokens, the same threads and the same allocator settings, each in a process of its own.

In bf16 two batches round differently, and one rounding can turn a whole response, so equal texts are counted once more
in fp32, on the first problems and untimed. Writes benchmarks/results/evaluate.json; a losing row stays.

    make bench-evaluate                             or a part of it:
    python benchmarks/bench_evaluate.py --problems 40 --batch 32 --repeats 1
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from potstill import recipe
from potstill.cli import ALLOCATOR
from potstill.problems import families
from potstill.records import Problem

RESULTS = Path(__file__).parent / "results" / "evaluate.json"
SEAM = "potstill"
FAMILIES = ("chain", "shop", "clock", "compare", "row", "weekday")
BATCHES = (8, 16, 32, 64, 128)
SAME = 40
"""Problems on which the texts are compared in fp32."""


def problems(count: int) -> list[Problem]:
    """All families in turn."""
    streams = [families.generate(name, 1, {}) for name in FAMILIES]
    return [next(streams[number % len(streams)]) for number in range(count)]


def seam(folder: Path, asked: list[Problem], max_tokens: int, precision: str) -> tuple[float, dict[str, str], int]:
    """Seconds of a whole evaluation, the responses by problem, and their tokens."""
    from potstill.evaluate.protocol import TableLine, measure, requests_of
    from potstill.models.ledger import Ledger
    from potstill.pipeline.checkpoints import local_student
    from potstill.progress import Progress
    from potstill.verify import Verdicts

    student = recipe.Student(model=str(folder))
    settings = recipe.Evaluate(max_tokens=max_tokens)
    model_under_test = local_student(str(folder), "smollm2", precision, settings.batch, folder.parent)
    with TemporaryDirectory() as kept:
        with Ledger(Path(kept) / "warm.sqlite") as ledger:
            warm = requests_of(
                model_under_test, asked[:1], TableLine("s", "p"), student, recipe.Evaluate(max_tokens=2), 0
            )
            model_under_test.model.collect([request for _, request in warm], ledger, Progress("warm"))
        began = time.perf_counter()
        wanted = requests_of(model_under_test, asked, TableLine("s", "p"), student, settings, 0)
        with Ledger(Path(kept) / "l.sqlite") as ledger, Verdicts(recipe.Checks()) as verdicts:
            row, progress = TableLine("smollm2", "zero-shot"), Progress("evaluate", len(wanted))
            measures = list(measure(model_under_test, ledger, wanted, row, student, verdicts, progress))
            seconds = time.perf_counter() - began
            found = {problem.key: ledger.get(request.key).content for problem, request in wanted}
    assert len(measures) == len(asked)
    return seconds, found, sum(measure.completion_tokens for measure in measures)


def plain(
    folder: Path, asked: list[Problem], max_tokens: int, precision: str, batch: int
) -> tuple[float, dict[str, str], int]:
    """Seconds of `generate`, the responses by problem, and their tokens."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, padding_side="left")
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    stop = tokenizer.eos_token_id

    def answers(questions: list[str], most: int) -> list[list[int]]:
        turns = [[{"role": "user", "content": question}] for question in questions]
        texts = [tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True) for turn in turns]
        inputs = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
        with torch.inference_mode():
            found = model.generate(**inputs, max_new_tokens=most, do_sample=False, pad_token_id=tokenizer.pad_token_id)
        written = found[:, inputs["input_ids"].shape[1] :].tolist()
        return [ids[: ids.index(stop)] if stop in ids else ids for ids in written]

    answers([asked[0].statement], 2)
    began = time.perf_counter()
    ids = []
    for start in range(0, len(asked), batch):
        ids += answers([problem.statement for problem in asked[start : start + batch]], max_tokens)
    texts = tokenizer.batch_decode(ids, clean_up_tokenization_spaces=False)
    seconds = time.perf_counter() - began
    found = {problem.key: text.strip() for problem, text in zip(asked, texts, strict=True)}
    return seconds, found, sum(len(one) + (len(one) < max_tokens) for one in ids)


def one(which: str, options: argparse.Namespace, precision: str) -> None:
    """One repetition in this process; prints its figures and its texts as JSON."""
    import torch

    torch.set_num_threads(options.threads)
    asked = problems(options.problems)
    if which == SEAM:
        seconds, texts, tokens = seam(options.folder, asked, options.max_tokens, precision)
    else:
        seconds, texts, tokens = plain(options.folder, asked, options.max_tokens, precision, int(which))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    cpu = time.process_time()
    print(json.dumps({"seconds": seconds, "tokens": tokens, "cpu_seconds": cpu, "peak_gb": peak, "texts": texts}))


def started(which: str, options: argparse.Namespace, precision: str, count: int) -> dict[str, object]:
    """Run one repetition in a process of its own."""
    command = [
        sys.executable, __file__, "--one", which, precision, "--problems", str(count), "--folder", str(options.folder),
        "--max-tokens", str(options.max_tokens), "--threads", str(options.threads),
    ]  # fmt: skip
    environment = {**os.environ, **ALLOCATOR, "OMP_NUM_THREADS": str(options.threads)}
    said = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return json.loads(said.stdout.splitlines()[-1])


def same(a: dict[str, str], b: dict[str, str]) -> int:
    """How many responses are equal."""
    return sum(a[key] == b[key] for key in a)


def main() -> None:
    """Alternate them and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--batch", type=int, action="append", help=f"of generate (default: {BATCHES})")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--folder", type=Path, default=Path("runs") / "bench-evaluate" / "smollm2")
    parser.add_argument("--one", nargs=2, metavar=("WHICH", "PRECISION"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.one[0], options, options.one[1])
        return
    if not (options.folder / "config.json").exists():
        from potstill.train import students

        students.prepare(recipe.Student(model=students.PACKAGED), lambda: (), 0, options.folder)
    names = [*map(str, options.batch or BATCHES)]
    found: dict[str, list[dict[str, object]]] = {name: [] for name in (SEAM, *names)}
    for _, which in itertools.product(range(options.repeats), found):
        found[which].append(started(which, options, "bf16", options.problems))
        print(f"{which:<9} {found[which][-1]['seconds']:7.1f} s", flush=True)
    medians = {name: statistics.median(run["seconds"] for run in runs) for name, runs in found.items()}
    best = min(names, key=medians.__getitem__)
    alike = same(found[SEAM][0]["texts"], found[best][0]["texts"])
    few = min(SAME, options.problems)
    exact = same(started(SEAM, options, "fp32", few)["texts"], started(best, options, "fp32", few)["texts"])
    for runs in found.values():
        for run in runs:
            del run["texts"]
    report = {
        "machine": {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()},
        "problems": options.problems, "max_tokens": options.max_tokens, "threads": options.threads,
        "seconds": medians, "best_batch": int(best), "times_as_fast": medians[best] / medians[SEAM],
        "equal_texts_bf16": [alike, options.problems], "equal_texts_fp32": [exact, few], "runs": found,
    }  # fmt: skip
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    for name, seconds in medians.items():
        shown = name if name == SEAM else f"generate, batch {name}"
        print(f"{shown:<22} {seconds:7.1f} s, {found[name][0]['tokens'] / seconds:5.0f} tokens/s")
    print(f"the sampler is {report['times_as_fast']:.2f} times as fast as generate with batch {best}, its best")
    print(f"equal responses: {alike} of {options.problems} in bf16, {exact} of {few} in fp32")


if __name__ == "__main__":
    main()
