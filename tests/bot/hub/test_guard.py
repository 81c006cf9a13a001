"""What holds for every request."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from huggingface_hub import HfApi

from bot.hub import Hub
from bot.hub.client import httpx
from bot.hub.hosts import Hosts
from bot.source import Unavailable
from demo.loopback_faults import Fault, always, times
from demo.loopback_hub import LoopbackHub
from tests.bot.hub.makers import FILE, TOKEN, Watch, model

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
    with hub.metered() as meter, pytest.raises(Unavailable, match="no host of its own"):
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
        with pytest.raises(Unavailable, match="which is no host of its own, for the description of org/model"):
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
    """Behind https, storage is behind https too, with a known suffix or on the Hub's own host."""
    public = Hosts.of("https://huggingface.co/")
    assert public.is_home(httpx.URL("https://huggingface.co:443/api"))
    for url in ("https://us.aws.cdn.hf.co/x", "https://cdn-lfs.huggingface.co/x", "https://huggingface.co/x"):
        assert public.is_storage(httpx.URL(url))
    for url in ("http://us.aws.cdn.hf.co/x", "https://hf.co.evil.example/", "https://evilhf.co/", "https://127.0.0.1/"):
        assert not public.is_storage(httpx.URL(url))
    plain = Hosts.of("http://hub.internal:8080")
    assert not plain.is_home(httpx.URL("http://hub.internal:8081/"))
    assert plain.is_storage(httpx.URL("http://hub.internal:8081/"))
    assert not plain.is_storage(httpx.URL("http://127.0.0.1:8081/"))


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
