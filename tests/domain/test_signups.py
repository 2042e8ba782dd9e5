from itertools import count

import pytest

from publisher.domain.signups import proves_work


def test_a_proof_is_found_by_trying_and_holds_for_its_task_alone() -> None:
    proof = next(str(n) for n in count() if proves_work("stamp\nann\n", str(n), bits=12))
    assert proves_work("stamp\nann\n", proof, bits=12)
    assert not proves_work("stamp\nbob\n", proof, bits=12)


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_each_bit_halves_the_chance(bits: int) -> None:
    found = sum(proves_work("task", str(n), bits=bits) for n in range(4096))
    assert found == pytest.approx(4096 / 2**bits, rel=0.5)
