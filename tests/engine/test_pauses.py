"""Every reason for a pause can be told."""

from rsp.core.vocabulary import PauseReason
from rsp.engine.pauses import _BY_WEIGHT


def test_every_reason_has_its_weight() -> None:
    assert set(_BY_WEIGHT) == set(PauseReason)
