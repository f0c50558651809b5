"""Dresses a filled frame as people write: openers, hashtags, image-generator style words, lower case, more sentences.

Harmful and benign texts are dressed alike, so that nothing of the dress tells them apart.
"""

import re
from random import Random
from types import MappingProxyType

from datasets.captions.frames import Slots
from datasets.rows import TextSurface

LONG_SHARE = 0.14
LONG_SENTENCES = (3, 8)
LOWER_SHARE = 0.18
BARE_END_SHARE = 0.15
PROMPT_SUFFIX_SHARE = 0.55
PROMPT_PREFIX_SHARE = 0.3
CAPTION_TAG_SHARE = 0.35
POST_OPENER_SHARE = 0.22
POST_END_SHARE = 0.1
CASUAL_SHARE = 0.12
SHOUT_SHARE = 0.015
_WORD = re.compile(r"\w+")
_CHAT_WORDS = MappingProxyType(
    {
        "you": "u",
        "your": "ur",
        "are": "r",
        "because": "bc",
        "though": "tho",
        "really": "rly",
        "people": "ppl",
        "and": "n",
        "to": "2",
        "with": "w",
        "please": "pls",
        "nothing": "nothin",
        "going": "goin",
        "probably": "prob",
        "tonight": "tonite",
        "before": "b4",
        "everyone": "every1",
        "something": "smth",
        "about": "abt",
        "never": "nvr",
        "what": "wat",
    }
)


def dress(text: str, surface: TextSurface, slots: Slots, rng: Random, *, may_be_long: bool = True) -> str:
    """`text` in one of the manners of its surface; often unchanged."""
    if surface is TextSurface.PROMPT:
        dressed = _prompt(text, slots, rng)
    elif surface is TextSurface.CAPTION:
        dressed = _caption(text, slots, rng)
    else:
        dressed = _post(text, slots, rng)
    if may_be_long and surface is not TextSurface.PROMPT and rng.random() < LONG_SHARE:
        dressed = _long(dressed, slots, rng)
    if surface is TextSurface.POST:
        dressed = _hasty(dressed, slots, rng)
    if rng.random() < LOWER_SHARE:
        dressed = dressed.lower()
    if rng.random() < BARE_END_SHARE:
        dressed = dressed.rstrip(".!").rstrip()
    return dressed


def _prompt(text: str, slots: Slots, rng: Random) -> str:
    text = text.rstrip(".")
    if rng.random() < PROMPT_PREFIX_SHARE:
        text = f"{rng.choice(slots.phrases['medium'])} {text[0].lower()}{text[1:]}"
    if rng.random() < PROMPT_SUFFIX_SHARE:
        count = rng.choice((1, 1, 2, 3, 4))
        text = ", ".join([text, *rng.sample(slots.phrases["style"], count)])
    return text


def _caption(text: str, slots: Slots, rng: Random) -> str:
    if rng.random() < CAPTION_TAG_SHARE:
        tags = rng.sample(slots.phrases["tag"], rng.choice((1, 1, 2, 3)))
        return f"{text} {' '.join(tags)}"
    return text


def _post(text: str, slots: Slots, rng: Random) -> str:
    if rng.random() >= POST_OPENER_SHARE:
        return text
    first = text.split(maxsplit=1)[0]
    if first.isalpha() and first.lower() in slots.phrases["small_word"]:
        text = f"{text[0].lower()}{text[1:]}"
    return f"{rng.choice(slots.phrases['opener'])} {text}"


def _hasty(text: str, slots: Slots, rng: Random) -> str:
    """`text` with something trailing, without apostrophes and with the abbreviations of chats, or in capitals."""
    if rng.random() < POST_END_SHARE:
        text = f"{text} {rng.choice(slots.phrases['post_end'])}"
    kind = rng.random()
    if kind < CASUAL_SHARE:
        return _WORD.sub(lambda word: _CHAT_WORDS.get(word[0].lower(), word[0]), text.replace("'", ""))
    return text.upper() if kind < CASUAL_SHARE + SHOUT_SHARE else text


def _long(text: str, slots: Slots, rng: Random) -> str:
    """`text` among harmless sentences."""
    around = rng.sample(slots.phrases["filler"], rng.randint(*LONG_SENTENCES))
    place = rng.randint(0, len(around))
    end = "" if text.endswith((".", "!", "?")) else "."
    return " ".join([*around[:place], f"{text}{end}", *around[place:]])
