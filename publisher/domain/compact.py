"""What values are made of where there are ten thousand of them."""

from msgspec import Struct


class Compact(Struct, frozen=True, array_like=True, gc=False):
    """A value that is made, compared and read from a cache in little time.

    It never changes and holds nothing that could hold it in turn, so the garbage collector need
    not look at it. `msgspec.structs.replace` makes another one of it.
    """
