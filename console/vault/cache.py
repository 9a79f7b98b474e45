"""A small cache for opened keys: bounded in number and in time, and emptied at once on demand."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

_LOADING_LOCKS = 16
"""How many keys can be loading at one moment. Threads that want the same one wait, and it is loaded once."""


class ExpiringCache(Generic[Key, Value]):
    """Values by key, at most `capacity` of them, each for at most `seconds`.

    The least recently used go first. `clock` counts seconds and never goes back.
    """

    def __init__(self, capacity: int, seconds: float, clock: Callable[[], float]) -> None:
        self._capacity = capacity
        self._seconds = seconds
        self._clock = clock
        self._kept: OrderedDict[Key, tuple[float, Value]] = OrderedDict()
        self._drops = 0
        self._lock = Lock()
        self._loading = tuple(Lock() for _ in range(_LOADING_LOCKS))

    def get(self, key: Key, load: Callable[[], Value]) -> Value:
        """The value kept for `key`, else what `load` answers, which is then kept; what it raises is not."""
        if (found := self._find(key)) is not None:
            return found
        with self._loading[hash(key) % _LOADING_LOCKS]:
            if (found := self._find(key)) is not None:
                return found
            drops, started = self._drops, self._clock()
            value = load()
            with self._lock:
                if drops == self._drops:  # else it may have been read before whatever caused the drop
                    self._kept[key] = (started + self._seconds, value)
                    while len(self._kept) > self._capacity:
                        self._kept.popitem(last=False)
            return value

    def drop(self, key: Key) -> None:
        """The value is not kept any longer, not even by a load that is under way."""
        with self._lock:
            self._drops += 1
            self._kept.pop(key, None)

    def _find(self, key: Key) -> Value | None:
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            ends, value = found
            if self._clock() >= ends:
                del self._kept[key]
                return None
            self._kept.move_to_end(key)
            return value
