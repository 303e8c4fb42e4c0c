"""Every sample configuration is run: it loads, and does what its `-- expect:` lines say."""

from pathlib import Path

import pytest

from rsp.core.expectations import Expectation, expectations_in
from rsp.core.linting.finding import Finding
from rsp.core.vocabulary import Severity
from rsp.engine.check import check
from rsp.engine.lua_config import load_config
from rsp.engine.rehearsal import rehearse

BUGGY = "platform_case_sensitive.lua"
"""The one that is there for its bug."""
GUILTY_LINE = 'return "apps", { key = host, reason = reason }'
LISTEN = 'listen { address = "127.0.0.1:8080" }'

SAMPLES = sorted((Path(__file__).parent.parent / "sample_configs").glob("*.lua"))


def _cases() -> list[tuple[Path, Expectation]]:
    return [(path, case) for path in SAMPLES for case in expectations_in(path.read_text("utf-8"))]


@pytest.mark.parametrize(
    ("path", "expectation"), _cases(), ids=lambda x: x.name if isinstance(x, Path) else x.line
)
def test_it_goes_where_the_line_says(path: Path, expectation: Expectation) -> None:
    decision = rehearse(load_config(str(path)), expectation.asked)
    assert expectation.difference(decision) is None


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_is_clean_and_begins_with_an_expectation(path: Path) -> None:
    assert _complaints(path) == [] or path.name == BUGGY
    assert path.read_text("utf-8").startswith("-- expect: ")


def _complaints(path: Path) -> list[Finding]:
    """Return what `rsp check` finds, but for advice."""
    return [each for each in check(load_config(str(path))) if each.severity is Severity.WARNING]


def test_the_platform_is_wrong_in_one_line_and_check_names_it() -> None:
    right, wrong = (
        (SAMPLES[0].parent / name).read_text("utf-8").splitlines()
        for name in ("platform.lua", BUGGY)
    )
    # What they say at their heads differs; behind that, one line does.
    begins = wrong.index(LISTEN)
    code = zip(right[right.index(LISTEN) :], wrong[begins:], strict=True)
    differ = [number for number, (one, other) in enumerate(code, begins + 1) if one != other]
    assert [wrong[number - 1].strip() for number in differ] == [GUILTY_LINE]
    found = _complaints(SAMPLES[0].parent / BUGGY)
    assert {each.rule for each in found} == {"case_sensitive_key", "same_identity"}
    assert {each.line for each in found} == set(differ)


def test_there_are_samples() -> None:
    assert [path.stem for path in SAMPLES] == [
        "original",
        "platform",
        "platform_case_sensitive",
        "tcp_relay",
        "two_pools",
        "weighted_drain",
    ]
