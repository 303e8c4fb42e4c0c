"""No way leads out of the sandbox: what is not there, and what reaches no Python object."""

import pytest

from rsp.core.route import RouteFailed
from tests.engine.test_lua_attacks import REQUEST, router_of

ABSENT = [
    "python", "ffi", "jit", "package", "require", "module", "debug", "io", "load", "loadstring",
    "loadfile", "dofile", "getfenv", "setfenv", "newproxy", "collectgarbage", "gcinfo", "xpcall",
    "os.execute", "os.exit", "os.getenv", "os.remove", "os.rename", "os.tmpname", "os.date",
    "os.setlocale", "string.dump", "table.foreach", "_G.python", "_G.debug", "_G.require",
    "string.format.x", "coroutine.debug", "math.ffi",
]  # fmt: skip


@pytest.mark.parametrize("name", ABSENT)
def test_what_is_not_on_the_list_is_not_there(name: str) -> None:
    first, *rest = name.split(".")
    body = f"local at = _G[{first!r}]\n" + "".join(
        f"at = type(at) == 'table' and at[{part!r}] or nil\n" for part in rest
    )
    assert router_of(f"{body} return at == nil and 'absent' or 'there'").route(REQUEST).target == (
        "absent"
    )


REACHES_NOTHING = {
    "python.none": "return python.none.__class__.__base__.__subclasses__()",
    "python.builtins": "return python.builtins.open('x')",
    "require": "return require('ffi').C.system('true')",
    "os.execute": "return os.execute('true')",
    "io.open": "return io.open('x')",
    "package.loadlib": "return package.loadlib('x', 'y')",
    "debug.getregistry": "return debug.getregistry()",
    "a dumped function": "return string.dump(function() end)",
    "a dumped method": "return (('x').dump)(function() end)",
    "the metatable of strings": "getmetatable('').__index = print",
    "another metatable for strings": "return getmetatable('').x",
    "the metatable of the request": "getmetatable(request).__index = print",
    "the metatable of the headers": "return getmetatable(request.headers).x",
    "another metatable for the request": "setmetatable(request, {})",
    "the environment of print": "return getfenv(print)",
    "a number of another kind": "return 1LL",
    "the type behind it": "return getmetatable(1LL).__index",
    "an attribute of an error": "local _, e = pcall(error, {}) return e.__traceback__.tb_frame",
    "an attribute of a bad call": "local _, e = pcall(string.rep) return e.__traceback__.tb_frame",
    "yielding out of the route": "return coroutine.yield('web')",
    "an error that is a table": "error({ __str__ = 'x' })",
    "an error that is a function": "error(print)",
    "an error whose name loops": (
        "error(setmetatable({}, {__tostring = function() while true do end end}))"
    ),
    "a table for a pool": (
        "return setmetatable({}, {__tostring = function() while true do end end})"
    ),
    "a table with a loop for a key": (
        "return 'web', setmetatable({}, {__index = function() while true do end end}), 1 .. nil"
    ),
    "a class of the request": "return request.__class__",
    "a class of the headers": "return request.headers.__class__.__mro__",
    "a class of a function": "return print.__class__",
    "a class of a number": "return (1).__class__.__bases__",
    "a class of a coroutine": "return coroutine.running().__class__",
    "the builtins": "return _G.__builtins__.open('x')",
    "a metatable for every string": "return setmetatable('', {})",
    "the metatable of the globals": "return getmetatable(_G).__index",
    "a hook": "debug.sethook()",
    "the registry by a name": "return _G._R.x",
    "a loaded module": "return package.loaded.os.execute('true')",
    "a chunk of text": "return loadstring('return 1')()",
    "a chunk of bytecode": "return load('\\27LJ')()",
    "a file as code": "return dofile('/etc/passwd')",
    "a garbage collector that loops": (
        "local p = newproxy(true) getmetatable(p).__gc = function() while true do end end"
    ),
    "the collector": "collectgarbage('stop')",
    "a handler where no hook fires": "xpcall(error, function() while true do end end)",
    "the environment of the caller": "return setfenv(1, {})",
    "a field of the request as a function": "return request.system('true')",
    "a function for a pool": "return print",
    "a coroutine for a pool": "return coroutine.create(print)",
    "a boolean for a pool": "return true",
    "no number for a pool": "return 0/0",
    "a function for a key": "return 'web', { key = print }",
    "a coroutine for a reason": "return 'web', { reason = coroutine.create(print) }",
    "a table for a name of an option": "return 'web', { [{}] = 1 }",
    "a coroutine for the options": "return 'web', coroutine.create(print)",
    "an error that is a coroutine": "error(coroutine.create(print))",
    "an error that is nothing": "error(nil)",
    "declaring a backend": "pool('evil', { backends = {} })",
    "declaring a listener": "listen { address = '0.0.0.0:1' }",
    "more budget": "limits { lua_instructions = 1e18 }",
    "an endless reason": "return 'web', { reason = ('x'):rep(1e6) }",
    "an endless name": "return ('x'):rep(1e6)",
}


@pytest.mark.parametrize("body", REACHES_NOTHING.values(), ids=REACHES_NOTHING)
def test_no_way_leads_out(body: str) -> None:
    router = router_of(body)
    with pytest.raises(RouteFailed, match=r"^site\.lua:\d+: ") as caught:
        router.route(REQUEST)
    assert len(str(caught.value)) < 1200
    assert router.broken is None


def test_everything_that_can_be_reached_is_lua() -> None:
    """Walk from the globals and the request through tables and metatables to every value."""
    body = """
      local seen, found = {}, {}
      local function walk(value, path)
        local kind = type(value)
        if kind == "userdata" or kind == "cdata" or kind == "thread" then
          found[#found + 1] = path .. " is a " .. kind
        elseif kind == "table" and not seen[value] then
          seen[value] = true
          for name, item in next, value do
            walk(name, path .. " key")
            walk(item, path .. "." .. tostring(name))
          end
          walk(getmetatable(value), path .. " metatable")
        end
      end
      walk(_G, "_G")
      walk(request, "request")
      walk(request.headers, "headers")
      walk(getmetatable(""), "string")
      walk(select(2, pcall(error)), "error")
      walk(select(2, pcall(string.rep)), "error")
      return #found == 0 and "clean" or table.concat(found, ", ")
    """
    assert router_of(body).route(REQUEST).target == "clean"
