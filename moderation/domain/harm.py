"""The kinds of harm that the text classifier tells apart."""

from enum import StrEnum


class HarmCategory(StrEnum):
    """One output of the text classifier, in the classifier's order."""

    SEXUAL = "sexual"
    HATE = "hate"
    HATE_THREAT = "hate_threat"
    """Hate that calls for or threatens violence."""
    VIOLENCE = "violence"
    VIOLENCE_GRAPHIC = "violence_graphic"
    HARASSMENT = "harassment"
    SELF_HARM = "self_harm"
    UNSAFE = "unsafe"
    """Asks an image generator for a picture that people would call unsafe, perhaps with harmless words."""

    @property
    def label(self) -> str:
        """The category's letters in labelled data sets: S, H, H2, V, V2, HR, SH, U."""
        return _LABELS[self]

    @classmethod
    def of_label(cls, label: str) -> "HarmCategory | None":
        """The category of a data set's letters, None for a label that is no category (such as T, toxic)."""
        return next((category for category in cls if category.label == label), None)


_LABELS = {
    HarmCategory.SEXUAL: "S",
    HarmCategory.HATE: "H",
    HarmCategory.HATE_THREAT: "H2",
    HarmCategory.VIOLENCE: "V",
    HarmCategory.VIOLENCE_GRAPHIC: "V2",
    HarmCategory.HARASSMENT: "HR",
    HarmCategory.SELF_HARM: "SH",
    HarmCategory.UNSAFE: "U",
}
