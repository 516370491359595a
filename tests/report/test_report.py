import dataclasses
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report.report_facts import HOSTILE, facts, hostile_facts, problem, responses

from potstill.report import Funnel, ReportFacts, StudentFacts, build, shown_problems

VOID = {"meta", "path", "rect"}
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "section", "footer", "h1", "h2", "h4"),
    *("p", "b", "span", "div", "article", "details", "summary", "pre", "figure", "figcaption"),
    *(
        "math",
        "mrow",
        "mi",
        "mo",
        "mn",
        "mfrac",
        "msup",
        "msub",
        "msubsup",
        "msqrt",
        "mroot",
        "mtext",
        "mspace",
        "mover",
    ),
    *("table", "thead", "tbody", "tr", "th", "td", "svg", "text", "path", "rect"),
}
ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "class", "scope", "tabindex", "role", "aria-label"),
    *("viewbox", "x", "y", "width", "height", "d", "text-anchor", "display", "title"),
}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self.stack = set(), set(), [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def check_page(text):
    text.encode("utf-8")
    page = Page(text)
    assert page.stack == []
    assert page.tags <= TAGS
    assert page.attributes <= ATTRIBUTES
    assert text.count("<style>") == 1
    assert "default-src 'none'" in text
    return "".join(page.text)


def test_hostile_text_is_shown_and_never_markup():
    report = build(hostile_facts())
    page = report.html()
    text = check_page(page)
    assert all(one in text for one in HOSTILE if one.isprintable())
    assert "{{ 7 * 7 }}" in text
    assert "⟨U+202E⟩esrever⟨U+202C⟩" in text
    assert "⟨U+0000⟩ NUL ⟨U+001B⟩[31m ⟨U+D83D⟩ ⟨U+2028⟩ ⟨U+FEFF⟩" in text
    assert re.search(r"cut for display: the first 6,000 of 1,000,\d+ characters", text)
    assert not set(text) & set("\x00\x1b\u202e\u202c\u2066\u2069\u2028\ufeff")
    assert len(page) < 3_000_000
    json.loads(report.json())
    assert "\ud83d" not in report.text_table()


@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_text_anywhere_leaves_a_sound_page(text):
    report = build(facts(lambda number: text if number % 3 == 0 else "", students=facts(lambda n: text).students[2:]))
    check_page(report.html())
    json.loads(report.json())


def test_json_and_page_come_from_the_same_nodes():
    report = build(facts())
    tree = json.loads(report.json())
    text = check_page(report.html())
    students = tree["sections"][0]["children"][1]
    assert (students["node"], students["title"]) == ("table", "Students")
    for row in students["rows"]:
        assert f"{100 * row[2]:.1f}%" in text
    kinds = {child["node"] for section in tree["sections"] for child in section["children"]}
    assert kinds == {"bars", "table", "text", "sidebyside", "histogram", "lines", "code"}
    assert all(section["title"] in text for section in tree["sections"])


def test_measures_hold_one_object_per_student():
    tree = json.loads(build(facts()).json())
    assert [one["student"] for one in tree["measures"]] == ["base", "answers", "traces"]
    for one in tree["measures"]:
        assert 0 <= one["low"] <= one["accuracy"] <= one["high"] <= 1
        assert one["problems"] == 40
    traces = tree["measures"][2]
    assert (traces["tokens_trained"], traces["seconds"], traces["prompt"]) == (40_000, 60.5, "zero-shot")


def test_base_is_the_better_of_its_prompts_and_says_so():
    report = build(facts())
    assert report.measures[0]["prompt"] == "3-shot"
    assert "also tried: zero-shot" in report.tables[0].note


def test_headline_names_the_best_other_row_its_interval_and_its_test():
    said = build(facts()).headline
    assert said.startswith("Trained on traces, the student solves 80.0%")
    assert "of 40 held-out problems (95% interval" in said
    assert "p < 0.001, exact McNemar" in said
    assert "can be chance" not in said


def test_headline_admits_chance_loss_and_unscored_responses():
    problems = [problem(number) for number in range(40)]
    right, worse = responses("x", 1.0, problems), responses("x", 0.9, problems)
    lost = [dataclasses.replace(m, outcome="unknown", cause="timeout") for m in worse[:3]]
    students = [StudentFacts(name="base", measures=right), StudentFacts(name="traces", measures=[*lost, *worse[3:]])]
    said = build(facts(students=students)).headline
    assert "points fewer than 'base'" in said
    assert "can be chance" in said
    assert "3 of its 40 responses could not be judged (timeout: 3). Were they all wrong, it would solve" in said


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_the_table_says_what_the_accuracy_is_at_least_where_many_are_unscored(lost):
    measures = responses("x", 1.0, [problem(number) for number in range(100)])
    unscored = [dataclasses.replace(m, outcome="unknown", cause="infrastructure") for m in measures[:lost]]
    students = [
        StudentFacts(name="base", measures=measures),
        StudentFacts(name="traces", measures=[*unscored, *measures[lost:]]),
    ]
    report = build(facts(students=students))
    table = next(table for table in report.tables if table.title == "Students")
    names = [column.name for column in table.columns]
    assert all(len(row) == len(names) for row in table.rows)
    assert [row[names.index("unscored")] for row in table.rows] == [0, lost]
    assert ("at least" in names) is (lost > 1)
    if lost > 1:
        assert [row[names.index("at least")] for row in table.rows] == [None, pytest.approx(0.98)]
    assert [one["at_least"] for one in report.measures] == [1.0, pytest.approx(1 - lost / 100)]


@pytest.mark.parametrize(
    "students", [[], [StudentFacts(name="base", measures=[])], [StudentFacts(name="traces", measures=[])]]
)
def test_a_run_with_nothing_measured_still_reports(students):
    report = build(
        ReportFacts(
            name="empty", recipe_yaml="name: empty\n", versions={"potstill": "0"}, students=students, main="traces"
        )
    )
    check_page(report.html())
    assert all(one["accuracy"] is None for one in json.loads(report.json())["measures"])
    assert "Students" in report.text_table()


def test_a_funnel_shows_tokens_and_their_share_of_the_dollars():
    tokens = {"kept": 3000, "wrong": 1000}
    funnel = Funnel(read=10, kept=6, dropped={"wrong": 4}, tokens=tokens, dollars=8.0)
    assert (funnel.all_tokens, funnel.worth("wrong"), funnel.worth("kept")) == (4000, 2.0, 6.0)
    assert Funnel(read=10, kept=6, dropped={"wrong": 4}, dollars=8.0).worth("kept") is None
    page = build(facts(trace_funnel=funnel))
    check_page(page.html())
    assert "Dollars are those of all replies" in page.json()
    assert "4,000" in page.html()
    assert "Dollars" not in build(facts(trace_funnel=dataclasses.replace(funnel, dollars=None))).json()


def test_funnel_shows_what_nobody_accounted_for():
    assert Funnel(read=10, kept=4, dropped={"wrong": 6}).unaccounted == 0
    page = check_page(build(facts(trace_funnel=Funnel(read=10, kept=4, dropped={"wrong": 5}))).html())
    assert "unaccounted for" in page


def test_shown_problems_cover_each_sort_and_do_not_depend_on_order():
    students = facts().students
    shown = shown_problems(students, "traces")
    sorts = list(shown.values())
    assert sorts[0] == "only traces right"
    assert set(sorts) >= {"only traces right", "every student wrong"}
    assert max(sorts.count(sort) for sort in sorts) <= 3
    mixed = [dataclasses.replace(one, measures=list(one.measures)[::-1]) for one in students[::-1]]
    assert shown_problems(mixed, "traces") == shown


def test_solution_stands_in_where_the_teacher_was_not_asked():
    given = facts(teacher={})
    solved = {key: dataclasses.replace(one, solution="Worked by hand.") for key, one in given.problems.items()}
    assert "Worked by hand." in check_page(build(dataclasses.replace(given, problems=solved)).html())


def test_terminal_table_is_aligned_and_fits():
    table = build(facts()).text_table().split("\n\n")[0].splitlines()
    assert max(map(len, table)) <= 120
    accuracy = table[2].index("accuracy") + len("accuracy")
    assert [line[accuracy - 1] for line in table[4:7]] == ["%"] * 3


def test_same_facts_give_the_same_bytes():
    assert build(hostile_facts()).html() == build(hostile_facts()).html()
    assert build(hostile_facts()).json() == build(hostile_facts()).json()
