"""The parts of the OpenAPI document that types alone do not give."""

from http import HTTPStatus
from typing import Any

from review_ui.body import JSON, MULTIPART
from review_ui.problem import PROBLEM_JSON, Problem
from review_ui.submission import PostBody, PostForm


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may refuse with these statuses."""
    return {
        status: {
            "model": Problem,
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema without `$defs`, each put where it is referred to."""
    definitions = schema.pop("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return resolve(definitions[node["$ref"].rpartition("/")[2]])
            return {name: resolve(value) for name, value in node.items()}
        return [resolve(item) for item in node] if isinstance(node, list) else node

    resolved = resolve(schema)
    assert isinstance(resolved, dict)
    return resolved


def _form() -> dict[str, Any]:
    schema = PostForm.model_json_schema()
    image = {"type": "string", "format": "binary", "description": "The image file."}
    schema["properties"] = {"image": image, **schema["properties"]}
    schema["required"] = ["image", *schema["required"]]
    return schema


POST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {MULTIPART: {"schema": _form()}, JSON: {"schema": inlined(PostBody.model_json_schema())}},
    }
}
"""The body of `POST /v1/posts`, which the route reads itself so that limits come before parsing."""
