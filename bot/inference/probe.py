"""Asking one model its name: the questions, each several times, in every way the server allows, within the budget."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from analyzers.errors import BlendwatchError
from analyzers.identity.answers import Names, spoken
from analyzers.identity.evidence import Asked, IdentityEvidence, tally
from analyzers.records import RepoRef
from bot.inference.ask_methods import Asker, Route, routes
from bot.inference.connection import Line, LineError, Said
from bot.inference.hidden_prompt import TemplateReading, read
from bot.inference.questions import QUESTIONS
from bot.inference.rendering import Template
from bot.inference.spending import Purse, SpentUp

T = TypeVar("T")

SAMPLES = 5  # of each question
MAX_SAMPLES = 50
ANSWER_TOKENS = 300
PROMPT_TOKENS = 250  # more than any question under any usual template; what was really used is booked afterwards
TEMPERATURE = 0.7
AT_ONCE = 4
TRIES = 3
LONGEST_WAIT = 30.0  # seconds that a server may send us away for
HOPELESS = 12  # failures in a row after which nothing more is asked
SLACK = 16  # tokens beyond the bytes of a rendering that say nothing

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Subject:
    """Which model, what it may call itself, and what its template is. `template` is None with the reason beside it."""

    ref: RepoRef | None
    model: str  # as the server calls it
    names: dict[str, str]
    own: tuple[str, ...]  # listed also where nobody claims them
    template: Template | None
    why_no_template: str = ""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long and how often; `clock` and `sleep` (seconds) are there for tests."""

    seconds: float = 900.0
    samples: int = SAMPLES
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass
class _Course:
    """What came of one way of asking so far."""

    route: Route
    answers: list[str] = field(default_factory=list)
    trouble: Counter[str] = field(default_factory=Counter)


class _Stop(BlendwatchError):
    """Nothing more is to be asked; the text says why."""


class Probe:
    """One probe. What cannot be asked is counted and named; it raises StateError only."""

    def __init__(self, line: Line, host: str, purse: Purse, pace: Pace, extra: dict[str, Any]) -> None:
        self._line, self._host, self._purse, self._pace, self._extra = line, host, purse, pace, extra
        self._ends = pace.clock() + pace.seconds
        self._failed = 0
        self._most_prompt = 0

    def ask(self, subject: Subject, now: datetime, progress: Progress = lambda _: None) -> IdentityEvidence:
        """Ask the model behind the line; `now` is UTC."""
        names = Names(subject.names)
        notes: list[str] = []
        reading = read(subject.template, QUESTIONS, names) if subject.template else None
        if reading and reading.planted:  # a name that nobody knows but the template
            names = Names({**{name: name for name in reading.planted.names}, **subject.names})
        asker = Asker(self._line, subject.model, {"max_tokens": ANSWER_TOKENS, "temperature": TEMPERATURE}, self._extra)
        courses: list[_Course] = []
        spent_up = False
        try:
            courses = [_Course(route) for route in routes(asker, reading, self._spend, notes)]
            self._run(courses, progress)
        except (_Stop, SpentUp) as stop:
            notes.append(f"stopped: {stop}")
            spent_up = isinstance(stop, SpentUp)
        if reading and reading.rendered and self._most_prompt > reading.longest + SLACK:
            notes.append(
                "the server counts more tokens in a question than its template makes: it adds something of its own"
            )
        most = len(QUESTIONS) * self._pace.samples
        return IdentityEvidence(
            ref=subject.ref,
            model=subject.model,
            endpoint=self._host,
            asked_at=now,
            sets=tuple(_counted(course, most, names, subject.own) for course in courses),
            planted=reading.planted if reading else None,
            template=told_template(subject, reading),
            spent=self._purse.spent,
            notes=tuple(notes),
            spent_up=spent_up,
        )

    def _run(self, courses: Sequence[_Course], progress: Progress) -> None:
        """Go round and round all questions, so that what a broken-off probe has is evenly spread."""
        jobs = [
            (course, question, sample)
            for sample in range(self._pace.samples)
            for question in QUESTIONS
            for course in courses
        ]
        with ThreadPoolExecutor(AT_ONCE) as crew:
            for begin in range(0, len(jobs), AT_ONCE):
                batch = jobs[begin : begin + AT_ONCE]
                progress(f"question {begin + 1} of {len(jobs)}")
                told = list(crew.map(lambda job: self._answer(*job), batch))
                stops = [self._note(course, answer) for (course, _, _), answer in zip(batch, told, strict=True)]
                if stop := next((s for s in stops if s is not None), None):
                    raise stop

    def _answer(self, course: _Course, question: str, sample: int) -> Said | BlendwatchError:
        try:
            said: Said = self._spend(lambda: course.route.ask(question, sample))
        except (LineError, SpentUp, _Stop) as error:
            return error
        return said

    def _note(self, course: _Course, answer: Said | BlendwatchError) -> BlendwatchError | None:
        """Count an answer; return why nothing more is to be asked, if that is so."""
        match answer:
            case Said():
                self._failed = 0
                course.answers.append(answer.text)
                if course.route.road == "chat" and course.route.way != "empty system":
                    self._most_prompt = max(self._most_prompt, answer.prompt_tokens or 0)
            case LineError():
                self._failed += 1
                course.trouble[str(answer)] += 1
                if self._failed >= HOPELESS:
                    return _Stop(f"{self._failed} questions in a row without an answer")
            case _:
                return answer
        return None

    def _spend(self, call: Callable[[], T]) -> T:
        """Do one call within the budget and the time, again where that can help. Raises LineError, SpentUp, _Stop."""
        for attempt in range(1, TRIES + 1):
            if self._pace.clock() > self._ends:
                raise _Stop(f"{self._pace.seconds:g} s are over")
            reserved = self._purse.take(PROMPT_TOKENS + ANSWER_TOKENS)
            used: int | None = None  # unknown
            try:
                result = call()
            except LineError as error:
                used = 0 if error.status else None  # refused, or perhaps answered too late
                wait = error.retry_after if error.retry_after is not None else 0.5 * 2**attempt
                if not error.again or attempt == TRIES or wait > LONGEST_WAIT:
                    raise
            else:
                used = result.tokens if isinstance(result, Said) else None
                return result
            finally:
                self._purse.settle(reserved, used)
            self._pace.sleep(wait)
        raise AssertionError


def _counted(course: _Course, most: int, names: Names, own: Sequence[str]) -> Asked:
    tallies = tally(course.answers, names, own)
    said = sum(1 for answer in course.answers if spoken(answer))
    if silent := len(course.answers) - said:
        course.trouble["empty, or cut off while thinking"] += silent
    trouble = "; ".join(f"{count} × {text}" for text, count in course.trouble.most_common(3))
    return Asked(course.route.way, course.route.road, most, said, tallies, course.route.planted, trouble)


def told_template(subject: Subject, reading: TemplateReading | None) -> str:
    """Say which file the chat template came from, or why there is none."""
    if subject.template is None or reading is None:
        return f"none: {subject.why_no_template}"
    return subject.template.file if reading.rendered else f"{subject.template.file}, which cannot be rendered"
