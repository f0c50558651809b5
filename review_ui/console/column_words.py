"""Signals, their columns and what is compared with them, in words for people who have never seen a policy file."""

import re
from collections.abc import Mapping, Sequence

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
    "text_harm": "What the texts say",
    "picture_text": "Text in the picture",
    "picture_text_terms": "Terms in the picture's text",
    "embedded_prompt_terms": "Terms in the file's own prompt",
    "picture_codes": "Codes in the picture",
    "caption_language": "Language of the caption",
    "prompt_script": "Script of the prompt",
    "image_container": "What the file carries besides the picture",
    "image_similarity": "Like rejected pictures",
    "image_duplicate": "In the feed already",
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
    "image_match_tier": "How it was found",
    "image_match_verified": "Details agree",
    "image_match_distance": "Bits that differ from the match",
    "image_match_orientation": "Turned",
    "image_match_opinion": "Opinion of the entry",
    "image_match_duplicates": "Known duplicates",
    "image_match_complete": "All details were compared",
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
    "prompt_unsafe_score": "Asks for an unsafe picture",
    "prompt_chars": "Characters in the prompt",
    "author_age_days": "Age of the author's account in days",
    "author_published_posts": "Posts the author has published",
    "caption_prompt_similarity": "Caption and prompt say the same (1: the same)",
    "prompt_picture_text_similarity": "Prompt and text in the picture say the same (1: the same)",
    "picture_text_status": "Reading the text in the picture",
    "picture_text_chars": "Characters in the picture",
    "picture_text_lines_unread": "Lines found and not read",
    "picture_text_likelihood": "Likelihood of text in the picture, 0 to 1",
    "picture_text_confidence": "How surely the text was read, 0 to 1",
    "picture_codes": "QR codes in the picture",
    "picture_code_unread": "A code that cannot be read",
    "picture_code_links": "Links, calls, payments in codes",
    "picture_code_link_shortener": "Link shortener in a code",
    "picture_code_link_disguised": "Disguised link in a code",
    "caption_language": "Language",
    "caption_language_confidence": "How sure, 0 to 1",
    "caption_language_covered": "Covered by lists and classifiers",
    "prompt_latin_share": "Share of words in Latin script",
    "prompt_script_covered": "In a script that lists and classifiers read",
    "image_exif": "Metadata in the file (EXIF)",
    "image_location": "Says where it was made (GPS)",
    "image_camera": "Names a camera",
    "image_generator": "Image generator that the file names",
    "image_embedded_prompt": "Prompt inside the file",
    "image_embedded_prompt_overlap": "How much that prompt is the post's (1: all of it)",
    "image_trailing_bytes": "Bytes after the picture's end",
    "image_embedded_file": "Other file inside",
    "image_file_images": "Pictures in the file",
    "image_thumbnail_correlation": "How alike the thumbnail is (1: the same)",
    "image_provenance": "C2PA manifest, not verified",
    "image_source_type": "How it was made, says the file",
    "image_container_complete": "All of the file was looked at",
    "image_rejected_similarity": "Nearest rejected picture (1: the same)",
    "image_rejected_similar": "Rejected pictures much like it",
    "image_duplicate_others": "Published before by others",
    "image_duplicate_own": "Published before by the author",
    "image_duplicate_distance": "Bits by which the nearest copy differs",
    "image_duplicate_age_hours": "Hours since the oldest copy",
}
FULL: Mapping[str, str] = {
    "image_nsfw": "How likely pornographic, 0 to 1",
    "image_frames": "Frames of the animation",
    "image_match_bank": "Bank that matches",
    "image_match_effect": "What the matching bank of known pictures asks for",
    "image_match_tier": "How the known picture was found",
    "image_match_duplicates": "Entries of duplicate banks that match",
    "prompt_unsafe_score": "The prompt asks for an unsafe picture, likelihood 0 to 1",
    "caption_language": "Language of the caption",
    "caption_language_covered": "Lists and classifiers know the caption's language",
    "prompt_latin_share": "Share of the prompt in Latin script",
    "prompt_script_covered": "Lists and classifiers read the prompt's script",
    "image_location": "The file says where it was made (GPS)",
    "image_camera": "The file names a camera",
    "image_embedded_file": "Other file inside the picture's",
    "picture_text_lines_unread": "Lines of text in the picture that were not read",
}
"""What some are called where no heading stands above them."""
TERMS = re.compile(
    r"(caption|prompt|picture_text|embedded_prompt)_(adult|violence|hate|harassment|self_harm|minors|spam)"
)
"""Columns that give how clear the clearest listed term of a category is."""
SCORES = re.compile(
    r"(caption|prompt|picture_text)"
    r"_(sexual|hate|hate_threat|violence|violence_graphic|harassment|self_harm)_score"
)
"""Columns that give how likely a text is harmful."""
SUBJECTS: Mapping[str, str] = {
    "adult": "Sexual",
    "sexual": "Sexual content",
    "self_harm": "Self-harm",
    "minors": "Minors",
    "hate_threat": "Threats against a group",
    "violence_graphic": "Graphic violence",
}
SURFACES: Mapping[str, str] = {
    "caption": "caption",
    "prompt": "prompt",
    "picture_text": "picture's text",
    "embedded_prompt": "file's own prompt",
}
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

READINGS: Mapping[str, str] = {"none": "no text", "read": "read", "not_read": "not read"}
TIERS: Mapping[str, str] = {
    "none": "no match",
    "automatic": "sure match by its hash",
    "verified": "sure match by its details",
    "review": "possible match",
}
ORIENTATIONS: Mapping[str, str] = {
    "none": "no match",
    "upright": "as it is",
    "rotate90": "a quarter turn to the left",
    "rotate180": "upside down",
    "rotate270": "a quarter turn to the right",
    "flip_x": "mirrored top to bottom",
    "flip_y": "mirrored left to right",
    "transpose": "mirrored and a quarter turn to the left",
    "transverse": "mirrored and a quarter turn to the right",
}
"""How the posted picture has to be turned to look like the known one."""
OPINIONS: Mapping[str, str] = {
    "none": "no match",
    "positive_class": "banned",
    "investigation_seed": "only for investigation",
    "negative_class": "said not to belong there",
    "disputed": "disputed",
}
NAMED: Mapping[str, Mapping[str, str]] = {
    "image_status": STATUSES,
    "picture_text_status": READINGS,
    "image_match_tier": TIERS,
    "image_match_orientation": ORIENTATIONS,
    "image_match_opinion": OPINIONS,
}
"""Columns whose values have names of their own."""

ABSENCES: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"\w+_similarity|image_rejected_similar"), "nothing to compare"),
    (re.compile(r"picture_text_\w+"), "not read"),
    (re.compile(r"(image_)?embedded_prompt_\w+"), "no such prompt"),
    (re.compile(r"image_thumbnail_correlation"), "no thumbnail"),
    (re.compile(r"image_match_distance"), "no match"),
    (re.compile(r"image_duplicate_(others|own)"), "no usable hash"),
    (re.compile(r"image_duplicate_\w+"), "no copy"),
)
"""Why a column has no value, the first that fits; others are unknown."""

FAILURES: Mapping[str, str] = {
    "undecodable": "the picture could not be read",
    "error": "an error",
    "timed_out": "it took too long",
    "model_missing": "its model is missing",
    "unavailable": "it was not available",
    "banks_unavailable": "the banks of known pictures could not be searched",
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
    terms, score = TERMS.fullmatch(name), SCORES.fullmatch(name)
    found = terms or score
    if found is None:
        return (FULL.get(name) if alone else None) or COLUMNS.get(name) or sentence(words(name))
    surface, subject = found.groups()
    title = SUBJECTS.get(subject) or sentence(words(subject))
    if terms is not None:
        return f"{title} terms in the {SURFACES[surface]}" if alone else title
    return f"{title} in the {SURFACES[surface]}" + (", likelihood 0 to 1" if alone else "")


def column_value(name: str, value: Value) -> str:
    """A column's value as people read it: 2 in a column of terms is "clear"."""
    if value is None:
        return next((why for pattern, why in ABSENCES if pattern.fullmatch(name)), shown(value))
    if TERMS.fullmatch(name) is not None and isinstance(value, int | float) and 0 <= value < len(CLEARNESS):
        return CLEARNESS[int(value)]
    named = NAMED.get(name)
    return named.get(value, words(value)) if named is not None and isinstance(value, str) else shown(value)


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
