"""The samples against the real decoder, signals, banks and policy: each gets the verdict that it promises."""

import os
from collections.abc import Iterator

import pytest

from datasets.samples import SamplePost
from moderation.assembly import blob_store, compile_file, intake, open_database, screening_parts
from moderation.cli.up.seeding import ensure_sample_banks
from moderation.domain.errors import ModelStoreError
from moderation.domain.verdict import Judgement, RuleStatus, Truth, Verdict
from moderation.screening.intake import Submission
from moderation.screening.screen import judge, prepare
from moderation.settings import PROJECT, Settings
from moderation.signals.models import ModelStore
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from tests.factories import NOW

BATCH = 16
WITHOUT_SAMPLE = {"known_image_unread", "posted_before", "known_duplicate"}
"""True only when time ran out, or of posts that others published before: the policy's cases have examples of them."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    models = PROJECT / Settings().models
    try:
        ModelStore(models).read("opennsfw", "open-nsfw.onnx")
    except ModelStoreError as error:
        missing = f"`moderation models pull` fetches it: {error.message}"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return Settings(home=tmp_path_factory.mktemp("home"), models_dir=models, threads=1)


@pytest.fixture(scope="module")
def database(settings: Settings) -> Iterator[Database]:
    opened = open_database(settings)
    opened.migrate()
    ensure_sample_banks(settings, opened)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def judged(
    settings: Settings, database: Database, samples: tuple[SamplePost, ...]
) -> list[tuple[SamplePost, Judgement]]:
    door = intake(settings, database, blob_store(settings))
    sent = {}
    for sample in samples:
        submission = Submission(sample.image, sample.caption, sample.prompt, sample.author)
        accepted = door.accept(submission, client="test", idempotency_key=sample.name, now=NOW)
        sent[accepted.post.id] = sample
    found = []
    with screening_parts(settings, database) as parts:
        while claims := PostStore(database).claim("test", limit=BATCH, lease_seconds=600, now=NOW):
            for claim, screening in judge(parts, prepare(parts, claims)).pairs:
                found.append((sent[claim.post.id], screening.judgement))
    assert len(found) == len(samples)
    return found


def test_every_sample_gets_the_verdict_that_it_promises(judged: list[tuple[SamplePost, Judgement]]) -> None:
    wrong = {
        sample.name: f"{judgement.verdict}, not {sample.expected}: {judgement.reason}"
        for sample, judgement in judged
        if judgement.verdict is not sample.expected
    }
    assert wrong == {}


def test_every_sample_is_decided_by_the_rule_that_it_names(judged: list[tuple[SamplePost, Judgement]]) -> None:
    deciding = {sample.name: deciding_rule(judgement) for sample, judgement in judged}
    assert deciding == {sample.name: sample.rule for sample, _ in judged}


def test_every_live_rule_of_the_shipped_policy_decides_a_sample(
    settings: Settings, judged: list[tuple[SamplePost, Judgement]]
) -> None:
    assert {sample.rule for sample, _ in judged} - {""} == shipped(settings, RuleStatus.LIVE) - WITHOUT_SAMPLE


def test_every_shadow_rule_of_the_shipped_policy_is_true_for_a_sample(
    settings: Settings, judged: list[tuple[SamplePost, Judgement]]
) -> None:
    true = {hit.rule for _, judgement in judged for hit in judgement.hits if hit.truth is Truth.TRUE}
    assert shipped(settings, RuleStatus.SHADOW) - true == shipped(settings, RuleStatus.SHADOW) & WITHOUT_SAMPLE


def shipped(settings: Settings, status: RuleStatus) -> set[str]:
    policy = compile_file(settings, settings.policy.read_text(encoding="utf-8"))
    return {rule.name for rule in policy.rules if rule.status is status}


def deciding_rule(judgement: Judgement) -> str:
    if judgement.verdict is Verdict.APPROVE:
        return ""
    return next((hit.rule for hit in judgement.hits if hit.status is RuleStatus.LIVE), "")
