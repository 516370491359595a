"""Every family of causal language models of the installed transformers, tiny: what potstill can do with it, as a table.

`python tests/soak/architectures.py [FAMILY ...]` tries them, all without names, and writes
what it found into docs/reference/architectures.md.
"""

import contextlib
import io
import re
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
import transformers
from commands import TINY
from models import families, versions
from train import tiny
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from potstill import recipe
from potstill.errors import PotstillError
from potstill.evaluate.conditions import conditions_of
from potstill.evaluate.metrics import summarise
from potstill.export.card import Base, Card
from potstill.export.safetensors import export
from potstill.models.local.loading import quiet
from potstill.models.local.model import LocalModel, Prompt
from potstill.progress import Progress
from potstill.recipe_file import parse
from potstill.train import students
from potstill.train.forms import otherwise_in_version_4
from potstill.train.order import plan
from potstill.train.trainer import train

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "architectures.md"
FAMILIES = tuple(sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES))
TRIED = ("samples", "trains", "LoRA", "exports", "4.57")
SETTINGS = recipe.Train(steps=1, batch=2, precision="fp32", learning_rate=1e-3)
CARD = Card(
    name="tiny", base=Base(name="x"), teacher="x", problems="x", seed=0, examples=2, tokens_trained=100, loss="tokens",
    potstill="0", measured=summarise(()),
)  # fmt: skip
CONDITIONS = conditions_of(parse(TINY, "r.yaml"))
MOST = 20_000_000
"""Parameters beyond which a family has no tiny form here."""
HEAD = """# Architectures

What potstill does with each family of causal language models that the installed transformers (VERSION) knows, tried on
a tiny random model of each by `python tests/soak/architectures.py`, and again by `make soak`, which fails where this
table is not what it finds.

- samples: a batch of 8 prompts of several lengths with a shared beginning gives the same greedy text in fp32 as each
  prompt alone.
- trains: the student stage, and a step of fine-tuning.
- LoRA: a step with adapters, merged again; behind it what carries none.
- exports: written, loaded again, the same text and logits.
- 4.57: the export gives the same text in transformers 4.57 as in the installed one; `unknown` where 4.57 has no such
  family; `no` with the fault of 4.57 itself, which no file can mend: the export says it, and so does its model card.

A family that is refused is so in one line, at the student stage; `-` stands for what was not tried then. Each has the
settings of its default config, so that a model of a family that trains may still be refused. Families
whose tiny form transformers itself does not build are at the end.

"""


def built(family, folder, tokenizer):
    """Write a tiny random model of a family; its weights are large enough for every token to count."""
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = families.tiny(family)
        with torch.device("meta"):
            size = transformers.AutoModelForCausalLM.from_config(config).num_parameters()
        if size > MOST:
            raise ValueError(f"{size:,} parameters at the least")
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        with torch.no_grad():
            for weight in model.parameters():
                if weight.ndim > 1:
                    weight.mul_(4)
        model.generation_config = transformers.GenerationConfig(
            eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
        )
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def prompts(tokenizer):
    shown = "Add 17 and 25. The answer is 42. Add 30 and 12. The answer is 42. "
    begun = tokenizer.apply_chat_template([{"role": "user", "content": shown}], tokenize=False)
    return [Prompt(f"{begun}Now add {n} to {'1' * n}. " + "Think well. " * (n % 4)) for n in range(1, 9)]


def sampled(folder):
    model = LocalModel(folder, "fp32")
    asked = prompts(model.tokenizer)
    together = [one.text for one in model.sample(asked, 10)]
    alone = [model.sample([prompt], 10)[0].text for prompt in asked]
    same = sum(a == b for a, b in zip(together, alone, strict=True))
    return "yes" if same == len(asked) else f"{same} of {len(asked)} alike"


def trained(folder, work, lora):
    """Return what a step of training says, or yes."""
    model, tokenizer = students.load(folder)
    rows = tiny.rows_of(tiny.examples(2), tokenizer, model, recipe.Student(model="tiny")).rows
    steps, said = plan([len(row) for row in rows], SETTINGS, 0, shuffle=True), io.StringIO()
    with contextlib.redirect_stderr(said):
        progress = Progress("train", None, "tokens", stream=io.StringIO())
        train(folder, rows, steps, SETTINGS, lora, 0, work / "steps", work / "trained", progress)
    left = re.search(r"leaves these as they are: (.*)", said.getvalue())
    return f"without {left[1]}" if left else "yes"


def exported(trained_folder, out):
    shutil.rmtree(out, ignore_errors=True)
    export(trained_folder, out, ["What is 2 plus 2?"], CARD, CONDITIONS)
    return "yes"


def sweep(family, base, work, kept):
    """Return what of TRIED a family does; `refused` for those that are no students, `unbuilt` without a tiny form.

    `base` is a folder with a tokenizer, `work` one to write to, `kept` where exports go for `in_both`. Whatever else
    than one line is raised, passes through.
    """
    tokenizer = students.load_tokenizer(base)
    folder, prepared = work / "model", work / "prepared"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            built(family, folder, tokenizer)
        except Exception as error:  # noqa: BLE001 - whatever keeps transformers from its own tiny model
            return {"unbuilt": " ".join(f"{type(error).__name__}: {error}".split())[:200]}
        found = {"samples": _told(folder, lambda: sampled(folder))}
        refused = _told(folder, lambda: students.prepare(recipe.Student(model=str(folder)), list, 0, prepared) or "")
        if refused:
            return found | {"refused": refused}
        found["trains"] = _told(prepared, lambda: trained(prepared, work / "full", None))
        found["LoRA"] = _told(prepared, lambda: trained(prepared, work / "lora", recipe.Lora(rank=2)))
        if found["trains"] == "yes":
            found["exports"] = _told(prepared, lambda: exported(work / "full" / "trained", kept / family))
        return found


def in_both(found, kept, four):
    """Add to what was found of each family whether its export says the same in transformers 4.57, in folder `four`."""
    delivered = [family for family, one in found.items() if one.get("exports") == "yes"]
    said = versions.compared([kept / family for family in delivered], four)
    for family in delivered:
        otherwise = otherwise_in_version_4(kept / family)
        alike = said[kept / family] in ("yes", "unknown") or not otherwise
        found[family]["4.57"] = said[kept / family] if alike else f"no: {otherwise}"


def _told(folder, tried):
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            return tried()
    except PotstillError as error:
        said = str(error).replace(f"student {folder}: ", "").replace(f"{folder}: ", "")
        return f"refused: {said}".replace("<", "&lt;")


def row(family, found):
    """Return a family's line of the table."""
    if "refused" in found:
        return f"| {family} | {found['samples']} | {found['refused']} | - | - | - |"
    return f"| {family} | " + " | ".join(found.get(what, "-") for what in TRIED) + " |"


def page(found):
    """Return the page for what was found by family."""
    lines = ["| family | " + " | ".join(TRIED) + " |", "|" + "---|" * (len(TRIED) + 1)]
    lines += [row(family, one) for family, one in sorted(found.items()) if "unbuilt" not in one]
    unbuilt = [f"| {family} | {one['unbuilt']} |" for family, one in sorted(found.items()) if "unbuilt" in one]
    lines += ["", "| not tried | because |", "|---|---|", *unbuilt]
    return HEAD.replace("VERSION", transformers.__version__) + "\n".join(lines) + "\n"


def mended(found):
    """Return the page that is there with the lines of what was found anew."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        family = line.split(" | ")[0].removeprefix("| ")
        if family in found and "unbuilt" not in found[family]:
            lines[number] = row(family, found[family])
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def base_and_work():
    """Yield a folder with a tokenizer, a function that returns an empty folder of a name, and a folder for exports."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        students.prepare(tiny.STUDENT, tiny.texts(tiny.examples(60)), seed=3, out=base)

        def work(name):
            shutil.rmtree(Path(folder) / "work", ignore_errors=True)
            made = Path(folder) / "work" / name
            made.mkdir(parents=True)
            return made

        yield base, work, Path(folder) / "kept"


def main(names):
    found = {}
    with base_and_work() as (base, work, kept), tempfile.TemporaryDirectory() as four:
        assert not versions.install(Path(four))
        for family in names or FAMILIES:
            found[family] = sweep(family, base, work(family), kept)
            print(family, found[family], flush=True)
        in_both(found, kept, four)
    for family, one in found.items():
        if one.get("4.57", "yes") not in ("yes", "unknown"):
            print(f"{family}: 4.57: {one['4.57']}")
    print(Counter(one.get("4.57", "not exported").split(":")[0] for one in found.values()))
    PAGE.write_text(mended(found) if names else page(found), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
