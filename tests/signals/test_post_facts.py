from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.signal import Score
from moderation.media.subject import Subject
from moderation.signals.post_facts import PostFacts
from tests.factories import a_post, an_author

NO_PICTURE = Refusal(RefusalReason.CORRUPT)


def test_facts_are_read_off_the_post() -> None:
    post = a_post(caption="  four\n", prompt="", author=an_author(account_age_days=2.5, published_posts=0))
    assert PostFacts().measure([Subject(post, NO_PICTURE)]) == [
        Score(
            "post_facts",
            {"caption_chars": 4, "prompt_chars": 0, "author_age_days": 2.5, "author_published_posts": 0},
        )
    ]


def test_what_is_not_known_of_the_author_stays_unknown() -> None:
    post = a_post(author=an_author(account_age_days=None, published_posts=None))
    (result,) = PostFacts().measure([Subject(post, NO_PICTURE)])
    assert isinstance(result, Score)
    assert result.values["author_age_days"] is None
    assert result.values["author_published_posts"] is None
