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
    "image_nsfw": "How likely pornographic (0 to 1)",
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
TERMS = re.compile(r"(caption|prompt)_(adult|violence|hate|harassment|self_harm|minors|spam)")
"""Columns that give how clear the clearest listed term of a category is."""
SUBJECTS: Mapping[str, str] = {"adult": "Sexual", "self_harm": "Self-harm", "minors": "Minors"}
CLEARNESS = ("none", "depends on context", "clear", "severe")
"""What 0 to 3 mean in such a column."""


def signal_title(name: str) -> str:
    """A signal's name as a heading."""
    return SIGNALS.get(name) or sentence(words(name))


def column_title(name: str) -> str:
    """A column's name as people call what it measures."""
    found = TERMS.fullmatch(name)
    if found is None:
        return COLUMNS.get(name) or sentence(words(name))
    surface, subject = found.groups()
    return f"{SUBJECTS.get(subject) or sentence(words(subject))} terms in the {surface}"


def column_value(name: str, value: Value) -> str:
    """A column's value as people read it: 2 in a column of terms is "clear"."""
    if TERMS.fullmatch(name) is not None and isinstance(value, int | float) and 0 <= value < len(CLEARNESS):
        return CLEARNESS[int(value)]
    return words(value) if name == "image_status" and isinstance(value, str) else shown(value)


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
