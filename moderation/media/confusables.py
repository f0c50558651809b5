"""Letters of other scripts that look like a Latin letter.

Compiled for this project from Unicode's `confusables.txt` (UTS 39, Unicode licence v3), keeping the single letters of
the basic plane that stand for one Latin letter, with small capitals, turned and barred letters added.
"""

from collections.abc import Mapping
from types import MappingProxyType

_LOOKALIKES = {
    "a": "\u0250\u0251\u0391\u03b1\u0410\u0430\u13aa\u15c5\u1d00\ua4ee",
    "b": "\u0180\u03b2\u0184\u0253\u0299\u0392\u0412\u042c\u0432\u13cf\u13f4\u1472\u15af\u15f7\ua4d0\ua7b4",
    "c": "\u00a2\u03c2\u03f2\u0421\u0441\u13df\u1d04\u2ca4\u2ca5\ua4da\uabaf",
    "d": "\u03b4\u056a\u00f0\u0111\u0257\u0501\u13a0\u13e7\u146f\u15de\u15ea\u1d05\ua4d2\ua4d3",
    "e": "\u0259\u03b5\u01dd\u025b\u0395\u0415\u0435\u044d\u0454\u04bd\u13ac\u1d07\u20ac\u2d39\ua4f0\uab32",
    "f": "\u0586\u0192\u025f\u03dc\u0584\u15b4\u1e9d\ua4dd\ua730\ua798\ua799\uab35",
    "g": "\u0183\u018d\u0261\u0262\u050c\u0581\u13c0\u13f3\u1d83\ua4d6",
    "h": "\u0127\u0265\u029c\u0397\u041d\u043d\u04bb\u0570\u13bb\u13c2\u157c\u2c8e\ua4e7",
    "i": "\u13c6\u00a1\u0131\u0269\u026a\u0399\u03b9\u0406\u0456\u04c0\u04cf\u13a5\u1d09\ua647\uab75",
    "j": "\u0249\u0575\u027e\u037f\u03f3\u0408\u0458\u13ab\u148d\u1d0a\ua4d9\ua7b2",
    "k": "\u0199\u029e\u039a\u03ba\u041a\u043a\u13e6\u16d5\u1d0b\u2c94\ua4d7",
    "l": "\u03bb\u056c\u00a3\u0142\u0196\u019a\u01c0\u026d\u029f\u13de\u14aa\u16c1\u2c92\u2cd0\u2d4f\ua4e1\ua4f2",
    "m": "\u0271\u039c\u03fa\u041c\u043c\u13b7\u15f0\u16d6\u1d0d\u2c98\ua4df",
    "n": "\u0438\u0274\u039d\u03b7\u043f\u0578\u057c\u2c9a\ua4e0",
    "o": (
        "\u00f8\u0275\u039f\u03b8\u03bf\u03c3\u041e\u043e\u0555\u0585\u0b20\u0d20\u101d\u10ff\u12d0\u1d0f"
        "\u1d11\u2c9e\u2c9f\u2d54\ua4f3\uab3d"
    ),
    "p": "\u01a5\u00fe\u03a1\u03c1\u0420\u0440\u13e2\u146d\u1d18\u2ca2\u2ca3\ua4d1",
    "q": "\u051b\u0563\u0566\u2d55",
    "r": "\u01a6\u0279\u0280\u0433\u044f\u13a1\u13d2\u1587\u1d26\u2c85\ua4e3\uab47\uab48\uab81",
    "s": "\u01bd\u0282\u0405\u0455\u054f\u13d5\u13da\ua4e2\ua731\uabaa",
    "t": "\u0167\u0287\u03a4\u03c4\u0422\u0442\u13a2\u1d1b\u2ca6\ua4d4",
    "u": "\u0289\u028b\u03c5\u054d\u057d\u1200\u144c\u1d1c\ua4f4\ua79f\uab4e\uab52",
    "v": "\u028c\u03bd\u0474\u0475\u13d9\u142f\u1d20\u2d38\ua4e6\ua6df\uaba9",
    "w": "\u026f\u028d\u03c9\u0448\u0461\u051c\u051d\u0561\u13b3\u13d4\u1d21\ua4ea\uab83",
    "x": "\u03a7\u03c7\u0425\u0445\u1541\u157d\u16b7\u2cac\u2d5d\ua4eb\ua7b3",
    "y": (
        "\u00a5\u0263\u028e\u028f\u03a5\u03b3\u0423\u0443\u04ae\u04af\u10e7\u13a9\u13bd\u1d8c\u1eff\u2ca8\ua4ec\uab5a"
    ),
    "z": "\u01b6\u0290\u0396\u13c3\u1d22\ua4dc\uab93",
}

_ENCLOSED = (
    (0x249C, 26),  # parenthesised small letters
    (0x1F150, 26),  # white on black circles
    (0x1F170, 26),  # white on black squares
    (0x1F1E6, 26),  # regional indicators
)
"""First code point and length of the runs a, b, c… that compatibility normalisation leaves alone or wraps."""

_BRAILLE = (
    "abcdefghijklmnopqrstuvwxyz",
    (
        "\u2801\u2803\u2809\u2819\u2811\u280b\u281b\u2813\u280a\u281a\u2805\u2807\u280d"
        "\u281d\u2815\u280f\u281f\u2817\u280e\u281e\u2825\u2827\u283a\u282d\u283d\u2835"
    ),
)
"""The letters, and their signs in English braille of six dots."""

CONFUSABLES: Mapping[str, str] = MappingProxyType(
    {lookalike: letter for letter, lookalikes in _LOOKALIKES.items() for lookalike in lookalikes}
    | {chr(first + offset): chr(ord("a") + offset) for first, length in _ENCLOSED for offset in range(length)}
    | {sign: letter for letter, sign in zip(*_BRAILLE, strict=True)}
)
"""The lower-case Latin letter by the character that looks like it."""
