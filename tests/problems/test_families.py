import functools
import itertools
import json
import re
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.errors import DataError, RecipeError
from potstill.problems.families import FAMILIES, generate
from potstill.problems.families.chain import CHANGES
from potstill.problems.families.family import Story
from potstill.problems.families.store import HOUSE, OTHERS, PARTS, wordings

NAMES = sorted(FAMILIES)
SEEDS = st.integers(0, 2**32)
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def take(name, seed, count, **chosen):
    return list(itertools.islice(generate(name, seed, chosen), count))


# Each solver below reads the question as a person would; none of them looks at the facts or at the families' code.


def solve_chain(question):
    first, *changes, _ = re.split(r"(?<=[.?]) ", question)
    value = int(re.search(r"\d+", first)[0])
    for change in changes:
        n = int(re.search(r"\d+", change)[0])
        if "times as many" in change:
            value *= n
        elif re.search(r"equal", change):
            assert value % n == 0
            value //= n
        elif re.search(r" (gives|get lost|sells|takes|break)", change):
            value -= n
        else:
            assert re.search(r" (buys|brings|finds|wins|added)", change), change
            value += n
    return str(value)


def solve_shop(question):
    prices = {thing: int(n) for thing, n in re.findall(r"(?:[Aa]|One) (\w+) (?:costs|is|for) (\d+) dollars", question)}
    bought = re.search(r"(?:buys|takes|orders) ([^.]+)\.", question)[1]
    total = sum(int(n) * prices[thing] for n, thing in re.findall(r"(\d+) (\w+)s\b", bought))
    end = question.split(bought + ".")[1]
    amount = int(re.search(r"\d+", end)[0])
    if re.search("coupon|lowered", end):
        return str(total - amount)
    if re.search("Delivery|gift box", end):
        return str(total + amount)
    assert re.search("pays with|hands over|had", end)
    return str(amount - total)


def solve_compare(question):
    *told, asked = re.split(r"(?<=[.?]) ", question)
    known, relations = {}, []
    for sentence in told:
        people = re.findall(r"[A-Z]\w+", sentence)
        n = int(re.search(r"\d+", sentence)[0])
        if len(people) == 1:
            known[people[0]] = n
            continue
        a, b = people
        if "times as" in sentence:
            relations += [(a, b, lambda v, n=n: v * n), (b, a, lambda v, n=n: v // n)]
        else:
            k = n if re.search("older|more|beat", sentence) else -n
            assert k > 0 or re.search("younger|fewer|lost", sentence)
            relations += [(a, b, lambda v, k=k: v + k), (b, a, lambda v, k=k: v - k)]
    for _ in told:
        for to, source, change in relations:
            if source in known:
                known.setdefault(to, change(known[source]))
    person = next(name for name in re.findall(r"[A-Z]\w+", asked) if name in known)
    return str(known[person])


def solve_clock(question):
    hour, minute = map(int, re.search(r"(\d+):(\d\d)", question).groups())
    total = sum(int(n) for n in re.findall(r"(\d+) minutes", question))
    back = re.search(r"must (be done|be ready)|has to finish", question)
    at = 60 * hour + minute + (-total if back else total)
    return f"{at // 60}:{at % 60:02d}"


def solve_row(question):
    first, *moves = re.split(r"(?<=[.?]) ", question)
    row = [w for w in re.findall(r"[A-Z]\w+", first) if w not in ("In", "From")]
    for sentence in moves[:-1]:
        who = [w for w in re.findall(r"[A-Z]\w+", sentence) if w in row]
        if len(who) == 2:
            i, j = (row.index(name) for name in who)
            row[i], row[j] = row[j], row[i]
        else:
            row.remove(who[0])
            row.insert(0 if re.search("front|first", sentence) else len(row), who[0])
    return ", ".join(row)


def solve_weekday(question, choices):
    today, *events, asked = re.split(r"(?<=[.?]) ", question)
    at = {}
    for sentence in events:
        n = int(re.search(r"\d+", sentence)[0])
        names = re.findall(r"[Tt]he (\w+)", sentence)
        if len(names) == 1:
            at[names[0]] = n
        else:
            at[names[0]] = at[names[1]] + (-n if re.search("before|earlier", sentence) else n)
    start = DAYS.index(next(day for day in DAYS if day in today))
    day = DAYS[(start + at[re.findall(r"the (\w+)\?", asked)[0]]) % 7]
    return "ABCDEFG"[choices.index(day)]


def solve_table(question, files=None):
    """Read the tables out of the question, or out of the files that it names."""
    if files:
        tables = [files[name].strip().split("\n") for name in re.findall(r"\w+\.csv", question)]
    else:
        tables = [block.strip().split("\n") for block in re.findall(r"(?:id|item),[^?]*?\n(?=[ ]|\Z)", question)]
    sales, *others = [[line.split(",") for line in table] for table in tables]
    at = {name: number for number, name in enumerate(sales[0])}
    asked = question.rsplit(".csv" if files else "\n", 1)[1]
    rows = sales[1:]
    if found := re.search(r"row with id (\d+)", asked):
        (row,) = (row for row in rows if row[0] == found[1])
        return f"item: {row[at['item']]}; quantity: {row[at['quantity']]}"
    if "(region)" in asked:
        sums = {}
        for row in rows:
            sums[row[at["region"]]] = sums.get(row[at["region"]], 0) + int(row[at["quantity"]] or 0)
        best = max(sums.values())
        (region,) = (name for name, value in sums.items() if value == best)
        return f"region: {region}; total: {best}"
    column, value = re.search(r"the (region|item|name) (\w+)", asked).groups()
    rows = [row for row in rows if row[at[column]] == value]
    if "mean" in asked:
        known = [int(row[at["quantity"]]) for row in rows if row[at["quantity"]]]
        places = Decimal(1).scaleb(-int(re.search(r"(\d) decimals", asked)[1]))
        mean = (Decimal(sum(known)) / len(known)).quantize(places, ROUND_HALF_UP)
        return f"count: {len(known)}; mean: {mean}"
    price = {row[0]: int(row[1]) for row in others[0][1:]} if others else {}
    total = sum(int(row[at["quantity"]] or 0) * price.get(row[at["item"]], 1) for row in rows)
    return f"count: {len(rows)}; total: {total}"


PHRASES = [
    (r"keeps the even|drops all that are not even", lambda xs, n: [x for x in xs if not x & 1]),
    (r"keeps the odd|drops all that are not odd", lambda xs, n: [x for x in xs if x & 1]),
    (r"keeps those above|drops all that are not above", lambda xs, n: [x for x in xs if x >= n + 1]),
    (r"keeps those below|drops all that are not below", lambda xs, n: [x for x in xs if x <= n - 1]),
    (r"adds \d+ to each|raises each by", lambda xs, n: [n + x for x in xs]),
    (r"takes \d+ from each|lowers each by", lambda xs, n: [-n + x for x in xs]),
    (r"multiplies each by \d|makes each \d+ times", lambda xs, n: [n * x for x in xs]),
    (r"squares each|multiplies each by itself", lambda xs, n: [x**2 for x in xs]),
    (r"negates each|turns the sign", lambda xs, n: [0 - x for x in xs]),
    (r"returns (their sum|what they add up to)", lambda xs, n: functools.reduce(int.__add__, xs, 0)),
    (r"returns (how many|their number)", lambda xs, n: sum(1 for _ in xs)),
    (r"returns (the list|what is left)", lambda xs, n: [*xs]),
    (r"returns them (from the smallest|sorted)", lambda xs, n: sorted(xs)),
    (r"returns them (from the last|in reverse)", lambda xs, n: [*reversed(xs)]),
]


def solve_function(problem):
    """Follow the phrases of the question on every test; the gold has to do the same."""
    phrases = re.split(r", (?:and )?", problem.question.split("numbers", 1)[1].lstrip(".,").strip())
    known = {}
    exec(problem.gold, known)
    name = re.search(r"(?:function|Define) (\w+)", problem.question)[1]
    for call in json.loads(problem.facts)["tests"]["calls"]:
        value = call["arguments"][0]
        for phrase in filter(None, phrases):
            (does,) = [does for pattern, does in PHRASES if re.search(pattern, phrase)]
            value = does(value, int((re.findall(r"\d+", phrase) or [0])[0]))
        assert value == call["expected"] == known[name](list(call["arguments"][0]))
        assert call["function"] == name
    return problem.gold


def solve_store(question):
    """Multiply the told price, else the house's; where there is neither, only one bill divides."""
    house = {"rice": 5, "salt": 7, "tea": 8, "ham": 9, "corn": 10, "fish": 11}
    sentences = re.split(r"(?<=[.?]) ", question)
    (bought,) = (one for one in sentences if " kg of " in one)
    (bills,) = (list(map(int, re.findall(r"\d+", one))) for one in sentences if re.search(r"\d+, \d+ or \d+", one))
    told = {good: int(n) for good, n in re.findall(r"(\w+) at (\d+) dollars (?:a|per) kg", bought)}
    assert len(told) == 1
    quantity, good = re.search(r"(\d+) kg of (\w+)", bought).groups()
    price = told.get(good) or house.get(good)
    if price is None:
        (bill,) = (one for one in bills if one % int(quantity) == 0)
        return str(bill)
    assert int(quantity) * price in bills
    return str(int(quantity) * price)


def solve(problem):
    if problem.source == "family:function":
        return solve_function(problem)
    if problem.source == "family:table":
        return solve_table(problem.question, json.loads(problem.facts).get("files"))
    if problem.choices:
        return solve_weekday(problem.question, problem.choices)
    return globals()[f"solve_{problem.source.removeprefix('family:')}"](problem.question)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_the_gold_is_what_the_question_says(name, seed):
    for problem in take(name, seed, 8):
        assert solve(problem) == problem.gold, problem.question


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("chain", {"min_steps": 8, "max_steps": 8, "largest": 9999, "operand": 999, "factor": 9}),
        ("chain", {"min_steps": 1, "largest": 20, "operand": 2}),
        ("shop", {"min_items": 2, "max_items": 4, "price": 99, "quantity": 12}),
        ("shop", {"price": 2, "quantity": 2}),
        ("compare", {"min_links": 1, "max_links": 6, "distractors": 3}),
        ("compare", {"shuffle": 0, "largest": 20, "operand": 2, "factor": 2}),
        ("clock", {"min_steps": 6, "max_steps": 6, "grain": 1}),
        ("clock", {"min_steps": 1, "max_steps": 1, "grain": 15}),
        ("row", {"people": 8, "max_moves": 8}),
        ("row", {"people": 3, "min_moves": 1}),
        ("weekday", {"max_steps": 6, "days": 99}),
        ("weekday", {"min_steps": 1, "days": 2}),
        ("table", {"min_rows": 60, "max_rows": 80, "missing": 50, "quantity": 999, "file": 1}),
        ("table", {"min_rows": 4, "max_rows": 4, "missing": 0, "min_depth": 5}),
        ("table", {"min_depth": 3, "max_depth": 3, "quantity": 2}),
        ("function", {"min_steps": 5, "max_steps": 5, "number": 20}),
        ("function", {"min_steps": 1, "max_steps": 1, "number": 2}),
        ("store", {"new_wordings": 1}),
    ],
)
def test_the_gold_holds_at_the_edges_of_the_settings(name, chosen):
    for problem in take(name, 3, 60, **chosen):
        assert solve(problem) == problem.gold, problem.question


@pytest.mark.parametrize("name", NAMES)
def test_problems_are_distinct_complete_and_repeatable(name):
    problems = take(name, 11, 1500)
    assert (
        len({p.key for p in problems})
        == len({p.overlap_key for p in problems})
        == len({p.id for p in problems})
        == 1500
    )
    assert problems == take(name, 11, 1500)
    assert {p.key for p in problems[:200]} != {p.key for p in take(name, 12, 200)}
    for p in problems:
        assert p.source == f"family:{name}"
        assert p.domain in ("mathematics", "logic", "data", "code")
        assert 0 < p.difficulty <= 1
        assert isinstance(json.loads(p.facts), dict)
        assert p.answer_kind == FAMILIES[name].answer_kind
        assert bool(p.choices) == (p.answer_kind == "choice")
    assert problems[123].id == f"{name}-000123"


def split(template):
    return re.split(r"(?<=[.?]) ", template)


def bare(wording):
    return re.sub(r"(?<=[a-z])\d\}", "}", wording)


@pytest.mark.parametrize("name", NAMES)
def test_templates_hold_wording_but_no_numbers_and_no_names(name):
    problems = take(name, 5, 300)
    for p in problems:
        assert not re.search(r"\d", p.template)
        words = set(re.findall(r"\{\w+\}|\w+", p.template))
        assert not words & {"Tom", "Ben", "Mia", "apples", "pens", "Monday", "fair"}
        shape = re.sub(r"\\{\w+\\}", "(?:.+?)", re.escape(p.template))
        assert re.fullmatch(shape, p.question, re.DOTALL), (p.template, p.question)
    assert len({p.template for p in problems}) > 1


def test_new_wordings_of_a_store_are_of_known_parts_and_none_is_in_training():
    known, new = ({one for p in take("store", 4, 3000, new_wordings=n) for one in split(p.template)} for n in (0, 1))
    assert known.isdisjoint(new)
    words = [set(re.findall(r"\{\w+\}|\w+", " ".join(found))) for found in (known, new)]
    assert words[0] == words[1]
    allowed = [{bare(one) for sentence in PARTS for one in wordings(sentence, new=n)} for n in (False, True)]
    assert known <= allowed[0]
    assert new <= allowed[1]
    for sentence, parts in PARTS.items():
        ways = [set(wordings(sentence, new=n)) for n in (False, True)]
        assert len(ways[1]) == pytest.approx(sum(map(len, ways)) / 4, abs=1)
        assert sum(map(len, ways)) == len(list(itertools.product(*parts)))


def test_a_store_tells_whose_price_it_is_by_the_order_of_words_alone():
    for new in (False, True):
        found = [
            {" ".join(sorted(re.findall(r"\w+", bare(one)))) for one in wordings(name, new=new)}
            for name in ("told", "told last", "not told", "not told last")
        ]
        assert found.count(found[0]) == 4
    kinds = Counter()
    for p in take("store", 4, 400):
        facts = json.loads(p.facts)
        kinds[facts["kind"]] += 1
        words = re.findall(r"[a-z]+", p.question)
        assert sum(words.count(good) for good in HOUSE) == sum(words.count(good) for good in OTHERS) == 1
        assert (facts["told"][0][0] == facts["good"]) == (facts["kind"] in ("single", "listed"))
        assert words.count("kg") == 2
    assert min(kinds.values()) > 60


def test_a_template_ignores_numbers_and_names_but_not_the_operation():
    def template(n, name, wording):
        story = Story()
        story.say(wording, n=n, name=name, name2="Ida")
        return story.template

    plus, minus = CHANGES["+"][0], CHANGES["-"][0]
    assert template(3, "Tom", plus) == template(14, "Eva", plus)
    assert template(3, "Tom", plus) != template(3, "Tom", minus)


@pytest.mark.parametrize("name", NAMES)
def test_guessing_the_most_frequent_answer_does_not_pay(name):
    golds = [p.gold for p in take(name, 1, 1000)]
    limit = 0.2 if FAMILIES[name].answer_kind == "choice" else 0.08
    assert max(golds.count(gold) for gold in set(golds)) / len(golds) < limit


@pytest.mark.parametrize("name", NAMES)
def test_questions_are_short(name):
    assert max(len(p.question.split()) for p in take(name, 1, 300)) <= 60


@pytest.mark.parametrize(
    ("name", "chosen", "says"),
    [
        ("chian", {}, "did you mean 'chain'"),
        ("chain", {"max_step": 3}, "did you mean 'max_steps'"),
        ("chain", {"max_steps": 0}, "from 1 to 8"),
        ("chain", {"max_steps": "four"}, "'four'"),
        ("chain", {"max_steps": True}, "whole number"),
        ("chain", {"max_steps": 3.0}, "whole number"),
        ("chain", {"min_steps": 5}, "above 'max_steps'"),
        ("row", {"people": 99}, "from 3 to 8"),
    ],
)
def test_a_bad_name_or_setting_is_refused_at_once(name, chosen, says):
    with pytest.raises(RecipeError, match=re.escape(says)) as caught:
        generate(name, 0, chosen)
    assert "\n" not in str(caught.value)


def test_an_exhausted_settings_space_ends_with_one_line():
    stream = generate("weekday", 0, {"min_steps": 1, "max_steps": 1, "days": 2})
    seen = []
    with pytest.raises(DataError, match=r"family weekday: found only \d+ distinct .*ask for fewer") as caught:
        seen.extend(problem.question for problem in itertools.islice(stream, 5000))
    assert "found only 560 distinct" in str(caught.value)  # 7 days, 2 starts, 10 events, 2 wordings, 2 questions
    assert "\n" not in str(caught.value)
