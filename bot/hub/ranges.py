"""Read bytes of one repository's large files: one signed address a file, one range a request."""

from __future__ import annotations

import re
import threading
from collections import defaultdict

from analyzers.records import RepoFile, RepoRef
from bot.hub.http.errors import Refused, Transient, failure
from bot.hub.http.hub_client import httpx
from bot.hub.http.session import HttpSession, HubRequest
from bot.sources.interface import Changed

CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")
PLAIN = {"Accept-Encoding": "identity"}


class Ranges:
    """Reads spans of bytes, pinned to one revision. Safe in threads."""

    def __init__(self, session: HttpSession, ref: RepoRef) -> None:
        self._session = session
        self._ref = ref
        self._addresses: dict[str, httpx.URL] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()

    def resolve(self, file: RepoFile) -> None:
        """Resolve the address of a file: one request, none if it is known."""
        self._session.retry(lambda: self._address(file, None))

    def read(self, file: RepoFile, begin: int, end: int) -> bytes:
        """Return bytes `begin` to `end` (exclusive), exactly `end` - `begin` of them; raises SourceError."""
        return self._session.retry(lambda: self._read(file, begin, end))

    def _read(self, file: RepoFile, begin: int, end: int) -> bytes:
        stale = None
        for _ in range(2):
            address = self._address(file, stale)
            content = self._fetch(address, file, begin, end)
            if content is not None:
                return content
            stale = address
        raise Transient(f"The storage refuses even a fresh address of {file.path} of {self._ref.repo_id}.")

    def _address(self, file: RepoFile, stale: httpx.URL | None) -> httpx.URL:
        """Return the address of the file's bytes: the known one, unless that is `stale`."""
        with self._lock:
            lock = self._locks[file.path]
        with lock:
            known = self._addresses.get(file.path)
            if known is None or known == stale:
                known = self._addresses[file.path] = self._resolved(file)
            return known

    def _resolved(self, file: RepoFile) -> httpx.URL:
        url = self._session.address(self._ref.repo_id, "resolve", self._ref.revision, file.path)
        # One byte: the Hub may serve the file itself instead of a redirect.
        headers = {**PLAIN, "Range": "bytes=0-0"}
        ask = HubRequest(url, file.path, self._ref.repo_id, headers=headers, elsewhere="stop")
        with self._session.opened(ask) as response:
            if response.has_redirect_location:
                self._same_file(response, file)
                self._session.drain(response)
                return self._storage_address(response, ask)
            if response.status_code in (200, 206):
                return response.url
            self._session.drain(response)
            raise failure(response.status_code, response.headers, self._ref.repo_id, file.path)

    def _storage_address(self, response: httpx.Response, ask: HubRequest) -> httpx.URL:
        hop = response.next_request
        if hop is None or not self._session.hosts.is_storage(hop.url):
            raise Refused(f"The Hub redirects us to a host that is not its own for {ask}.")
        return hop.url

    def _same_file(self, response: httpx.Response, file: RepoFile) -> None:
        size = response.headers.get("X-Linked-Size", str(file.size))
        commit = response.headers.get("X-Repo-Commit", self._ref.revision)
        if size != str(file.size) or commit != self._ref.revision:
            raise Changed(f"{file.path} of {self._ref.repo_id} is not the file that the Hub had listed.")

    def _fetch(self, address: httpx.URL, file: RepoFile, begin: int, end: int) -> bytes | None:
        """Return the bytes from one address; None if the address has expired."""
        headers = {**PLAIN, "Range": f"bytes={begin}-{end - 1}"}
        ask = HubRequest(address, file.path, self._ref.repo_id, headers=headers, elsewhere="follow")
        with self._session.opened(ask) as response:
            if response.status_code == 206:
                self._check_range(response, file, begin, end)
                return self._session.exactly(response, ask, end - begin)
            if response.status_code == 200:
                raise Transient(f"The storage offers all of {ask} where a range was asked for.")
            self._session.drain(response)
            if response.status_code == 416:
                raise Changed(f"{ask} is shorter than the Hub had listed.")
            if response.status_code in (401, 403) and not self._session.hosts.is_home(response.url):
                return None
            raise failure(response.status_code, response.headers, self._ref.repo_id, file.path)

    def _check_range(self, response: httpx.Response, file: RepoFile, begin: int, end: int) -> None:
        name = f"{file.path} of {self._ref.repo_id}"
        said = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if said is None or (int(said[1]), int(said[2])) != (begin, end - 1):
            raise Transient(f"The storage sends other bytes of {name} than were asked for.")
        if int(said[3]) != file.size:
            raise Changed(f"{name} has {int(said[3]):,} bytes, the Hub had listed {file.size:,}.")
