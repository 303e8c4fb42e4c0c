"""The schema is what the loader reads by: every name of it is read, and nothing is missing."""

from collections.abc import Iterator

import pytest

from docs.configuration import limit_sentences
from rsp.core.config import ConfigError
from rsp.core.limits import Limits
from rsp.core.route import RouteFailed, RouteRequest
from rsp.engine import schema
from rsp.engine.lua_config import load_source
from rsp.engine.schema import ANSWER, LISTEN, REQUEST, REQUIRED, TABLES, Key, Table

POOL = 'pool("web", { backends = { { name = "web1", address = "127.0.0.1:9001" } } })\n'

RIGHT = {
    "address": '"127.0.0.1:9002"',
    "name": '"web2"',
    "path": '"^/sites/([^/]+)/reload$"',
}
"""What must be there for the loader to come as far as another name."""

WITHOUT = {"fd": {"address"}}
"""What must not be there beside a name."""

REQUESTED = RouteRequest("GET", "/a", "b=c", "d.example", "D.example", [], "192.0.2.1", "[::1]:80")


def cases() -> Iterator[tuple[Table, Key]]:
    for table in TABLES:
        for key in table.keys:
            yield table, key


def file_with(table: Table, values: dict[str, str]) -> str:
    named = ", ".join(f"{name} = {value}" for name, value in values.items())
    return POOL + table.written.replace("…", named).replace("NAME", "other")


def is_needed(table: Table, key: Key) -> bool:
    """Tell whether the loader comes no further without this name."""
    return key.default is REQUIRED or (table.keys is LISTEN and key.name == "address")


@pytest.mark.parametrize(("table", "key"), cases(), ids=lambda each: each[0])
def test_a_value_of_the_wrong_kind_is_refused_by_the_name_of_its_key(
    table: Table, key: Key
) -> None:
    is_single = key.kind in ("text", "whole number", "number", "seconds", "true or false")
    wrong = "{}" if is_single else '"x"'
    left_out = WITHOUT.get(key.name, set())
    others = {each.name for each in table.keys if is_needed(table, each)} - {key.name} - left_out
    values = {name: RIGHT[name] for name in sorted(others)}
    with pytest.raises(ConfigError, match=rf"{key.name} (is a (table;|list:)|.*takes names)"):
        load_source(file_with(table, {**values, key.name: wrong}).encode(), "site.lua")


def test_every_tuple_of_keys_stands_in_one_place_of_the_reference() -> None:
    groups = [
        value
        for value in vars(schema).values()
        if isinstance(value, tuple) and value and all(isinstance(each, Key) for each in value)
    ]
    documented = [*(table.keys for table in TABLES), REQUEST, ANSWER]
    assert len(groups) == len(documented)
    assert all(any(group is each for each in documented) for group in groups)


def answer_to(body: str) -> tuple[str | None, str]:
    source = f"{POOL}function route(request)\n  {body} -- headers\nend\n"
    router = load_source(source.encode(), "site.lua").router
    assert router is not None
    answer = router.route(REQUESTED)
    return answer.key, answer.reason


def test_route_sees_every_field_of_the_request_and_no_other() -> None:
    seen = {
        key.name: answer_to(f'return "web", {{ reason = type(request.{key.name}) }}')[1]
        for key in REQUEST
    }
    assert seen == {key.name: "table" if key.kind == "table" else "string" for key in REQUEST}
    with pytest.raises(RouteFailed, match="it has ") as caught:
        answer_to("return request.nothing")
    listed = str(caught.value).partition("it has ")[2].replace(" and ", ", ").split(", ")
    assert listed == [key.name for key in REQUEST]


def test_route_returns_what_the_schema_says_and_no_more() -> None:
    everything = ", ".join(f'{key.name} = "{key.name}"' for key in ANSWER)
    assert answer_to(f'return "web", {{ {everything} }}') == ("key", "reason")
    assert {key.name for key in ANSWER} == {"key", "reason"}
    for key in ANSWER:
        with pytest.raises(RouteFailed, match=f"whose {key.name} is a table, not a string"):
            answer_to(f'return "web", {{ {key.name} = {{}} }}')


def test_every_limit_has_a_sentence() -> None:
    sentences = limit_sentences()
    assert list(sentences) == list(Limits.__dataclass_fields__)
    assert all(sentence.endswith(".") for sentence in sentences.values())
