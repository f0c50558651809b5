"""An OpenAPI document as plain rows for the documentation page."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")
"""`head` repeats `get`."""


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter or a body's field. `place` is query, path or header, or the body's media type."""

    name: str
    place: str
    kind: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One response, and the fields of its body."""

    status: str
    description: str
    media_type: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked. `group` is its first tag, `example` a body as JSON; empty where none is given."""

    anchor: str
    group: str
    method: str
    path: str
    summary: str
    description: str
    needs_key: bool
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    example: str
    answers: tuple[Answer, ...]
    refusals: tuple[str, ...]


def operations(document: Mapping[str, Any]) -> list[Operation]:
    """Every operation of `document`, in its order."""
    return [
        _operation(document, path, method, item[method])
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]


def _operation(document: Mapping[str, Any], path: str, method: str, spec: Mapping[str, Any]) -> Operation:
    answers = [_answer(document, status, answer) for status, answer in spec["responses"].items()]
    parameters = [
        Field(
            part["name"],
            part["in"],
            _kind(document, part["schema"]),
            part.get("required", False),
            part.get("description", part["schema"].get("description", "")),
        )
        for part in spec.get("parameters", ())
    ]
    content = spec.get("requestBody", {}).get("content", {})
    body = [field for kind, media in content.items() for field in _fields(document, media["schema"], kind)]
    return Operation(
        anchor=spec["operationId"],
        group=next(iter(spec.get("tags", ())), ""),
        method=method.upper(),
        path=path,
        summary=spec.get("summary", ""),
        description=spec.get("description", ""),
        needs_key=bool(spec.get("security")) and {} not in spec["security"],
        parameters=tuple(parameters),
        body=tuple(body),
        example=next((_written(media["example"]) for media in content.values() if "example" in media), ""),
        answers=tuple(answer for answer in answers if not answer.media_type.startswith("application/problem")),
        refusals=tuple(answer.status for answer in answers if answer.media_type.startswith("application/problem")),
    )


def _written(example: object) -> str:
    return json.dumps(example, indent=2, ensure_ascii=False)


def _answer(document: Mapping[str, Any], status: str, spec: Mapping[str, Any]) -> Answer:
    content = spec.get("content", {})
    media_type = next((kind for kind in content if "problem" in kind), next(iter(content), ""))
    fields = _fields(document, content.get(media_type, {}).get("schema", {}), "")
    return Answer(status, spec.get("description", ""), media_type, tuple(fields))


def _fields(document: Mapping[str, Any], schema: Mapping[str, Any], place: str, prefix: str = "") -> Iterator[Field]:
    schema = _resolved(document, schema)
    for option in schema.get("oneOf", ()):
        yield from _fields(document, option, place, prefix)
    required = schema.get("required", ())
    for name, part in schema.get("properties", {}).items():
        field = _resolved(document, part)
        inner = _resolved(document, field.get("items", {})) if field.get("type") == "array" else field
        marker = "[]" if field.get("type") == "array" else ""
        yield Field(prefix + name, place, _kind(document, part), name in required, part.get("description", ""))
        if "properties" in inner:
            yield from _fields(document, inner, place, f"{prefix}{name}{marker}.")


def _kind(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """A type in words: `string (date-time)`, `one of a, b`, `number or null`."""
    schema = _resolved(document, schema)
    if "anyOf" in schema:
        return " or ".join(_kind(document, option) for option in schema["anyOf"])
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(document, schema['items'])}"
    shape = schema.get("format", "")
    return f"{schema.get('type', 'any')} ({shape})" if shape else str(schema.get("type", "any"))


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found
