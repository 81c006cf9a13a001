"""The addresses of the loopback Hub."""

from __future__ import annotations

import json
from typing import Protocol
from urllib.parse import quote, urlencode

from aiohttp import web

from demo.hub.answers import commit_rows, listing, model, shard_headers, tree_entry
from demo.hub.discussions import Discussion, discussion_page
from demo.hub.repository import LoopbackRepo, is_lfs
from demo.hub.storage import FAULT, Answered, SignedAddresses, send_blob

ACCOUNT = "operator"  # whose every token is
COMMITS_A_PAGE = 50
RESTRICTED = "Access to model {} is restricted."


class Site(Protocol):
    """Parts of the Hub that the routes use."""

    repos: dict[str, LoopbackRepo]
    discussions: dict[str, list[Discussion]]
    offers_headers: bool
    signed: SignedAddresses
    url: str
    storage_url: str


class Routes:
    """Every route of the Hub."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def add_to(self, app: web.Application) -> None:
        """Put them into an application."""
        api = "/api/models/{org}/{name}"
        app.router.add_get("/api/agent-harnesses", self._harnesses)
        app.router.add_get("/api/models", self._list)
        app.router.add_get("/api/whoami-v2", self._whoami)
        app.router.add_get(api, self._info)
        app.router.add_get(api + "/revision/{rev}", self._info)
        app.router.add_get(api + "/tree/{rev}", self._tree)
        app.router.add_get(api + "/commits/{rev}", self._commits)
        app.router.add_get(api + "/refs", self._refs)
        app.router.add_get(api + "/discussions", self._discussions)
        app.router.add_post(api + "/discussions", self._discuss)
        app.router.add_get(api + "/discussions/{num}", self._discussion)
        app.router.add_post(api + "/discussions/{num}/comment", self._comment)
        app.router.add_post(api + "/paths-info/{rev}", self._paths_info)
        app.router.add_get(api + "/safetensors-metadata/{path:.+}", self._headers)
        app.router.add_get("/api/resolve-cache/models/{org}/{name}/{rev}/{path:.+}", self._cached)
        app.router.add_get("/{org}/{name}/resolve/{rev}/{path:.+}", self._resolve)

    async def _harnesses(self, _: web.Request) -> web.Response:
        return web.json_response({})

    async def _whoami(self, request: web.Request) -> web.Response:
        """Return the owner of a token; every token beginning with hf_ is valid, with the role in its name."""
        token = _token(request)
        if token is None or not token.startswith("hf_"):
            return _refused(401, None, "Invalid credentials in Authorization header" if token else "Invalid username")
        role = next((r for r in ("write", "fineGrained") if r in token), "read")
        access = {"displayName": "watch", "role": role}
        return web.json_response({"name": ACCOUNT, "auth": {"type": "access_token", "accessToken": access}})

    async def _list(self, request: web.Request) -> web.Response:
        try:
            rows, cursor = listing(self._site.repos.values(), request.query, _expand(request))
        except ValueError:
            return _refused(400, None, "Invalid cursor or limit")
        query = [(k, v) for k, v in request.query.items() if k != "cursor"]
        return web.json_response(rows, headers=self._link("/api/models", query, cursor))

    def _link(self, path: str, query: list[tuple[str, str]], cursor: str | None) -> dict[str, str]:
        if cursor is None:
            return {}
        return {"Link": f'<{self._site.url}{path}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"'}

    async def _info(self, request: web.Request) -> web.Response:
        repo = self._repo(request)
        return web.json_response(model(repo, _expand(request), blobs="blobs" in request.query))

    async def _tree(self, request: web.Request) -> web.Response:
        repo, expand = self._repo(request), request.query.get("expand", "").lower() == "true"
        limit = int(request.query.get("limit", "100" if expand else "1000"))
        begin = int(request.query.get("cursor", "0"))
        paths = sorted(repo.files)
        rows = [tree_entry(repo, p, expand=expand) for p in paths[begin : begin + limit]]
        query = [(k, v) for k, v in request.query.items() if k != "cursor"]
        after = str(begin + limit) if begin + limit < len(paths) else None
        return web.json_response(rows, headers=self._link(request.rel_url.raw_path, query, after))

    async def _commits(self, request: web.Request) -> web.Response:
        rows = commit_rows(self._repo(request))
        begin = int(request.query.get("p", "0")) * COMMITS_A_PAGE
        more = begin + COMMITS_A_PAGE < len(rows)
        following = f"{self._site.url}{request.rel_url.raw_path}?p={begin // COMMITS_A_PAGE + 1}"
        headers = {"Link": f'<{following}>; rel="next"'} if more else {}
        return web.json_response(rows[begin : begin + COMMITS_A_PAGE], headers=headers)

    async def _refs(self, request: web.Request) -> web.Response:
        repo = self._repo(request)
        names = ("main", *repo.branches)
        branches = [{"name": n, "ref": f"refs/heads/{n}", "targetCommit": repo.revision} for n in names]
        return web.json_response({"branches": branches, "tags": [], "converts": []})

    async def _discussions(self, request: web.Request) -> web.Response:
        repo_id, query = self._repo(request).repo_id, request.query
        found = self._site.discussions.get(repo_id, [])
        return web.json_response(discussion_page(found, repo_id, query.get("author"), int(query.get("p", "0"))))

    async def _discuss(self, request: web.Request) -> web.Response:
        """Open a discussion for a token that may write."""
        repo, token, said = self._repo(request), _token(request) or "", await request.json()
        if not token.startswith("hf_"):
            return _refused(401, None, "Invalid username or password.")
        if not any(role in token for role in ("write", "fineGrained")) or not repo.discusses:
            return _refused(403, None, "Discussions are disabled for this repo" if "write" in token else "Forbidden")
        if not 3 <= len(said["title"].strip()) <= 200 or not said["description"].strip():
            return _refused(400, None, "Invalid title or description")
        found = self._site.discussions.setdefault(repo.repo_id, [])
        found.append(Discussion(len(found) + 1, said["title"], ACCOUNT, [(ACCOUNT, said["description"])]))
        return web.json_response({"num": len(found), "url": f"{self._site.url}{request.path}/{len(found)}"}, status=201)

    async def _comment(self, request: web.Request) -> web.Response:
        """Add a comment for a token that may write."""
        repo, token, said = self._repo(request), _token(request) or "", await request.json()
        found = [d for d in self._site.discussions.get(repo.repo_id, []) if d.num == int(request.match_info["num"])]
        if not any(role in token for role in ("write", "fineGrained")) or not repo.discusses:
            return _refused(403, None, "Forbidden")
        if not found or not said["comment"].strip():
            return _refused(404 if not found else 400, None, "Not found" if not found else "Invalid comment")
        found[0].comments.append((ACCOUNT, said["comment"]))
        return web.json_response({"newMessage": found[0].details(repo.repo_id)}, status=201)

    async def _discussion(self, request: web.Request) -> web.Response:
        repo_id, number = self._repo(request).repo_id, int(request.match_info["num"])
        found = [each for each in self._site.discussions.get(repo_id, []) if each.num == number]
        if not found:
            return _refused(404, None, "Not found")
        return web.json_response(found[0].details(repo_id))

    async def _paths_info(self, request: web.Request) -> web.Response:
        repo, form = self._repo(request), await request.post()
        expand = str(form.get("expand", "")).lower() == "true"
        asked = [str(p) for p in form.getall("paths", [])]
        return web.json_response([tree_entry(repo, p, expand=expand) for p in asked if p in repo.files])

    async def _headers(self, request: web.Request) -> web.Response:
        repo = self._repo(request)
        self._only_for_the_granted(repo, request)
        if not self._site.offers_headers:
            return web.json_response({"error": "Not Found"}, status=404)
        answer = shard_headers(repo, request.match_info["path"])
        if answer is None:
            return _refused(404, "EntryNotFound", "Entry not found")
        return web.json_response(answer)

    async def _resolve(self, request: web.Request) -> web.StreamResponse:
        repo, path = self._repo(request), request.match_info["path"]
        self._only_for_the_granted(repo, request)
        if path not in repo.files:
            return _refused(404, "EntryNotFound", "Entry not found")
        if is_lfs(path):
            size = repo.files[path].size
            fault = request[FAULT]
            headers = {
                "Location": self._site.storage_url + self._site.signed.sign(repo, path),
                "X-Repo-Commit": repo.revision,
                "X-Linked-Size": str(size + fault.total),
                "X-Linked-Etag": f'"{repo.sha256(path)}"',
                "X-Xet-Hash": repo.sha256(path),
            }
            return web.Response(status=302, headers=headers)
        where = f"/api/resolve-cache/models/{repo.repo_id}/{repo.revision}/{quote(path)}"
        headers = {"Location": f"{where}?{urlencode({'etag': repo.oid(path)})}", "X-Repo-Commit": repo.revision}
        return web.Response(status=307, headers=headers)

    async def _cached(self, request: web.Request) -> web.StreamResponse:
        repo, path = self._repo(request), request.match_info["path"]
        self._only_for_the_granted(repo, request)
        headers = {"ETag": f'"{repo.oid(path)}"', "X-Repo-Commit": repo.revision}
        return await send_blob(request, repo.files[path], headers)

    def _repo(self, request: web.Request) -> LoopbackRepo:
        """Return the repository of an address at its revision; else raise the Hub's error answer."""
        repo_id = f"{request.match_info['org']}/{request.match_info['name']}"
        repo = self._site.repos.get(repo_id)
        token = _token(request)
        if repo is None or (repo.private and token not in repo.granted):
            raise Answered(_refused(404 if token else 401, "RepoNotFound", "Repository not found"))
        if repo.disabled:
            raise Answered(_refused(403, None, "Access to this resource is disabled."))
        if repo.renamed_to:
            where = str(request.rel_url).replace(repo_id, repo.renamed_to, 1)
            raise Answered(web.Response(status=307, headers={"Location": where}))
        state = repo.at(request.match_info.get("rev", "main"))
        if state is None:
            raise Answered(_refused(404, "RevisionNotFound", "Invalid rev id"))
        return state

    def _only_for_the_granted(self, repo: LoopbackRepo, request: web.Request) -> None:
        token = _token(request)
        if repo.gated and token not in repo.granted:
            raise Answered(_refused(403 if token else 401, "GatedRepo", RESTRICTED.format(repo.repo_id)))


def _expand(request: web.Request) -> list[str]:
    return [*request.query.getall("expand", []), *request.query.getall("expand[]", [])]


def _token(request: web.Request) -> str | None:
    return request.headers.get("Authorization", "").removeprefix("Bearer ") or None


def _refused(status: int, code: str | None, message: str) -> web.Response:
    headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
    return web.Response(status=status, text=json.dumps({"error": message}), headers=headers)
