"""Database URLs with a password that nothing may ever print."""

PIECES = ("hid-", "den-")
"""Of the password: a driver that splits it in the wrong place prints only one of them."""

UNREACHABLE = "postgresql://me:hid-den-@127.0.0.1:1/nothing"

WITH_PASSWORD = (
    UNREACHABLE,
    "postgresql://me@127.0.0.1:1/nothing?password=hid-den-",
    "postgresql://me:hid-den-@no-such-host.invalid/nothing",
    "postgresql://me:hid-@den-@127.0.0.1:1/nothing",
    "postgresql://me:hid-/den-@127.0.0.1:1/nothing",
    "postgresql://me:hid-?den-@127.0.0.1:1/nothing",
    "postgresql://me:hid-#den-@127.0.0.1:1/nothing",
    "postgresql://me:hid-%den-@127.0.0.1:1/nothing",
    "postgresql://me:hid- den-@127.0.0.1:1/nothing",
    "postgresql://me:hid-den-@127.0.0.1:port/nothing",
    "postgresql:/me:hid-den-@127.0.0.1:1/nothing",
    "me:hid-den-@127.0.0.1:1/nothing",
)


def assert_no_password(text: str) -> None:
    """No piece of the password is in `text`, which says something."""
    assert text
    for piece in PIECES:
        assert piece not in text
