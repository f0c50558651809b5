"""About ninety posts that the project draws itself: enough to see every verdict and every shipped rule at work."""

from dataclasses import dataclass

from datasets.authors import REGULARS
from datasets.breaches import BANNED, WATCHED, breaches
from datasets.encode import FileFormat, encode
from datasets.gallery import GALLERY
from datasets.written import badge, tiles, with_camera
from moderation.domain.bank import Bank, BankEffect
from moderation.domain.post import Author
from moderation.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class SamplePost:
    """One post to send, the verdict that the shipped policy reaches, and the rule that decides it ("" for none)."""

    name: str
    image: bytes
    caption: str
    prompt: str
    author: Author
    expected: Verdict
    rule: str = ""


@dataclass(frozen=True, slots=True)
class SampleBank:
    """A bank for the demonstration, with the pictures to put in it."""

    bank: Bank
    pictures: tuple[tuple[str, bytes], ...]
    category: str


def banned_picture() -> bytes:
    """The drawn picture that stands for known forbidden content, as a PNG file."""
    return encode(BANNED.pixels(), FileFormat.PNG)


def watched_picture() -> bytes:
    """The drawn picture that stands for content which a person should look at, as a PNG file."""
    return encode(WATCHED.pixels(), FileFormat.PNG)


def sample_banks() -> tuple[SampleBank, ...]:
    """One bank that rejects and one that asks for review; the samples contain exact and edited copies of both."""
    block = Bank("SAMPLE_BANNED", BankEffect.BLOCK, description="A drawn city; stands for known forbidden pictures.")
    review = Bank("SAMPLE_WATCHED", BankEffect.REVIEW, description="A drawn mandala; stands for disputed pictures.")
    return (
        SampleBank(block, (("banned.png", banned_picture()),), "sample"),
        SampleBank(review, (("watched.png", watched_picture()),), "sample"),
    )


def sample_posts() -> list[SamplePost]:
    """Every sample, in the order in which to send them: clean and forbidden ones mixed.

    The bytes are the same on every call and every machine with the pinned libraries.
    """
    clean = [
        SamplePost(
            row.name,
            encode(row.pixels(), row.stored),
            row.caption,
            row.prompt,
            REGULARS[i % len(REGULARS)],
            Verdict.APPROVE,
        )
        for i, row in enumerate(GALLERY)
    ]
    clean += [
        SamplePost(name, image, caption, prompt, REGULARS[i % len(REGULARS)], Verdict.APPROVE)
        for i, (name, image, caption, prompt) in enumerate(
            [
                (
                    "badge-in-picture",
                    badge(),
                    "one sketch a day",
                    "the sea, small waves, with the words Daily sketches",
                ),
                (
                    "implied-prompt",
                    tiles(),
                    "history lesson",
                    "a crowd of people in striped pyjamas behind a fence, very thin",
                ),
                ("camera-claimed", with_camera(), "a walk this morning", "foggy forest"),
            ]
        )
    ]
    stopped = [
        SamplePost(
            row.name,
            row.image,
            row.caption,
            row.prompt,
            row.author or REGULARS[i % len(REGULARS)],
            row.expected,
            row.rule,
        )
        for i, row in enumerate(breaches())
    ]
    return _mixed(clean, stopped)


def _mixed(clean: list[SamplePost], stopped: list[SamplePost]) -> list[SamplePost]:
    share = len(clean) / (len(clean) + len(stopped))
    mixed: list[SamplePost] = []
    for position in range(len(clean) + len(stopped)):
        taken = sum(1 for post in mixed if post.expected is Verdict.APPROVE)
        from_clean = taken < min(len(clean), round((position + 1) * share)) or position - taken >= len(stopped)
        mixed.append(clean[taken] if from_clean else stopped[position - taken])
    return mixed
