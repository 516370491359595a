import pytest
from train import tiny


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Checkpoint folder of the untrained tiny student."""
    from potstill.train import students

    out = tmp_path_factory.mktemp("student") / "base"
    students.prepare(tiny.STUDENT, tiny.texts(tiny.examples(60)), seed=3, out=out)
    return out


@pytest.fixture(scope="session")
def loaded(folder):
    """(model, tokenizer) of the untrained tiny student; tests must not change them."""
    from potstill.train import students

    return students.load(folder)
