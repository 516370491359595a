"""What a card says of the base student: from the base's own card, wherever that is, and nothing of this machine."""

from dataclasses import replace

import pytest
from commands import TINY

from potstill.pipeline.provenance import base_of, for_strangers
from potstill.recipe import Export, Student
from potstill.recipe_file import parse

HEAD = "---\nlicense: other\nlicense_name: gemma\nlanguage: [en, de]\nbase_model: org/root\n---\n\n# Mine\n"


def base(folder, name, licence=None):
    recipe = replace(parse(TINY, "r.yaml"), data=str(folder), export=Export(licence=licence))
    return base_of(replace(recipe, student=Student(model=name)))


@pytest.mark.parametrize(
    ("card", "licence", "hub"),
    [
        (HEAD, {"license": "other", "license_name": "gemma"}, "org/root"),
        (HEAD.replace("\n", "\r\n"), {"license": "other", "license_name": "gemma"}, "org/root"),
        ("---\nlicense: mit\n---", {"license": "mit"}, ""), ("# no head\nlicense: mit\n", {}, ""),
        ("---\nlicense: [mit]\nbase_model: /mnt/some/x\n---\n", {}, ""), ("---\n{: a\n---\n", {}, ""), (None, {}, ""),
        ("---\nlicense: mit\n" + "x: y\n" * 40_000 + "---\n", {}, ""), ("\xff\xfe", {}, ""),
    ],
)  # fmt: skip
def test_the_base_is_called_as_its_own_card_says(tmp_path, card, licence, hub):
    folder = tmp_path / "my models" / "small"
    folder.mkdir(parents=True)
    if card is not None:
        (folder / "README.md").write_bytes(card.encode("latin-1"))
    for name in (str(folder), "my models/small"):
        found = base(tmp_path, name)
        assert (found.name, found.licence, found.hub) == ("small", licence, hub)
    assert base(tmp_path, str(folder), "apache-2.0").licence == {"license": "apache-2.0"}


def test_names_of_the_hub_and_its_cache(tmp_path, monkeypatch):
    cached = tmp_path / "models--org--small" / "snapshots" / "0a1b"
    cached.mkdir(parents=True)
    (cached / "README.md").write_text(HEAD)
    (tmp_path / "models--org--small" / "refs").mkdir()
    (tmp_path / "models--org--small" / "refs" / "main").write_text("0a1b")
    found = base(tmp_path, str(cached))
    assert (found.name, found.hub, found.languages) == ("org/small", "org/small", ("en", "de"))
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    found = base(tmp_path, "org/small")
    assert (found.hub, found.licence["license_name"]) == ("org/small", "gemma")
    assert base(tmp_path, "org/other").licence == {}
    assert base(tmp_path, "smollm2-135m-instruct").licence == {"license": "apache-2.0"}


def test_paths_are_not_told_to_strangers(tmp_path):
    (tmp_path / "deep").mkdir()
    for name, told in (
        ("org/model", "org/model"), ("chain", "chain"), ("/mnt/some/data/x.jsonl", "x.jsonl"), ("~/x.jsonl", "x.jsonl"),
        ("../up/x.py:read", "x.py:read"), ("deep", "deep"), ("z" * 5000, "z" * 5000), ("~nobody-here/x", "x"),
    ):  # fmt: skip
        assert for_strangers(name, str(tmp_path)) == told
