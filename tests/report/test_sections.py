"""The sections of a report, each from hand-made facts whose figures can be told by hand."""

import dataclasses
import json
import math

import pytest
from report.report_facts import HOSTILE, facts, problem, responses

from potstill.evaluate.statistics import paired
from potstill.intervals import Interval
from potstill.pipeline.behaving import spread
from potstill.records import Trace
from potstill.report import (
    AlsoFacts,
    DeliveredPlace,
    DroppedTrace,
    SetFacts,
    StudentFacts,
    UsageFacts,
    build,
    plots,
)
from potstill.report.domains import domains_of, heat_cell
from potstill.report.nodes import HeatCell, HeatMap
from potstill.report.students import arm_result, headline
from potstill.report.transfer import transfer_map, transfer_table

PROBLEMS = [problem(number) for number in range(40)]


def section(report, title):
    """Return the nodes of a section as `report.json` has them; none where it is left out."""
    found = [one["children"] for one in json.loads(report.json())["sections"] if one["title"] == title]
    return found[0] if found else []


def table(nodes, title):
    (node,) = [node for node in nodes if node.get("title") == title]
    return [dict(zip((column["name"] for column in node["columns"]), row, strict=True)) for row in node["rows"]]


def answered(student, right, prompt="zero-shot"):
    """Return one response to each problem, right where `right(number)`."""
    return [
        dataclasses.replace(one, outcome="right" if right(number) else "wrong")
        for number, one in enumerate(responses(student, 1, PROBLEMS, prompt))
    ]


DOMAINS = {one.key: "logic" if number % 2 else "mathematics" for number, one in enumerate(PROBLEMS)}


def two_students():
    return [
        StudentFacts(name="base", measures=answered("base", lambda n: n < 4), base="base"),
        StudentFacts(
            name="traces", measures=answered("traces", lambda n: n % 2 == 0), base="base", taught=("mathematics",)
        ),
    ]


def test_domains_are_told_by_accuracy_and_by_difference_to_the_base():
    report = build(facts(students=two_students(), domains=DOMAINS))
    nodes = section(report, "Domains")
    rows = {(row["student"], row["domain"]): row for row in table(nodes, "Accuracy by domain")}
    assert rows["traces", "mathematics"]["accuracy"] == 1.0
    assert rows["traces", "logic"]["accuracy"] == 0.0
    assert rows["traces", "mathematics"]["to base"] == pytest.approx(0.9)
    assert rows["traces", "logic"]["to base"] == pytest.approx(-0.1)
    assert rows["base", "logic"]["to base"] is None
    (heat,) = [node for node in nodes if node["node"] == "heatmap"]
    assert heat["columns"] == ["logic", "mathematics"]
    assert heat["rows"] == ["traces (taught mathematics)"]
    assert [cell["value"] for cell in heat["cells"][0]] == pytest.approx([-0.1, 0.9])
    assert "Accuracy by domain" in report.text_table()


def test_one_domain_needs_no_section():
    assert section(build(facts(students=two_students(), domains=dict.fromkeys(DOMAINS, "logic"))), "Domains") == []
    assert domains_of({"a": "", "b": "x", "c": "x"}) == ("x", "no domain")


@pytest.mark.parametrize("columns", [1, 2, 4, 5, 9])
def test_a_heat_map_says_every_figure_in_words_of_its_own(columns):
    cells = tuple(HeatCell((-1) ** n * n / 10, -0.05 + n / 10, 0.05 + n / 10) for n in range(columns))
    none = (HeatCell(math.nan, -1.0, 1.0),) * columns
    names = tuple(f"domain {n}" for n in range(columns))
    node = HeatMap(title="t", rows=("one", HOSTILE[0]), columns=names, cells=(cells, none))
    svg = plots.heat(node)
    assert "<script" not in svg
    assert "nan" not in svg.lower()
    for name, cell in zip(names, cells, strict=True):
        assert f">{name}<" in svg
        assert f">{100 * cell.value:+.1f}<" in svg
    assert svg.count('class="sure"') == sum(cell.low > 0 or cell.high < 0 for cell in cells), "told by a frame"
    assert svg.count(">-<") == columns, "what is not known has no figure"


def test_a_cell_without_common_problems_is_empty():
    assert math.isnan(heat_cell(paired([], [])).value)
    assert heat_cell(paired([1, 1, 0], [0, 0, 0])).value == pytest.approx(2 / 3)


def test_transfer_over_seeds_is_by_domain_and_against_the_base():
    seeds = [{key: int(domain == "logic") for key, domain in DOMAINS.items()} for _ in range(3)]
    nothing = [dict.fromkeys(DOMAINS, 0) for _ in range(3)]
    lines = {"base": nothing, "on-logic": seeds}
    heat = transfer_map(lines, DOMAINS, "base")
    assert (heat.rows, heat.columns) == (("on-logic",), ("logic", "mathematics"))
    assert [cell.value for cell in heat.cells[0]] == [1.0, 0.0]
    assert heat.cells[0][0].low > 0 >= heat.cells[0][1].low
    rows = [(row[0], row[1], row[2], row[-1]) for row in transfer_table(lines, DOMAINS, "base").rows]
    assert ("on-logic", "logic", 1.0, "different") in rows
    assert transfer_map(lines, DOMAINS, "") is None
    assert transfer_map(lines, dict.fromkeys(DOMAINS, "logic"), "base") is None


def test_cost_and_latency_stand_side_by_side_and_what_is_not_known_is_empty():
    usage = [
        UsageFacts(name="big", kind="teacher", accuracy=Interval(0.9, 0.8, 0.95), answers=100, read=50, written=1000,
                   last=12.5, dollars=2.5, spent=0.25, basis="price: the recipe"),
        UsageFacts(name="traces", kind="student", accuracy=None, answers=40, written=80, first=0.01, last=0.5,
                   rate=900.0),
    ]  # fmt: skip
    report = build(facts(usage=usage))
    nodes = section(report, "Cost and latency")
    teacher, student = table(nodes, "An answer of each")
    assert (teacher["$ per 1,000 answers"], teacher["last token"], teacher["first token"]) == (2.5, 12.5, None)
    assert (student["tokens/s"], student["$ per 1,000 answers"], student["accuracy"]) == (900.0, None, None)
    (whole,) = table(nodes, "What the teacher took in all")
    assert (whole["tokens written"], whole["$ in all"]) == (100_000, 0.25)
    assert "evaluate.hour" in nodes[0]["note"], "how a student gets a price"
    assert "0.01s" in report.html()
    assert "2.50" in report.text_table()


def test_what_was_lost_is_told_against_the_untouched_base():
    kept, lost = answered("base", lambda n: n < 30), answered("traces", lambda n: n < 5)
    also = [
        AlsoFacts(problems="general", student="base", base="base", measures=kept),
        AlsoFacts(problems="general", student="traces", base="base", measures=lost),
        AlsoFacts(problems="general", student="same", base="base", measures=kept),
    ]
    nodes = section(build(facts(also=also)), "What was lost")
    assert "'traces' lost (" in nodes[0]["text"]
    assert "'same' is not seen to have lost" in nodes[0]["text"]
    assert "1 of 2 lost" in nodes[0]["text"]
    row = table(nodes, "Other problems: general")[1]
    assert (row["to base"], row["lost"], row["won"]) == (pytest.approx(-0.625), 25, 0)
    none = answered("base", lambda _: False)
    also[0] = AlsoFacts(problems="general", student="base", base="base", measures=none)
    assert "nothing can be lost" in section(build(facts(also=also)), "What was lost")[0]["text"]


def test_behaviours_are_counted_all_over_a_table_and_not_at_its_head():
    """Traces stand source by source: the first ones were all of the first family."""

    class Table(list):
        def total(self, _):
            return len(self)

        def rows(self, *_):
            return iter(self)

        def between(self, _, __, start, stop):
            return iter(self[start:stop])

    for total in (7, 300, 301, 7800):
        taken = spread(Table(range(total)), "traces", int)
        assert len(taken) == len(set(taken)) == min(total, 300)
        assert taken == sorted(taken)
        assert max(taken) >= 0.95 * (total - 1)


def test_a_report_that_measured_nothing_else_says_so_and_how():
    (said,) = section(build(facts()), "What was lost")
    assert "not known" in said["text"]
    assert "evaluate: {also:" in said["text"]


def test_dropped_traces_can_be_read_and_are_never_markup():
    trace = Trace(
        problem_key=PROBLEMS[0].key, teacher="m" + HOSTILE[0], strategy="zero_shot", prompt_key="q", sample=0,
        attempt=0, sampling="{}", reasoning="So " + HOSTILE[1], answer=HOSTILE[2], finish="length",
    )  # fmt: skip
    left_out = [DroppedTrace("truncated", "", trace, PROBLEMS[0]), DroppedTrace("wrong" + HOSTILE[3], "", trace, None)]
    given = facts(sets=[SetFacts(name="traces", left_out=left_out)])
    report = build(given)
    shown = [node for node in section(report, "What was kept") if node["node"] == "sidebyside"]
    assert shown[0]["title"] == "dropped: truncated"
    assert shown[0]["answers"][0]["note"] == "length"
    assert shown[1]["question"] == "(no such problem)"
    assert "<script" not in report.html()
    assert "<img" not in report.html()


def test_the_page_says_where_the_model_is():
    places = [DeliveredPlace("a checkpoint", "export/model", "potstill chat RUN")]
    assert table(section(build(facts(places=places)), "The model"), "The model")[0]["where"] == "export/model"
    assert "No export" in section(build(facts()), "The model")[0]["text"]
    assert section(build(facts(main=None)), "The model") == []


def test_no_difference_is_not_called_zero_points_more():
    same = [StudentFacts(name=name, measures=answered(name, lambda n: n < 20)) for name in ("traces", "answers")]
    said = headline([arm_result(one) for one in same], "traces")
    assert "no difference to 'answers'" in said
    assert "interval of the difference" in said
    assert "0.0 points" not in said
    assert "can be chance" not in said


def test_a_truncated_response_is_marked_as_that():
    measures = [
        dataclasses.replace(one, finish="length", outcome="unknown", cause="unparsable prediction")
        for one in responses("traces", 1, PROBLEMS)
    ]
    given = facts(students=[StudentFacts(name="traces", measures=measures)], teacher={})
    answers = [answer for node in section(build(given), "Side by side") for answer in node["answers"]]
    assert {answer["mark"] for answer in answers} == {"truncated"}
    assert not any("unparsable" in answer["note"] for answer in answers)
