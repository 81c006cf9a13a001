"""What holds for every request."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime

import pytest
from huggingface_hub import HfApi

from bot.hub import Hub
from bot.hub.http.deadlines import Deadline, Overdue
from bot.hub.http.hosts import Hosts
from bot.hub.http.hub_client import NetworkBackend, NetworkStream, httpx
from bot.sources.interface import Span, Unavailable
from demo.hub.faults import Fault, LoggedRequest, always, times
from demo.hub.server import LoopbackHub
from tests.bot.hub.makers import FILE, TOKEN, Watch, model, shard_paths

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def test_a_stalled_page_ends_quickly_as_unavailable(site: LoopbackHub, watch: Watch) -> None:
    """A page of the listing that never comes ends as Unavailable after the tries' time limits."""
    site.fault = always(Fault(stall=60), "/api/models")
    began = time.monotonic()
    with (
        Hub(site.url, timeout=0.2, clock=watch.clock, sleep=watch.sleep) as hub,
        pytest.raises(Unavailable, match=r"did not answer in 0\.2 s"),
    ):
        list(hub.newest(LONG_AGO))
    assert time.monotonic() - began < 3


def test_the_library_gets_its_timeouts_back(site: LoopbackHub) -> None:
    """The client library's own calls, which hand over no time limit at all, get ours."""
    site.fault = times(2, Fault(stall=60))
    with Hub(site.url, timeout=0.2):
        api = HfApi(endpoint=site.url, token=TOKEN)
        with pytest.raises(httpx.TimeoutException):
            api.model_info("org/model")
        assert [m.id for m in api.list_models()] == ["org/model"]
    assert len(site.seen("/api/models")) == 3


def test_a_steady_drip_ends_too(site: LoopbackHub) -> None:
    """A body that comes in time but never ends is given up after a few time limits."""
    watch = Watch()

    def later() -> float:
        watch.now += 1.0
        return watch.now

    site.fault = always(Fault(endless=True), "resolve-cache")
    with Hub(site.url, timeout=1.0, clock=later, sleep=watch.sleep) as hub:
        repo = hub.repo("org/model")
        repo.facts()
        with pytest.raises(Unavailable, match="did not end in 6 s"):
            repo.file(FILE, 1 << 30)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
GZIP_HEADER, EMPTY_BLOCK = b"\x1f\x8b\x08\0\0\0\0\0\0\3", b"\0\0\0\xff\xff"
FOREVER = {
    "a header": (b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
    "interim answers": (b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "a chunk's size": (CHUNKED + b"\r\n", b"0"),
    "a chunk's extension": (CHUNKED + b"\r\n1;", b"a"),
    "nothing, compressed": (
        CHUNKED + b"Content-Encoding: gzip\r\n\r\na\r\n" + GZIP_HEADER + b"\r\n",
        b"5\r\n" + EMPTY_BLOCK + b"\r\n",
    ),
}


@pytest.mark.parametrize("kind", FOREVER)
@pytest.mark.parametrize("proxy", [False, True], ids=["direct", "proxy"])
def test_an_answer_ends_whatever_drips(kind: str, proxy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes steadily and never makes an answer is given up after a few time limits, three times."""
    watch = Watch()
    fault = Fault(forever=FOREVER[kind], drip=lambda: watch.sleep(0.4))
    with LoopbackHub([model()]) as site:
        site.fault = always(fault)
        if proxy:
            monkeypatch.setenv("HTTP_PROXY", site.url)
        endpoint = "http://hub.invalid" if proxy else site.url
        with (
            Hub(endpoint, timeout=1.0, clock=watch.clock, sleep=watch.sleep) as hub,
            pytest.raises(Unavailable, match=r"The answer for the newest models did not end in 6 s"),
        ):
            list(hub.newest(LONG_AGO))
    assert len(site.log) == 3
    assert watch.now > 3 * 6


class _Chatter(NetworkStream):
    """A connection on which somebody says something without end, encrypted or not."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return FOREVER["interim answers"][0]

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        pass

    def close(self) -> None:
        pass

    def start_tls(self, *_args: object, **_options: object) -> NetworkStream:
        return self


class _Chatting(NetworkBackend):
    """Connects to nobody but them."""

    def connect_tcp(self, *_args: object, **_options: object) -> NetworkStream:
        return _Chatter()


@pytest.mark.parametrize("address", ["http://hub.invalid/", "https://hub.invalid/"])
def test_the_deadline_holds_below_encryption_too(address: str) -> None:
    """The connection that TLS makes of another keeps the deadline as well."""
    ticks = itertools.count()
    deadline = Deadline(lambda: float(next(ticks)), 10.0)
    with httpx.Client(trust_env=False) as client:
        client._transport._pool._network_backend = _Chatting()  # type: ignore[attr-defined]
        deadline.apply_to(client)
        deadline.begin()
        with pytest.raises(Overdue):
            client.get(address)


def test_reading_one_repository_ends_too(site: LoopbackHub) -> None:
    """Many answers that are slow, each within its time, do not keep the watch for hours; the next try begins anew."""
    watch = Watch()

    def slow(_seen: LoggedRequest) -> None:
        watch.now += 100.0

    site.fault = slow
    with Hub(site.url, timeout=60.0, clock=watch.clock, sleep=watch.sleep) as hub:
        other = hub.repo("org/model")
        assert other.facts().shards
        assert len(site.log) == 2
        watch.now += 24 * 3600  # spent on something else
        repo = hub.repo("org/model")
        with pytest.raises(Unavailable, match=r"^Reading org/model took longer than 20 minutes\.$"):
            [repo.file(FILE, 100) for _ in range(100)]
        asked = len(site.log)
        with pytest.raises(Unavailable, match="took longer"):
            repo.read([Span(path, 0, 8) for path in shard_paths(model())])
        assert len(site.log) == asked, "nothing more is asked for, by worker threads neither"
        assert 12 <= asked - 2 <= 14
        assert other.file(FILE, 100) is not None


def test_a_page_link_to_a_foreign_host_never_sees_the_token(site: LoopbackHub, hub: Hub) -> None:
    """A listing that goes on at another host is not followed at all, and the error names the host."""
    with LoopbackHub([model()]) as foreign:
        site.fault = always(Fault(headers={"Link": f'<{foreign.url}/api/models?limit=9>; rel="next"'}), "/api/models")
        with pytest.raises(Unavailable, match=r"goes on at 127\.0\.0\.1, which is not the Hub"):
            list(hub.newest(LONG_AGO))
        assert foreign.log == []
        api = HfApi(endpoint=site.url, token=TOKEN)
        assert len(list(api.list_models())) == 2
        assert [s.authorization for s in foreign.log] == [None]


@pytest.mark.parametrize("target", ["https://evil.example/x", "http://evil.example/x", "ftp://127.0.0.1/x"])
def test_a_host_that_is_not_the_hubs_is_not_asked(site: LoopbackHub, hub: Hub, target: str) -> None:
    """A redirect out of the Hub's hosts ends as Unavailable before anything is sent."""
    repo = hub.repo("org/model")
    repo.facts()
    site.fault = always(Fault(status=302, headers={"Location": target}), "/resolve/")
    with hub.metered() as meter, pytest.raises(Unavailable, match="not a host of its own"):
        repo.file(FILE, 100)
    assert meter.requests == 1


def test_a_redirect_to_another_origin_never_sees_the_token(site: LoopbackHub, hub: Hub) -> None:
    """A file may be redirected to a storage host, which gets no token; an answer of the API may not."""
    repo = hub.repo("org/model")
    repo.facts()
    with LoopbackHub([model()]) as foreign:
        location = {"Location": f"{foreign.url}/api/resolve-cache/models/org/model/main/{FILE}"}
        site.fault = always(Fault(status=302, headers=location))
        assert repo.file(FILE, 100) is not None
        assert [(s.authorization, s.cookie) for s in foreign.log] == [(None, None)]
        with pytest.raises(Unavailable, match="which is not a host of its own, for the description of org/model"):
            hub.repo("org/model").facts()
        assert len(foreign.log) == 1


def test_storage_never_sees_the_token_and_nobody_a_cookie(site: LoopbackHub, hub: Hub) -> None:
    """The token goes to the Hub only; cookies that it sets are not sent back."""
    site.offers_headers = False
    site.fault = always(Fault(headers={"Set-Cookie": "a=b; Path=/"}))
    repo = hub.repo("org/model")
    assert len(repo.headers(100)) == 3
    assert repo.file(FILE, 100) is not None
    assert {s.authorization for s in site.seen("/xet-bridge/")} == {None}
    assert {s.authorization for s in site.seen("org/model")} == {f"Bearer {TOKEN}"}
    assert {s.cookie for s in site.log} == {None}


def test_a_circle_of_redirects_ends(site: LoopbackHub, hub: Hub) -> None:
    """A Hub that redirects to itself for ever is given up."""
    repo = hub.repo("org/model")
    path = f"/org/model/resolve/{repo.facts().ref.revision}/{FILE}"
    site.fault = always(Fault(status=302, headers={"Location": path}), "/resolve/")
    with pytest.raises(Unavailable, match="in circles"):
        repo.file(FILE, 100)


def test_a_question_that_is_redirected_is_asked_again(site: LoopbackHub, hub: Hub) -> None:
    """A POST would go on as a GET, which asks for something else and is told that there is nothing."""
    path = f"/api/models/org/model/paths-info/{site.repos['org/model'].revision}"
    site.fault = times(1, Fault(status=302, headers={"Location": path}), "/paths-info/")
    assert hub.repo("org/model").facts().weights_at is not None
    assert [s.method for s in site.seen("/paths-info/")] == ["POST", "POST"]


def test_which_hosts_belong_to_a_hub() -> None:
    """Behind https, storage is behind https too, with a known suffix or the Hub itself."""
    public = Hosts.of("https://huggingface.co/")
    assert public.is_home(httpx.URL("https://huggingface.co:443/api"))
    for url in ("https://us.aws.cdn.hf.co/x", "https://cdn-lfs.huggingface.co/x", "https://huggingface.co/x"):
        assert public.is_storage(httpx.URL(url))
    for url in ("http://us.aws.cdn.hf.co/x", "https://hf.co.evil.example/", "https://evilhf.co/", "https://127.0.0.1/"):
        assert not public.is_storage(httpx.URL(url))
    for url in ("https://huggingface.co:8443/x", "https://us.aws.cdn.hf.co:22/x"):
        assert not public.is_storage(httpx.URL(url))


@pytest.mark.parametrize(
    ("endpoint", "storage", "nobody"),
    [
        ("http://hub.internal:8080", ["http://hub.internal:8080/x"], ["http://hub.internal:8081/x"]),
        ("https://hub.internal:8443", ["https://hub.internal:8443/x"], ["https://hub.internal:22/x"]),
        ("http://10.0.0.5:8080", ["http://10.0.0.5:8080/x"], ["http://10.0.0.5:2375/x", "http://10.0.0.6:8080/x"]),
        ("http://127.0.0.1:8000", ["http://127.0.0.1:8001/x"], ["http://127.9.9.9:8000/x", "http://10.0.0.5:8000/x"]),
    ],
)
def test_other_services_of_a_network_are_no_storage(endpoint: str, storage: list[str], nobody: list[str]) -> None:
    """A mirror keeps files itself; only a Hub on this machine, which is a test's, has another port for them."""
    hosts = Hosts.of(endpoint)
    assert not hosts.is_home(httpx.URL(nobody[0]))
    assert [u for u in [*storage, *nobody] if hosts.is_storage(httpx.URL(u))] == storage
    for url in ("http://127.0.0.1:6379/", "http://169.254.169.254/", "http://[::1]/", "http://0.0.0.0/"):
        assert hosts.is_storage(httpx.URL(url)) == (url.startswith("http://127.0.0.1") and hosts.loopback)


def test_the_token_is_in_no_text(site: LoopbackHub, hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    """Neither repr, nor errors, nor the log at any level show the token."""
    caplog.set_level("DEBUG")
    repo = hub.repo("org/absent")
    with pytest.raises(Exception, match="org/absent") as caught:
        repo.facts()
    with pytest.raises(ValueError, match="character") as refused:
        Hub(site.url, f"{TOKEN} {TOKEN}")
    site.fault = always(Fault(status=500))
    with pytest.raises(Unavailable) as failed:
        hub.repo("org/model").facts()
    texts = [repr(hub), repr(repo), repr(caught.value), repr(refused.value), repr(failed.value), caplog.text]
    assert not [t for t in texts if TOKEN in t]
