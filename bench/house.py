"""The house in numbers: sizes, prose, types, tests, and how long the help takes. Counts alone, no judgement.

python -m bench.house
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("analyzers", "state", "bot", "demo", "ops", "bench", "tests")
OWN = frozenset({"analyzers", "state", "bot"})  # the parts that are the product
LONG = 60  # lines of a function
RUNS = 3  # of the help; the quickest counts, as others use the processor meanwhile
HEADLESS = re.compile(r"(What|Whether|Who|How|Where)\b(?!.*\?)")
MOCK = re.compile(r"\b(?:unittest\.mock|MagicMock|Mock\(|patch\(|monkeypatch\.setattr)")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class File:
    """One source file: its path under the root, its text and its tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def part(self) -> str:
        """The top folder."""
        return self.path.parts[0]

    @property
    def lines(self) -> int:
        """Lines, empty ones too."""
        return len(self.text.splitlines())

    def functions(self) -> Iterator[tuple[int, str]]:
        """Yield each function's lines, from `def` on, and its name."""
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield (node.end_lineno or node.lineno) - node.lineno + 1, f"{self.path}:{node.lineno} {node.name}"

    def docstrings(self) -> Iterator[str]:
        """Yield the docstrings."""
        for node in ast.walk(self.tree):
            if isinstance(node, Function | ast.ClassDef | ast.Module) and (text := ast.get_docstring(node)):
                yield text

    def fields(self) -> Iterator[bool]:
        """Yield of each annotated field of a class whether it may be None."""
        for node in ast.walk(self.tree):
            for each in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(each, ast.AnnAssign):
                    yield "None" in (part.strip() for part in ast.unparse(each.annotation).split("|"))

    def broad(self) -> int:
        """Return the handlers that catch every error: bare, Exception or BaseException."""
        return sum(
            node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ExceptHandler)
        )


def sources(root: Path) -> list[File]:
    """Return every source file of the parts."""
    paths = [path for part in PARTS for path in sorted((root / part).rglob("*.py"))]
    texts = [(path, path.read_text(encoding="utf-8")) for path in paths]
    return [File(path.relative_to(root), text, ast.parse(text)) for path, text in texts]


def help_seconds(runs: int = RUNS) -> float:
    """Return the processor seconds that `blendwatch --help` takes, the quickest of some runs."""
    taken = []
    for _ in range(runs):
        before = os.times()
        subprocess.run([sys.executable, "-m", "bot", "--help"], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        after = os.times()
        taken.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return min(taken)


def folders(files: list[File]) -> Iterator[tuple[str, str]]:
    """Yield each folder with its files and lines, the fullest first."""
    held: dict[str, list[File]] = {}
    for file in files:
        held.setdefault(str(file.path.parent), []).append(file)
    for name, its in sorted(held.items(), key=lambda item: -len(item[1])):
        yield name, f"{len(its):4} files {sum(file.lines for file in its):7,} lines"


def measures(files: list[File]) -> Iterator[tuple[str, str]]:
    """Yield each measure by name; of the product alone unless it says otherwise."""
    own, tests = [f for f in files if f.part in OWN], [f for f in files if f.part == "tests"]
    longest = max(own, key=lambda file: file.lines)
    functions = sorted((found for file in own for found in file.functions()), reverse=True)
    texts = [text for file in own for text in file.docstrings()]
    headless = sum(bool(HEADLESS.match(text.partition("\n")[0])) for text in texts)
    optional = [found for file in own for found in file.fields()]
    mocks, lines = sum(len(MOCK.findall(file.text)) for file in tests), sum(file.lines for file in tests)
    yield "longest file", f"{longest.lines} lines, {longest.path}"
    yield "files over 300 lines", str(sum(file.lines > 300 for file in own))
    yield "longest function", f"{functions[0][0]} lines, {functions[0][1]}"
    yield f"functions over {LONG} lines", str(sum(length > LONG for length, _ in functions))
    yield "headless docstrings", f"{headless} of {len(texts):,}"
    yield "fields that may be None", f"{sum(optional)} of {len(optional):,}"
    yield "broad excepts", str(sum(file.broad() for file in own))
    yield "mocks in tests", f"{mocks}, {1000 * mocks / max(lines, 1):.1f} in 1,000 lines"
    yield "lines of tests to lines of the product", f"{lines / sum(file.lines for file in own):.2f}"


def main() -> None:
    """Print the tables."""
    files = sources(ROOT)
    for name, said in [*folders(files), ("", ""), *measures(files)]:
        print(f"{name:40} {said}".rstrip())
    print(f"{'help, processor seconds':40} {help_seconds():.2f}")


if __name__ == "__main__":
    main()
