"""Describe the differences between two registries, in lines or in one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import date

from state.registry.models import Model, Registry, Suppression

Table = Mapping[str, Mapping[str, str]]  # name -> field -> value

KINDS = ("known models", "groups of organisations", "suppressions", "declared pairs")


def differences(old: Registry, new: Registry) -> list[str]:
    """Return a line for each changed entry, in the order of KINDS, then by name: + came, - went, ~ changed."""
    return [line for before, after in _sides(old, new) for line in _compared(before, after)]


def summary(old: Registry, new: Registry) -> str:
    """Return in one line the number of entries of each kind, and how many came, went and changed, if any did."""
    return ", ".join(
        f"{len(after):,} {kind}{_moved(_compared(before, after))}"
        for kind, (before, after) in zip(KINDS, _sides(old, new), strict=True)
    )


def _moved(lines: list[str]) -> str:
    counts = [(sum(line[0] == sign for line in lines), verb) for sign, verb in (("+", "came"), ("-", "went"))]
    counts.append((len(lines) - counts[0][0] - counts[1][0], "changed"))
    return f" ({', '.join(f'{number:,} {verb}' for number, verb in counts)})" if lines else ""


def _sides(old: Registry, new: Registry) -> list[tuple[Table, Table]]:
    return list(zip(_tables(old), _tables(new), strict=True))


def _tables(registry: Registry) -> tuple[Table, ...]:
    """Return a registry's content by kind; entries of equal names are numbered."""
    return (
        {m.repo_id: {f.name: _shown(getattr(m, f.name)) for f in fields(Model)} for m in registry.models},
        _named((f"organisations {g.name}", {"members": ", ".join(g.members)}) for g in registry.organisations),
        _named((f"suppression of {_meant(s)}", _said(asdict(s), "reason", "until")) for s in registry.suppressions),
        _named((f"declared for {d.child}", _said(asdict(d), "parents", "reason", "source")) for d in registry.declared),
    )


def _named(entries: Iterable[tuple[str, Mapping[str, str]]]) -> Table:
    found: dict[str, Mapping[str, str]] = {}
    times: dict[str, int] = {}
    for name, about in entries:
        times[name.lower()] = number = times.get(name.lower(), 0) + 1
        found[name if number == 1 else f"{name} ({number})"] = about
    return found


def _meant(suppression: Suppression) -> str:
    if suppression.weights:
        return f"weights {suppression.weights}"
    return suppression.repo_id + (f"@{suppression.revision}" if suppression.revision else "")


def _said(entry: Mapping[str, object], *names: str) -> dict[str, str]:
    return {name: _shown(entry[name]) for name in names}


def _compared(old: Table, new: Table) -> list[str]:
    before, after = ({name.lower(): (name, about) for name, about in side.items()} for side in (old, new))
    lines = []
    for key in sorted(before.keys() | after.keys()):
        if key not in before:
            lines.append(f"+ {_line(*after[key])}")
        elif key not in after:
            lines.append(f"- {_line(*before[key])}")
        elif changes := _changes(before[key][1], after[key][1]):
            lines.append(f"~ {after[key][0]}: {', '.join(changes)}")
    return lines


def _line(name: str, about: Mapping[str, str]) -> str:
    kept = ("members", "parents", "until", "role", "family")
    return f"{name} ({', '.join(about[k] for k in kept if about.get(k))})"


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return [f"{key} {old[key] or 'none'} -> {new[key] or 'none'}" for key in new if old[key] != new[key]]


def _shown(value: object) -> str:
    if isinstance(value, date):  # and times
        return value.isoformat()
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
