"""What a decision remembers of the secrets in its request."""

from rsp.core.route import RouteRequest
from rsp.core.routing import failed_decision
from rsp.engine.dispatch import note_secrets

REQUEST = RouteRequest(
    "GET", "/", "token=asked-for-it", "a.test", "a.test", [], "192.0.2.7", "127.0.0.1:8080"
)


def test_the_secrets_of_the_key_stay_known_when_there_is_an_error_as_well() -> None:
    decision = failed_decision("no pool asked-for-it", 1)
    note_secrets(decision, REQUEST, ("the-longest-of-them", "key"))
    assert decision.secrets == ("the-longest-of-them", "asked-for-it", "key")


def test_a_secret_that_no_text_holds_is_not_kept() -> None:
    decision = failed_decision("no such pool", 1)
    note_secrets(decision, REQUEST)
    assert decision.secrets == ()
