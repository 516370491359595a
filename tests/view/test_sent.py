"""What a teacher was sent and what came back, from a real server and a real ledger; and the report with its links."""

import json
import re

import pytest
from commands import done
from stub_server import running
from view.served import serving

from potstill.view.room import Viewer

RECIPE = """\
name: t
problems: {evaluate: 2, sources: [{file: p.jsonl}]}
teacher: {kind: served, base_url: URL, model: m, price: {prompt: 1.0, completion: 2.0}}
strategy: {system: Be brief}
student: {scratch: {hidden: 16, layers: 1, heads: 2, intermediate: 32, vocabulary: 300, context: 256}}
train: {steps: 2, batch: 4, micro_batch: 4, learning_rate: 1.0e-3, precision: fp32}
arms: {traces: {train: {}}}
evaluate: {max_tokens: 8, batch: 4}
"""


@pytest.fixture
def asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [{"question": f"What is {n} plus 0?", "gold": str(n)} for n in range(6)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with running() as stub:
        (tmp_path / "r.yaml").write_text(RECIPE.replace("URL", f'"{stub.url}"'))
        for stage in ("problems", "traces", "verdicts"):
            done("run", "r.yaml", "--out", "run", "--stage", stage)
    return tmp_path / "run"


def test_the_request_and_its_reply_are_shown_as_they_were(asked, tmp_path):
    viewer = Viewer.open([str(asked)], tmp_path / "cache")
    for number, row in enumerate(viewer.index.rows.to_pylist()):
        found = viewer.details.sent(number)
        question = viewer.index.problem(row["problem"])["question"]
        assert found["note"] == ""
        assert [turn["role"] for turn in found["messages"]] == ["system", "user"]
        assert found["messages"][0]["content"] == "Be brief"
        assert question in found["messages"][1]["content"]
        reply = json.loads(found["raw"])
        assert viewer.texts.record(number).answer in reply["choices"][0]["message"]["content"]
        clock, usage = found["clock"], reply["usage"]
        assert (clock["prompt"], clock["completion"], clock["tries"]) == (
            usage["prompt_tokens"], usage["completion_tokens"], 1,
        )  # fmt: skip
        assert clock["dollars"] == pytest.approx((usage["prompt_tokens"] + 2 * usage["completion_tokens"]) / 1e6)
        assert clock["seconds"] > 0


def test_a_served_report_leads_into_the_viewer(made, tmp_path):
    report = made / "report.html"
    report.write_text("<html><main><script>document.title='PWNED'</script><h1>demo</h1></main></html>")
    try:
        with serving(made, cache=tmp_path / "cache") as served:
            status, headers, page = served.ask("/report/run")
            links = re.findall(r'href="(/#/list\?[^"]+)"', page.decode())
            assert status == 200
            assert len(links) > 6
            assert any("outcome=wrong" in link for link in links)
            assert "script-src" not in headers["Content-Security-Policy"]
            assert headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert served.ask("/report/run", Cookie=None)[0] == 403
            assert served.ask("/report/other")[0] == 404
            assert served.json("/api/about")["runs"] == [{"name": "run", "report": True}]
    finally:
        report.unlink()
