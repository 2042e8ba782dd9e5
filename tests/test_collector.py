import gc

import pytest

from publisher.collector import seldom


def test_the_collector_has_its_pace_again_after_the_block_and_after_an_error() -> None:
    before = gc.get_threshold()
    with seldom():
        assert gc.get_threshold()[0] > 100 * before[0]
        with seldom():
            pass
        assert gc.get_threshold()[0] > 100 * before[0]
    with pytest.raises(ZeroDivisionError), seldom():
        _ = 1 / 0
    assert gc.get_threshold() == before
    assert gc.isenabled()
