"""Files that unpack to gigabytes, twelve and more kinds, and a program that reads each of them in one of four ways."""

import gzip
import json
import sys
import time
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

GIGABYTES = 2


def packed(piece, suffix, times=GIGABYTES * 64, before=b"", after=b""):
    """Return gigabytes that take little: pieces of 16 MB, packed once and repeated."""
    pack = (lambda data: gzip.compress(data, 1)) if suffix == ".gz" else (lambda data: zstd(data))
    return pack(before) * bool(before) + pack(piece * (16 * 2**20 // len(piece))) * times + pack(after) * bool(after)


def zstd(data):
    return pa.compress(data, codec="zstd", asbytes=True)


def table(path, column, **settings):
    names = {"id": ["a"] * len(column), "question": ["q"] * len(column), "response": ["r"] * len(column)}
    parquet.write_table(pa.table({**names, "gold": column}), path, compression="zstd", **settings)


def build(folder):
    """Write the bombs and return their names."""
    start = b'{"id": 1, "question": "'
    texts = {
        "blanks.jsonl.gz": packed(b" ", ".gz"),
        "blank_lines.jsonl.gz": packed(b"\n", ".gz"),
        "lines_of_blanks.jsonl.gz": packed(b" " * 1000 + b"\n", ".gz"),
        "long_text.jsonl.gz": packed(b"x", ".gz", before=start, after=b'"}\n'),
        "blanks.jsonl.zst": packed(b" ", ".zst"),
        "many_lists.jsonl": b'{"id": 1, "question": [' + b"[]," * 5_000_000 + b"[]]}\n",
        "deep.jsonl": b"[" * 15_000_000,
        "long_text.json.gz": packed(b"x", ".gz", before=b"[" + start, after=b'"}]'),
        "blanks.json.zst": packed(b" \n", ".zst", before=b"["),
        "quoted.csv.gz": packed(b"line\n", ".gz", before=b'id,question\n1,"', after=b'"\n'),
        "columns.csv.gz": packed(b",", ".gz", before=b"id,question"),
        "empty_rows.csv.gz": packed(b",,\n", ".gz", before=b"id,question,gold\n"),
        "header.tsv": b"id\tquestion" + b"\ta" * 8_000_000,
        "utf16.csv.gz": gzip.compress(b"\xff\xfe") + packed("x".encode("utf-16-le"), ".gz"),
    }
    for name, data in texts.items():
        (folder / name).write_bytes(data)
    big = "x" * 20_000_000
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 5_000, pa.int32()), pa.array([big]))
    table(folder / "repeated.parquet", repeated)
    table(folder / "lists_of_repeated.parquet", pa.array([[big] * 5]))
    zeros = pa.ListArray.from_arrays(pa.array([0, 50_000_000], pa.int32()), pa.nulls(50_000_000, pa.int8()))
    table(folder / "long_list.parquet", zeros)
    table(folder / "one_value.parquet", pa.array(["y" * 150_000_000]), use_dictionary=False)
    delta = {"use_dictionary": False, "column_encoding": {"gold": "DELTA_BYTE_ARRAY"}}
    table(folder / "prefixes.parquet", pa.array([big] * 5), **delta)
    return sorted(path.name for path in folder.iterdir())


def reader(way, folder):
    """Return a function that reads a file whole in one of the four ways."""
    from potstill.pipeline.files import steps_file, verify_file
    from potstill.problems import read
    from potstill.recipe import DatasetTeacher, Source
    from potstill.teach.dataset import ProblemIndex, read_traces

    def traces(name):
        return list(read_traces(DatasetTeacher(kind="dataset", file=name), folder, ProblemIndex([])))

    return {
        "problems": lambda name: list(read(Source(file=name), seed=0, data=folder, where="w")),
        "traces": traces,
        "verify": lambda name: verify_file(str(folder / name), str(folder.parent / "out"), without_sandbox=False),
        "steps": lambda name: steps_file(str(folder / name), str(folder.parent / "out")),
    }[way]


def main(way, folder):
    """Print a line of JSON for each bomb: name, seconds of processor time, largest memory so far in MB, the line."""
    from potstill.errors import DataError

    read = reader(way, folder)
    for path in sorted(folder.iterdir()):
        started, said = time.process_time(), None
        try:
            read(path.name)
        except DataError as error:
            said = str(error)
        seconds = time.process_time() - started
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        memory = int(status["VmHWM"].split()[0]) / 1024
        print(json.dumps([path.name, round(seconds, 2), round(memory), said]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
