"""Live edits written into the text of a configuration: the least change, and it says what runs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsp.core.addresses import EditRefused
from rsp.core.backends import Backend, BackendChanges
from rsp.core.config import Config
from rsp.core.edits import AddBackend, ChangeBackend, EditLayer, Operation, RemoveBackend
from rsp.core.vocabulary import BackendState
from rsp.core.write_back import CannotWriteBack, says_the_same, write_back
from rsp.engine.lua_config import load_source
from tests.conftest import fuzz_examples

DRAIN = BackendState.DRAIN
HEAD = 'listen { address = "127.0.0.1:8080" }\n'


def load(text: str) -> Config:
    return load_source(text.encode("utf-8", "surrogateescape"), "rsp.lua").config


def edited(text: str, *operations: Operation) -> tuple[Config, EditLayer]:
    config = load(text)
    layer = EditLayer.of(config.pools, 1)
    for generation, operation in enumerate(operations, 2):
        layer, _ = layer.apply(operation, generation=generation, at="", who="")
    return config, layer


def written(text: str, *operations: Operation) -> str:
    """Return the new text, which says what runs when it is loaded."""
    config, layer = edited(text, *operations)
    new = write_back(config, layer)
    assert says(load(new), layer)
    return new


def says(config: Config, layer: EditLayer) -> bool:
    running = layer.table.pools
    return [pool.name for pool in config.pools] == list(running) and all(
        says_the_same(pool, running[pool.name]) for pool in config.pools
    )


def change(key: str = "web/a", **values: object) -> ChangeBackend:
    return ChangeBackend(key, BackendChanges(**values))  # type: ignore[arg-type]


def add(name: str = "c", address: str = "127.0.0.1:9003", **values: object) -> AddBackend:
    return AddBackend(Backend("web", name, address, **values))  # type: ignore[arg-type]


def remove(name: str) -> RemoveBackend:
    return RemoveBackend(f"web/{name}")


ROWS = (
    HEAD
    + """
-- the site
pool("web", {
  balance = "hash", -- by host
  backends = {
    { name = "a", address = "127.0.0.1:9001" },   -- old
    -- the second one
    { name = 'b', address = '127.0.0.1:9002', weight = 5, state = "drain" }, -- new
  },
})
"""
)


@pytest.mark.parametrize(("operation", "old", "new"), [
    (change("web/b", weight=7), "weight = 5", "weight = 7"),
    (change("web/b", weight=1), "weight = 5", "weight = 1"),
    (change("web/b", state=BackendState.MAINT), '"drain"', '"maint"'),
    (change("web/b", address="[::1]:80"), "'127.0.0.1:9002'", "'[::1]:80'"),
    (change("web/b", address="unix:/a\\'b"), "'127.0.0.1:9002'", "'unix:/a\\\\\\'b'"),
    (change(max_connections=9), '9001" },', '9001", max_connections = 9 },'),
    (change(weight=0, state=DRAIN), '9001" },', '9001", weight = 0, state = "drain" },'),
    (remove("a"), '    { name = "a", address = "127.0.0.1:9001" },   -- old\n', ""),
    (add(weight=2), "-- new\n",
     "-- new\n    { name = 'c', address = '127.0.0.1:9003', weight = 2 },\n"),
])  # fmt: skip
def test_only_what_was_edited_changes(operation: Operation, old: str, new: str) -> None:
    assert ROWS.count(old) == 1
    assert written(ROWS, operation) == ROWS.replace(old, new)


def test_several_edits_are_one_change() -> None:
    new = written(
        ROWS, change("web/b", weight=2), add("c"), add("d"), remove("a"), change("web/d", weight=3)
    )
    assert (
        new
        == HEAD
        + """
-- the site
pool("web", {
  balance = "hash", -- by host
  backends = {
    -- the second one
    { name = 'b', address = '127.0.0.1:9002', weight = 2, state = "drain" }, -- new
    { name = 'c', address = '127.0.0.1:9003' },
    { name = 'd', address = '127.0.0.1:9003', weight = 3 },
  },
})
"""
    )


A, B, C = (f'{{ name = "{each}", address = "{each}:1" }}' for each in "abc")
A_TIGHT, B_TIGHT, C_TIGHT = (each.replace(" ", "") for each in (A, B, C))
A_LONG, B_LONG, C_LONG = (
    f'  {{\n    name = "{each}",\n    address = "{each}:1",\n  }}' for each in "abc"
)
A_BRACKETS = '{ ["name"] = [[a]], address = "a:1" }'

STYLES = {
    "one line": (f"{{ {A}, {B} }}", f"{{ {A}, {C} }}"),
    "one line, a comma behind all": (f"{{ {A}, {B}, }}", f"{{ {A}, {C}, }}"),
    "no blanks": (f"{{{A_TIGHT},{B_TIGHT}}}", f"{{{A_TIGHT}, {C_TIGHT}}}"),
    "no comma behind the last": (
        f"{{\n\t{A}, -- 1\n\t{B} -- 2\n}}",
        f"{{\n\t{A}, -- 1\n\t{C}\n}}",
    ),
    "many lines each": (f"{{\n{A_LONG};\n{B_LONG};\n}}", f"{{\n{A_LONG};\n{C_LONG};\n}}"),
    "ends of lines of Windows": (
        f"{{\r\n    {A},\r\n    {B},\r\n  }}",
        f"{{\r\n    {A},\r\n    {C},\r\n  }}",
    ),
    "comma first": (f"\n  {{ {A}\n  , {B}\n  }}", f"\n  {{ {A}\n  , {C}\n  }}"),
    "names in brackets and block comments": (
        f"{{\n  {A_BRACKETS}, --[[ one\n  two ]]\n  {B}, --[[ x\n y ]] -- z\n}}",
        f"{{\n  {A_BRACKETS}, --[[ one\n  two ]]\n  {C},\n}}",
    ),
}


@pytest.mark.parametrize("style", STYLES)
def test_what_is_added_looks_as_what_stands_there(style: str) -> None:
    """Beside each pair: one backend goes, with its line and comment, and another one comes."""
    before, after = (f'{HEAD}pool("web", {{ backends = {listed} }})' for listed in STYLES[style])
    assert written(before, remove("b"), add("c", "c:1")) == after


EMPTY = [
    ("{}", f"{{ backends = {{ {C} }} }}"),
    ('{ balance = "hash" }', f'{{ balance = "hash", backends = {{ {C} }} }}'),
    ("{ backends = {} }", f"{{ backends = {{ {C} }} }}"),
    ("{ backends = { --[[ none ]] } }", f"{{ backends = {{ --[[ none ]] {C} }} }}"),
    ("{\n  backends = {\n    -- none\n  },\n}",
     f"{{\n  backends = {{\n    -- none\n    {C},\n  }},\n}}"),
    ('{\n  balance = "hash"\n}', f'{{\n  balance = "hash",\n  backends = {{ {C} }}\n}}'),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), EMPTY)
def test_a_pool_without_backends_gets_its_first(before: str, after: str) -> None:
    text = f'{HEAD}pool("web", {before})\n'
    assert written(text, add("c", "c:1")) == f'{HEAD}pool("web", {after})\n'


def test_the_last_backend_goes_and_comments_that_are_not_its_own_stay() -> None:
    new = written(ROWS, remove("a"), remove("b"))
    assert "backends = {\n    -- the second one\n  }," in new
    flat = HEAD + 'pool("web", { backends = { { name = "a", address = "a:1" } } })\n'
    assert written(flat, remove("a")) == HEAD + 'pool("web", { backends = { } })\n'


def test_a_backend_that_was_removed_and_added_again_is_the_last() -> None:
    new = written(ROWS, remove("a"), add("a", "127.0.0.1:9001"))
    assert new.index("'b'") < new.index("'a'")


def test_a_new_field_of_an_entry_on_many_lines_has_its_own() -> None:
    text = HEAD + (
        'pool("web", { backends = { {\n    name = "a",\n    address = "a:1" -- here\n  } } })\n'
    )
    assert written(text, change(weight=4)) == text.replace(
        '"a:1" -- here\n', '"a:1", -- here\n    weight = 4\n'
    )


def test_other_pools_and_words_that_look_like_one_are_left_alone() -> None:
    text = (
        HEAD
        + '-- pool("web", { backends = { { name = "a", address = "x:1" } } })\n'
        + 'local text = [[ pool("web", {}) ]]\n'
        + 'pool("api", { backends = { { name = "a", address = "api:1" } } })\n'
        + 'pool("web", { backends = { { name = "a", address = "web:1" } } })\n'
        + 'function route(request) return "web" end -- \xe4\udcff\n'
    )
    assert written(text, change(weight=2)) == text.replace('"web:1" }', '"web:1", weight = 2 }')


# -- the form of the C original

ORIGINAL = "listenPort = '8000'\nbackendAddress = '127.0.0.1' -- here\nbackendPort = 80\n"


def test_the_three_globals_can_say_another_address() -> None:
    moved = written(ORIGINAL, change("default/default", address="[::1]:81"))
    assert moved == "listenPort = '8000'\nbackendAddress = '::1' -- here\nbackendPort = \"81\"\n"


@pytest.mark.parametrize("operation", [
    change("default/default", weight=3),
    change("default/default", address="unix:/run/app.sock"),
    RemoveBackend("default/default"),
    AddBackend(Backend("default", "b", "127.0.0.1:81")),
])  # fmt: skip
def test_what_the_three_globals_cannot_say_comes_as_the_full_form(operation: Operation) -> None:
    config, layer = edited(ORIGINAL, operation)
    with pytest.raises(CannotWriteBack, match=r"rsp\.lua:2: ") as caught:
        write_back(config, layer)
    assert says(load(snippet_in(str(caught.value))), layer)


def snippet_in(message: str) -> str:
    lines = message.split("\n")
    return "\n".join(lines[1 : lines.index("Nothing was written.")])


# -- what cannot be

B_BY_TWO_NAMES = '{ name = "a", address = "b:1", ["name"] = "b" }'
COMPUTED = {
    "its backends are computed": f'local list = {{ {A} }}\npool("web", {{ backends = list }})',
    "its settings are computed": f'local t = {{ backends = {{ {A} }} }}\npool("web", t)',
    "its name is computed": f'pool("w" .. "eb", {{ backends = {{\n{A} }} }})',
    "backend a is computed":
        'local n = "a"\npool("web", { backends = { { name = n, address = "a:1" } } })',
    "weight of backend a is computed":
        'pool("web", { backends = { { name = "a", address = "a:1",\nweight = 1 + 1 } } })',
    "written more than once, in lines 2 and 3":
        f'if false then pool("web", {{}}) end\npool("web", {{ backends = {{ {A} }} }})',
    "backend a is written more than once":
        f'pool("web", {{ backends = {{ {A},\n{B_BY_TWO_NAMES} }} }})',
}  # fmt: skip


@pytest.mark.parametrize("why", COMPUTED)
def test_what_is_computed_is_refused_with_its_line_and_what_would_say_it(why: str) -> None:
    config, layer = edited(HEAD + COMPUTED[why] + "\n", change(weight=4))
    with pytest.raises(CannotWriteBack) as caught:
        write_back(config, layer)
    message = str(caught.value)
    assert why in message
    assert message.startswith("rsp.lua:")
    assert says(load(HEAD + snippet_in(message)), layer)


def test_a_loop_is_refused() -> None:
    text = HEAD + (
        "local list = {}\nfor i = 1, 3 do\n"
        '  list[i] = { name = "web" .. i, address = "127.0.0.1:900" .. i }\nend\n'
        'pool("web", { backends = list })\n'
    )
    config, layer = edited(text, change("web/web2", weight=0))
    with pytest.raises(CannotWriteBack, match=r"rsp\.lua:6: pool \"web\" .* computed") as caught:
        write_back(config, layer)
    assert 'name = "web2", address = "127.0.0.1:9002", weight = 0 }' in str(caught.value)


def test_a_list_that_is_computed_in_part_can_be_written_where_it_is_not() -> None:
    text = HEAD + f'local b = {B}\npool("web", {{ backends = {{ {A}, b }} }})\n'
    assert written(text, change(weight=2)) == text.replace('"a:1" }', '"a:1", weight = 2 }')


def test_a_pool_that_is_not_in_the_file_is_refused() -> None:
    config, _ = edited(ROWS)
    extra = load(ROWS.replace('"web"', '"chaos"')).pools
    layer, _ = EditLayer.of((*config.pools, *extra), 1).apply(
        change("chaos/a", weight=2), generation=2, at="", who=""
    )
    with pytest.raises(CannotWriteBack, match="added at run time"):
        write_back(config, layer)


# -- any file, any edits

BLANKS = st.sampled_from(["", " ", "\n", "\n    ", "\n\t", " -- a comment\n  ", " --[[ x\n]] "])
NAMES = st.sampled_from("abcdef")
VALUES = {
    "weight": st.integers(0, 256),
    "state": st.sampled_from(BackendState),
    "max_connections": st.integers(0, 99),
    "address": st.sampled_from(["h:1", "[::1]:80", "unix:/x'\"\\y"]),
}


@st.composite
def tables(draw: st.DrawFn, fields: list[str]) -> str:
    """Return a table constructor with `fields`, in any hand."""
    if not fields:
        return f"{{{draw(BLANKS)}}}"
    marks = draw(st.sampled_from([",", ";"]))
    between = [draw(BLANKS) + marks + draw(BLANKS) for _ in fields[1:]]
    last = draw(st.sampled_from(["", marks])) + draw(BLANKS)
    parts = [part for pair in zip(fields, [*between, last], strict=True) for part in pair]
    return "{" + draw(BLANKS) + "".join(parts) + "}"


@st.composite
def files(draw: st.DrawFn) -> str:
    """Return the text of a configuration with one pool."""
    entries = []
    for name in draw(st.lists(NAMES, unique=True, max_size=4)):
        quote = draw(st.sampled_from("\"'"))
        fields = [f"name{draw(BLANKS)}={draw(BLANKS)}{quote}{name}{quote}", 'address = "h:1"']
        if draw(st.booleans()):
            fields.append(f'["weight"]={draw(BLANKS)}{draw(st.integers(0, 9))}')
        if draw(st.booleans()):
            fields.append("state='drain'")
        entries.append(draw(tables(draw(st.permutations(fields)))))
    listed = draw(tables(entries))
    pool = draw(tables([f"backends={draw(BLANKS)}{listed}", 'balance = "hash"']))
    return f'{HEAD}pool{draw(st.sampled_from(["", " "]))}("web",{draw(BLANKS)}{pool})'


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    name = draw(NAMES)
    values = {key: draw(VALUES[key]) for key in draw(st.sets(st.sampled_from(list(VALUES))))}
    if draw(st.booleans()):
        return add(name, values.pop("address", "h:2"), **values)
    return change(f"web/{name}", **values) if values else remove(name)


@settings(max_examples=fuzz_examples(150))
@given(files(), st.lists(operations(), max_size=8))
def test_what_was_written_back_says_what_runs(text: str, some: list[Operation]) -> None:
    config = load(text)
    layer = EditLayer.of(config.pools, 1)
    for operation in some:
        try:
            layer, _ = layer.apply(operation, generation=2, at="", who="")
        except EditRefused:
            continue
    new = write_back(config, layer)
    again = load(new)
    assert says(again, layer)
    assert write_back(again, EditLayer.of(again.pools, 1)) == new
    if says(config, layer):
        assert new == text
