"""Every sample configuration is run: it loads, and does what its `-- expect:` lines say."""

from pathlib import Path

import pytest

from rsp.core.expectations import Expectation, expectations_in
from rsp.engine.check import check
from rsp.engine.lua_config import load_config
from rsp.engine.rehearsal import rehearse

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
    loaded = load_config(str(path))
    assert check(loaded) == []
    assert loaded.config.source.startswith("-- expect: ")


def test_there_are_samples() -> None:
    assert [path.stem for path in SAMPLES] == [
        "original",
        "reload_url",
        "tcp_relay",
        "two_pools",
        "weighted_drain",
    ]
