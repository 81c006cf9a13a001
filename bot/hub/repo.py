"""One repository on the Hub at one commit, read through the seam of bot.sources.interface."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from analyzers.errors import MalformedWeights
from analyzers.records import RepoFacts, RepoFile, ShardHeader
from analyzers.sketch.gguf import SUFFIX
from analyzers.sketch.shard_order import Wanted
from bot.hub import json_fields
from bot.hub.commits import MAX_COMMITS, Commit, branches, commits
from bot.hub.facts import Current, current_ref, main_has, repo_facts
from bot.hub.headers import HeaderEndpoint
from bot.hub.http.deadlines import Clock, Reading
from bot.hub.http.errors import NoSuchAddress, NoSuchFile, Transient, printable
from bot.hub.http.parallel import Parallel
from bot.hub.http.session import JSON_BYTES, HttpSession, HubRequest
from bot.hub.range_headers import RangeHeaders
from bot.hub.ranges import PLAIN, Ranges
from bot.sources.gguf_header import gguf_header
from bot.sources.interface import Missing, SourceError, Span, TooLarge
from bot.sources.untrusted_json import parsed
from bot.sources.weight_files import INDEX, in_doubt, index_file, named_by, shard_name, weight_files

P = ParamSpec("P")
T = TypeVar("T")

BRANCH_OR_COMMIT = re.compile(r"\w(?:[\w-]|[./](?![./]))*")
INDEX_BYTES = 4 << 20  # of an index that is read; a larger one has more tensors than are allowed
INDEX_REQUESTS = 2
MAX_STATES = 12  # revisions of one repository that are read
MAX_TITLES = 100  # newest commits whose titles are read for names of models
HEADERS_PER_INDEX_BYTE = 2  # the answer has the index's content and each tensor's shape and offsets


@dataclass(frozen=True, slots=True)
class Tools:
    """The shared tools that read every repository of one Hub."""

    session: HttpSession
    parallel: Parallel
    header_endpoint: HeaderEndpoint
    clock: Clock


def _in_time(method: Callable[Concatenate[HubRepo, P], T]) -> Callable[Concatenate[HubRepo, P], T]:
    """Count the time of a call against the repository's limit."""

    @wraps(method)
    def timed(self: HubRepo, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self._reading.timed():
            return method(self, *args, **kwargs)

    return timed


class HubRepo:
    """A Source; all its content is of the commit that `facts` names. Safe in threads."""

    def __init__(self, tools: Tools, repo_id: str, revision: str | None = None) -> None:
        self._tools = tools
        self._asked = repo_id
        self._revision = revision
        self._reading = Reading(repo_id, tools.clock)
        self._lock = threading.Lock()
        self._facts: RepoFacts | None = None
        self._ranges: Ranges | None = None

    def __repr__(self) -> str:
        return f"HubRepo({self._asked!r}, {self._revision!r})"

    @_in_time
    def facts(self) -> RepoFacts:
        """Return files with sizes, times and state, requested once. Raises SourceError.

        `weights_at`: the newest commit time of the weight files, never before `created_at`.
        """
        with self._lock:
            if self._facts is None:
                self._check_name()
                if self._revision is not None and not BRANCH_OR_COMMIT.fullmatch(self._revision):
                    raise Missing(f"{printable(ascii(self._revision))} is not a revision of {self._asked}.")
                self._facts = repo_facts(self._tools.session, self._asked, self._revision)
                self._ranges = Ranges(self._tools.session, self._facts.ref)
            return self._facts

    @_in_time
    def now(self) -> Current:
        """Return the current name, commit and id by one small request each time; raises SourceError."""
        self._check_name()
        return current_ref(self._tools.session, self._asked)

    @_in_time
    def file(self, path: str, limit: int) -> bytes | None:
        """Return a small file whole; None if it does not exist; TooLarge over `limit` bytes."""
        ref, listed = self.facts().ref, self._listed(path)
        if listed is None:
            return None
        if listed.size > limit:
            raise TooLarge(f"{path} of {ref.repo_id} has {listed.size:,} bytes, no more than {limit:,} are read.")
        url = self._tools.session.address(ref.repo_id, "resolve", ref.revision, path)
        ask = HubRequest(url, path, ref.repo_id, headers=PLAIN, limit=limit, elsewhere="follow")
        try:
            return self._tools.session.retry(lambda: self._whole(ask, listed))
        except NoSuchFile:
            return None

    @_in_time
    def commits(self, most: int) -> Sequence[Commit]:
        """Return at most `most` commits up to that of `facts`, newest first; raises SourceError."""
        ref = self.facts().ref
        return commits(self._tools.session, ref.repo_id, ref.revision, most)

    def branches(self) -> Sequence[str]:
        """Return the names of its branches except main; () where the Hub hides them."""
        try:
            return branches(self._tools.session, self.facts().ref.repo_id)
        except SourceError:
            return ()

    def titles(self) -> Sequence[str]:
        """Return the titles of its newest commits; () where the Hub hides them; raises SourceError."""
        try:
            return [commit.title for commit in self.commits(MAX_TITLES)]
        except NoSuchAddress:
            return ()

    @_in_time
    def states(self, before: datetime) -> Sequence[HubRepo] | None:
        """Return the repository at each commit before a time (UTC), newest first; raises SourceError.

        Return None where its history does not reach back so far, is too long to read, or is hidden.
        """
        try:
            found = self.commits(MAX_COMMITS)
        except NoSuchAddress:
            return None
        older = [c.revision for c in found if c.at < before]
        if not 0 < len(older) <= MAX_STATES or len(found) >= MAX_COMMITS:
            return None
        return [HubRepo(self._tools, self.facts().ref.repo_id, revision) for revision in older]

    @_in_time
    def headers(
        self, max_requests: int, wanted: Wanted | None = None, max_bytes: int = JSON_BYTES
    ) -> Mapping[str, ShardHeader]:
        """Return headers by shard path; see Source.headers.

        `max_bytes`: of all headers. Retries come on top of both limits. Raises SourceError, and MalformedWeights for
        a file that is not safetensors.
        """
        facts, ranges = self._opened()
        shards = weight_files(facts.files)
        for shard in shards:
            shard_name(shard.path, f"The file list of {facts.ref.repo_id}")
        if not shards:
            return {}
        if shards[0].path.endswith(SUFFIX):
            return self._ggufs(shards, max_requests)
        index = index_file(facts.files)
        if index is not None and self._header_endpoint_fits(shards, index, max_bytes):
            max_requests -= 1 if self._asked_for_main else 2
            found = self._at_once(facts, index, shards)
            if found is not None:
                return found
        if index is not None and in_doubt(facts.files):
            max_requests -= INDEX_REQUESTS
            shards = weight_files(facts.files, frozenset(self._index(index).values()))
        by_range = RangeHeaders(facts.ref, ranges, self._tools.parallel)
        if wanted is None or index is None or index.size > INDEX_BYTES or by_range.fits(shards, index, max_requests):
            return by_range.read(shards, index, max_requests, max_bytes)
        first = self._most_wanted(index, shards, wanted)
        return by_range.read(shards, index, max_requests - INDEX_REQUESTS, max_bytes, first)

    @_in_time
    def read(self, spans: Sequence[Span]) -> list[bytes]:
        """Return the bytes of each span, in order, each of exactly the requested length; raises SourceError.

        Costs one request a span, and one a shard for its address unless that is known.
        """
        _, ranges = self._opened()
        files = {name: self._shard(name) for name in dict.fromkeys(s.shard for s in spans)}
        for span in spans:
            if not 0 <= span.begin <= span.end <= files[span.shard].size:
                raise MalformedWeights(f"{span.shard} of {self._asked} has no bytes {span.begin} to {span.end}.")
        self._tools.parallel(ranges.resolve, [f for f in files.values() if f.size])
        return self._tools.parallel(
            lambda s: ranges.read(files[s.shard], s.begin, s.end) if s.end > s.begin else b"", spans
        )

    def _ggufs(self, shards: Sequence[RepoFile], max_requests: int) -> dict[str, ShardHeader]:
        """Return the headers of as many parts of a GGUF model as the requests allow, in their order.

        The first part, which holds the vocabulary, is always read.
        """
        facts, ranges = self._opened()
        some = shards[: max(1, max_requests // 2)]
        self._tools.parallel(ranges.resolve, some)
        name = f"{{}} of {facts.ref.repo_id}".format
        found = self._tools.parallel(
            lambda shard: gguf_header(lambda b, e: ranges.read(shard, b, e), shard, name(shard.path)), some
        )
        return {shard.path: header for shard, header in zip(some, found, strict=True)}

    def _most_wanted(self, index: RepoFile, shards: Sequence[RepoFile], wanted: Wanted) -> list[RepoFile]:
        """Return the shards to read first; none where the index is unreadable, because it only decides the order."""
        by_path = {s.path: s for s in shards}
        held = {name: shard for name, shard in self._index(index).items() if shard in by_path}
        return [by_path[path] for path in wanted(held)]

    def _index(self, index: RepoFile) -> dict[str, str]:
        """Return the shard of each tensor; none where the index is too large or broken."""
        try:
            content = parsed(self.file(index.path, INDEX_BYTES) or b"", f"The index of {self._asked}")
        except (TooLarge, ValueError):
            return {}
        return named_by(content, index)

    def _check_name(self) -> None:
        if json_fields.repo_id(self._asked) is None:
            raise Missing(f"{printable(ascii(self._asked))} is not a name of a repository.")

    def _opened(self) -> tuple[RepoFacts, Ranges]:
        facts = self.facts()
        assert self._ranges is not None  # noqa: S101  # set with the facts
        return facts, self._ranges

    def _listed(self, path: str) -> RepoFile | None:
        return next((f for f in self.facts().files if f.path == path), None)

    def _shard(self, name: str) -> RepoFile:
        listed = self._listed(name if name == INDEX else shard_name(name, f"A reader of {self._asked}"))
        if listed is None:
            raise MalformedWeights(f"{self._asked} has no shard {name}.")
        return listed

    def _whole(self, ask: HubRequest, listed: RepoFile) -> bytes:
        body = self._tools.session.once(ask).body
        if len(body) != listed.size:
            raise Transient(f"{ask} came with {len(body):,} bytes, the Hub had listed {listed.size:,}.")
        return body

    def _header_endpoint_fits(self, shards: Sequence[RepoFile], index: RepoFile, max_bytes: int) -> bool:
        """Return True if one answer may give all headers within `max_bytes`; it covers shards at the root only."""
        at_root = all("/" not in s.path for s in shards)
        return self._tools.header_endpoint.offered and at_root and HEADERS_PER_INDEX_BYTE * index.size <= max_bytes

    def _at_once(self, facts: RepoFacts, index: RepoFile, shards: Sequence[RepoFile]) -> dict[str, ShardHeader] | None:
        """Return all headers from one answer, which describes main; None where they have to be read by range."""
        if not self._asked_for_main and not main_has(self._tools.session, facts):
            return None
        return self._tools.header_endpoint.headers(facts.ref, index, shards)

    @property
    def _asked_for_main(self) -> bool:
        return self._revision in (None, "main")
