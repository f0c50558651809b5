from dataclasses import replace

import pytest
from hypothesis import given

from moderation.domain.signal import BankHit, Match, PictureHash
from moderation.domain.verdict import Screening
from moderation.storage import documents
from moderation.storage.documents import VERSION, dump, result_document, result_of, screening_document, screening_of
from tests.factories import a_score, a_screening
from tests.storage.strategies import screenings


def read_back(screening: Screening, *, version: int = VERSION) -> Screening:
    return screening_of(
        dump(screening_document(screening)),
        version,
        [dump(result_document(result)) for result in screening.results],
        columns=(
            screening.id,
            screening.post_id,
            screening.lane,
            screening.attempt,
            screening.started_at,
            screening.finished_at,
        ),
    )


@given(screenings)
def test_every_screening_comes_back_exactly(screening: Screening) -> None:
    again = read_back(screening)
    assert again == screening
    assert repr(again) == repr(screening)


def test_text_of_a_document_is_plain_ascii() -> None:
    assert dump({"text": "\ud800 \x00 é"}).isascii()


@pytest.mark.parametrize("version", [0, -1, VERSION + 1])
def test_a_document_of_an_unknown_version_is_refused(version: int) -> None:
    with pytest.raises(ValueError, match="version"):
        read_back(a_screening(), version=version)


def test_an_older_document_passes_through_every_upgrade_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def second(document: documents.Document) -> documents.Document:
        return {**document, "seconds": {"second": 1.0}}

    def third(document: documents.Document) -> documents.Document:
        return {**document, "seconds": {**document["seconds"], "third": 1.0}}

    monkeypatch.setattr(documents, "VERSION", 3)
    monkeypatch.setattr(documents, "UPGRADES", (second, third))
    screening = a_screening()
    assert read_back(screening, version=1).seconds == {"second": 1.0, "third": 1.0}
    assert read_back(screening, version=2).seconds == {**screening.seconds, "third": 1.0}
    assert read_back(screening, version=3) == screening


def test_there_is_one_upgrade_for_every_older_version() -> None:
    assert len(documents.UPGRADES) == VERSION - 1


def test_a_match_of_the_first_version_has_no_hashes() -> None:
    match = Match("image_match", {"image_match_effect": "none"}, (), "1", (PictureHash(0, "0" * 64, 90),))
    screening = a_screening(results=[a_score(), match])
    results = [result_document(result) for result in screening.results]
    del results[1]["hashes"], results[1]["at"], results[1]["capped"]
    again = of_version(1, screening, results)
    assert again == replace(screening, results=(a_score(), replace(match, hashes=())))


def test_a_match_of_the_second_version_has_what_was_known_then() -> None:
    hit = BankHit("B", "e", "block", 4, 90, 0, "note", "automatic", "upright", None, "positive_class", trimmed=False)
    match = Match("image_match", {"image_match_effect": "block"}, (hit,), "1", (PictureHash(0, "0" * 64, 90),))
    screening = a_screening(results=[a_score(), match])
    results = [result_document(result) for result in screening.results]
    del results[1]["at"], results[1]["capped"]
    for added in ("tier", "orientation", "inliers", "opinion", "trimmed"):
        del results[1]["hits"][0][added]
    for added in ("phash", "dhash", "trimmed", "trimmed_quality"):
        del results[1]["hashes"][0][added]
    assert of_version(2, screening, results) == screening
    assert result_of(dump(results[1]), 2) == match


def test_a_match_of_the_third_version_was_not_capped() -> None:
    match = Match("image_match", {"image_match_effect": "none"}, (), "1", capped=True)
    screening = a_screening(results=[match])
    assert read_back(screening) == screening
    results = [result_document(match)]
    del results[0]["capped"]
    assert of_version(3, screening, results) == replace(screening, results=(replace(match, capped=False),))


def of_version(version: int, screening: Screening, results: list[documents.Document]) -> Screening:
    columns = (
        screening.id,
        screening.post_id,
        screening.lane,
        screening.attempt,
        screening.started_at,
        screening.finished_at,
    )
    texts = [dump(item) for item in results]
    return screening_of(dump(screening_document(screening)), version, texts, columns=columns)
