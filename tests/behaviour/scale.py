"""How much a test of the whole program does: a little in every change, all of it in a soak."""

import os

IS_SOAK = os.environ.get("RSP_SOAK") == "1"


def scaled(quick: int, full: int) -> int:
    """Return `quick`, or `full` where the environment has RSP_SOAK=1."""
    return full if IS_SOAK else quick
