from moderation.domain.ids import PostId
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.review.hashes import BEFORE_ALL, HashPlace, HashStore
from tests.factories import accept
from tests.storage.review.picture_rows import a_pdq, store_hashes


def test_hashes_come_in_the_order_of_storing_with_all_frames(database: Database) -> None:
    first, second = (accept(PostStore(database)).id for _ in range(2))
    store_hashes(database, second, 9, [a_pdq(3)])
    store_hashes(database, first, 4, [a_pdq(1), a_pdq(2)])
    store = HashStore(database)
    assert [one.pdq for one in store.after(BEFORE_ALL, 10)] == [a_pdq(1), a_pdq(2), a_pdq(3)]
    assert [one.pdq for one in store.after(HashPlace(4, 0), 1)] == [a_pdq(2)]
    assert store.after(HashPlace(9, 0), 10) == []
    assert store.posts_at([4, 9, 5]) == {4: first, 9: second}
    assert [one.place.frame for one in store.of_post(first)] == [0, 1]
    assert store.of_post(PostId("nothing")) == []
    assert store.posts_at([]) == {}
