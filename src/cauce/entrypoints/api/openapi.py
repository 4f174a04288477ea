"""The OpenAPI file: what FastAPI derives of its routes, and what the hot routes say of themselves, in one document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from cauce.entrypoints.api.hot import Described

_REF = "#/components/schemas/{name}"
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457. Switch on `code`, which is stable.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "param": {"type": "string"},
    },
}
_REFUSED = {
    "description": "Refused, with the reason",
    "content": {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}},
}
_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body again is one effect and the first answer. Required where money moves.",
    "schema": {"type": "string", "maxLength": 255},
}


def document(api: FastAPI, hot: Sequence[Described]) -> dict[str, Any]:
    """The whole document, made once per application."""
    if api.openapi_schema is None:
        found = get_openapi(
            title=api.title,
            version=api.version,
            description=api.description,
            routes=api.routes,
            separate_input_output_schemas=False,
        )
        schemas = found.setdefault("components", {}).setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas["Problem"] = _PROBLEM
        for one in hot:
            _add(found, one)
        found["components"]["securitySchemes"] = {"api_key": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"api_key": []}]
        for path in found["paths"].values():
            for method, operation in path.items():
                _conventions(method, operation)
        found["paths"] = dict(sorted(found["paths"].items()))
        api.openapi_schema = found
    return api.openapi_schema


def _add(found: dict[str, Any], one: Described) -> None:
    types = [one.answer, *([one.body] if one.body else [])]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    found["components"]["schemas"].update(components)
    operation: dict[str, Any] = {
        "tags": [one.tag],
        "summary": one.summary,
        "operationId": one.name or one.route.name,
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": name in one.required,
                "description": text,
                "schema": {"type": "string", "maxLength": 255},
            }
            for name, text in one.query.items()
        ]
        + [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "maxLength": 255}}
            for name in one.route.param_convertors
        ],
        "responses": {
            str(one.status): {"description": "Done", "content": {"application/json": {"schema": schemas[0]}}}
        },
    }
    if one.body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schemas[1]}}}
    elif one.has_etag:
        operation["responses"]["304"] = {"description": "Unchanged since the answer with this ETag"}
    (method,) = (one.route.methods or set()) - {"HEAD"}
    found["paths"].setdefault(one.route.path, {})[method.lower()] = operation


def _conventions(method: str, operation: dict[str, Any]) -> None:
    """What every operation has: problems, and for those that change something the Idempotency-Key."""
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = _REFUSED
    if method in ("post", "put"):
        operation.setdefault("parameters", []).append(_KEY_PARAMETER)
