"""The loopback Hub, asked by the Hub's own client library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from demo.hub.faults import Fault, RateLimit, always, times
from demo.hub.repository import BytesBlob, FileBlob, LoopbackRepo
from demo.hub.server import LoopbackHub

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HEADER = b'{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}'
WEIGHTS = len(HEADER).to_bytes(8, "little") + HEADER + b"\x01\x02\x03\x04"
CARD = b"---\nbase_model: org/base\nbase_model_relation: merge\ntags: [merge]\n---\n# Text\n"
INDEX = b'{"metadata": {"total_size": 4}, "weight_map": {"a": "model.safetensors"}}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder laid out like a repository."""
    for name, content in {"model.safetensors": WEIGHTS, "README.md": CARD, "sub/x.txt": b"x"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "model.safetensors.index.json").write_bytes(INDEX)
    return tmp_path


@pytest.fixture
def site(folder: Path) -> Iterator[LoopbackHub]:
    """A Hub that serves the folder as org/model."""
    repo = LoopbackRepo.from_folder(folder, "org/model", created_at=NOON, weights_at=NOON + HOUR, counted=4)
    with LoopbackHub([repo]) as site:
        yield site


@pytest.fixture
def api(site: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> HfApi:
    """The Hub's library, with telemetry off."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    return HfApi(endpoint=site.url, token=False)


def test_the_library_reads_a_repository(site: LoopbackHub, api: HfApi) -> None:
    """Description, file list, commits and headers are in the shapes that the library takes."""
    repo = site.repos["org/model"]
    info = api.model_info("org/model", files_metadata=True)
    assert (info.sha, info.created_at) == (repo.revision, NOON)
    assert info.safetensors is not None
    assert info.safetensors.total == 4
    assert info.tags == ["merge", "base_model:org/base", "base_model:merge:org/base", "safetensors"]
    sizes = {s.rfilename: (s.size, s.lfs.sha256 if s.lfs else None) for s in info.siblings or []}
    assert sizes["model.safetensors"] == (len(WEIGHTS), repo.sha256("model.safetensors"))
    assert {f.path for f in api.list_repo_tree("org/model", recursive=True)} == set(sizes)
    (found,) = api.get_paths_info("org/model", ["model.safetensors", "absent"], expand=True)
    assert found.last_commit is not None
    assert found.last_commit.date == NOON + HOUR
    for metadata in (
        api.get_sharded_safetensors_metadata("org/model").files_metadata["model.safetensors"],
        api.parse_safetensors_file_metadata("org/model", "model.safetensors"),
    ):
        assert metadata.tensors["a"].shape == [4]


def test_the_library_discusses(site: LoopbackHub, api: HfApi) -> None:
    """What it opens it lists and shows, by author and page; a token that may only read is refused."""
    for number in range(1, 18):
        made = api.create_discussion("org/model", f"Title {number}", description="Text", token="hf_write")
    assert (made.num, made.title, made.author, made.status) == (17, "Title 17", "operator", "open")
    assert [getattr(event, "content", "") for event in made.events] == ["Text"]
    listed = api.get_repo_discussions("org/model", author="operator", discussion_type="discussion")
    assert [each.num for each in listed] == list(range(17, 0, -1))
    assert list(api.get_repo_discussions("org/model", author="nobody")) == []
    with pytest.raises(HfHubHTTPError, match="403"):
        api.create_discussion("org/model", "Title", token="hf_read")


def test_the_library_downloads_files(site: LoopbackHub, api: HfApi, tmp_path: Path) -> None:
    """Large files come from the other host, small ones from the Hub, each whole."""
    for name in ("model.safetensors", "sub/x.txt"):
        assert Path(api.hf_hub_download("org/model", name, cache_dir=tmp_path / "cache")).is_file()
    stored = site.seen("/xet-bridge/")
    assert stored
    assert {s.host for s in stored} == {site.storage_url.removeprefix("http://")}


def test_the_listing_pages_newest_first(site: LoopbackHub, api: HfApi) -> None:
    """Pages follow each other by an opaque cursor, in both orders, and leave out private repositories."""
    for i in range(5):
        site.add(LoopbackRepo(repo_id=f"org/m{i}", files={}, created_at=NOON + (i + 1) * HOUR, private=i == 2))
    names = ["org/m4", "org/m3", "org/m1", "org/m0", "org/model"]
    url: str | None = f"{site.url}/api/models?sort=createdAt&limit=2"
    found: list[str] = []
    with httpx2.Client() as client:
        while url:
            answer = client.get(url)
            found += [m["id"] for m in answer.json()]
            url = answer.links.get("next", {}).get("url")
    assert found == names
    site.add(replace(site.repos["org/m0"], last_modified=NOON + 99 * HOUR))
    (newest,) = api.list_models(sort="last_modified", limit=1)
    assert newest.id == "org/m0"


def test_states_of_a_repository_are_the_hubs(site: LoopbackHub, api: HfApi) -> None:
    """Absent, gated, disabled and renamed are answered so that the library raises what it should."""
    base = site.repos["org/model"]
    site.add(replace(base, repo_id="org/gated", gated="auto"))
    site.add(replace(base, repo_id="org/gone", disabled=True))
    site.add(replace(base, repo_id="org/old", renamed_to="org/model"))
    assert api.model_info("org/gated").gated == "auto"
    assert api.model_info("org/old").id == "org/model"
    with pytest.raises(GatedRepoError):
        api.parse_safetensors_file_metadata("org/gated", "model.safetensors")
    with pytest.raises(DisabledRepoError):
        api.model_info("org/gone")
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("org/absent")
    with pytest.raises(RevisionNotFoundError):
        api.model_info("org/model", revision="0" * 40)
    with pytest.raises(RemoteEntryNotFoundError):
        api.parse_safetensors_file_metadata("org/model", "absent.safetensors")


def test_storage_serves_one_range_and_its_addresses_run_out(site: LoopbackHub) -> None:
    """One range gives 206 and itself; several, or none, the whole file; a used-up address 403."""
    site.signed.uses = 3
    with httpx2.Client() as client:
        hop = client.get(f"{site.url}/org/model/resolve/main/model.safetensors")
        assert (hop.status_code, hop.headers["X-Linked-Size"]) == (302, str(len(WEIGHTS)))
        url = hop.headers["Location"]
        one = client.get(url, headers={"Range": "bytes=8-15"})
        assert (one.status_code, one.content) == (206, HEADER[:8])
        assert one.headers["Content-Range"] == f"bytes 8-15/{len(WEIGHTS)}"
        for ranges in ({"Range": "bytes=0-1,4-5"}, {}):
            whole = client.get(url, headers=ranges)
            assert (whole.status_code, whole.content) == (200, WEIGHTS)
        assert client.get(url).status_code == 403


def test_the_rate_limit_is_shown_and_kept(site: LoopbackHub) -> None:
    """Every answer gives the remaining quota; beyond it comes 429."""
    site.rate_limit = RateLimit(api=2, window=60)
    with httpx2.Client() as client:
        answers = [client.get(f"{site.url}/api/models") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert [a.headers["RateLimit"].split(";t=")[0] for a in answers] == ['"api";r=1', '"api";r=0', '"api";r=0']


def test_faults_come_as_planted_and_are_written_down(site: LoopbackHub) -> None:
    """A fault happens as often as it was planted, and the log says what was answered to whom."""
    site.fault = times(1, Fault(status=503), "/api/models")
    with httpx2.Client(headers={"Authorization": "Bearer t"}) as client:
        assert [client.get(f"{site.url}/api/models").status_code for _ in range(2)] == [503, 200]
    assert [(s.status, s.authorization) for s in site.log] == [(503, "Bearer t"), (200, "Bearer t")]
    site.fault = always(Fault(stall=60))
    with httpx2.Client(timeout=0.1) as client, pytest.raises(httpx2.ReadTimeout):
        client.get(f"{site.url}/api/models")


def test_blobs_read_in_place(folder: Path) -> None:
    """A file on disk and one in memory give the same bytes and the same hash."""
    on_disk = LoopbackRepo.from_folder(folder, "org/model")
    in_memory = LoopbackRepo(repo_id="org/model", files={"model.safetensors": BytesBlob(WEIGHTS)})
    assert FileBlob(folder / "model.safetensors").read(3, 9) == WEIGHTS[3:9]
    assert on_disk.sha256("model.safetensors") == in_memory.sha256("model.safetensors")
    assert int(on_disk.hub_id[:8], 16) == int(on_disk.created_at.timestamp())
    assert replace(on_disk, files={}).card() == {}


def test_fast_enough_for_benchmarks(site: LoopbackHub) -> None:
    """Hundreds of requests a second."""
    began = datetime.now(UTC)
    with httpx2.Client() as client:
        for _ in range(200):
            client.get(f"{site.url}/api/models/org/model")
    assert datetime.now(UTC) - began < timedelta(seconds=2)
