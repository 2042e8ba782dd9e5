import re
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from publisher.domain.tokens import (
    MAX_URL,
    Confirmation,
    Purpose,
    base36,
    derive_key,
    make_confirmation,
    make_token,
    message_key,
    read_confirmation,
    read_token,
    slot_nonce,
)
from publisher.errors import InvalidToken

KEY = b"a site key of thirty-two bytes.."
UNSUBSCRIBE = Purpose.UNSUBSCRIBE
NUMBERS = st.integers(0, 2**63)


@given(NUMBERS, st.binary(min_size=16, max_size=64))
def test_a_token_names_its_subscription(number: int, key: bytes) -> None:
    assert read_token((key,), UNSUBSCRIBE, make_token(key, UNSUBSCRIBE, number)) == number


@given(NUMBERS)
def test_a_token_needs_no_escaping(number: int) -> None:
    assert re.fullmatch(r"1[a-z0-9]+[A-Za-z0-9_-]{22}", make_token(KEY, UNSUBSCRIBE, number))


def test_what_is_out_in_mails_stays_the_same() -> None:
    assert make_token(KEY, UNSUBSCRIBE, 42) == "1169nPUX3hmoVt3N6PazsUrpw"
    assert message_key(KEY, 3, 42) == "3.16493dab14d55678450cd3d8"


def test_the_url_stays_short() -> None:
    longest = make_token(KEY, UNSUBSCRIBE, 10**9)
    assert len("https://newsletter.example.org/unsubscribe/" + longest) <= MAX_URL


@given(NUMBERS, st.data())
def test_a_token_with_one_character_changed_opens_nothing(number: int, data: st.DataObject) -> None:
    token = make_token(KEY, UNSUBSCRIBE, number)
    place = data.draw(st.integers(0, len(token) - 1))
    mark = data.draw(st.characters())
    assume(mark != token[place])
    with pytest.raises(InvalidToken):
        read_token((KEY,), UNSUBSCRIBE, token[:place] + mark + token[place + 1 :])


@given(NUMBERS, st.data())
def test_a_token_with_a_character_lost_or_added_opens_nothing(
    number: int, data: st.DataObject
) -> None:
    token = make_token(KEY, UNSUBSCRIBE, number)
    place = data.draw(st.integers(0, len(token) - 1))
    with pytest.raises(InvalidToken):
        read_token((KEY,), UNSUBSCRIBE, token[:place] + token[place + 1 :])
    with pytest.raises(InvalidToken):
        read_token(
            (KEY,),
            UNSUBSCRIBE,
            token[:place] + data.draw(st.characters()) + token[place:],
        )


@given(NUMBERS, NUMBERS)
def test_the_tag_of_one_subscription_opens_no_other(one: int, other: int) -> None:
    assume(one != other)
    forged = f"1{base36(other)}{make_token(KEY, UNSUBSCRIBE, one)[-22:]}"
    with pytest.raises(InvalidToken):
        read_token((KEY,), UNSUBSCRIBE, forged)


@given(NUMBERS)
def test_a_token_of_another_site_opens_nothing(number: int) -> None:
    with pytest.raises(InvalidToken):
        read_token((KEY,), UNSUBSCRIBE, make_token(b"another site", UNSUBSCRIBE, number))


@given(NUMBERS)
def test_a_token_for_another_purpose_opens_nothing(number: int) -> None:
    tag = derive_key(KEY, "confirm")
    with pytest.raises(InvalidToken):
        read_token((tag,), UNSUBSCRIBE, make_token(KEY, UNSUBSCRIBE, number))


@given(st.text())
def test_any_other_text_opens_nothing(text: str) -> None:
    with pytest.raises(InvalidToken):
        read_token((KEY,), UNSUBSCRIBE, text)


@pytest.mark.parametrize(
    "text", ["", "1", "1" * 22, "1" * 23, "1" * 10_000, "１" * 24, "é" * 24, "1\ud800" + "x" * 22]
)
def test_no_special_text_opens_anything(text: str) -> None:
    with pytest.raises(InvalidToken) as caught:
        read_token((KEY,), UNSUBSCRIBE, text)
    assert text not in str(caught.value) or not text


def test_purposes_have_keys_of_their_own() -> None:
    keys = {derive_key(KEY, purpose) for purpose in ("unsub", "confirm", "slot", "message-id")}
    assert len(keys) == 4
    assert all(len(key) == 32 for key in keys)


@given(st.integers(0, 10**30))
def test_base_36_is_read_back(number: int) -> None:
    assert int(base36(number), 36) == number


@given(NUMBERS, NUMBERS)
def test_a_message_id_is_the_same_at_each_attempt_and_tells_no_number(
    issue: int, subscriber: int
) -> None:
    key = message_key(KEY, issue, subscriber)
    assert key == message_key(KEY, issue, subscriber)
    assert re.fullmatch(r"[a-z0-9]+\.[0-9a-f]{24}", key)
    assert key != message_key(KEY, issue, subscriber + 1)
    assert key != message_key(b"another site", issue, subscriber)


def test_each_issue_has_slots_of_its_own() -> None:
    assert slot_nonce(KEY, "weekly/W:2026-W47") != slot_nonce(KEY, "weekly/W:2026-W48")
    assert slot_nonce(KEY, "weekly/W:2026-W47").isalnum()


def test_no_purpose_opens_what_another_made() -> None:
    for made in Purpose:
        token = make_token(KEY, made, 42)
        for purpose in Purpose:
            if purpose is made:
                assert read_token((KEY,), purpose, token) == 42
            else:
                with pytest.raises(InvalidToken):
                    read_token((KEY,), purpose, token)


def test_none_of_ten_thousand_mutations_is_accepted() -> None:
    chance = Random(1)
    alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
    claim = Confirmation(subscription=7, request=2, expires_at=datetime(2026, 12, 1, tzinfo=UTC))
    for whole in (make_token(KEY, UNSUBSCRIBE, 123_456), make_confirmation(KEY, claim)):
        for _ in range(5000):
            letters = list(whole)
            for _ in range(chance.randint(1, 3)):
                letters[chance.randrange(len(letters))] = chance.choice(alphabet)
            mutated = "".join(letters)
            if mutated == whole:
                continue
            with pytest.raises(InvalidToken):
                read_token((KEY,), UNSUBSCRIBE, mutated)
            with pytest.raises(InvalidToken):
                read_confirmation((KEY,), mutated)


def test_a_confirmation_says_what_it_was_made_for() -> None:
    claim = Confirmation(subscription=7, request=2, expires_at=datetime(2026, 12, 1, tzinfo=UTC))
    assert read_confirmation((b"new", KEY), make_confirmation(KEY, claim)) == claim
