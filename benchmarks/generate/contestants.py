"""Who takes part: potstill from this environment, each peer from one of its own with the versions named here."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ENVIRONMENTS = Path(sys.prefix) / "peers"
MODEL = "stub"
MAX_TOKENS = 2048
RECIPE = """\
name: bench
problems:
  evaluate: 1
  sources:
    - {{file: rows.jsonl, use: train}}
    - {{file: held_out.jsonl, use: evaluate}}
teacher:
  kind: served
  base_url: {url}
  model: {model}
  sampling: {{temperature: 0.6, max_tokens: {max_tokens}}}
{cap}student: {{model: smollm2-135m-instruct}}
"""
"""What a user would write; the rest are defaults."""


@dataclass(frozen=True)
class Job:
    """What every contestant is given: a server, a file of rows, a folder of its own, requests in flight."""

    url: str
    folder: Path
    in_flight: int

    @property
    def rows(self) -> Path:
        """The file of rows: `id`, `question`, `gold`."""
        return self.folder / "rows.jsonl"

    def write_rows(self, count: int) -> None:
        """Write the first `count` rows; fewer rows are the beginning of more."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.rows.open("w") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows(1, count))


def rows(first: int, last: int) -> Iterator[dict[str, str]]:
    """Yield problems, all different; the stub knows a row by its number."""
    for number in range(first, last + 1):
        a, b = 7 * number + 3, 11 * number % 1009
        question = (
            f"This is problem {number}. A library lends {a} books in its first week and {b} books in its second week. "
            "In the third week readers bring back half of all that was lent. How many books are still out?"
        )
        yield {"id": f"row-{number}", "question": question, "gold": str((a + b) - (a + b) // 2)}


@dataclass(frozen=True)
class Potstill:
    """`potstill run` of a recipe with a served teacher; `capped` sets the concurrency that the peers are given."""

    name: str
    capped: bool

    def environment(self, job: Job) -> dict[str, str]:
        """Return the environment of its commands."""
        return dict(os.environ)

    def prepare(self, job: Job) -> list[str]:
        """Write the recipe and return the command that reads the problems in, which the peers do in their own run."""
        cap = f"  concurrency: {job.in_flight}\n" if self.capped else ""
        recipe = RECIPE.format(url=job.url, model=MODEL, max_tokens=MAX_TOKENS, cap=cap)
        (job.folder / "recipe.yaml").write_text(recipe)
        (job.folder / "held_out.jsonl").write_text(json.dumps(next(rows(0, 0))) + "\n")
        return self._command(job, "problems")

    def command(self, job: Job) -> list[str]:
        """Return the command that asks for what is missing."""
        return self._command(job, "traces")

    def versions(self) -> Sequence[str]:
        """Return what its speed depends on, itself first."""
        return [f"{name}=={importlib.metadata.version(name)}" for name in ("potstill", "aiohttp", "orjson", "pyarrow")]

    def _command(self, job: Job, stage: str) -> list[str]:
        # More rows are a changed setting, and redoing what follows from it is what --redo is for; completions are kept.
        where = ["--out", str(job.folder / "run"), "--stage", stage, "--redo"]
        return [str(Path(sys.executable).with_name("potstill")), "run", str(job.folder / "recipe.yaml"), *where]


@dataclass(frozen=True)
class Peer:
    """Another tool, driven by `drive_NAME.py` in an environment of its own."""

    name: str
    packages: tuple[str, ...]
    """Pinned; the first one is the tool."""
    settings: tuple[tuple[str, str], ...] = ()
    """Environment variables; `{folder}` is the folder of the job."""
    without: str = ""
    """A requirement of `packages` that cannot be met everywhere and does not matter here; any version of it will do."""

    @property
    def home(self) -> Path:
        """Its virtual environment."""
        return ENVIRONMENTS / self.name

    def environment(self, job: Job) -> dict[str, str]:
        """Return the environment of its commands: nothing is sent home, nothing is looked for on a hub."""
        own = {name: value.format(folder=job.folder) for name, value in self.settings}
        offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(job.folder / "hf"), "DO_NOT_TRACK": "1"}
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return {**kept, **offline, "OPENAI_API_KEY": "none", **own}

    def prepare(self, job: Job) -> list[str]:
        """Return no command: it reads its rows when it asks."""
        return []

    def command(self, job: Job) -> list[str]:
        """Return the command that asks for what is missing."""
        driver = HERE / f"drive_{self.name}.py"
        return [str(self.home / "bin/python"), str(driver), job.url, str(job.rows), str(job.folder), str(job.in_flight)]

    def install(self) -> None:
        """Make its environment, unless it is there with these very packages."""
        stamp, wanted = self.home / "packages", "\n".join(self.packages)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        print(f"installing {self.packages[0]} into {self.home}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(self.home)], check=True)
        if self.without:
            self._pip("install", "-qq", "--no-deps", *self.packages)
            self._pip("install", "-qq", *self._requirements())
        else:
            self._pip("install", "-qq", *self.packages)
        stamp.write_text(wanted)

    def versions(self) -> Sequence[str]:
        """Return what is installed, itself first."""
        return [self.packages[0], *(line for line in self._pip("freeze").splitlines() if line != self.packages[0])]

    def _requirements(self) -> list[str]:
        """Return what `packages` require beside each other, without versions for `without`."""
        names = [package.partition("==")[0] for package in self.packages]
        code = f"import importlib.metadata as m; print(*(r for n in {names} for r in m.requires(n)), sep='\\n')"
        found = self._python("-c", code).splitlines()
        return [r for r in found if not r.startswith((*names, self.without)) and "extra ==" not in r] + [self.without]

    def _pip(self, *arguments: str) -> str:
        return self._python("-m", "pip", "--disable-pip-version-check", *arguments)

    def _python(self, *arguments: str) -> str:
        command = [str(self.home / "bin/python"), *arguments]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


_PACKAGES = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
# Two tools count tokens with a file that they would fetch; where they cannot, they try again for every row. litellm,
# which comes with two of them, brings it along.
_TOKENS = ("TIKTOKEN_CACHE_DIR", str(ENVIRONMENTS / "sdg_hub" / _PACKAGES / "litellm/litellm_core_utils/tokenizers"))
PEERS = (
    Peer(
        "curator",
        ("bespokelabs-curator==0.1.31",),
        (_TOKENS, ("LITELLM_LOCAL_MODEL_COST_MAP", "True"), ("TELEMETRY_ENABLED", "False")),
    ),
    Peer(
        "data_designer",
        ("data-designer==0.9.7", "data-designer-config==0.9.7", "data-designer-engine==0.9.7"),
        (_TOKENS, ("NEMO_TELEMETRY_ENABLED", "false"), ("DATA_DESIGNER_HOME", "{folder}/home")),
        without="certifi",
    ),
    Peer("datatrove", ("datatrove==0.10.1", "httpx", "aiosqlite", "xxhash", "orjson", "aiofiles")),
    Peer("sdg_hub", ("sdg-hub==0.9.4",), (("LITELLM_LOCAL_MODEL_COST_MAP", "True"),)),
)
