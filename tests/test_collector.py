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


def test_blocks_that_overlap_in_threads_leave_the_usual_pace_behind() -> None:
    before = gc.get_threshold()
    one, other = seldom(), seldom()
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert gc.get_threshold()[0] > 100 * before[0]
    other.__exit__(None, None, None)
    assert gc.get_threshold() == before
