"""Settings for all tests: no deadlines of Hypothesis on shared machines, and one thread unless a test asks for more."""

import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest
from hypothesis import settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell has it for what runs in its background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # so that the tests of Ctrl-C mean something there too

settings.register_profile("potstill", deadline=None, print_blob=True)
settings.load_profile("potstill")


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A folder with `r.yaml` and its finished run `run`; only to be read, see `finished_run`."""
    from commands import TINY, done

    folder = tmp_path_factory.mktemp("finished")
    (folder / "r.yaml").write_text(TINY)
    done("run", folder / "r.yaml", "--out", folder / "run")
    return folder


@pytest.fixture
def finished_run(finished, tmp_path, monkeypatch):
    """A copy of the finished run to work on, with its recipe `r.yaml` beside it; the current folder holds both."""
    import shutil

    shutil.copy(finished / "r.yaml", tmp_path / "r.yaml")
    shutil.copytree(finished / "run", tmp_path / "run", symlinks=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "run"


def pytest_collection_finish(session):
    """Take the tests themselves out of the collector's way: every stage of every run walks through all objects."""
    import gc

    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def s3():
    """A running store of this session with the bucket `bucket`; its faults are of the test that set them."""
    from object_store import S3Server

    store = S3Server()
    yield store
    store.close()


@pytest.fixture
def bucket(s3, monkeypatch, request):
    """An address that no other test uses, with the variables set that lead to it."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    s3.faults.clear()
    yield f"s3://bucket/{request.node.name.partition('[')[0]}-{id(request.node)}"
    s3.faults.clear()
