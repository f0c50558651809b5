"""Image generators by the traces that they leave in files, and the prompts that they write there."""

import json
import re
from collections.abc import Iterable, Sequence

GENERATORS: tuple[tuple[str, str], ...] = (
    ("comfyui", r"comfy ?ui|\"class_type\" ?: ?\""),
    ("invokeai", r"invoke ?ai"),
    ("novelai", r"novel ?ai"),
    ("fooocus", r"fooocus"),
    ("midjourney", r"midjourney"),
    ("dall-e", r"dall[-\u00b7 ]?e\b"),
    ("openai", r"openai|chatgpt|gpt-4o|gpt-image"),
    ("firefly", r"adobe firefly|firefly image"),
    ("google", r"made with google ai|google (?:imagen|gemini)|imagen ?\d|gemini"),
    ("bing", r"bing image creator|microsoft designer"),
    ("ideogram", r"ideogram"),
    ("leonardo", r"leonardo\.?ai"),
    ("grok", r"\bgrok\b|\bxai\b"),
    ("flux", r"black forest labs|\bflux[.1 -]"),
    ("stable-diffusion", r"stable[ -]?diffusion|automatic1111|dreamstudio|stability\.?ai|sd\.next|swarmui|draw things"),
)
"""Names and patterns, in the order in which they are tried: tools first, then the models that they run."""
NAMES = frozenset({name for name, _ in GENERATORS})
STEPS, SAMPLER = re.compile(r"\bSteps: \d+, "), re.compile(r"\b(?:Sampler|CFG scale): ")
"""How the web interfaces of Stable Diffusion end what they write: one after the other. As one pattern they would take
time by the square of the text's length.
"""
KEYS = {
    "invokeai_metadata": "invokeai",
    "sd-metadata": "invokeai",
    "dream": "invokeai",
    "fooocus_scheme": "fooocus",
    "workflow": "comfyui",
}
PROMPT_KEYS = frozenset(
    {"parameters", "prompt", "description", "comment", "usercomment", "dream", "invokeai_metadata", "sd-metadata"}
)
NAMED_IN_CHARS = 2_000
"""Of a text, how much is searched for a generator's name."""
MAX_VISITED = 5_000
"""Values of a JSON text that are looked at."""
_ENDS = re.compile(r"\n?Negative prompt: |\n?Steps: \d|\bJob ID: | --v \d", re.DOTALL)
_LEAST_PROMPT_CHARS = 3


def generator_of(texts: Sequence[tuple[str, str]], claims: Iterable[str]) -> str:
    """The generator that the texts, by their keys, or the claims (software, creator) name; "" if none is known."""
    for key, _ in texts:
        if key.lower() in KEYS:
            return KEYS[key.lower()]
    searched = [*claims, *(text for _, text in texts)]
    for name, pattern in GENERATORS:
        if any(re.search(pattern, text[:NAMED_IN_CHARS], re.IGNORECASE) for text in searched):
            return name
    return "stable-diffusion" if any(map(_has_settings, searched)) else ""


def prompt_of(texts: Sequence[tuple[str, str]], generator: str) -> str:
    """The prompt that the file says it was made from, "" if there is none.

    Descriptions and comments are prompts only where a generator is known: photographs have them too.
    """
    found = [
        prompt
        for key, text in texts
        if key.lower() in PROMPT_KEYS and (generator or key.lower() in {"parameters", "prompt"})
        for prompt in [_prompt_in(text)]
        if len(prompt) >= _LEAST_PROMPT_CHARS
    ]
    return max(found, key=len, default="")


def _has_settings(text: str) -> bool:
    steps = STEPS.search(text)
    return steps is not None and SAMPLER.search(text, steps.end()) is not None


def _prompt_in(text: str) -> str:
    stripped = text.strip()
    if stripped.startswith(("{", "[")):
        try:
            document = json.loads(stripped)
        except (ValueError, RecursionError):
            return ""
        return _prompt_in_json(document)
    return _ENDS.split(stripped, maxsplit=1)[0].strip()


def _prompt_in_json(document: object) -> str:
    """The longest text under a key that says prompt, or that is a text node's input."""
    found = ""
    waiting: list[tuple[str, object]] = [("", document)]
    for _ in range(MAX_VISITED):
        if not waiting:
            break
        key, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend((str(name).lower(), item) for name, item in value.items())
        elif isinstance(value, list):
            waiting.extend((key, item) for item in value[:MAX_VISITED])
        elif isinstance(value, str) and _says_prompt(key) and len(value) > len(found):
            found = value
    return found.strip()


def _says_prompt(key: str) -> bool:
    return ("prompt" in key and "negative" not in key) or key in {
        "text",
        "text_g",
        "text_l",
        "base_caption",
        "positive",
    }
