import json
from pathlib import Path
from typing import Any

import pytest

from moderation.cli import main
from moderation.cli.app import app
from moderation.domain.errors import PolicyError

FEED = Path(__file__).parents[2] / "policies" / "feed.yaml"


def run(*arguments: str) -> int:
    try:
        app([*arguments], standalone_mode=False)
    except SystemExit as error:
        return int(error.code or 0)
    return 0


def last_object(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_check_judges_the_cases_of_the_policy_in_force(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("policy", "check", "--json") == 0
    report = last_object(capsys)
    assert report["ok"] is True
    assert report["policy"] == "feed"
    assert report["cases"] >= 50
    assert report["untried"] == []


def test_check_prints_what_it_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("policy", "check", str(FEED)) == 0
    assert "judged as expected" in capsys.readouterr().out


def test_check_reports_every_problem_as_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(
        FEED.read_text(encoding="utf-8").replace("image_nsfw >= nsfw_certain", "image_nfsw >= nsfw_certian")
    )

    assert run("policy", "check", str(broken), "--json") == 1

    report = last_object(capsys)
    assert (report["ok"], report["file"]) == (False, "broken.yaml")
    first = report["problems"][0]
    assert first["message"] == 'unknown column or threshold "image_nfsw"'
    assert first["hint"] == 'did you mean "image_nsfw"?'
    line = broken.read_text(encoding="utf-8").splitlines()[first["line"] - 1]
    assert line[first["column"] - 1 :].startswith("image_nfsw")


def test_an_invalid_policy_is_shown_with_its_lines_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("version: 1\n")
    monkeypatch.setattr("sys.argv", ["moderation", "policy", "check", str(broken)])

    with pytest.raises(SystemExit) as caught:
        main()

    assert caught.value.code == 1
    shown = capsys.readouterr().err
    assert 'broken.yaml:1:1: "rules" is missing' in shown
    assert "Traceback" not in shown


def test_a_case_that_is_judged_otherwise_fails_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (FEED.parent / "cases" / "feed.yaml").read_text(encoding="utf-8")
    (tmp_path / "feed.yaml").write_text(text.replace("image_nsfw: 0.499", "image_nsfw: 0.501"), encoding="utf-8")

    assert run("policy", "check", str(FEED), "--cases", str(tmp_path)) == 1

    captured = capsys.readouterr()
    assert "feed.yaml: a score below the threshold is published: verdict is hold" in " ".join(captured.err.split())


def test_a_folder_without_cases_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="has no cases"):
        run("policy", "check", str(FEED), "--cases", str(tmp_path))


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_one_clear_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "policy.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PolicyError, match="cannot be read"):
        run("policy", "check", str(path))


def test_list_has_every_rule_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("policy", "list", "--json") == 0
    report = last_object(capsys)
    assert [rule["name"] for rule in report["rules"]][:2] == ["minors_sexual", "minors_image"]
    assert report["thresholds"]["nsfw_certain"] == 0.9


def test_list_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("policy", "list") == 0
    assert "known_blocked_image" in capsys.readouterr().out
