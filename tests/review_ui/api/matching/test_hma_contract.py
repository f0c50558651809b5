"""Beside HMA's own library: the same hashes, matches and distances from the same pictures and hashes."""

import pytest

pytest.importorskip("threatexchange", reason="the field's clients are in the `bench` extra")

from threatexchange.signal_type.index import SignalSimilarityInfoWithSingleDistance
from threatexchange.signal_type.pdq.signal import PdqSignal
from threatexchange.signal_type.signal_base import SignalComparisonResult

from tests.review_ui.api.matching.conftest import Api
from tests.review_ui.api.matching.pictures import as_png, drawn
from tests.review_ui.api.matching.test_hma import post_photo


def bits(result: SignalComparisonResult) -> int:
    assert isinstance(result.distance, SignalSimilarityInfoWithSingleDistance)
    distance: int = result.distance.distance
    return distance


@pytest.fixture
def key(api: Api) -> dict[str, str]:
    return api.key()


def test_a_file_is_hashed_as_hma_hashes_it(api: Api, key: dict[str, str]) -> None:
    image = as_png(drawn(1))
    answer = post_photo(api, key, "/h/hash", image)
    assert answer.status_code == 200
    assert set(answer.json()) == {"pdq"}
    assert PdqSignal.validate_signal_str(answer.json()["pdq"])
    result = PdqSignal.compare_hash(answer.json()["pdq"], PdqSignal.hash_from_bytes(image))
    assert result.match
    assert bits(result) <= 2


def test_hashes_are_banked_and_matched_as_hmas_own_test_does(api: Api, key: dict[str, str]) -> None:
    """Its examples: thirteen versions of a bridge, and others."""
    api.bank("TEST_BANK")
    numbers = {}
    for pdq in PdqSignal.get_examples():
        added = api.client.post("/c/bank/TEST_BANK/signal", json={"pdq": pdq}, headers=key)
        assert added.status_code == 200
        assert added.json()["signals"] == {"pdq": pdq}
        numbers[pdq] = added.json()["id"]
    status = api.client.get("/m/index/status", params={"signal_type": "pdq"}, headers=key).json()
    assert status["pdq"]["present"] is True
    assert status["pdq"]["size"] == len(numbers)
    for pdq in numbers:
        raw = {"signal_type": "pdq", "signal": pdq}
        found = api.client.get("/m/raw_lookup", params=raw | {"include_distance": "true"}, headers=key).json()[
            "matches"
        ]
        compared = {other: PdqSignal.compare_hash(pdq, other) for other in numbers}
        wanted = {numbers[other]: str(bits(result)) for other, result in compared.items() if result.match}
        assert {match["bank_content_id"]: match["distance"] for match in found} == wanted
        assert set(api.client.get("/m/raw_lookup", params=raw, headers=key).json()["matches"]) == set(wanted)


def test_two_hashes_are_compared_as_hma_compares_them(api: Api, key: dict[str, str]) -> None:
    examples = PdqSignal.get_examples()
    for other in examples:
        result = PdqSignal.compare_hash(examples[0], other)
        answer = api.client.post("/m/compare", json={"pdq": [examples[0], other]}, headers=key)
        assert answer.json() == {"pdq": [result.match, {"distance": bits(result)}]}
