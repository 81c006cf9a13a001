"""The API's own description, OpenAPI 3.1, made from the values that it answers with. Pure."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from bot.config.version import this_release
from bot.site.api_models import CaseDetail, CasePage, ModelRecord, Problem
from bot.site.paths import API
from bot.site.queries import parameters

CASE_ID: Final = {"type": "string", "pattern": "^[0-9a-f]{12}$"}
PART: Final = {"type": "string", "minLength": 1, "maxLength": 96, "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$"}


def openapi(home: str = "") -> bytes:
    """Return the description as JSON; `home`: the address of the site, without a slash at its end."""
    values = [(value, "serialization") for value in (CaseDetail, CasePage, ModelRecord, Problem)]
    _, schemas = models_json_schema(values, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    named = [_in_path("org", PART), _in_path("name", PART)]
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": "Blendwatch: published cases",
            "version": this_release(),
            "description": "Read-only. A withdrawn case stays, with its state and its reason.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": home or "/"}],
        "paths": {
            f"/{API}/cases": _get("Published cases, the newest first", "CasePage", parameters(), "400"),
            f"/{API}/cases/{{id}}": _get("One case", "CaseDetail", [_in_path("id", CASE_ID)], "404"),
            f"/{API}/models/{{org}}/{{name}}": _get("The cases that name a model", "ModelRecord", named, "404"),
        },
        "components": {"schemas": schemas["$defs"]},
    }
    return json.dumps(whole, ensure_ascii=False, indent=1).encode() + b"\n"


def _in_path(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _get(summary: str, value: str, asked: list[dict[str, Any]], refused: str) -> dict[str, Any]:
    """Return one path with its GET. `refused`: the status of an answer that is a Problem."""
    etag = {"ETag": {"schema": {"type": "string"}, "description": "of this content; send it as If-None-Match"}}
    return {
        "get": {
            "summary": summary,
            "operationId": f"get{value}",
            "parameters": asked,
            "responses": {
                "200": {"description": summary, "headers": etag, "content": _json(value)},
                "304": {"description": "The content is the one of If-None-Match"},
                refused: {"description": "Nothing fits what was asked", "content": _json("Problem")},
                "503": {"description": "The database does not answer", "content": _json("Problem")},
            },
        }
    }


def _json(value: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{value}"}}}
