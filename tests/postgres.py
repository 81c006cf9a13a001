"""A real PostgreSQL server for the tests of a session: one database, in which each test gets a schema of its own.

Debian's package `postgresql` has the programs; the server listens on a socket in a folder of its own. As PostgreSQL
refuses to run as root, it runs as `postgres` or `nobody` there. Texts sort by a language, as is usual, so that code
which relies on the order of code points fails here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from pwd import getpwnam, getpwuid

from sqlalchemy import create_engine, text

_numbers = count(1)


def missing() -> str:
    """Return why no server can be started; "" if one can."""
    if find_spec("psycopg") is None:
        return "the driver psycopg is not installed"
    return "" if _programs() else "PostgreSQL is not installed (Debian: postgresql)"


def _programs() -> Path | None:
    """Return the folder of the newest server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


def _user() -> str:
    """Return the user to run the server as."""
    if os.geteuid():
        return getpwuid(os.geteuid()).pw_name
    for name in ("postgres", "nobody"):
        try:
            return getpwnam(name).pw_name
        except KeyError:
            continue
    raise OSError("there is no user postgres or nobody to run PostgreSQL as")


@contextmanager
def server() -> Iterator[str]:
    """Run a server; yield the URL of its database."""
    programs, user = _programs(), _user()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path must be short
    shutil.chown(folder, user)

    def run(program: str, *words: str) -> None:
        command = [str(programs / program), "-D", str(folder / "db"), *words]
        subprocess.run(command, check=True, capture_output=True, user=user if not os.geteuid() else None, cwd=folder)

    try:
        sorting = ("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
        run("initdb", "-U", "blendwatch", "-A", "trust", "-E", "UTF8", "--no-sync", *sorting)
        fast = f"-F -c listen_addresses= -k {folder} -c max_connections=200 -c shared_buffers=16MB"
        run("pg_ctl", "-w", "-o", fast, "-l", str(folder / "log"), "start")
        try:
            yield f"postgresql+psycopg://blendwatch@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_schema(url: str) -> str:
    """Make an empty schema; return the URL that uses it."""
    name = f"test_{next(_numbers)}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    engine.dispose()
    return f"{url}&options=-csearch_path%3D{name}"
