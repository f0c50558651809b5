"""Signals, their columns and what is compared with them, in words for people who have never seen a policy file."""

import re
from collections.abc import Mapping

from moderation.domain.signal import Value
from review_ui.console.shell import words

SIGNALS: Mapping[str, str] = {
    "image_facts": "The file",
    "image_nsfw": "Pornographic picture",
    "image_match": "Known pictures",
    "caption_terms": "Terms in the caption",
    "prompt_terms": "Terms in the prompt",
    "caption_links": "Links in the caption",
    "post_facts": "Text and author",
}
COLUMNS: Mapping[str, str] = {
    "image_status": "Reading the file",
    "image_bytes": "File size in bytes",
    "image_format": "Format",
    "image_width": "Width in pixels",
    "image_height": "Height in pixels",
    "image_megapixels": "Megapixels",
    "image_aspect": "Longer by shorter side",
    "image_frames": "Frames",
    "image_animated": "Animated",
    "image_nsfw": "Likelihood, 0 to 1",
    "image_match_effect": "What the matching bank asks for",
    "image_match_distance": "Bits that differ from the match",
    "image_match_bank": "Bank",
    "image_match_category": "Category in the bank",
    "image_pdq_quality": "Detail for comparing (0 to 100)",
    "image_hash_usable": "Enough detail to compare",
    "caption_links": "Links in the caption",
    "caption_link_domains": "Different domains linked",
    "caption_link_shortener": "Link shortener in the caption",
    "caption_link_disguised": "Disguised link in the caption",
    "caption_contacts": "Contact details in the caption",
    "caption_chars": "Characters in the caption",
    "prompt_chars": "Characters in the prompt",
    "author_age_days": "Age of the author's account in days",
    "author_published_posts": "Posts the author has published",
}
FULL: Mapping[str, str] = {
    "image_nsfw": "How likely pornographic, 0 to 1",
    "image_frames": "Frames of the animation",
    "image_match_bank": "Bank that matches",
}
"""What some are called where no heading stands above them."""
TERMS = re.compile(r"(caption|prompt)_(adult|violence|hate|harassment|self_harm|minors|spam)")
"""Columns that give how clear the clearest listed term of a category is."""
SUBJECTS: Mapping[str, str] = {"adult": "Sexual", "self_harm": "Self-harm", "minors": "Minors"}
LIMITS: Mapping[str, str] = {
    ">=": "{} or more",
    ">": "more than {}",
    "<=": "{} or less",
    "<": "less than {}",
    "=": "{}",
    "<>": "anything but {}",
}
CLEARNESS = ("none", "depends on context", "clear", "severe")
"""What 0 to 3 mean in such a column."""

STATUSES: Mapping[str, str] = {
    "decoded": "worked",
    "empty": "the file is empty",
    "too_large": "the picture is too large",
    "truncated": "the file ends too early",
    "corrupt": "the file is damaged",
    "unsupported": "not a kind of file that is accepted",
    "decoder_crashed": "the decoder broke down on it",
    "timeout": "it took too long",
    "out_of_memory": "it needs too much memory",
    "missing": "the file is not in the store",
}

FAILURES: Mapping[str, str] = {
    "undecodable": "the picture could not be read",
    "error": "an error",
    "timed_out": "it took too long",
    "model_missing": "its model is missing",
    "unavailable": "it was not available",
}
"""Why there is no measurement; what only a programmer can mend keeps its own name."""


def failure(reason: str) -> str:
    """Why there is no measurement."""
    return FAILURES.get(reason) or words(reason)


def signal_title(name: str) -> str:
    """A signal's name as a heading."""
    return SIGNALS.get(name) or sentence(words(name))


def column_title(name: str, *, alone: bool = True) -> str:
    """A column's name as people call what it measures; under its signal's heading (not `alone`) a shorter one."""
    found = TERMS.fullmatch(name)
    if found is None:
        return (FULL.get(name) if alone else None) or COLUMNS.get(name) or sentence(words(name))
    surface, subject = found.groups()
    title = SUBJECTS.get(subject) or sentence(words(subject))
    return f"{title} terms in the {surface}" if alone else title


def column_value(name: str, value: Value) -> str:
    """A column's value as people read it: 2 in a column of terms is "clear"."""
    if TERMS.fullmatch(name) is not None and isinstance(value, int | float) and 0 <= value < len(CLEARNESS):
        return CLEARNESS[int(value)]
    return STATUSES.get(value, words(value)) if name == "image_status" and isinstance(value, str) else shown(value)


def limit_words(name: str, operator: str, expected: str) -> str:
    """What a rule asks of a column: "clear or more", "any", "less than 1". `operator` is one of `LIMITS`."""
    if operator == ">" and expected == "0":
        return "any"
    if TERMS.fullmatch(name) is not None and expected.isdigit():
        expected = column_value(name, int(expected))
    return LIMITS[operator].format(expected)


def sentence(text: str) -> str:
    """`text` with a capital in front."""
    return text[:1].upper() + text[1:]


def shown(value: Value) -> str:
    """A value as people read it, whatever it measures."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value) or "none"
