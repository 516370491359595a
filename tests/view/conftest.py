"""One made run for all tests of the viewer that only read."""

import pytest
from view.made_run import make_run

from potstill.view.room import Viewer


@pytest.fixture(scope="package")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    make_run(folder / "run", problems=15, samples=4)
    return folder / "run"


@pytest.fixture(scope="package")
def room(made):
    return Viewer.open([str(made)], made.parent / "cache")
