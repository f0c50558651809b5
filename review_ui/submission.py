"""A post as clients send it, in either form, turned into what intake takes."""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from moderation.domain.errors import InvalidInputError
from moderation.domain.post import Author
from moderation.screening.intake import Submission
from review_ui.body import JSON, parse_json
from review_ui.forms import parse_form, text
from review_ui.problem import FieldsError, field_problems

MAX_AGE_DAYS = 200_000.0
MAX_POSTS = 1_000_000_000

Age = Annotated[float | None, Field(ge=0, le=MAX_AGE_DAYS, allow_inf_nan=False, description="Days since sign-up.")]
Published = Annotated[int | None, Field(ge=0, le=MAX_POSTS, description="Posts published before this one.")]
ModelT = TypeVar("ModelT", bound=BaseModel)


class AuthorBody(BaseModel):
    """Who made the post, as far as the client knows."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="A stable id of the author; not a name.")
    account_age_days: Age = None
    published_posts: Published = None


class PostBody(BaseModel):
    """A post as JSON."""

    model_config = ConfigDict(extra="forbid")

    image: str = Field(description="The image file's bytes in base64.", json_schema_extra={"format": "byte"})
    caption: str = ""
    prompt: str = Field(default="", description="The generation prompt.")
    author: AuthorBody


class PostForm(BaseModel):
    """A post as multipart/form-data, without its `image` file."""

    model_config = ConfigDict(extra="forbid")

    caption: str = ""
    prompt: str = Field(default="", description="The generation prompt.")
    author: str = Field(description="A stable id of the author; not a name.")
    account_age_days: Age = None
    published_posts: Published = None


def read_submission(kind: str, content_type: str, body: bytes) -> Submission:
    """The post in `body`, of media type `kind`. Raises `InvalidInputError`."""
    return _from_json(body) if kind == JSON else _from_form(content_type, body)


def _from_json(body: bytes) -> Submission:
    post = _validated(PostBody, parse_json(body))
    try:
        image = base64.b64decode(post.image, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError("The image is not valid base64.") from error
    author = Author(post.author.id, post.author.account_age_days, post.author.published_posts)
    return Submission(image=image, caption=post.caption, prompt=post.prompt, author=author)


def _from_form(content_type: str, body: bytes) -> Submission:
    parts = parse_form(content_type, body)
    if "image" not in parts:
        raise InvalidInputError("The form has no image.", hint="Send the image file in the field `image`.")
    image = parts.pop("image")
    fields: Mapping[str, object] = {name: text(value, name) for name, value in parts.items()}
    form = _validated(PostForm, fields)
    author = Author(form.author, form.account_age_days, form.published_posts)
    return Submission(image=image, caption=form.caption, prompt=form.prompt, author=author)


def _validated(model: type[ModelT], value: object) -> ModelT:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise FieldsError(field_problems(error.errors(include_input=False, include_context=False))) from error
