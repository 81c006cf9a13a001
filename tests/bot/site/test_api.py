"""The API over real sockets: filters, pages, caches, other origins, and nothing but reading."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from jsonschema import Draft202012Validator

from bot.site import api
from bot.site.api_models import detail_of
from bot.site.openapi import openapi
from bot.site.paths import slug
from bot.site.published import Answer
from bot.site.queries import Filters, page
from state.errors import StateError
from tests.bot.alerts.test_embeds import A, B, report
from tests.bot.site.cases import START, case_id, declared, published_case, served, shown, withdrawn

CASES = [published_case(1), withdrawn(2), published_case(3), declared(4), *map(published_case, range(5, 12))]


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """The address of an API that answers for CASES."""
    with served(CASES) as address:
        yield address


def ask(base: str, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one answer."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=30)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


def get(base: str, path: str) -> Any:
    """The JSON of an answer that is one."""
    status, _, body = ask(base, path)
    assert status == 200, body
    return json.loads(body)


def ids(base: str, query: str) -> list[int]:
    """The numbers of the cases that a query finds."""
    return [int(case["id"], 16) for case in get(base, f"/api/v1/cases?{query}")["cases"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        ("organisation=SLOW-fox", [9, 6, 3]),
        ("organisation=slow", []),
        ("family=borealis", [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        ("family=qwen", []),
        (f"parent={quote(B.upper())}", [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        ("parent=aurora-labs", []),
        ("state=withdrawn", [2]),
        ("state=declared", [4]),
        ("finding=blend&limit=2", [11, 10]),
        ("finding=copy", []),
        ("strength=exact&organisation=slow-fox&limit=1", [9]),
        (f"updated_since={quote((START + timedelta(minutes=11)).isoformat())}", [11, 2]),
    ],
)
def test_filters(base: str, query: str, found: list[int]) -> None:
    """Each asks for one thing; a withdrawn case is found by the names that it was about, and not by a finding."""
    assert ids(base, query) == found


def test_pages_hold_every_case_once(base: str) -> None:
    """By the cursor of the body and by the link of the header alike."""
    path, seen = "/api/v1/cases?limit=4", []
    while path:
        _, headers, body = ask(base, path)
        answer = json.loads(body)
        seen += [case["id"] for case in answer["cases"]]
        link = headers.get("Link", "")
        assert bool(link) is (answer["next"] is not None)
        path = link.partition(">")[0].removeprefix("<")
        assert not path or answer["next"] in path
    assert seen == [case_id(number) for number in range(11, 0, -1)]


def test_a_case_that_comes_meanwhile_moves_no_other() -> None:
    """The next page goes on where the one before ended."""
    first, cursor = page(CASES, Filters(limit=5))
    rest, _ = page([published_case(99), *CASES], Filters(limit=100, cursor=cursor))
    assert [case.id for case in (*first, *rest)] == [case_id(number) for number in range(11, 0, -1)]


def test_one_case(base: str) -> None:
    """With what was measured, the author's words and what has happened since."""
    case = get(base, f"/api/v1/cases/{case_id(4)}")
    assert (case["state"], case["finding"], case["strength"], case["repo_id"]) == (
        "declared",
        "blend",
        "exact",
        "Quick-Fox/m4",
    )
    assert [(parent["repo_id"], parent["coefficient"]) for parent in case["mix"]] == [(A, 0.565), (B, 0.435)]
    assert case["measured"]["decisive"] == 4321
    assert case["declared_parents"] == [A]
    assert [event["kind"] for event in case["events"]] == ["declared"]
    assert case == get(base, f"/api/v1/cases/{case_id(4)}.json")


def test_an_authors_answer_stands_in_the_case_and_its_feed() -> None:
    """As plain text, whatever is in it."""
    case = replace(published_case(), answers=(Answer(START, "we \u202edid\nnot"),))
    assert [answer.text for answer in detail_of(case).answers] == ["we [U+202E]did not"]
    content = dict(api.files([case]))["feeds/all.json"]
    assert "2026-11-23 12:00 its author: we [U+202E]did not" in json.loads(content)["items"][0]["content_text"]


def test_a_withdrawn_case_stays_and_says_so_to_machines(base: str) -> None:
    """It has its reason, and nothing of what it said."""
    case = get(base, f"/api/v1/cases/{case_id(2)}")
    assert case["state"] == "withdrawn"
    assert case["withdrawn"] == {"at": "2026-11-23T13:02:00Z", "reason": "we were wrong"}
    assert case["title"] == "Retracted: Quick-Fox/m2"
    assert [case[key] for key in ("finding", "strength", "disclosure", "parents", "mix", "measured")] == [
        *(None, None, None),
        *([], [], {}),
    ]
    assert B not in json.dumps(case)


def test_a_declaration_that_was_taken_back_is_no_withdrawal() -> None:
    """Its note has that name in the database; the case stands as it was found."""
    at = START + timedelta(hours=1)
    case = detail_of(published_case(1, ("declared", "named", at), ("withdrawn", "not any more", at)))
    assert (case.state, case.withdrawn) == ("open", None)
    assert [event.kind for event in case.events] == ["declared", "declaration-removed"]


def test_a_model_and_what_is_made_of_it(base: str) -> None:
    """By any case of its name; a withdrawn case names no parent."""
    record = get(base, "/api/v1/models/quick-fox/M2")
    assert [case["state"] for case in record["cases"]] == ["withdrawn"]
    assert record["repo_id"] == "Quick-Fox/m2"
    record = get(base, f"/api/v1/models/{B}")
    assert (record["cases"], len(record["parent_of"])) == ([], len(CASES) - 1)
    assert record == get(base, f"/api/v1/models/{B}.json")


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/api/v1/cases/ffffffffffff", 404, "no published case with this id"),
        ("/api/v1/cases/%00%ff..%2f", 404, "no published case with this id"),
        ("/api/v1/models/nobody/nothing", 404, "no published case names this model"),
        ("/api/v1/nothing", 404, "nothing at this address"),
        ("/feeds/nothing.atom", 404, "no such feed"),
        ("/feeds/all.exe", 404, "no such feed"),
        ("/badges/nobody/nothing.svg", 404, "no badge for this model"),
        ("/api/v1/cases?limit=0", 400, "limit: must be at least 1"),
        ("/api/v1/cases?limit=many", 400, "limit: must be a whole number"),
        ("/api/v1/cases?finding=theft", 400, "finding: must be 'blend', 'copy'"),
        ("/api/v1/cases?updated_since=2026-11-23T00:00:00", 400, "updated_since: must be a time with its offset"),
        ("/api/v1/cases?updated_since=0.5", 400, "updated_since: must be a time with its offset"),
        ("/api/v1/cases?cursor=AAAA", 400, "cursor: this is none that a page gave"),
        ("/api/v1/cases?cursor=%F0%9F", 400, "cursor"),
        ("/api/v1/cases?evil=%3Cscript%3E", 400, "there is a parameter that is not known"),
    ],
)
def test_what_is_not_there_or_wrong_is_said_in_json(base: str, path: str, status: int, said: str) -> None:
    """From any origin, and without a word of the request."""
    answered, headers, body = ask(base, path)
    assert answered == status
    assert said in json.loads(body)["error"]
    assert b"evil" not in body
    assert b"script" not in body
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Content-Type"].startswith("application/json")


ADDRESSES = (
    "/api/v1/cases",
    f"/api/v1/cases/{case_id(1)}",
    f"/api/v1/models/{B}",
    "/api/v1/openapi.json",
    "/feeds/all.atom",
    "/feeds/organisations/quick-fox.json",
    "/badges/quick-fox/m4.svg",
)


@pytest.mark.parametrize("path", ADDRESSES)
def test_what_is_known_is_not_sent_again(base: str, path: str) -> None:
    """By its tag, weak or among others; HEAD is GET without a body, and any page may read."""
    status, headers, body = ask(base, path)
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert headers["X-Content-Type-Options"] == "nosniff"
    tag = headers["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        status, again, nothing = ask(base, path, If_None_Match=known)
        assert (status, again["ETag"], nothing) == (304, tag, b"")
    assert ask(base, path, If_None_Match='"other"')[0] == 200
    status, head, nothing = ask(base, path, "HEAD")
    assert (status, head["ETag"], head["Content-Length"], nothing) == (200, tag, str(len(body)), b"")


@pytest.mark.parametrize("path", [*ADDRESSES, "/api/v1/nothing"])
def test_nothing_but_reading_is_answered(base: str, path: str) -> None:
    """Every other method is refused, and a browser may ask which ones are."""
    for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE"):
        status, headers, _ = ask(base, path, method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    status, headers, _ = ask(base, path, "OPTIONS", Origin="https://example.org")
    assert (status, headers["Access-Control-Allow-Methods"]) == (204, "GET, HEAD, OPTIONS")
    assert headers["Access-Control-Allow-Origin"] == "*"


def test_a_database_that_does_not_answer_is_no_fault_of_the_request() -> None:
    """It says so, with a time to ask again, and no path of ours."""

    def broken() -> Any:
        raise StateError("the database /var/lib/x is locked")

    with served(broken) as base:
        status, headers, body = ask(base, "/api/v1/cases")
    assert (status, headers["Retry-After"]) == (503, "60")
    assert b"/var" not in body


def test_cases_are_read_once_for_many_requests() -> None:
    """A flood of requests costs one reading in a few seconds."""
    reads: list[int] = []

    def source() -> Any:
        reads.append(1)
        return CASES

    with served(source) as base:
        for _ in range(5):
            ask(base, "/api/v1/cases")
    assert len(reads) == 1


def test_a_feed_is_made_again_when_a_case_changes() -> None:
    """What was kept of the cases before is dropped."""
    held, now = [[published_case(1)]], [0.0]
    bodies = []
    with served(api.Api(lambda: held[0], clock=lambda: now[0])) as base:
        for found in ([published_case(1)], [published_case(1)], [withdrawn(1)]):
            held[0] = found
            now[0] += 2 * api.FRESH_SECONDS
            bodies.append(ask(base, "/feeds/all.json")[2])
    assert bodies[0] == bodies[1]
    assert [b"Retracted" in body for body in bodies] == [False, False, True]


def test_answers_are_what_the_description_says(base: str) -> None:
    """Each against its schema, and the description against that of every OpenAPI 3.1."""
    whole = json.loads(openapi())
    assert whole["openapi"] == "3.1.0"
    assert set(whole) == {"openapi", "info", "servers", "paths", "components"}
    for value, path in (
        ("CasePage", "/api/v1/cases"),
        ("CaseDetail", f"/api/v1/cases/{case_id(1)}"),
        ("CaseDetail", f"/api/v1/cases/{case_id(2)}"),
        ("ModelRecord", f"/api/v1/models/{B}"),
    ):
        schema = {"$ref": f"#/components/schemas/{value}", "components": whole["components"]}
        Draft202012Validator.check_schema(schema)
        assert not list(Draft202012Validator(schema).iter_errors(get(base, path)))
    asked = {p["name"]: p for p in whole["paths"]["/api/v1/cases"]["get"]["parameters"]}
    assert set(asked) == set(Filters.model_fields)
    assert asked["state"]["schema"]["enum"] == ["open", "declared", "corrected", "replaced", "gone", "withdrawn"]
    assert asked["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}


def test_a_static_host_has_the_same_answers(base: str) -> None:
    """Each file is what the service answers at its address; the list of a host has no pages."""
    written = dict(api.files(CASES))
    whole = json.loads(written.pop("api/v1/cases.json"))
    assert [case["id"] for case in whole["cases"]] == [case_id(number) for number in range(11, 0, -1)]
    assert len(written) == 1 + len(CASES) + (len(CASES) + 2) + 2 * 4 + 2
    for path, content in written.items():
        assert ask(base, f"/{path}")[::2] == (200, content), path


def test_no_path_leaves_the_folder() -> None:
    """Whatever an uploader or a registry calls itself."""
    names = ("../../etc/passwd", "a/..", "a\\b/c", "org/na me", "ORG/.git", "\u202eorg/x", "a/b\x00")
    cases = []
    for number, name in enumerate(names, 1):
        odd = report(suspect={"repo_id": name, "revision": "a" * 40})
        odd["parents"][0]["repo_id"] = name
        cases.append(
            shown(number, odd, [("retracted", "", START)], families={name.lower(): ("..", "/x", ".")[number % 3]})
        )
    for path, _ in api.files(cases):
        parts = path.split("/")
        assert not set(parts) & {"", "."}, path
        assert ".." not in path
        assert all(not part.startswith(".") and "\\" not in part and part.isprintable() for part in parts), path
    assert len({slug(name) for name in names}) == len(names)
    assert slug("Qwen3.5 MoE") == "qwen3.5~20~moe"
    assert slug("...a..b") == "~2e~~2e~.a.~2e~b"
