"""Text out of hostile files, made fit to be stored and shown."""


def printable(text: str, most: int) -> str:
    """At most `most` characters of `text`; what does not print becomes a space, lone surrogates question marks."""
    whole = text[:most].encode("utf-8", "replace").decode("utf-8")
    return "".join(character if character.isprintable() else " " for character in whole).strip()
