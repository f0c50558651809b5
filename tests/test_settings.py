from pathlib import Path

import pytest

from moderation.assembly import fetch_rules, open_database
from moderation.cli.up.lock import only_one
from moderation.domain.errors import SettingsError, UnavailableError
from moderation.settings import Settings, load_settings, make_home


def rights(folder: Path) -> int:
    return folder.stat().st_mode & 0o777


def test_a_new_home_is_for_this_user_only(tmp_path: Path) -> None:
    opened, locked = tmp_path / "a" / "home", tmp_path / "locked"
    open_database(Settings(home=opened, database_url="")).close()
    with only_one(locked):
        assert [rights(home) for home in (opened, locked)] == [0o700, 0o700]


def test_a_home_that_is_there_keeps_its_rights(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    make_home(tmp_path)
    assert rights(tmp_path) == 0o750


def test_a_home_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match="MODERATION_HOME"):
        make_home(tmp_path / "file" / "home")


def test_hosts_to_fetch_from_are_read_by_commas_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().fetch_hosts == ()
    monkeypatch.setenv("MODERATION_FETCH_HOSTS", "images.example, *.cdn.example:8443,")
    assert load_settings().fetch_hosts == ("images.example", "*.cdn.example:8443")
    assert [host.port for host in fetch_rules(load_settings()).hosts] == [None, 8443]
    for wrong in ("http://images.example", "127.1", "images.example:0"):
        monkeypatch.setenv("MODERATION_FETCH_HOSTS", wrong)
        with pytest.raises(SettingsError, match="MODERATION_FETCH_HOSTS"):
            load_settings()
