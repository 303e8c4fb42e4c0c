"""Says a thing that happens a thousand times a second once in a while, and how often it was."""


class Throttle:
    """Lets one of many through in every so many seconds. Time is handed in."""

    __slots__ = ("_every_s", "_held_back", "_next_s")

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._held_back = 0
        self._next_s = 0.0

    def passes(self, now_s: float) -> int | None:
        """Return how many were held back since the last one that passed; None: hold this back."""
        if now_s < self._next_s:
            self._held_back += 1
            return None
        held_back, self._held_back = self._held_back, 0
        self._next_s = now_s + self._every_s
        return held_back
