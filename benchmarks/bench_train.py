"""Training speed and memory: potstill's loop beside TRL's SFTTrainer, transformers.Trainer and a plain loop.

All train the same student on the same rows in the same order, with the same type of products, fused AdamW, threads and
allocator settings; each repetition is a process of its own, and the clock starts after the first optimiser step. A peer
has several settings (micro-batch, attention, loss, checkpointing, packing): each is tried once for `--try-steps` steps,
all are listed in the results with their figures, and the fastest enters the rounds, in which all take turns. A setting
that fails or takes more memory than there is stays in the list with its reason. Prints medians and ratios, and writes
benchmarks/results/bench_train.json; a losing row stays.

    make bench-train                                or a part of it:
    python benchmarks/bench_train.py --case short --repeats 3

Rows: real GSM8K solutions and real long traces where `--data` has them, worked problems of our own families elsewhere.
TRL is unpacked below `.venv/peers` and sees the same libraries as potstill.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import gzip
import importlib.util
import itertools
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from potstill import recipe
from potstill.cli import ALLOCATOR
from potstill.hardware import number_format
from potstill.problems import families
from potstill.progress import Progress
from potstill.records import Example
from potstill.teach.worked import solve
from potstill.train import order, students, trainer
from potstill.train.render import ask, stop_texts
from potstill.train.segments import TRAINED, Segment, TokenRow, make_rows

RESULTS = Path(__file__).parent / "results" / "bench_train.json"
DATA = Path(__file__).parents[2] / "shared" / "data"
"""Real rows, where they lie beside the project."""
TRL = "trl==1.16.0"
SECONDS = 900
"""After which a repetition is given up."""
Setting = dict[str, Any]
SMOLLM2 = recipe.Student(model="smollm2-135m-instruct")
PRECISION = number_format("auto")
"""Of every case but the smallest: bf16 where this machine multiplies it, for all contestants alike."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A student, the lengths of its rows, and what each contestant may try."""

    student: recipe.Student | None
    """None: a random Llama of 30M parameters, 29M of them in a vocabulary of 151,936."""
    shortest: int
    longest: int
    train: recipe.Train
    ours: tuple[Setting, ...]
    trl: tuple[Setting, ...]


def _grid(**values: tuple[Any, ...]) -> tuple[Setting, ...]:
    return tuple(dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values()))


_SHORT_TRL = _grid(
    batch=(1, 4, 8, 16), attention=("eager", "sdpa"), loss=("nll", "chunked_nll"), checkpointing=(False,)
)
_LONG_TRL = _grid(batch=(1, 2), attention=("sdpa",), loss=("nll", "chunked_nll"), checkpointing=(False, True))
CASES = {
    "pocket": Case(
        student=recipe.Student(scratch=recipe.Scratch()), shortest=1, longest=512,
        train=recipe.Train(steps=60, batch=8, precision="fp32"),
        ours=_grid(batch=(8,)), trl=_grid(batch=(8,), attention=("eager", "sdpa"), loss=("nll",)),
    ),
    "short": Case(
        student=SMOLLM2, shortest=1, longest=512, train=recipe.Train(steps=5, batch=16, precision=PRECISION),
        ours=_grid(batch=(4, 8)), trl=(*_SHORT_TRL, {"batch": 4, "attention": "sdpa", "loss": "nll", "packing": True}),
    ),
    "vocabulary": Case(
        student=None, shortest=100, longest=512, train=recipe.Train(steps=5, batch=16, precision=PRECISION),
        ours=_grid(batch=(4, 8)), trl=_SHORT_TRL,
    ),
    "long": Case(
        student=SMOLLM2, shortest=1500, longest=4096, train=recipe.Train(steps=3, batch=2, precision=PRECISION),
        ours=_grid(batch=(1, 2)), trl=_LONG_TRL,
    ),
    "longest": Case(
        student=SMOLLM2, shortest=4000, longest=8000, train=recipe.Train(steps=3, batch=1, precision=PRECISION),
        ours=_grid(batch=(1,)), trl=_grid(
            batch=(1,), attention=("sdpa",), loss=("nll", "chunked_nll"), checkpointing=(False, True)
        ),
    ),
}  # fmt: skip


def examples_of(case: Case, data: Path) -> Iterator[Example]:
    """Yield real solutions or traces, or worked problems where there are none."""

    def example(key: str, question: str, reasoning: str, answer: str) -> Example:
        return Example(problem_key=key, trace_key=key, question=question, reasoning=reasoning, answer=answer)

    long = case.longest > 512
    file = data / ("traces_gsm8k_longcot_r1_qwq_s1.jsonl.gz" if long else "gsm8k_train_1k.jsonl.gz")
    if case.student == SMOLLM2 and file.exists():
        for row in map(json.loads, gzip.decompress(file.read_bytes()).decode().splitlines()):
            reasoning, mark, answer = (
                row["response"].partition("</think>") if long else (row["solution"], "x", row["gold"])
            )
            if mark:
                yield example(row["id"] + str(row.get("model")), row["problem"], reasoning.strip(), answer.strip())
        return
    problems = families.generate("chain", 1, {})
    while True:
        asked = [next(problems) for _ in range(40 if long else 1)]
        solved = [solve(problem, 0, 1, 0.0, "varied")[:2] for problem in asked]
        question = "\n".join(problem.statement for problem in asked)
        yield example(asked[0].key, question, "\n".join(text for text, _ in solved), solved[-1][1])


def rows_for(case: Case, folder: Path, data: Path) -> list[TokenRow]:
    """Return the rows of a case, in order; make its student in `folder` where it is not there yet."""
    count = case.train.batch * (case.train.steps or 0)
    if case.student is None:
        return _random_rows(case, folder, count)
    if not (folder / "config.json").exists():
        sample = list(itertools.islice(examples_of(case, data), 400))
        students.prepare(
            case.student, lambda: (t for e in sample for t in (e.question, e.reasoning, e.answer)), 0, folder
        )
    model, tokenizer = students.load(folder)
    stops, rows = stop_texts(tokenizer, students.stop_ids(model)), []
    for example in examples_of(case, data):
        asked = [ask(case.student, example.question)]
        made = make_rows([example], asked, tokenizer, case.student, case.longest, stops).rows
        rows += [row for row in made if len(row) >= case.shortest]
        if len(rows) == count:
            return rows
    return [rows[number % len(rows)] for number in range(count)]


def _random_rows(case: Case, folder: Path, count: int) -> list[TokenRow]:
    """Random ids of the large vocabulary; the student is a checkpoint with a tokenizer that nobody asks."""
    import transformers
    from tokenizers import Tokenizer, models

    draw, size = random.Random(1), 151_936
    if not (folder / "config.json").exists():
        config = transformers.LlamaConfig(
            vocab_size=size, hidden_size=192, intermediate_size=512, num_hidden_layers=4, num_attention_heads=6,
            num_key_value_heads=2, tie_word_embeddings=True, bos_token_id=0, eos_token_id=0, pad_token_id=0,
        )  # fmt: skip
        transformers.LlamaForCausalLM(config).save_pretrained(folder)
        words = Tokenizer(models.WordLevel({"<e>": 0, "<u>": 1}, unk_token="<u>"))
        transformers.PreTrainedTokenizerFast(
            tokenizer_object=words, eos_token="<e>", pad_token="<e>", chat_template="{{ messages }}"
        ).save_pretrained(folder)  # fmt: skip
    lengths = [draw.randint(case.shortest, case.longest) for _ in range(count)]
    codes = [bytes([Segment.PROMPT] * 60 + [Segment.REASONING] * (length - 60)) for length in lengths]
    return [TokenRow(tuple(draw.choices(range(size), k=len(code))), code, n) for n, code in enumerate(codes)]


@dataclass
class Run:
    """One repetition: when each optimiser step ended and its loss."""

    case: Case
    setting: Setting
    folder: Path
    rows: list[TokenRow]
    work: Path
    ended: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    @property
    def steps(self) -> list[list[TokenRow]]:
        """The rows of each optimiser step."""
        batch = self.case.train.batch
        return [self.rows[start : start + batch] for start in range(0, len(self.rows), batch)]

    def model(self, attention: str) -> Any:
        """Load the student in fp32."""
        model, _ = students.load(self.folder)
        model.set_attn_implementation(attention)
        return model


def potstill(run: Run) -> None:
    """Our loop, as a recipe has it but for the size of its micro-batches and its checkpointing."""

    class Timer(Progress):
        def advance(self, count: int = 1, note: str = "") -> None:
            del count, note
            run.ended.append(time.perf_counter())

    settings = dataclasses.replace(run.case.train, micro_batch=run.setting["batch"])
    plan = order.plan([len(row) for row in run.rows], settings, 0, shuffle=False)
    logs = trainer.train(
        run.folder, run.rows, plan, settings, None, 0, run.work / "checkpoints", run.work / "out", Timer("train")
    )
    run.losses = [log["loss"] for log in logs]


def _labelled(row: TokenRow) -> dict[str, list[int]]:
    labels = [token if code in TRAINED else -100 for token, code in zip(row.ids, row.segments, strict=True)]
    return {"input_ids": list(row.ids), "labels": labels}


def _arguments(run: Run) -> dict[str, Any]:
    train = run.case.train
    batch = min(run.setting["batch"], train.batch)
    return {
        "output_dir": str(run.work / "peer"), "per_device_train_batch_size": batch,
        "gradient_accumulation_steps": train.batch // batch, "max_steps": len(run.steps),
        "learning_rate": train.learning_rate, "lr_scheduler_type": "cosine", "bf16": train.precision == "bf16",
        "use_cpu": True, "optim": "adamw_torch_fused", "save_strategy": "no", "logging_steps": 1, "report_to": [],
        "disable_tqdm": True, "gradient_checkpointing": bool(run.setting.get("checkpointing")),
        "remove_unused_columns": False, "adam_beta2": 0.95, "max_grad_norm": train.clip,
    }  # fmt: skip


def _hook(run: Run) -> Any:
    import transformers

    class Timer(transformers.TrainerCallback):
        def on_step_end(self, *args: object, **kwargs: object) -> None:
            del args, kwargs
            run.ended.append(time.perf_counter())

        def on_log(self, *args: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
            del args, kwargs
            if logs and "loss" in logs:
                run.losses.append(logs["loss"])

    return Timer()


def trl(run: Run) -> None:
    """TRL's SFTTrainer on the same ids and labels."""
    import datasets
    import torch
    from trl import SFTConfig, SFTTrainer

    class InOrder(SFTTrainer):  # type: ignore[misc]
        def _get_train_sampler(self, *args: object, **kwargs: object) -> torch.utils.data.Sampler[int]:
            del args, kwargs
            return torch.utils.data.SequentialSampler(self.train_dataset)

    _, tokenizer = students.load(run.folder)
    settings = SFTConfig(
        **_arguments(run), max_length=run.case.longest, packing=bool(run.setting.get("packing")),
        loss_type=run.setting["loss"],
    )  # fmt: skip
    InOrder(
        run.model(run.setting["attention"]), args=settings, processing_class=tokenizer, callbacks=[_hook(run)],
        train_dataset=datasets.Dataset.from_list([_labelled(row) for row in run.rows]),
    ).train()  # fmt: skip


def transformers_trainer(run: Run) -> None:
    """transformers.Trainer with labels on the response only, right-padded micro-batches."""
    import torch
    import transformers

    class InOrder(transformers.Trainer):
        def _get_train_sampler(self, *args: object, **kwargs: object) -> torch.utils.data.Sampler[int]:
            del args, kwargs
            return torch.utils.data.SequentialSampler(self.train_dataset)

    def collate(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        width = max(len(row["input_ids"]) for row in rows)
        padded = {"input_ids": 0, "labels": -100}
        found = {
            name: torch.tensor([row[name] + [value] * (width - len(row[name])) for row in rows])
            for name, value in padded.items()
        }
        mask = [[1] * len(row["labels"]) + [0] * (width - len(row["labels"])) for row in rows]
        return {**found, "attention_mask": torch.tensor(mask)}

    InOrder(
        run.model(run.setting["attention"]), transformers.TrainingArguments(**_arguments(run)), data_collator=collate,
        train_dataset=[_labelled(row) for row in run.rows], callbacks=[_hook(run)],
    ).train()  # fmt: skip


def plain(run: Run) -> None:
    """A loop as people write it by hand: one row a pass, the model's own loss, summed over the step."""
    import torch

    train, model = run.case.train, run.model(run.setting["attention"]).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=train.learning_rate, betas=(0.9, 0.95), fused=True)
    for rows in run.steps:
        labelled = [_labelled(row) for row in rows]
        count = sum(label != -100 for row in labelled for label in row["labels"])
        total = 0.0
        for row in labelled:
            with torch.autocast("cpu", torch.bfloat16, enabled=train.precision == "bf16"):
                ids, labels = torch.tensor([row["input_ids"]]), torch.tensor([row["labels"]])
                loss = model(input_ids=ids, labels=labels, num_items_in_batch=count).loss
            loss.backward()
            total += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(model.parameters(), train.clip)
        optimiser.step()
        optimiser.zero_grad()
        run.ended.append(time.perf_counter())
        run.losses.append(total)


CONTESTANTS: dict[str, Callable[[Run], None]] = {
    "potstill": potstill, "TRL": trl, "transformers.Trainer": transformers_trainer, "plain loop": plain,
}  # fmt: skip


def settings_of(contestant: str, case: Case) -> tuple[Setting, ...]:
    """Return what a contestant may try in a case."""
    if contestant == "potstill":
        return case.ours
    if contestant == "TRL":
        return case.trl
    attention = "eager" if case.longest <= 512 else "sdpa"
    return ({"batch": case.ours[0]["batch"], "attention": attention},)


def one(contestant: str, name: str, setting: Setting, steps: int, folder: Path, data: Path) -> None:
    """One repetition in this process; prints its figures as JSON."""
    case = CASES[name]
    rows = rows_for(case, folder / name, data)[: steps * case.train.batch]
    case = Case(**{**vars(case), "train": dataclasses.replace(case.train, steps=steps)})
    run = Run(case, setting, folder / name, rows, folder / f"work-{os.getpid()}")
    with contextlib.redirect_stdout(sys.stderr):
        CONTESTANTS[contestant](run)
    tokens = sum(len(row) for step in run.steps[1:] for row in step)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    speed = tokens / (run.ended[-1] - run.ended[0])
    print(json.dumps({"tokens_per_second": speed, "peak_gb": peak, "losses": run.losses}))


def measured(contestant: str, name: str, setting: Setting, steps: int, options: argparse.Namespace) -> dict[str, Any]:
    """Run one repetition in a process of its own; a failure is a figure too."""
    command = [sys.executable, __file__, "--folder", str(options.folder), "--data", str(options.data), "--one"]
    command += [contestant, name, json.dumps(setting), str(steps)]
    environment = {**os.environ, **ALLOCATOR, "PYTHONPATH": os.pathsep.join([str(peers()), *sys.path[1:]])}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return {"failed": f"more than {SECONDS} s"}
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        return {"failed": last[:200]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def peers() -> Path:
    """Return the folder that TRL is unpacked to, which is filled at the first call."""
    folder = Path(sys.prefix) / "peers" / "trl"
    if not folder.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), TRL]
        subprocess.run(pip, check=True)
    return folder


def best(contestant: str, name: str, options: argparse.Namespace, tried: list[dict[str, Any]]) -> Setting | None:
    """Try every setting once, add the figures to `tried`, and return the fastest."""
    found: list[tuple[float, Setting]] = []
    choices = settings_of(contestant, CASES[name])
    for setting in choices:
        figures = measured(contestant, name, setting, options.try_steps, options) if len(choices) > 1 else {}
        tried.append({"contestant": contestant, "setting": setting, **figures})
        told = (
            figures.get("failed") or f"{figures.get('tokens_per_second', 0):,.0f} tokens/s"
            if figures
            else "the only one"
        )
        print(f"{name:<10} {contestant:<20} {setting}: {told}", flush=True)
        if "failed" not in figures:
            found.append((figures.get("tokens_per_second", 0.0), setting))
    return max(found, key=lambda pair: pair[0])[1] if found else None


def main() -> None:
    """Try the settings, alternate the best, and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--case", choices=CASES, action="append")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--try-steps", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("runs") / "bench-train")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--only", nargs="*", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--one", nargs=4, metavar=("WHICH", "CASE", "SETTING", "STEPS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        which, name, setting, steps = options.one
        one(which, name, json.loads(setting), int(steps), options.folder, options.data)
        return
    if importlib.util.find_spec("datasets") is None:
        parser.error("TRL wants datasets: make install")
    peers()
    report: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    report["machine"] = {
        "cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version(), "trl": TRL,
        "precision": PRECISION,
    }  # fmt: skip
    for name in options.case or CASES:
        rows = rows_for(CASES[name], options.folder / name, options.data)
        tried: list[dict[str, Any]] = []
        chosen = {which: best(which, name, options, tried) for which in options.only}
        runs: dict[str, list[dict[str, Any]]] = {which: [] for which in options.only}
        for _, which in itertools.product(range(options.repeats), options.only):
            setting = chosen[which]
            if setting is not None:
                runs[which].append(measured(which, name, setting, CASES[name].train.steps or 0, options))
        lengths = [len(row) for row in rows]
        report[name] = {
            "rows": len(rows), "shortest": min(lengths), "longest": max(lengths), "tokens": sum(lengths),
            "chosen": chosen, "runs": runs, "tried": tried,
        }  # fmt: skip
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(report, indent=1) + "\n")
        _print(name, runs)


def _print(name: str, runs: dict[str, list[dict[str, Any]]]) -> None:
    ours = None
    for which, all_figures in runs.items():
        figures = [one_run for one_run in all_figures if "failed" not in one_run]
        if not figures:
            print(
                f"{name:<10} {which:<20} no figure: {all_figures[-1]['failed'] if all_figures else 'no setting runs'}"
            )
            continue
        median = statistics.median(one_run["tokens_per_second"] for one_run in figures)
        ours = median if which == "potstill" else ours
        each = ", ".join(f"{one_run['tokens_per_second']:,.0f}" for one_run in figures)
        peak = max(one_run["peak_gb"] for one_run in figures)
        ratio = f", ours {ours / median:.2f} times" if ours and which != "potstill" else ""
        print(f"{name:<10} {which:<20} {median:>8,.0f} tokens/s ({each}), peak {peak:.1f} GB{ratio}", flush=True)


if __name__ == "__main__":
    main()
