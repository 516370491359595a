"""A run goes to the Hub whole or goes on, says where it is from, and takes no key along."""

import json
import os
import subprocess
import sys

import yaml
from commands import call, done
from hub_stub import running

from potstill.models.served.proxies import is_public
from potstill.pipeline.publishing import for_publication
from potstill.recipe_file import load

KEY = "hf_a_key_that_nobody_may_see"


def publish(folder, hub, *argv, key=KEY, code=0):
    """Publish in a process of its own, whose client reads its settings when it is imported."""
    settings = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": key, "HF_HUB_OFFLINE": "0",
                "HF_HOME": str(folder / "home"), "HF_HUB_DISABLE_TELEMETRY": "1"}  # fmt: skip
    command = [sys.executable, "-m", "potstill", "publish", "run", *argv]
    ended = subprocess.run(command, cwd=folder, env={**os.environ, **settings}, capture_output=True, text=True)
    assert ended.returncode == code, ended.stderr
    assert not key or key not in ended.stdout + ended.stderr
    return ended


def head_of(card):
    return yaml.safe_load(card.decode().split("---\n")[1])


def test_student_report_and_traces_go_out_with_their_cards(finished_run):
    folder = finished_run.parent
    with running() as hub:
        publish(folder, hub, "--repo", "somebody/tiny", "--private")
        model = {path: data for (repo, path), data in hub.files.items() if repo == "somebody/tiny"}
        data = {path: value for (repo, path), value in hub.files.items() if repo == "somebody/tiny-traces"}
        export = finished_run / "export" / "model"

        assert model.keys() >= {path.name for path in export.iterdir()} | {"report.html", "report.json", "README.md"}
        assert model["model.safetensors"] == (export / "model.safetensors").read_bytes()
        assert hub.created["somebody/tiny"]["visibility"] == "private"
        head = head_of(model["README.md"])
        assert head["datasets"] == ["somebody/tiny-traces"]
        assert head["pipeline_tag"] == "text-generation"
        assert str(folder).encode() not in b"".join([*model.values(), *data.values()]), "no folder of this machine"

        said = head_of(data["README.md"])
        assert said["configs"][0]["data_files"] == [{"split": "train", "path": "data/train.jsonl"}]
        rows = [json.loads(line) for line in data["data/train.jsonl"].splitlines()]
        assert len(rows) == json.loads((finished_run / "examples" / "manifest.json").read_text())["counts"]["kept"]
        assert "| Teacher | worked |" in data["README.md"].decode()
        kept = json.loads((finished_run / "examples" / "manifest.json").read_text())["counts"]["kept"]
        assert f"| kept | {kept:,} |" in data["README.md"].decode()

        asked = len(hub.uploads())
        publish(folder, hub, "--repo", "somebody/tiny")
        assert len(hub.uploads()) == asked, "what is there already is not sent again"
        for _, path, headers, body in hub.requests:
            assert KEY.encode() not in body, path
            assert KEY not in path
            assert path.startswith("/put/") is ("authorization" not in {name.lower() for name in headers}), path


def test_strangers_see_no_folder_and_no_private_address_of_any_node(tmp_path):
    own = f"{tmp_path}/me"
    (tmp_path / "me" / "a" / "model").mkdir(parents=True)
    (tmp_path / "me" / "b" / "model").mkdir(parents=True)
    served = {
        "kind": "served",
        "base_url": "http://gpu7.lan:8000/v1",
        "model": "big",
        "terms": {"training": "allowed", "basis": "mine"},
    }
    (tmp_path / "recipe.yaml").write_text(
        yaml.safe_dump({
            "name": "kept", "data": own, "seed": 3, "student": {"model": f"{own}/a/model"},
            "problems": {"sources": [{"file": f"{own}/mine.jsonl"}], "evaluate": 5},
            "teacher": {"kind": "worked"},
            "sets": {"traces": {"teacher": served}, "file": {"teacher": {"kind": "dataset", "file": f"{own}/t.jsonl"}}},
            "arms": {
                "base": {}, "traces": {"train": {"on": "traces", "epochs": 1}},
                "other": {"student": {"model": f"{own}/b/model"}, "train": {"on": "file", "epochs": 1}},
            },
        })
    )  # fmt: skip
    public = for_publication(load(str(tmp_path / "recipe.yaml")))
    told = repr(public)
    assert own not in told
    assert "gpu7" not in told
    assert public.seed == 3
    assert public.sets["file"]["teacher"]["file"] == "t.jsonl"
    names = {public.student.model, public.arms["other"]["student"]["model"]}
    assert names == {"model", "model-2"}, "two students stay two"
    assert [is_public(url) for url in (
        "http://localhost/v1", "http://10.0.0.4/v1", "http://box/v1", "http://a.internal", "https://api.example.com/v1",
    )] == [False, False, False, False, True]  # fmt: skip


def test_trouble_is_tried_again_and_a_publication_that_broke_off_goes_on(finished_run):
    folder = finished_run.parent
    with running() as hub:
        hub.trouble = [("/api/repos/create", 503), ("/commit/", 500)]
        assert "trying again" in publish(folder, hub).stderr
        assert ("me/tiny", "model.safetensors") in hub.files
    with running() as hub:
        hub.trouble = [("/commit/", 400)]
        assert "it goes on with what is missing" in publish(folder, hub, code=2).stderr
        asked = hub.uploads()
        publish(folder, hub)
        assert len(hub.uploads()) == len(asked) + 1, "the data set's one file"


def test_a_key_that_may_not_is_one_line(finished_run):
    with running() as hub:
        hub.trouble = [("/preupload/", 403)]
        told = publish(finished_run.parent, hub, "--repo", "a/tiny", code=2).stderr.splitlines()
    line = "potstill: model a/tiny: the Hub answered 403: set HF_TOKEN to a key that may write there, or name another"
    line = f"{line} --repo"
    assert [each for each in told if each.startswith("potstill")] == [line]
    assert told[-1] == line


def test_nothing_is_sent_dry_or_with_a_key_inside_or_of_a_run_that_is_not_finished(finished_run, monkeypatch):
    told = done("publish", finished_run, "--dry-run", "--repo", "a/b").out
    assert "model a/b" in told
    assert "  data/train.jsonl" in told
    monkeypatch.setenv("HF_TOKEN", "provenance")  # a word of the card
    assert "it holds a key of yours" in call("publish", finished_run, "--dry-run").mistake()
    monkeypatch.delenv("HF_TOKEN")
    assert "is no name on the Hub" in call("publish", finished_run, "--dry-run", "--repo", "a/b/c").mistake()
    (finished_run / "report").unlink()
    for path in (finished_run / "stages").glob("report-*"):
        path.rename(path.with_name(f"gone-{path.name}"))
    assert "is not finished (report)" in call("publish", finished_run, "--dry-run").mistake()
    assert "is no run folder" in call("publish", finished_run.parent / "nowhere").mistake()


def test_what_a_model_wrote_is_plain_text_in_a_card():
    from potstill.export.data_card import DataCard, data_card

    hostile = "[x](http://evil) <b> | `rm`\n# head"
    card = data_card(
        DataCard(
            name=hostile, teacher=hostile, terms=("allowed", hostile), sources=hostile, languages=(), rows=3,
            problems=(3, 2, {hostile: 1}), traces=(2, 1, {hostile: 1}), overlap=(1, 4), seed=1, potstill="0",
        )
    )  # fmt: skip
    body = card.split("---\n", 2)[2]
    assert "[x]" not in body
    assert "<b>" not in body
    assert "1 of 4 held-out problems" in body
