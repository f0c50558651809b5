"""`picture_codes`: QR codes in the picture and the links that they hold, where no text filter sees them."""

from collections.abc import Sequence

from moderation.domain.media import Refusal
from moderation.domain.signal import (
    Column,
    ColumnKind,
    FailureReason,
    Score,
    SignalFailure,
    SignalResult,
    SignalSpec,
    Surface,
    Value,
)
from moderation.media.codes import PICTURE_CODES as REDUCTION
from moderation.media.codes import Codes, codes_in
from moderation.media.subject import Picture, Subject
from moderation.signals.code_links import opened_by

MAX_SHOWN_CHARS = 2_000
"""Of all payloads together, enough to show a moderator."""

PICTURE_CODES = SignalSpec(
    name="picture_codes",
    version="2",
    surface=Surface.IMAGE,
    description="QR codes in the picture, in an animation of all frames looked at, and the links that they hold.",
    columns=(
        Column("picture_codes", ColumnKind.INTEGER, "How many different codes were found, read or not", low=0),
        Column(
            "picture_code_unread",
            ColumnKind.BOOLEAN,
            "Whether a code was found that could not be read: too small, damaged, or seen from the side",
        ),
        Column(
            "picture_code_links",
            ColumnKind.INTEGER,
            "How many links the codes hold: to pages, and whatever else opens: calls, messages, payments, networks",
            low=0,
        ),
        Column("picture_code_link_shortener", ColumnKind.BOOLEAN, "Whether one goes through a link shortener"),
        Column(
            "picture_code_link_disguised",
            ColumnKind.BOOLEAN,
            "Whether one hides where it goes, as links in captions do, or carries a program",
        ),
    ),
    cost_ms=5.0,
    time_limit_s=10.0,
    recommended={"high recall": 1, "high precision": 1},
    known_failures=(
        "Small ones: a short link is read from 7 % of the picture's side, 80 characters from 10 %, 200 from 15 %.",
        "Pale codes: of greys 30 levels apart a tenth is missed over photographs, a third on plain ground.",
        "Codes of two colours equally bright, strongly blurred ones.",
        "Codes mixed with a picture, with thin dots for squares or bent around things: half or more are not noticed.",
        "Other codes than QR: bar codes, Data Matrix, Aztec, the codes of single messengers.",
        "A frame of an animation that the decoder did not look at.",
    ),
)


class PictureCodes:
    """Reads what the decoder's search for codes found in each frame."""

    @property
    def spec(self) -> SignalSpec:
        """See `PICTURE_CODES`."""
        return PICTURE_CODES

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """One score per post; a post without a picture is `undecodable`."""
        return [_result(subject.picture) for subject in batch]


def _result(picture: Picture | Refusal) -> SignalResult:
    if isinstance(picture, Refusal):
        return SignalFailure(PICTURE_CODES.name, FailureReason.UNDECODABLE, picture.reason)
    frames = [codes_in(frame.reduced[REDUCTION]) for frame in picture.frames]
    payloads = list(dict.fromkeys(payload for frame in frames for payload in frame.payloads))
    return Score(PICTURE_CODES.name, _values(payloads, frames), detail=_detail(payloads))


def _values(payloads: Sequence[str], frames: Sequence[Codes]) -> dict[str, Value]:
    unread = max((frame.unread for frame in frames), default=0)
    links = [link for payload in payloads for link in opened_by(payload)]
    return {
        "picture_codes": len(payloads) + unread,
        "picture_code_unread": unread > 0,
        "picture_code_links": len(links),
        "picture_code_link_shortener": any(link.shortener for link in links),
        "picture_code_link_disguised": any(link.disguised for link in links),
    }


def _detail(payloads: Sequence[str]) -> dict[str, Value]:
    """What the codes say, each cut to its share, so that a long one hides no other."""
    each = (MAX_SHOWN_CHARS + 1) // len(payloads) - 1 if payloads else 0
    return {"payloads": "\n".join(payload[: max(1, each)] for payload in payloads)} if payloads else {}
