"""Gather settings from the file, the environment and files of secrets, each value with its place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

CONFIG_VARIABLE: Final = "BLENDWATCH_CONFIG"
FILE_NAME: Final = "blendwatch.toml"
LARGEST_FILE: Final = 1_000_000  # bytes of the settings file
LARGEST_SECRET: Final = 10_000  # bytes of a file that holds one secret

# Kubernetes sets variables in every pod for each service of its namespace, one called blendwatch included.
_NOT_OURS = re.compile(r"BLENDWATCH_(PORT|SERVICE_(HOST|PORT))(_.*)?")
_KEY = re.compile(r'^[ \t]*\[{0,2}[ \t]*["\']?([\w-]+)["\']?[ \t]*[=\].]', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Names:
    """The settings' names: as variables of the environment, all of which begin with `prefix` or stand alone."""

    prefix: str
    variables: Mapping[str, str]  # by the setting's name
    secret: frozenset[str]  # settings whose value may be in a file of its own, named by NAME_FILE


@dataclass(slots=True)
class Given:
    """The gathered settings. `values`: those outside the environment; `places`: the place of each setting.

    `wrong`: settings whose problem is in `problems` already.
    """

    file: Path | None = None
    values: dict[str, Any] = field(default_factory=dict, repr=False)  # secrets are among them
    places: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    wrong: set[str] = field(default_factory=set)


def gather(env: Mapping[str, str], names: Names) -> Given:
    """Find all settings; errors become problems, never exceptions."""
    given = Given(file=_settings_file(env))
    if given.file is not None:
        _from_toml(given, names)
    _from_environment(given, names, {name: value for name, value in env.items() if value})
    return given


def _settings_file(env: Mapping[str, str]) -> Path | None:
    """Return the named file, else the first usual one that exists."""
    if named := env.get(CONFIG_VARIABLE):
        return Path(named).expanduser()
    own = env.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    usual = (Path(FILE_NAME), Path(own) / "blendwatch" / FILE_NAME, Path("/etc/blendwatch") / FILE_NAME)
    return next((path for path in usual if path.exists()), None)


def _from_toml(given: Given, names: Names) -> None:
    text = _text(given, str(given.file), given.file or Path(), LARGEST_FILE)
    try:
        table = tomllib.loads(text or "")
    except tomllib.TOMLDecodeError as error:
        given.problems.append(f"{given.file}: this is not TOML: {error}")
        return
    lines: dict[str, int] = {}
    for match in _KEY.finditer(text or ""):
        lines.setdefault(match[1], (text or "").count("\n", 0, match.start()) + 1)
    allowed = [*names.variables, *(f"{name}_file" for name in names.secret)]
    for key, value in table.items():
        place = f"{given.file}:{lines[key]}: {key}" if key in lines else f"{given.file}: {key}"
        if key not in allowed:
            given.problems.append(f"{place}: there is no such setting{_meant(key, allowed)}")
        elif key not in names.variables:
            _from_secret_file(given, key.removesuffix("_file"), place, value)
        elif f"{key}_file" in table and key in names.secret:
            given.problems.append(f"{place}: {key} and {key}_file are both set; one of them has to go")
            given.wrong.add(key)
        elif value != "":  # as in the environment, an empty value is not set
            given.values[key], given.places[key] = value, place


def _from_environment(given: Given, names: Names, env: Mapping[str, str]) -> None:
    """Apply the environment over the file."""
    files = {name: f"{names.variables[name]}_FILE" for name in names.secret}
    for name, variable in names.variables.items():
        file = files.get(name, "")
        if variable not in env and file not in env:
            continue
        given.values.pop(name, None)
        given.places[name] = variable
        given.wrong.discard(name)
        if variable in env and file in env:
            given.problems.append(f"{variable}: {variable} and {file} are both set; one of them has to go")
            given.wrong.add(name)
        elif file in env:
            _from_secret_file(given, name, file, env[file])
    known = {CONFIG_VARIABLE, *names.variables.values(), *files.values()}
    for variable in sorted(env.keys() - known):
        if variable.startswith(names.prefix) and not _NOT_OURS.fullmatch(variable):
            given.problems.append(f"{variable}: there is no such setting{_meant(variable, known)}")


def _from_secret_file(given: Given, name: str, place: str, path: object) -> None:
    """Read a secret. Errors do not show the path: it may be a secret that was set by mistake."""
    given.places[name] = place
    if not isinstance(path, str) or not path:
        given.problems.append(f"{place}: this is not the path of a file")
        given.wrong.add(name)
        return
    text = _text(given, place, Path(path).expanduser(), LARGEST_SECRET)
    if text is not None and not text.strip():
        given.problems.append(f"{place}: the file is empty")
    if text and text.strip():
        given.values[name] = text.strip()
    else:
        given.wrong.add(name)


def _text(given: Given, place: str, path: Path, limit: int) -> str | None:
    """Return the file as text; None, with a problem appended, if it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            given.problems.append(f"{place}: the file is larger than {limit:,} bytes")
            return None
        return data.decode("utf-8")
    except UnicodeDecodeError:
        given.problems.append(f"{place}: the file is not UTF-8 text")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "this is no path"
        given.problems.append(f"{place}: the file cannot be read: {why}")
    return None


def _meant(name: str, allowed: Iterable[str]) -> str:
    near = get_close_matches(name, list(allowed), 1)
    return f"; is {near[0]} meant?" if near else ""
