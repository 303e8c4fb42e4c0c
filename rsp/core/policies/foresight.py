"""What can be known of a policy's picks before they are made."""

from enum import Enum


class Foresight(Enum):
    """How far the picks of a policy follow from the request and the pool alone."""

    EXACT = "exact"
    """The same request has the same backend, as long as the pool stays as it is."""
    SHARES = "shares"
    """Turns decide: each backend gets the share that its weight says."""
    NONE = "none"
    """Load or chance decides."""
