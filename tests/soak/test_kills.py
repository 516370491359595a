"""Runs killed with SIGKILL at counted points and at random times end with the bytes of an undisturbed run."""

import os
import random

import pytest
import stub_server
from soak import runs

SHORT = os.environ.get("POTSTILL_SOAK") == "short"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    assert runs.finish(runs.start(runs.recipe(folder), folder / "run")) == 0
    return runs.digest(folder / "run"), runs.operations(folder / "run")


def killed_at(tmp_path, points, undisturbed):
    """Kill fresh runs of one folder after each other, then let the last one finish."""
    recipe, out = runs.recipe(tmp_path), tmp_path / "run"
    for point in points:
        if runs.finish(runs.start(recipe, out, point)) == 0:
            break
    while runs.finish(runs.start(recipe, out)) != 0:
        pass
    assert runs.digest(out) == undisturbed[0]
    assert all((out / name).is_file() for name in ("report.html", "report.json", "table.txt"))


def test_a_chain_of_kills_ends_with_the_same_bytes(tmp_path, undisturbed):
    total = undisturbed[1]
    killed_at(tmp_path, [3, total // 5, total // 4, total // 6], undisturbed)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(4 if SHORT else 24))
def test_counted_points_across_all_stages(tmp_path, undisturbed, part):
    parts = 4 if SHORT else 24
    point = 1 + (undisturbed[1] - 1) * part // (parts - 1)
    killed_at(tmp_path, [point], undisturbed)


def failed_at(tmp_path, points, undisturbed):
    """Let operations of one run folder fail one after the other, then let it finish."""
    recipe, out = runs.recipe(tmp_path), tmp_path / "run"
    for point in points:
        process = runs.start(recipe, out, -point)
        said, _ = process.communicate(timeout=600)
        if process.returncode == 0:
            break
        assert process.returncode == 2, said
        last = said.strip().splitlines()[-1]
        assert last.startswith("potstill: ")
        assert "disk is full" in last or "No space left" in last
    assert runs.finish(runs.start(recipe, out)) == 0
    assert runs.digest(out) == undisturbed[0]
    assert all((out / name).is_file() for name in ("report.html", "report.json", "table.txt"))


@pytest.mark.soak
@pytest.mark.parametrize("part", range(2 if SHORT else 12))
def test_operations_that_fail_across_all_stages(tmp_path, undisturbed, part):
    parts, total = 2 if SHORT else 12, undisturbed[1]
    # The first of each chain walks over the stages; the others fail on what that one left.
    failed_at(tmp_path, [2 + (total - 3) * part // (parts - 1), total // 3, total // 5], undisturbed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2 if SHORT else 20))
def test_random_times(tmp_path, undisturbed, seed):
    dice = random.Random(seed)
    recipe, out = runs.recipe(tmp_path), tmp_path / "run"
    for _ in range(3):
        runs.kill_after(runs.start(recipe, out), dice.uniform(0.3, 9.0))
    assert runs.finish(runs.start(recipe, out)) == 0
    assert runs.digest(out) == undisturbed[0]


def served_case(tmp_path, kills, delay):
    """Kill a run with a served teacher at random times of its teaching; return requests sent and the digest."""
    with stub_server.running(delay=delay, script={"answers": {}}) as stub:
        recipe, out = runs.recipe(tmp_path, stub.url), tmp_path / "run"
        recipe.write_text(recipe.read_text() + "curate: {drop_wrong: false, drop_unknown: false}\n")
        for seconds in kills:
            runs.kill_after(runs.start(recipe, out), seconds)
        assert runs.finish(runs.start(recipe, out)) == 0
        return stub.stats(), runs.digest(out)


@pytest.mark.soak
def test_a_killed_teacher_is_asked_again_only_for_what_was_in_flight(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    calm, wanted = served_case(tmp_path / "a", [], 0.0)
    stats, found = served_case(tmp_path / "b", [1.6, 2.2], 0.08)
    assert calm["requests"] == calm["distinct"] == 156
    assert stats["distinct"] == 156
    assert stats["requests"] <= 156 + 2 * 4, "more was asked again than the requests in flight at the kills"

    def without_address(digest):
        return {name: value for name, value in digest.items() if not name.endswith("manifest.json")}

    assert without_address(found) == without_address(wanted)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1 if SHORT else 10))
def test_a_teacher_killed_at_random_times(tmp_path, seed):
    dice = random.Random(seed)
    kills = [dice.uniform(0.8, 4.0) for _ in range(3)]
    stats, _ = served_case(tmp_path, kills, 0.05)
    assert stats["distinct"] == 156
    assert stats["requests"] <= 156 + len(kills) * 4
