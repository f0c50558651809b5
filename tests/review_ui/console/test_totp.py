"""Setting up, replacing and removing one's own second factor, in a browser."""

import re
from pathlib import Path

import cv2
import numpy as np
import pyotp
import pytest
from fastapi import FastAPI

from moderation.review.codes import address_of
from moderation.settings import Settings
from tests.review_ui.console.doors import PASSWORD, Door, application

TOTP = "/console/profile/totp"
SHOWN = re.compile(r'class="secret">([^<]+)<')
CODE = re.compile(r"<li>([a-z2-7-]{19})</li>")


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return application(settings)


@pytest.fixture
def door(app: FastAPI) -> Door:
    made = Door(app)
    made.account()
    made.log_in()
    return made


def offered(door: Door) -> pyotp.TOTP:
    found = SHOWN.search(door.client.get(TOTP).text)
    assert found is not None
    return pyotp.TOTP(found[1].replace(" ", ""))


def set_up(door: Door) -> tuple[pyotp.TOTP, list[str]]:
    assert door.post(f"{TOTP}/begin", TOTP, password=PASSWORD).status_code == 303
    totp = offered(door)
    answer = door.post(TOTP, TOTP, code=totp.at(door.entrance.clock(), counter_offset=-1))
    assert answer.status_code == 200
    return totp, CODE.findall(answer.text)


def has_totp(door: Door) -> bool:
    return door.entrance.people.by_name("ada").locks.totp


def test_it_is_set_up_with_a_code(door: Door) -> None:
    before = door.cookie
    totp, codes = set_up(door)
    assert has_totp(door)
    assert len(set(codes)) == 10
    assert door.is_in()
    assert door.cookie != before
    assert not door.with_cookie(before).is_in()
    assert totp.secret not in door.client.get(TOTP).text
    assert not any(code in door.client.get("/console/profile").text for code in codes)


def test_the_qr_code_says_what_the_key_says(door: Door, tmp_path: Path) -> None:
    door.post(f"{TOTP}/begin", TOTP, password=PASSWORD)
    totp = offered(door)
    answer = door.client.get(f"{TOTP}.svg")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert answer.headers["cache-control"] == "no-store"
    assert read_qr(answer.text) == address_of(totp.secret, "ada")
    assert "<script" not in answer.text
    assert "style=" not in answer.text


def test_there_is_no_qr_code_but_while_one_is_offered(door: Door) -> None:
    assert door.client.get(f"{TOTP}.svg").status_code == 404
    set_up(door)
    assert door.client.get(f"{TOTP}.svg").status_code == 404


def test_whoever_finds_an_open_browser_does_not_set_one_up(door: Door) -> None:
    assert door.post(f"{TOTP}/begin", TOTP, password="x").status_code == 422
    assert door.client.get(f"{TOTP}.svg").status_code == 404


def test_a_wrong_code_sets_nothing_up(door: Door) -> None:
    door.post(f"{TOTP}/begin", TOTP, password=PASSWORD)
    assert door.post(TOTP, TOTP, code="12345x").status_code == 422
    assert not has_totp(door)
    assert door.is_in()


def test_a_new_phone_needs_the_password_and_a_code_of_the_old(door: Door) -> None:
    old, codes = set_up(door)
    for proof in (
        {"password": PASSWORD},
        {"code": codes[0], "password": "x"},
        {"password": PASSWORD, "code": "000000"},
    ):
        assert door.post(f"{TOTP}/begin", TOTP, **proof).status_code == 422
    assert door.post(f"{TOTP}/begin", TOTP, password=PASSWORD, code=codes[1]).status_code == 303
    new = offered(door)
    assert new.secret != old.secret
    assert door.post(TOTP, TOTP, code=new.at(door.entrance.clock())).status_code == 200
    assert door.post(f"{TOTP}/recovery", TOTP, password=PASSWORD, code=old.at(door.entrance.clock())).status_code == 422


def test_recovery_codes_are_made_anew(door: Door) -> None:
    _, codes = set_up(door)
    answer = door.post(f"{TOTP}/recovery", TOTP, password=PASSWORD, code=codes[0])
    fresh = CODE.findall(answer.text)
    assert len(fresh) == 10
    assert not set(fresh) & set(codes)
    assert door.post(f"{TOTP}/recovery", TOTP, password=PASSWORD, code=codes[1]).status_code == 422


def test_without_a_second_factor_there_are_no_recovery_codes(door: Door) -> None:
    assert door.post(f"{TOTP}/recovery", TOTP, password=PASSWORD).status_code == 409


def test_it_is_turned_off_with_password_and_code(door: Door) -> None:
    _, codes = set_up(door)
    assert door.post(f"{TOTP}/remove", TOTP, password=PASSWORD, code="000000").status_code == 422
    assert has_totp(door)
    assert door.post(f"{TOTP}/remove", TOTP, password=PASSWORD, code=codes[0]).status_code == 303
    assert not has_totp(door)


def test_where_everybody_needs_one_it_is_set_up_without_a_detour_and_stays(settings: Settings) -> None:
    door = Door(application(settings, console_require_totp=True))
    door.account()
    door.log_in()
    assert door.post(f"{TOTP}/begin", TOTP).status_code == 303
    totp = offered(door)
    answer = door.post(TOTP, TOTP, code=totp.at(door.entrance.clock()))
    codes = CODE.findall(answer.text)
    assert door.is_in()
    assert door.post(f"{TOTP}/remove", TOTP, password=PASSWORD, code=codes[0]).status_code == 409
    assert has_totp(door)


def read_qr(svg: str) -> str:
    """What a phone reads: the drawing's rows of strokes as pixels, then OpenCV's own reader."""
    size = int(svg.split('width="')[1].split('"', maxsplit=1)[0])
    scale = 5
    path = re.findall(r'd="(M[^"]+)"', svg)[-1]
    modules = size // scale
    grid = np.full((modules, modules), 255, np.uint8)
    x, y = 0.0, 0.0
    for kind, first, second in re.findall(r"([Mmhv])(-?[\d.]+)(?:[ ,]?(-?[\d.]+))?", path):
        if kind == "M":
            x, y = float(first), float(second)
        elif kind == "m":
            x, y = x + float(first), y + float(second)
        elif kind == "h":
            grid[int(y), int(x) : int(x + float(first))] = 0
            x += float(first)
    picture = np.kron(grid, np.ones((8, 8), np.uint8))
    text, _, _ = cv2.QRCodeDetector().detectAndDecode(picture)
    return str(text)
