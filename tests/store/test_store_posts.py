"""The id registry, as two loads at once see it."""

from msgspec.structs import replace

from publisher.domain.posts import News, news_of
from publisher.store import posts as rows
from publisher.store.engine import Store
from tests.factories import NOW, make_post


def test_only_news_is_written(store: Store) -> None:
    found = [make_post(1), make_post(2)]
    present = {post.path for post in found}
    with store.begin() as tx:
        rows.remember(tx, news_of(rows.known(tx), found, present=present), now=NOW)
        known = rows.known(tx)
        assert not news_of(known, found, present=present)
        moved = [replace(found[0], path="elsewhere.md"), found[1]]
        news = news_of(known, moved, present={"elsewhere.md"})
        assert (news.new, news.changed, news.gone) == ((), (moved[0],), ())
        news = news_of(known, found[:1], present={found[0].path})
        assert (news.new, news.changed, news.gone) == ((), (), (found[1].id,))
        rows.remember(tx, news, now=NOW)
        assert [row.gone_at for row in rows.known(tx) if row.id == found[1].id] == [NOW]


def test_an_id_that_another_load_was_quicker_to_remember_is_no_error(store: Store) -> None:
    news = News(new=(make_post(1),), changed=(), gone=())
    with store.begin() as tx:
        rows.remember(tx, news, now=NOW)
        rows.remember(tx, news, now=NOW)
        assert [row.id for row in rows.known(tx)] == [make_post(1).id]
