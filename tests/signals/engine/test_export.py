import logging

import pytest

from moderation.signals.engine.export import _quietly


def test_while_an_export_is_quiet_others_still_log(caplog: pytest.LogCaptureFixture) -> None:
    root = logging.getLogger()
    level = root.level
    with _quietly():
        root.warning("advice of a library")
        logging.getLogger("torch.onnx.insides").warning("advice too")
        logging.getLogger("moderation.lane").warning("a lane was given up")
        root.error("an error")
    assert [record.message for record in caplog.records] == ["a lane was given up", "an error"]
    assert root.level == level


def test_exports_that_overlap_leave_the_root_logger_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    first, second = _quietly(), _quietly()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    logging.getLogger().warning("heard")
    assert [record.message for record in caplog.records] == ["heard"]
