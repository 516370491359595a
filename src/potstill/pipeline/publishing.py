"""A finished run on the Hub: the student with its card and report, and its traces with theirs: `potstill publish`."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from potstill.errors import MissingExtraError, PotstillError
from potstill.export.data_card import DataCard, data_card
from potstill.graph import Graph, graph_of
from potstill.models.served.proxies import is_public
from potstill.nodes import adapter
from potstill.pipeline import naming, outputs
from potstill.pipeline.facts import facts_of
from potstill.pipeline.naming import MODEL
from potstill.pipeline.provenance import base_of, for_strangers, public_teacher, source_name
from potstill.pipeline.published import export_traces
from potstill.pipeline.stages import stages_of
from potstill.recipe import Recipe, ServedTeacher
from potstill.recipe_file import load
from potstill.records import Problem
from potstill.store import Committed, Run

TRACES = "-traces"
"""What the name of the data set has more than that of the model."""
TRIES = 5
WAIT = 2.0
"""Seconds before the second try; each further one waits twice as long."""
MOST_SEARCHED = 64 << 20
"""Bytes of a file up to which it is searched for keys; larger ones are weights."""
PLACES = ("file", "dataset", "model", "run", "prompt_file", "shots_file")
"""Keys of a recipe that may name a file or folder of this machine."""
_NAME = re.compile(r"(?:[A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9][\w.-]{0,95}")
"""`name` or `owner/name`."""
_HEAD = re.compile(r"\A---\n(.*?\n)---\n", re.DOTALL)
"""`---`, the keys of a card, `---`."""
_ABSENT = re.compile(r"[^\w.-]+")
"""What a name on the Hub cannot have, such as the space of `my run`."""


@dataclass(frozen=True, kw_only=True)
class Repository:
    """One repository: its name, and path in it -> file here."""

    kind: Literal["model", "dataset"]
    name: str
    files: Mapping[str, Path]

    def __str__(self) -> str:
        lines = [f"{self.kind} {self.name}"]
        lines += [f"  {path}  {file.stat().st_size:,} bytes" for path, file in sorted(self.files.items())]
        return "\n".join(lines)


def repositories(run: Path, name: str | None, place: Path) -> list[Repository]:
    """Return what is to be published of a run; files that are written for it go to the folder `place`.

    The report is made anew from the recipe as strangers see it: without the folders of this machine.

    Raises:
        PotstillError: the run is not finished, delivers nothing, or the name is none; a file holds a key.
    """
    if not (run / "recipe.yaml").is_file():
        raise PotstillError(f"{run} is no run folder: it has no recipe.yaml")
    recipe = load(str(run / "recipe.yaml"))
    graph, done = graph_of(recipe), outputs(Run(run), stages_of(recipe))
    missing = [stage.name for stage in stages_of(recipe) if stage.name not in done]
    if missing:
        raise PotstillError(f"{run} is not finished ({', '.join(missing[:3])}): run it first")
    named = name or _ABSENT.sub("-", recipe.name)
    if not _NAME.fullmatch(named):
        raise PotstillError(f"--repo: {named!r} is no name on the Hub: write it as NAME or OWNER/NAME")
    model, traces = _model(recipe, done, place, f"{named}{TRACES}"), _traces(run, recipe, graph, done, place)
    found = [
        *([Repository(kind="model", name=named, files=model)] if model else []),
        Repository(kind="dataset", name=f"{named}{TRACES}", files=traces),
    ]
    for repository in found:
        _refuse_keys(repository, graph)
    return found


def _model(
    recipe: Recipe, done: Mapping[str, Committed], place: Path, data: str
) -> dict[str, Path]:  # fmt: skip
    """Return the files of the student: each export, the report, and a card that names the data set."""
    from potstill.report import build

    files: dict[str, Path] = {}
    for stage in done:
        if done[stage].manifest["kind"] != "export":
            continue
        folder = done[stage].folder(MODEL)
        below = "" if stage == naming.export("safetensors") else f"{stage.partition('-')[2]}/"
        files |= {f"{below}{path.relative_to(folder)}": path for path in folder.rglob("*") if path.is_file()}
    if not files:
        return {}
    public = for_publication(recipe)
    place.mkdir(parents=True, exist_ok=True)
    report = build(
        facts_of(public, graph_of(public), {name: each for name, each in done.items() if name != naming.REPORT})
    )
    for name, text in (("report.html", report.html()), ("report.json", report.json())):
        files[name] = place / name
        files[name].write_text(text, encoding="utf-8", errors="replace")
    if "README.md" in files:
        card = files["README.md"].read_text(encoding="utf-8")
        files["README.md"] = place / "README.md"
        whole = _HEAD.sub(lambda head: f"---\n{_with(head[1], data)}---\n", card, count=1)
        files["README.md"].write_text(whole, encoding="utf-8")
    return files


def _with(head: str, data: str) -> str:
    """Return the keys of a card with the data set among them, where its owner is known."""
    import yaml

    keys: dict[str, Any] = yaml.safe_load(head)
    if "/" in data:
        keys["datasets"] = [data]
    return yaml.safe_dump(keys, sort_keys=False)


def _traces(
    run: Path, recipe: Recipe, graph: Graph, done: Mapping[str, Committed], place: Path
) -> dict[str, Path]:  # fmt: skip
    """Return the files of the data set: the traces that became examples, and a card."""
    from potstill import __version__

    out, card = place / "train.jsonl", place / "DATA.md"
    place.mkdir(parents=True, exist_ok=True)
    export_traces(run, "messages", out, kept=True)
    node = graph.sets[graph.main]
    problems, asked = done[naming.PROBLEMS], done[naming.traces(node, graph)]
    chosen = done[naming.examples(node, graph)]
    counts, terms = problems.counts, asked.counts.get("terms")
    kept = counts["train"] + counts["evaluate"]
    with out.open("rb") as lines:
        rows = sum(1 for _ in lines)
    said = DataCard(
        name=recipe.name, teacher=public_teacher(node.recipe), terms=_terms(terms),
        sources=", ".join(for_strangers(source_name(source), recipe.data) for source in recipe.problems.sources),
        languages=base_of(recipe).languages, rows=rows, seed=recipe.seed, potstill=__version__,
        problems=(kept + sum(counts["dropped"].values()), kept, counts["dropped"]),
        traces=(asked.total("traces"), chosen.counts["kept"], chosen.counts["dropped"]),
        overlap=_overlap(problems),
    )  # fmt: skip
    card.write_text(data_card(said), encoding="utf-8")
    return {"data/train.jsonl": out, "README.md": card}


def _terms(noted: Any) -> tuple[str, str] | None:  # noqa: ANN401 - what the stage kept
    if isinstance(noted, dict) and {"training", "basis"} <= noted.keys():
        return str(noted["training"]), str(noted["basis"])
    return None


def _overlap(problems: Committed) -> tuple[int, int] | None:
    share = problems.counts["template_share"]
    asked = sum(1 for problem in problems.rows("evaluation", Problem) if problem.template)
    return None if share is None else (round(share * asked), asked)


def for_publication(recipe: Recipe) -> Recipe:
    """Return the recipe as strangers see it, its nodes too: files by their names, no private address."""
    whole = dataclasses.asdict(recipe)
    names: dict[str, str] = {}
    found = json.dumps({**_public(whole, recipe.data, names), "data": "."})
    return adapter().validate_json(found)


def _public(section: Mapping[str, Any], data: str, names: dict[str, str]) -> dict[str, Any]:
    """Return the keys of a section as strangers see them; `names` has each local path's name, one for one."""

    def plain(key: str, value: Any) -> Any:  # noqa: ANN401 - any value of a recipe
        if isinstance(value, Mapping):
            return _public(value, data, names)
        if isinstance(value, list | tuple):
            return [plain(key, each) for each in value]
        if key in PLACES and isinstance(value, str):
            return _own_name(value, for_strangers(value, data), names)
        return "http://localhost/v1" if key == "base_url" and not is_public(str(value)) else value

    return {key: plain(key, value) for key, value in section.items()}


def _own_name(path: str, name: str, names: dict[str, str]) -> str:
    """Return the name of a path that no other path has: two folders `model` are not one student."""
    number, own = 1, name
    while names.setdefault(own, path) != path:
        number += 1
        own = f"{name}-{number}"
    return own


def _refuse_keys(repository: Repository, graph: Graph) -> None:
    """Refuse to send a file that holds the value of a key that is at hand here, of any teacher or judge."""
    named = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}
    for node in graph.sets.values():
        judge, teacher = node.recipe.checks.judge, node.recipe.teacher
        named |= {judge.api_key_env or ""} if judge else set()
        named |= {teacher.api_key_env or ""} if isinstance(teacher, ServedTeacher) else set()
    keys = [value.encode() for value in {os.environ.get(name, "") for name in named if name} if len(value) >= 8]
    for path, file in repository.files.items():
        if file.stat().st_size <= MOST_SEARCHED and any(key in file.read_bytes() for key in keys):
            raise PotstillError(f"{repository.kind} {path}: it holds a key of yours: nothing was sent; look at {file}")


def owned(name: str, *, wait: float = WAIT) -> str:
    """Return a name with its owner: the one whose key is at hand, where none is named. Raises as `send` does."""
    if "/" in name:
        return name
    try:
        from huggingface_hub import HfApi
    except ImportError:
        raise MissingExtraError("publishing", "huggingface_hub", "hub") from None
    with _named(f"the owner of {name}"):
        return f"{_tried(HfApi().whoami, wait)['name']}/{name}"


def send(repository: Repository, *, private: bool, wait: float = WAIT) -> str:
    """Create a repository where it is not there, and bring it to the state of the files; return its address.

    What the Hub has already is not sent again, so a publication that was stopped goes on. Trouble of the network and
    of the server is tried again.

    Raises:
        PotstillError: no key, or one that may not; or the Hub stayed out of reach.
    """
    try:
        from huggingface_hub import CommitOperationAdd, HfApi
    except ImportError:
        raise MissingExtraError("publishing", "huggingface_hub", "hub") from None
    api = HfApi()
    with _named(f"{repository.kind} {repository.name}"):
        made = _tried(
            lambda: api.create_repo(repository.name, repo_type=repository.kind, private=private or None, exist_ok=True),
            wait,
        )
        _tried(
            lambda: api.create_commit(
                repo_id=made.repo_id, repo_type=repository.kind, commit_message="Published with potstill",
                operations=[
                    CommitOperationAdd(path_in_repo=path, path_or_fileobj=str(file))
                    for path, file in sorted(repository.files.items())
                ],
            ),
            wait,
        )  # fmt: skip
    return str(made)


def _tried(act: Any, wait: float) -> Any:  # noqa: ANN401 - whatever the client returns
    """Do something that the network may break, several times if need be."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    for number in range(TRIES):
        try:
            return act()
        except (HfHubHTTPError, httpx2.TransportError, OSError) as error:
            status = getattr(getattr(error, "response", None), "status_code", None)
            final = isinstance(error, HfHubHTTPError) and status is not None and status < 500 and status != 429
            if final or number + 1 == TRIES:
                raise
            print(f"publish: trying again, {type(error).__name__}", file=sys.stderr)
            time.sleep(wait * 2**number)
    raise AssertionError


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Give what the client raises its line; the client's own texts may hold headers."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    try:
        yield
    except LocalTokenNotFoundError:
        raise PotstillError("the Hub wants to know who you are: set HF_TOKEN, or `hf auth login`") from None
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", 0)
        told = f"{what}: the Hub answered {status}"
        if status in (401, 403):
            raise PotstillError(f"{told}: set HF_TOKEN to a key that may write there, or name another --repo") from None
        raise PotstillError(f"{told}: run the same command again, it goes on with what is missing") from None
    except (httpx2.TransportError, OSError) as error:
        raise PotstillError(
            f"{what}: the Hub is out of reach ({type(error).__name__}): run the same "
            "command again, it goes on with what is missing"
        ) from None
