"""What the declarations alone give away."""

from rsp.core.backends import Backend, Pool
from rsp.core.config import Config, ListenerConfig
from rsp.core.linting.declared import findings_in
from rsp.core.vocabulary import Severity

LISTENER = ListenerConfig("127.0.0.1:8080")


def _pool(name: str, *weights: int, balance: str = "round_robin") -> Pool:
    backends = [
        Backend(name, f"b{number}", f"127.0.0.1:{9000 + number}", weight)
        for number, weight in enumerate(weights)
    ]
    return Pool(name, tuple(backends), balance)


def test_an_ordinary_configuration_gives_nothing_away() -> None:
    assert findings_in(Config(None, "", (LISTENER,), (_pool("web", 1, 0),))) == []


def test_every_finding_has_its_rule_severity_and_line() -> None:
    source = 'x = 1 -- pool("empty")\npool ( "empty", {})\npool(\'zero\', {})\n\npool("mod", {})\n'
    pools = (_pool("empty"), _pool("zero", 0, 0), _pool("mod", 1, balance="hash_mod"))
    found = findings_in(Config("site.lua", source, (), pools))
    assert [(finding.rule, finding.severity, finding.line) for finding in found] == [
        ("no_listener", Severity.WARNING, None),
        ("empty_pool", Severity.WARNING, 2),
        ("weight_zero_pool", Severity.WARNING, 3),
        ("modulo_hash", Severity.ADVICE, 5),
    ]


def test_the_advice_on_a_modulo_has_the_share_of_keys_that_one_more_moves() -> None:
    pool = _pool("apps", 1, 1, 1, 1, balance="hash_mod")
    (finding,) = findings_in(Config("f", "", (LISTENER,), (pool,)))
    assert "4 → 5, moves 80% of all keys" in finding.message
    assert finding.message.endswith('with balance = "hash" it is 20%')


def test_a_pool_whose_name_is_computed_has_no_line() -> None:
    (finding,) = findings_in(Config("f", "pool(name, {})", (LISTENER,), (_pool("web"),)))
    assert (finding.rule, finding.line) == ("empty_pool", None)
