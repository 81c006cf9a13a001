"""Daily budget: amounts are reserved before they are spent, so that no limit is ever passed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from filelock import FileLock, Timeout

from state.data_folder import write_whole
from state.errors import StateError


class Spending:
    """JSON file with the sums of one day, shared by all processes on one data folder."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = FileLock(file.with_suffix(".lock"), timeout=10)

    def reserve(self, day: date, amounts: Mapping[str, float], limits: Mapping[str, float]) -> str:
        """Reserve the amounts and return "" if all limits allow; else reserve nothing and return the limit's name.

        StateError if the file cannot be read or written: the day's sums are then unknown, and nothing may be spent.
        """
        with self._alone():
            sums = self._read(day)
            for name, limit in limits.items():
                if sums.get(name, 0.0) + amounts.get(name, 0.0) > limit:
                    return name
            self._write(day, {n: sums.get(n, 0.0) + amounts.get(n, 0.0) for n in {*sums, *amounts}})
        return ""

    def refund(self, day: date, amounts: Mapping[str, float]) -> None:
        """Subtract amounts that were reserved and not spent; negative amounts add an excess."""
        with self._alone():
            sums = self._read(day)
            self._write(day, {name: max(0.0, value - amounts.get(name, 0.0)) for name, value in sums.items()})

    def sums(self, day: date) -> dict[str, float]:
        """Return the amounts reserved on a day; empty for any day but the last."""
        return self._read(day)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._lock:
                yield
        except Timeout as error:
            raise StateError(f"{self._file} is held by another process") from error
        except OSError as error:
            raise StateError(f"{self._file} cannot be written: {error.strerror}") from error

    def _read(self, day: date) -> dict[str, float]:
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
            sums = {str(name): float(value) for name, value in content["sums"].items()}
            return sums if content["day"] == day.isoformat() else {}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise StateError(f"{self._file} cannot be read; today's spending is unknown until you delete it") from error

    def _write(self, day: date, sums: Mapping[str, float]) -> None:
        text = json.dumps({"day": day.isoformat(), "sums": dict(sorted(sums.items()))}, indent=1)
        write_whole(self._file, text)
