"""The description of the API for other tools, made from the endpoints and their types."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from exp_jupyter._version import __version__
from exp_jupyter.schema.requests.bodies import Request
from exp_jupyter.server.http.endpoint import Endpoint

_REFERENCE = "#/components/schemas/{model}"
_NUMBERED = frozenset({"id"})
_REFUSALS = {
    "400": "The request cannot be done as it is.",
    "401": "No key, or one that the project does not know.",
    "403": "This person or key may not do this.",
    "404": "There is no such thing in this project.",
    "405": "The address does not know this verb.",
    "409": "A change request waits for approval, or another change came first.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "503": "The project is busy.",
}


def description(endpoints: Iterable[Endpoint], prefix: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description of these endpoints.

    Parameters
    ----------
    prefix
        What every address begins with.
    """
    schemas: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        operations = paths.setdefault(f"{prefix}{endpoint.path}/", {})
        operations[endpoint.method.lower()] = _operation(endpoint, prefix, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "exp_jupyter embedded project",
            "version": __version__,
            "description": "The experiments API over a project folder.",
        },
        "security": [{"personal_key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"personal_key": {"type": "http", "scheme": "bearer"}},
            "schemas": dict(sorted(schemas.items())),
        },
    }


def _operation(endpoint: Endpoint, prefix: str, schemas: dict[str, Any]) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", prefix + endpoint.path)
    operation: dict[str, Any] = {
        "operationId": f"{endpoint.method.lower()}_{re.sub(r'[^a-z]+', '_', endpoint.path)}",
        "summary": endpoint.about,
        "description": f"Scopes: {', '.join(endpoint.scopes) or 'none'}.",
        "parameters": [
            *(
                {
                    "name": name,
                    "in": "path",
                    "required": True,
                    "schema": {"type": "integer" if name in _NUMBERED else "string"},
                }
                for name in names
            ),
            *(
                {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}
                for name in endpoint.query
            ),
        ],
        "responses": {
            str(endpoint.status): {"description": "Done." if endpoint.status < 400 else "Refused."},
            **{status: {"description": text} for status, text in _REFUSALS.items()},
        },
    }
    if endpoint.status == 201:
        operation["responses"]["200"] = {"description": "It was there already."}
    if endpoint.body is not None:
        operation["requestBody"] = {
            "content": {"application/json": {"schema": _schema(endpoint.body, schemas)}}
        }
    return operation


def _schema(body: type[Request], schemas: dict[str, Any]) -> dict[str, str]:
    schema = body.model_json_schema(ref_template=_REFERENCE)
    schemas.update(schema.pop("$defs", {}))
    schemas[body.__name__] = schema
    return {"$ref": _REFERENCE.format(model=body.__name__)}
