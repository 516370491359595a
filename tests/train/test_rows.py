"""Rows on disk: what was written is read, an interrupted writer makes the same bytes, damage is told."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

np = pytest.importorskip("numpy")

from potstill.damage import digest_of_file  # noqa: E402
from potstill.errors import DamageError, StoreError  # noqa: E402
from potstill.train.render import Segment  # noqa: E402
from potstill.train.rows import Rows, RowWriter, identity_of, place_of  # noqa: E402
from potstill.train.segments import TokenRow, Unfit, trained  # noqa: E402

TOKENS = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.sampled_from(Segment)), min_size=1, max_size=9)
MADE = st.lists(st.one_of(st.sampled_from(Unfit), st.tuples(TOKENS, st.sampled_from([1.0, 0.25, 1 / 3]))), max_size=30)


def written(made):
    """Rows and drops of the examples, in their order."""
    for index, one in enumerate(made):
        if isinstance(one, Unfit):
            yield index, one
        else:
            ids, codes = zip(*one[0], strict=True)
            yield index, TokenRow(ids, bytes(codes), index, one[1])


def write(folder, made, shard_tokens, stop=None):
    """Write what is not there yet; `stop` is how many examples a killed writer gets through."""
    writer = RowWriter(folder, shard_tokens)
    for index, one in written(made):
        if stop is not None and index >= stop:
            return
        if index < writer.examples:
            continue
        writer.drop(index, one) if isinstance(one, Unfit) else writer.add(one)
    writer.close(len(made))


def files(folder):
    return {path.name: digest_of_file(path) for path in folder.iterdir()}


@settings(deadline=None, max_examples=20)
@given(made=MADE, shard_tokens=st.integers(3, 60), stops=st.lists(st.integers(0, 30), max_size=2))
def test_rows_are_read_as_they_were_written_whatever_stopped_the_writer(
    made, shard_tokens, stops, tmp_path_factory
):  # fmt: skip
    folder = tmp_path_factory.mktemp("rows")
    for stop in stops:
        write(folder / "killed", made, shard_tokens, stop)
    write(folder / "killed", made, shard_tokens)
    write(folder / "whole", made, shard_tokens)
    assert files(folder / "killed") == files(folder / "whole")
    rows = Rows(folder / "killed")
    given_rows = [one for _, one in written(made) if isinstance(one, TokenRow)]
    assert list(rows) == given_rows
    assert rows.lengths.tolist() == list(map(len, given_rows))
    assert rows.trained.tolist() == [len(trained(row)) for row in given_rows]
    assert list(rows.dropped()) == [(index, one) for index, one in written(made) if isinstance(one, Unfit)]
    assert sum(rows.counts.values()) + len(rows) == len(made)
    assert rows[-3:] == given_rows[-3:]


ROWS = [TokenRow(tuple(range(number, number + 5)), bytes([0, 1, 5, 2, 3]), number, 0.1 * number) for number in range(8)]


@pytest.fixture
def folder(tmp_path):
    writer = RowWriter(tmp_path / "rows", 10)
    for row in ROWS:
        writer.add(row)
    writer.close(len(ROWS))
    return tmp_path / "rows"


def test_the_identity_is_that_of_everything_that_training_sees(folder, tmp_path):
    rows = Rows(folder)
    there = pickle.loads(pickle.dumps(rows))
    assert identity_of(rows) == Rows(folder).identity == there.identity
    assert list(there) == ROWS
    for number, changed in enumerate([
        ROWS[:-1],
        [*ROWS[:-1], TokenRow(ROWS[-1].ids, ROWS[-1].segments, 7, 0.9)],
        [*ROWS[:-1], TokenRow(ROWS[-1].ids, bytes([0, 1, 1, 2, 3]), 7, ROWS[-1].weight)],
        [*ROWS[:-1], TokenRow((0, *ROWS[-1].ids[1:]), ROWS[-1].segments, 7, ROWS[-1].weight)],
    ]):  # fmt: skip
        writer = RowWriter(tmp_path / str(number), 10)
        for row in changed:
            writer.add(row)
        writer.close(len(ROWS))
        assert Rows(tmp_path / str(number)).identity != rows.identity
        assert identity_of(changed) != identity_of(ROWS)


@pytest.mark.parametrize("part", ["ids", "segments", "rows"])
def test_a_changed_shard_is_refused_when_it_is_read(folder, part):
    path = folder / f"00002.{part}.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamageError, match=rf"00002.{part}.npy was changed or removed .*: remove .* and run again"):
        Rows(folder)[4]
    if part != "rows":
        assert Rows(folder)[3] == ROWS[3]
    path.unlink()
    with pytest.raises(DamageError, match="changed or removed"):
        Rows(folder)[4]


def test_a_damaged_shard_of_an_earlier_attempt_is_made_again(tmp_path):
    writer = RowWriter(tmp_path / "rows", 10)
    for row in ROWS[:6]:
        writer.add(row)
    path = tmp_path / "rows" / "00001.ids.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:-4])
    again = RowWriter(tmp_path / "rows", 10)
    assert again.examples == 2
    for row in ROWS[2:]:
        again.add(row)
    again.close(len(ROWS))
    assert path.read_bytes() == whole
    assert list(Rows(tmp_path / "rows")) == ROWS


def test_a_folder_that_was_never_closed_has_no_rows(tmp_path):
    RowWriter(tmp_path / "rows").add(ROWS[0])
    with pytest.raises(StoreError, match="run the stage `rows` again"):
        Rows(tmp_path / "rows")


def test_rows_of_one_problem_have_one_place(tmp_path):
    writer = RowWriter(tmp_path / "rows", 10)
    for row, problem in zip(ROWS, "abacabad", strict=True):
        writer.add(row, problem)
    writer.close(len(ROWS))
    places = Rows(tmp_path / "rows").problems.tolist()
    assert places == [place_of(problem) for problem in "abacabad"]
    assert len(set(places)) == 4
