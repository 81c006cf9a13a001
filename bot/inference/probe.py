"""Ask one model its name: each question several times, in every way the server allows, within the budget."""

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
from bot.inference.connection import Completion, Connection, InferenceError
from bot.inference.hidden_prompt import TemplateReading, read
from bot.inference.questions import QUESTIONS
from bot.inference.rendering import Template
from bot.inference.spending import BudgetExceeded, SpendingLimit

T = TypeVar("T")

SAMPLES = 5  # of each question
MAX_SAMPLES = 50
ANSWER_TOKENS = 300
PROMPT_TOKENS = 250  # more than any question under a usual template; the real use is booked afterwards
TEMPERATURE = 0.7
AT_ONCE = 4
TRIES = 3
LONGEST_WAIT = 30.0  # seconds of a server's `Retry-After` that are waited
HOPELESS = 12  # failures in a row that end a probe
SLACK = 16  # tokens beyond the bytes of a rendering that are ignored

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Subject:
    """A model to ask, the names it may give, and its template. `why_no_template`: the reason without one."""

    ref: RepoRef | None
    model: str  # as the server calls it
    names: dict[str, str]
    own: tuple[str, ...]  # listed even if no answer claims them
    template: Template | None
    why_no_template: str = ""


@dataclass(frozen=True, slots=True)
class ProbeLimits:
    """Limits of one probe. `seconds`: in all; `samples`: of each question; `clock`, `sleep` (seconds): for tests."""

    seconds: float = 900.0
    samples: int = SAMPLES
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass
class _Course:
    """The answers of one way of asking so far."""

    route: Route
    answers: list[str] = field(default_factory=list)
    trouble: Counter[str] = field(default_factory=Counter)


class _Stop(BlendwatchError):
    """The probe ends; the text says why."""


class Probe:
    """Asks one model. Failed questions are counted and named; it raises StateError only."""

    def __init__(
        self, connection: Connection, host: str, spending: SpendingLimit, limits: ProbeLimits, extra: dict[str, Any]
    ) -> None:
        self._connection, self._host, self._extra = connection, host, extra
        self._spending, self._limits = spending, limits
        self._ends = limits.clock() + limits.seconds
        self._failed = 0
        self._most_prompt = 0

    def ask(self, subject: Subject, now: datetime, progress: Progress = lambda _: None) -> IdentityEvidence:
        """Ask the model on the connection. `now`: UTC."""
        names = Names(subject.names)
        notes: list[str] = []
        reading = read(subject.template, QUESTIONS, names) if subject.template else None
        if reading and reading.planted:  # a name that only the template has
            names = Names({**{name: name for name in reading.planted.names}, **subject.names})
        asker = Asker(
            self._connection, subject.model, {"max_tokens": ANSWER_TOKENS, "temperature": TEMPERATURE}, self._extra
        )
        courses: list[_Course] = []
        spent_up = False
        try:
            courses = [_Course(route) for route in routes(asker, reading, self._spend, notes)]
            self._run(courses, progress)
        except (_Stop, BudgetExceeded) as stop:
            notes.append(f"stopped: {stop}")
            spent_up = isinstance(stop, BudgetExceeded)
        if reading and reading.rendered and self._most_prompt > reading.longest + SLACK:
            notes.append(
                "the server counts more tokens in a question than its template makes: it adds something of its own"
            )
        most = len(QUESTIONS) * self._limits.samples
        return IdentityEvidence(
            ref=subject.ref,
            model=subject.model,
            endpoint=self._host,
            asked_at=now,
            sets=tuple(_counted(course, most, names, subject.own) for course in courses),
            planted=reading.planted if reading else None,
            template=template_origin(subject, reading),
            spent=self._spending.spent,
            notes=tuple(notes),
            spent_up=spent_up,
        )

    def _run(self, courses: Sequence[_Course], progress: Progress) -> None:
        """Ask all questions once a round, so that the answers of an interrupted probe are evenly spread."""
        jobs = [
            (course, question, sample)
            for sample in range(self._limits.samples)
            for question in QUESTIONS
            for course in courses
        ]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for begin in range(0, len(jobs), AT_ONCE):
                batch = jobs[begin : begin + AT_ONCE]
                progress(f"question {begin + 1} of {len(jobs)}")
                answers = list(pool.map(lambda job: self._answer(*job), batch))
                stops = [self._note(course, answer) for (course, _, _), answer in zip(batch, answers, strict=True)]
                if stop := next((s for s in stops if s is not None), None):
                    raise stop

    def _answer(self, course: _Course, question: str, sample: int) -> Completion | BlendwatchError:
        try:
            said: Completion = self._spend(lambda: course.route.ask(question, sample))
        except (InferenceError, BudgetExceeded, _Stop) as error:
            return error
        return said

    def _note(self, course: _Course, answer: Completion | BlendwatchError) -> BlendwatchError | None:
        """Count an answer; return the error that ends the probe, None to go on."""
        match answer:
            case Completion():
                self._failed = 0
                course.answers.append(answer.text)
                if course.route.road == "chat" and course.route.way != "empty system":
                    self._most_prompt = max(self._most_prompt, answer.prompt_tokens or 0)
            case InferenceError():
                self._failed += 1
                course.trouble[str(answer)] += 1
                if self._failed >= HOPELESS:
                    return _Stop(f"{self._failed} questions in a row without an answer")
            case _:
                return answer
        return None

    def _spend(self, call: Callable[[], T]) -> T:
        """Make one call within budget and time, with retries. Raises InferenceError, BudgetExceeded, _Stop."""
        for attempt in range(1, TRIES + 1):
            if self._limits.clock() > self._ends:
                raise _Stop(f"{self._limits.seconds:g} s are over")
            reserved = self._spending.take(PROMPT_TOKENS + ANSWER_TOKENS)
            used: int | None = None  # unknown
            try:
                result = call()
            except InferenceError as error:
                used = 0 if error.status else None  # refused, or perhaps answered too late
                wait = error.retry_after if error.retry_after is not None else 0.5 * 2**attempt
                if not error.again or attempt == TRIES or wait > LONGEST_WAIT:
                    raise
            else:
                used = result.tokens if isinstance(result, Completion) else None
                return result
            finally:
                self._spending.settle(reserved, used)
            self._limits.sleep(wait)
        raise AssertionError


def _counted(course: _Course, most: int, names: Names, own: Sequence[str]) -> Asked:
    tallies = tally(course.answers, names, own)
    said = sum(1 for answer in course.answers if spoken(answer))
    if silent := len(course.answers) - said:
        course.trouble["empty, or cut off while thinking"] += silent
    trouble = "; ".join(f"{count} × {text}" for text, count in course.trouble.most_common(3))
    return Asked(course.route.way, course.route.road, most, said, tallies, course.route.planted, trouble)


def template_origin(subject: Subject, reading: TemplateReading | None) -> str:
    """Name the file of the chat template, or say why there is none."""
    if subject.template is None or reading is None:
        return f"none: {subject.why_no_template}"
    return subject.template.file if reading.rendered else f"{subject.template.file}, which cannot be rendered"
