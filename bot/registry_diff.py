"""What differs between two registries, in lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime

from state.registry import Model, Registry


def differences(old: Registry, new: Registry) -> list[str]:
    """One line for each model, then for each group of organisations: + came, - went, ~ changed; by name."""
    models = _compared(_by_name(old), _by_name(new))
    return models + _compared(_groups(old), _groups(new))


def _by_name(registry: Registry) -> dict[str, dict[str, str]]:
    return {m.repo_id: {f.name: _shown(getattr(m, f.name)) for f in fields(Model)} for m in registry.models}


def _groups(registry: Registry) -> dict[str, dict[str, str]]:
    return {f"organisations {g.name}": {"members": ", ".join(g.members)} for g in registry.organisations}


def _compared(old: Mapping[str, Mapping[str, str]], new: Mapping[str, Mapping[str, str]]) -> list[str]:
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
    told = about.get("members") or ", ".join(about[k] for k in ("role", "family") if about.get(k))
    return f"{name} ({told})"


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return [f"{key} {old[key] or 'none'} -> {new[key] or 'none'}" for key in new if old[key] != new[key]]


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
