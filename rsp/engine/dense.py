"""A peer whose chunks are tiny costs far more than its bytes say: it is read little by little, and
the others have their turn after each read."""

from rsp.core.limits import READ_TURN_BYTES
from rsp.engine.layers import Layer
from rsp.engine.read_room import READ_ROOM


class DenseConnection(Layer):
    """Sends a body in tiny chunks."""

    RANK = -1
    __slots__ = ()

    def _read(self) -> int:
        """Read a little; it counts as a whole turn, whatever came."""
        with READ_ROOM.small():
            super()._read()
        return READ_TURN_BYTES
