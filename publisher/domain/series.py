"""Series: a newsletter in each frequency that its subscribers may choose.

Every series has issues of its own, with periods of its own, and carries every post once. Each is
the same newsletter under another schedule, so that whatever works on a newsletter works on a
series.
"""

from dataclasses import replace

from publisher.domain.newsletters import Cadence, Frequency, Newsletter, Schedule

_RARITY = list(Frequency)


def frequency_of(schedule: Schedule) -> Frequency | None:
    """The frequency of a schedule; None for one that waits for several posts."""
    if schedule.cadence is Cadence.POSTS:
        return Frequency.INSTANT if schedule.every == 1 else None
    return Frequency(schedule.cadence.value)


def in_series(newsletter: Newsletter, frequency: Frequency) -> Newsletter:
    """The newsletter as a series of that frequency; its hour, weekday and day stay.

    An instant series never waits for more posts, whatever digests want at least.
    """
    if frequency is Frequency.INSTANT:
        schedule = replace(newsletter.schedule, cadence=Cadence.POSTS, every=1)
        rule = replace(newsletter.selection, least=1)
    else:
        schedule = replace(newsletter.schedule, cadence=Cadence(frequency.value))
        rule = newsletter.selection
    return replace(newsletter, schedule=schedule, selection=rule, series=frequency)


def series_of(newsletter: Newsletter, chosen: str) -> Frequency | None:
    """The series of somebody who chose this; None is the newsletter's own.

    A choice that is not on offer (any more) counts as none.
    """
    return next((each for each in newsletter.frequencies if each == chosen), None)


def as_chosen(newsletter: Newsletter, chosen: str) -> Newsletter:
    """The newsletter as somebody gets it who chose this: the series that is theirs."""
    series = series_of(newsletter, chosen)
    return in_series(newsletter, series) if series else newsletter


def rarer(newsletter: Newsletter, chosen: str) -> Frequency | None:
    """The next rarer frequency that is on offer, the newsletter's own included; None if none is."""
    now = series_of(newsletter, chosen) or frequency_of(newsletter.schedule)
    later = _RARITY[_RARITY.index(now) + 1 :] if now else _RARITY
    return next((each for each in later if each in on_offer(newsletter)), None)


def on_offer(newsletter: Newsletter) -> list[Frequency]:
    """The frequencies to choose from, most frequent first, the own one among them."""
    own = frequency_of(newsletter.schedule)
    return [each for each in _RARITY if each is own or each in newsletter.frequencies]


def offer_words(newsletter: Newsletter) -> str:
    """The offered series on one line, to notice when the settings change."""
    return " ".join(sorted(newsletter.frequencies))
