"""Parts that several processes share: the first commit wins, claims save work, damage is found."""

import json
import os
import subprocess
import sys
import time

import pytest

from potstill import claims
from potstill.claims import SharedParts
from potstill.errors import DamageError


def of_another(folder, number, owner, age=0.0):
    path = folder / f"{number:05d}.claim"
    path.write_text(json.dumps({"owner": owner}))
    then = time.time() - age
    os.utime(path, (then, then))


def test_the_first_commit_wins_and_nothing_else_is_left(tmp_path, capsys):
    one, two = SharedParts(tmp_path, 3), SharedParts(tmp_path, 3)
    assert one.claim(1)
    one.commit(1, b"rows")
    two.commit(1, b"rows")
    assert capsys.readouterr().err == ""
    two.commit(1, b"others")
    assert "00001.part was made twice and came out differently: the first stays" in capsys.readouterr().err
    assert (one.read(1), two.read(0), one.missing()) == (b"rows", None, [0, 2])
    assert [path.name for path in tmp_path.iterdir()] == ["00001.part"]


def test_a_claim_keeps_others_away_until_it_is_old_or_its_process_is_gone(tmp_path):
    parts = SharedParts(tmp_path, 5)
    living, ended = os.getppid(), subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here = claims.socket.gethostname()
    of_another(tmp_path, 0, f"{here}:{living}")
    of_another(tmp_path, 1, f"{here}:{ended.pid}")
    of_another(tmp_path, 2, "elsewhere:1")
    of_another(tmp_path, 3, "elsewhere:1", age=claims.LEASE + 60)
    (tmp_path / "00004.claim").write_text("half a cla")
    of_another(tmp_path, 5, "elsewhere:1", age=-claims.LEASE - 60)  # of before the file system's clock was put back
    assert [parts.claim(number) for number in range(6)] == [False, True, False, True, True, True]


def test_both_the_owner_of_an_old_claim_and_who_took_it_over_may_finish(tmp_path):
    slow, quick = SharedParts(tmp_path, 1), SharedParts(tmp_path, 1)
    assert slow.claim(0)
    of_another(tmp_path, 0, "elsewhere:1", age=claims.LEASE + 60)
    assert quick.claim(0)
    quick.commit(0, b"same")
    slow.commit(0, b"same")
    assert slow.read(0) == b"same"


def test_a_damaged_part_is_made_again_and_named_where_it_is_needed(tmp_path):
    parts = SharedParts(tmp_path, 1)
    parts.commit(0, b"rows of a part")
    (tmp_path / "00000.part").write_bytes((tmp_path / "00000.part").read_bytes()[:-1] + b"!")
    with pytest.raises(DamageError, match=r"00000\.part was changed or removed"):
        list(parts.all())
    assert parts.missing() == [0]
    parts.commit(0, b"rows of a part")
    assert list(parts.all()) == [b"rows of a part"]


def test_a_file_system_without_links_still_keeps_the_first(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(claims.errno.ENOTSUP, "not supported")

    monkeypatch.setattr(os, "link", refuse)
    one = SharedParts(tmp_path, 1)
    assert one.claim(0)
    one.commit(0, b"rows")
    SharedParts(tmp_path, 1).commit(0, b"others")
    assert one.read(0) == b"rows"
