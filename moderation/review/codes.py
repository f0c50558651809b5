"""Second factors: one-time codes by time (RFC 6238), and recovery codes for a lost phone."""

import base64
import hashlib
import re
import secrets
from datetime import datetime

import pyotp
from pyotp.exceptions import OTPVerificationError

ISSUER = "Moderation"
RECOVERY_CODES = 10
WINDOW_STEPS = 1
"""How far a phone's clock may be off, in steps of 30 seconds."""
_CODE = re.compile(r"[0-9]{6}")
_RECOVERY = re.compile(r"[a-z2-7]{16}")


def new_secret() -> str:
    """A new secret: 160 random bits in base32."""
    return pyotp.random_base32()


def address_of(secret: str, name: str) -> str:
    """The `otpauth://` address that an authenticator app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code `code` is, within `WINDOW_STEPS` of `now`; None when it is none of them."""
    digits = "".join(code.split())
    if _CODE.fullmatch(digits) is None:
        return None
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(digits, for_time=now, valid_window=WINDOW_STEPS)
    except OTPVerificationError:
        return None


def new_recovery_codes() -> list[str]:
    """Codes to write down, each good once: 80 random bits as `xxxx-xxxx-xxxx-xxxx`."""
    texts = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    return ["-".join(text[start : start + 4] for start in range(0, 16, 4)) for text in texts]


def recovery_digest(code: str) -> str | None:
    """What is kept of a recovery code, however it was typed; None when `code` is none."""
    text = re.sub(r"[\s-]", "", code).lower()
    return hashlib.sha256(text.encode()).hexdigest() if _RECOVERY.fullmatch(text) else None
