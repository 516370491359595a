"""Reinforcement learning beside TRL's GRPOTrainer: seconds a step, peak memory, and how rewards rise.

Both train the same warm-started pocket student on the same problems, G answers each, judged by the same verdicts, with
the same loss (token mean over the step, r - mean, no KL, one update a batch), rate, clipping of the norm, threads and
allocator. Each repetition is a process of its own with a seed of its own, contestants take turns, and the clock starts
after the first step. TRL's settings (rows a pass, attention) are each tried once; the fastest enters the rounds. Prints
medians and the ratio, and writes benchmarks/results/rl.json; a losing row stays.

    make bench-rl                                  some twenty minutes on two idle cores
    python benchmarks/bench_rl.py --steps 3 --repeats 1 --problems 4 --start-tokens 20000

TRL is unpacked below `.venv/peers` and sees the same libraries as potstill.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib.util
import itertools
import json
import math
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench_train import TRL, peers

from potstill import recipe
from potstill.cli import ALLOCATOR
from potstill.recipe_file import load
from potstill.records import Problem, Trace
from potstill.store import Run
from potstill.train import students
from potstill.train.course import Course
from potstill.train.methods.grpo import grpo
from potstill.train.render import ask, split
from potstill.train.rewards.verdict import reward_of
from potstill.verify import Verdicts

RESULTS = Path(__file__).parent / "results" / "rl.json"
START = """\
name: start
seed: 7
problems:
  evaluate: 8
  sources: [{family: chain, count: 4000, settings: {operand: 4, largest: 20, min_steps: 2, max_steps: 3}}]
teacher: {kind: worked, error_rate: 0.6, style: plain}
student: {scratch: {hidden: 128, layers: 4, heads: 4, intermediate: 352, vocabulary: 512, context: 512}}
train: {tokens: TOKENS, batch: 8, micro_batch: 8, learning_rate: 2.0e-3, precision: fp32}
evaluate: {max_tokens: 8, shots: 0}
sets: {traces: {curate: {drop_wrong: false}}}
arms: {start: {train: {}}}
"""
ANSWERS = 8
MOST = 100
RATE = 3e-4
SECONDS = 1800
"""After which a repetition is given up."""
Setting = dict[str, Any]
TRIED: tuple[Setting, ...] = tuple(
    {"batch": batch, "attention": attention} for batch in (32, 64, 128) for attention in ("eager", "sdpa")
)


@dataclass
class Repetition:
    """One training: where its student is, on which problems, and what came of each step."""

    setting: Setting
    folder: Path
    problems: list[Problem]
    steps: int
    each: int
    seed: int
    ended: list[float] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    tokens: list[float] = field(default_factory=list)

    @property
    def student(self) -> recipe.Student:
        """How the student is asked."""
        return load(str(self.folder / "start.yaml")).student

    @property
    def base(self) -> Path:
        """The checkpoint that both begin with."""
        return self.folder / "start" / "train-start" / "model"

    @property
    def train(self) -> recipe.Train:
        """How it is trained, in potstill's words."""
        rows = self.each * ANSWERS
        return recipe.Train(
            method="grpo", steps=self.steps, batch=rows, micro_batch=min(64, rows), learning_rate=RATE,
            schedule="constant", warmup=0.0, precision="fp32", grpo=recipe.Grpo(rollouts=ANSWERS, max_tokens=MOST),
        )  # fmt: skip


def potstill(run: Repetition) -> None:
    """Our loop as a recipe has it."""
    step = Course.step

    def timed(self: Course, *rows: Any, **given: Any) -> dict[str, float]:
        log = step(self, *rows, **given)
        run.ended.append(time.perf_counter())
        run.rewards.append(log["pass_at_1"])
        run.tokens.append(log["length"])
        return log

    Course.step = timed  # type: ignore[method-assign]
    whole = dataclasses.replace(load(str(run.folder / "start.yaml")), train=run.train)
    work = run.folder / f"work-{os.getpid()}"
    work.mkdir()
    checks = recipe.Checks()
    grpo(whole, "rl", run.problems, base=run.base, work=work, seed=run.seed, verdicts=lambda: Verdicts(checks))


def trl(run: Repetition) -> None:
    """TRL's GRPOTrainer; its reward function decodes the ids that were drawn and asks the same verdicts."""
    import datasets
    import transformers
    from trl import GRPOConfig, GRPOTrainer

    model, tokenizer = students.load(run.base)
    model.set_attn_implementation(run.setting["attention"])
    known, student, rows = {problem.key: problem for problem in run.problems}, run.student, run.each * ANSWERS
    verdicts, ends = Verdicts(recipe.Checks()), set(students.stop_ids(model))

    def right(completion_ids: list[list[int]], key: list[str], **_: Any) -> list[float | None]:
        asked: list[tuple[Problem, Trace]] = []
        for ids, name in zip(completion_ids, key, strict=True):
            ended = bool(ids) and ids[-1] in ends
            text = tokenizer.decode(ids[:-1] if ended else ids, clean_up_tokenization_spaces=False)
            reasoning, answer = split(student, text)
            trace = Trace(
                problem_key=name, teacher="trl", strategy="grpo", prompt_key="", sample=len(asked), attempt=0,
                sampling="{}", reasoning=reasoning, answer=answer, finish="stop" if ended else "length",
            )  # fmt: skip
            asked.append((known[name], trace))
        return [reward_of(verdict) for verdict in verdicts.many(asked)]

    class Timer(transformers.TrainerCallback):
        def on_step_end(self, *args: object, **kwargs: object) -> None:
            del args, kwargs
            run.ended.append(time.perf_counter())

        def on_log(self, *args: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
            del args, kwargs
            if logs and "reward" in logs:
                run.rewards.append(logs["reward"])
                run.tokens.append(logs["completions/mean_length"])

    batch = min(run.setting["batch"], rows)
    settings = GRPOConfig(
        output_dir=str(run.folder / f"peer-{os.getpid()}"), per_device_train_batch_size=batch,
        gradient_accumulation_steps=rows // batch, max_steps=run.steps, learning_rate=RATE,
        lr_scheduler_type="constant", warmup_steps=0, weight_decay=0.0, adam_beta2=0.95, max_grad_norm=1.0,
        optim="adamw_torch_fused", use_cpu=True, bf16=False, gradient_checkpointing=False, save_strategy="no",
        logging_steps=1, report_to=[], disable_tqdm=True, seed=run.seed, num_generations=ANSWERS,
        max_completion_length=MOST, temperature=1.0, top_p=1.0, top_k=0, beta=0.0, loss_type="dapo",
        scale_rewards="none", shuffle_dataset=False,
    )  # fmt: skip
    wanted = [run.problems[number % len(run.problems)] for number in range(run.steps * run.each)]
    prompts = [{"prompt": [{"role": "user", "content": ask(student, one.statement)}], "key": one.key} for one in wanted]
    GRPOTrainer(
        model, reward_funcs=right, args=settings, train_dataset=datasets.Dataset.from_list(prompts),
        processing_class=tokenizer, callbacks=[Timer()],
    ).train()  # fmt: skip


CONTESTANTS: dict[str, Callable[[Repetition], None]] = {"potstill": potstill, "TRL": trl}


def one(contestant: str, setting: Setting, steps: int, seed: int, options: argparse.Namespace) -> None:
    """One repetition in this process; prints its figures as JSON."""
    committed = Run(options.folder / "start").committed("problems")
    problems = [] if committed is None else list(committed.rows("train", Problem))
    run = Repetition(setting, options.folder, problems, steps, options.problems, seed)
    with contextlib.redirect_stdout(sys.stderr):
        CONTESTANTS[contestant](run)
    seconds = [after - before for before, after in itertools.pairwise(run.ended)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    figures = {"seconds_a_step": statistics.mean(seconds), "peak_gb": peak, "seconds": seconds, "seed": seed}
    print(json.dumps({**figures, "rewards": run.rewards, "tokens": run.tokens}))


def measured(contestant: str, setting: Setting, steps: int, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Run one repetition in a process of its own; a failure is a figure too."""
    command = [sys.executable, __file__, "--folder", str(options.folder), "--problems", str(options.problems)]
    command += ["--one", contestant, json.dumps(setting), str(steps), str(seed)]
    environment = {**os.environ, **ALLOCATOR, "PYTHONPATH": os.pathsep.join([str(peers()), *sys.path[1:]])}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return {"failed": f"more than {SECONDS} s"}
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        return {"failed": last[:200]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def best(options: argparse.Namespace, tried: list[dict[str, Any]]) -> Setting | None:
    """Try each of TRL's settings once, add the figures to `tried`, and return the fastest."""
    most = options.problems * ANSWERS
    choices = {json.dumps({**one, "batch": min(one["batch"], most)}): None for one in TRIED}
    found: list[tuple[float, Setting]] = []
    for text in choices if options.try_steps > 1 else list(choices)[:1]:
        setting = json.loads(text)
        figures = measured("TRL", setting, max(2, options.try_steps), 0, options)
        tried.append({"contestant": "TRL", "setting": setting, **figures})
        print(f"TRL {setting}: {figures.get('failed') or format(figures['seconds_a_step'], '.2f') + ' s a step'}")
        if "failed" not in figures:
            found.append((figures["seconds_a_step"], setting))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def warm_start(options: argparse.Namespace) -> None:
    """Train the student that both begin with, where it is not there yet."""
    options.folder.mkdir(parents=True, exist_ok=True)
    (options.folder / "start.yaml").write_text(START.replace("TOKENS", str(options.start_tokens)))
    command = [sys.executable, "-m", "potstill", "run", str(options.folder / "start.yaml")]
    command += ["--out", str(options.folder / "start"), "--redo"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Make the start, try TRL's settings, alternate, and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--problems", type=int, default=16, help="problems a step")
    parser.add_argument("--try-steps", type=int, default=3, help="steps of each setting of TRL; 1 tries one alone")
    parser.add_argument("--start-tokens", type=int, default=400_000)
    parser.add_argument("--folder", type=Path, default=Path("runs") / "bench-rl")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--one", nargs=4, metavar=("WHICH", "SETTING", "STEPS", "SEED"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        which, setting, steps, seed = options.one
        one(which, json.loads(setting), int(steps), int(seed), options)
        return
    if importlib.util.find_spec("datasets") is None:
        parser.error("TRL wants datasets: make install")
    peers()
    warm_start(options)
    tried: list[dict[str, Any]] = []
    chosen = {"potstill": {}, "TRL": best(options, tried)}
    runs: dict[str, list[dict[str, Any]]] = {which: [] for which in chosen}
    for seed, which in itertools.product(range(1, options.repeats + 1), chosen):
        setting = chosen[which]
        if setting is not None:
            runs[which].append(measured(which, setting, options.steps, seed, options))
    report = {
        "machine": {
            "cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version(), "trl": TRL
        },
        "steps": options.steps, "problems": options.problems, "answers": ANSWERS, "most_tokens": MOST, "rate": RATE,
        "start_tokens": options.start_tokens, "chosen": chosen, "runs": runs, "tried": tried,
    }  # fmt: skip
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    _print(runs)


def _print(runs: dict[str, list[dict[str, Any]]]) -> None:
    ours = None
    for which, figures in runs.items():
        good = [one_run for one_run in figures if "failed" not in one_run]
        if not good:
            print(f"{which:<10} no figure: {figures[-1]['failed'] if figures else 'no setting runs'}")
            continue
        seconds = statistics.median(one_run["seconds_a_step"] for one_run in good)
        ours = seconds if which == "potstill" else ours
        each = ", ".join(f"{one_run['seconds_a_step']:.2f}" for one_run in good)
        ratio = f", ours takes {ours / seconds:.2f} of it" if ours and which != "potstill" else ""
        print(f"{which:<10} {seconds:.2f} s a step ({each}), peak {max(r['peak_gb'] for r in good):.2f} GB{ratio}")
        halves = [(_mean(r["rewards"][: len(r["rewards"]) // 2]), _mean(r["rewards"][len(r["rewards"]) // 2 :]))
                  for r in good]  # fmt: skip
        told = "; ".join(f"{first:.3f} then {second:.3f}" for first, second in halves)
        print(f"{'':<10} mean reward of the first half of the steps, then of the second, seed by seed: {told}")


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


if __name__ == "__main__":
    main()
