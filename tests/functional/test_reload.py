"""A running lane sees a new policy and a new bank entry without a restart."""

import time
from pathlib import Path

import pytest

from datasets.samples import sample_posts
from moderation.assembly import blob_store, intake, now
from moderation.cli.bank_pictures import bare_drafts
from moderation.domain.bank import Bank, BankEffect
from moderation.domain.post import Author
from moderation.domain.verdict import Verdict
from moderation.screening.intake import Submission
from moderation.settings import load_settings
from moderation.storage.banks import BankStore
from moderation.storage.screenings import ScreeningStore
from tests.functional.world import World, world

pytestmark = [pytest.mark.functional, pytest.mark.timeout(180)]


def verdict_on(place: World, image: bytes) -> tuple[Verdict, str, str]:
    """Verdict, policy digest and bank checkpoint of a new post with this image."""
    door = intake(place.settings, place.database, blob_store(place.settings))
    submission = Submission(image, "a quiet picture", "", Author("someone", account_age_days=900, published_posts=90))
    post = door.accept(submission, client="test", idempotency_key=None, now=now()).post
    place.until_judged([post.id])
    screening = ScreeningStore(place.database).latest(post.id)
    assert screening is not None
    return screening.judgement.verdict, screening.pins.policy, screening.pins.bank_checkpoint


def test_a_lane_sees_new_banks_and_policies_while_it_runs(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    text = load_settings().policy.read_text()
    policy.write_text(text)
    image = next(sample.image for sample in sample_posts() if sample.expected is Verdict.APPROVE)
    with world(tmp_path, f"sqlite:///{tmp_path / 'world.db'}", policy=policy) as place, place.lane("lane"):
        first = verdict_on(place, image)
        assert first[0] is Verdict.APPROVE

        banks = BankStore(place.database)
        banks.create(Bank("BANNED", BankEffect.BLOCK), actor="test", now=now())
        path = tmp_path / "known.png"
        path.write_bytes(image)
        [draft] = bare_drafts(place.settings, [str(path)])
        banks.add("BANNED", draft, actor="test", now=now())
        banked = verdict_on(place, image)
        assert banked[0] is Verdict.REJECT
        assert banked[2] != first[2]

        policy.write_text(text + "\n# another text is another policy\n")
        time.sleep(1.5)
        assert verdict_on(place, image)[1] != first[1]

        policy.write_text("rules: broken")
        time.sleep(1.5)
        assert verdict_on(place, image)[0] is Verdict.REJECT
