"""The interpreter that runs programs: which files it needs, and a copy where an ordinary user cannot reach them.

Programs run under the base interpreter of this environment, without its site-packages. As root the sandbox first
becomes an ordinary user, and a Python or a bubblewrap below a closed folder (/root/.pyenv) is then out of reach: such
files are linked, or copied, into a temporary folder.
"""

from __future__ import annotations

import os
import shutil
import stat
import struct
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from potstill.verify.sandbox.folders import temporary

FLAGS = ("-S", "-s", "-P", "-B", "-X", "utf8")
"""No site-packages, no user folder, no current folder in front, no .pyc files. Not -I: that ignores the hash seed."""
ENVIRONMENT = {"PYTHONHASHSEED": "0", "MALLOC_ARENA_MAX": "2"}
"""All that a program finds in its environment: the same order of sets every time, and threads that fit its memory."""

PACKAGES = ("site-packages", "dist-packages")
UNUSED = {*PACKAGES, "test", "idlelib", "turtledemo", "ensurepip", "lib2to3", "__phello__"}


@dataclass(frozen=True)
class Interpreter:
    """`executable` as the program sees it; `mounts`: (file or folder of the host, where the program finds it);
    `links`: (target, link) of the loader; `hidden`: folders inside the mounts that stay empty."""

    executable: Path
    mounts: tuple[tuple[Path, Path], ...]
    links: tuple[tuple[Path, Path], ...]
    hidden: tuple[Path, ...]

    @property
    def executable_outside(self) -> Path:
        """Where the executable is to be started without any mounts."""
        host, inside = next(pair for pair in self.mounts if self.executable.is_relative_to(pair[1]))
        return host / self.executable.relative_to(inside)


def reachable(path: Path) -> bool:
    """Say whether every user may pass through all folders above `path` and read it."""
    if not path.stat().st_mode & stat.S_IROTH:
        return False
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)


def staged(files: Iterable[tuple[Path, str]], name: str) -> Path:
    """Link or copy (file, relative destination) into a new folder that every user may read; removed at exit."""
    folder = temporary(name)
    folder.chmod(0o755)
    for source, relative in files:
        destination = folder / relative
        destination.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        try:
            os.link(source, destination)
        except OSError:
            shutil.copy2(source, destination)
    return folder


@cache
def interpreter() -> Interpreter:
    """Find the interpreter of this environment, staging it where only root could read it."""
    executable = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    prefix = Path(sys.base_prefix).resolve()
    standard = Path(sysconfig.get_path("stdlib", vars=_BASE)).resolve()
    library = standard.parent
    own = library.is_relative_to(prefix) and prefix != Path("/usr")  # /usr/lib has far more than a Python
    if os.geteuid() == 0 and not all(map(reachable, (executable, standard / "os.py"))):
        mounts = [(staged(_needed(prefix, executable, standard), "python"), prefix)]
        hidden: list[Path] = []
    else:
        mounts = [(path, path) for path in (executable, library if own else standard)]
        folders = {parent / name for parent in (library, standard) for name in PACKAGES}
        hidden = [path for path in sorted(folders) if path.is_dir() and path.is_relative_to(mounts[1][1])]
    libraries, links = _libraries(executable)
    return Interpreter(executable, (*mounts, *libraries), links, tuple(hidden))


_BASE = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix, "installed_base": sys.base_prefix}


def _needed(prefix: Path, executable: Path, standard: Path) -> Iterable[tuple[Path, str]]:
    """Yield (file, path relative to the prefix) of the executable, its shared libraries and the standard library."""
    yield executable, str(executable.relative_to(prefix))
    for path in standard.parent.glob("*.so*"):
        yield path, str(path.relative_to(prefix))
    for folder, names, files in os.walk(standard):
        names[:] = [name for name in names if name not in UNUSED and not name.startswith("config-")]
        for name in files:
            path = Path(folder, name)
            yield path, str(path.relative_to(prefix))


def _libraries(executable: Path) -> tuple[tuple[tuple[Path, Path], ...], tuple[tuple[Path, Path], ...]]:
    """Return the mount of the C library's folder, and the link or mount of the loader that the executable asks for."""
    loaded = {Path(line.split(maxsplit=5)[5].strip()) for line in _maps() if ".so" in line}
    folders = {path.parent for path in loaded if path.name.startswith(("libc.so", "libc-", "libm.so", "libm-"))}
    mounts = tuple((folder, folder) for folder in sorted(folders))
    loader = _loader(executable)
    if loader is None or loader.parent in folders:
        return mounts, ()
    if loader.resolve().parent in folders:
        return mounts, ((loader.resolve(), loader),)
    return (*mounts, (loader.resolve(), loader)), ()


def _maps() -> list[str]:
    return [line for line in Path("/proc/self/maps").read_text().splitlines() if line.count("/")]


def _loader(executable: Path) -> Path | None:
    """Read the PT_INTERP entry of a 64-bit little-endian ELF file; None for a static one."""
    with executable.open("rb") as file:
        head = file.read(4096)
    (table,), (size, count) = struct.unpack_from("<Q", head, 32), struct.unpack_from("<HH", head, 54)
    for entry in range(table, table + size * count, size):
        kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", head, entry)
        if kind == 3:
            return Path(os.fsdecode(head[offset : offset + length].rstrip(b"\0")))
    return None
