"""A Lua runtime with walls, seen from Python. The walls are `lua_*.lua` beside it.

The configuration is trusted but fallible: the walls are against accidents and pasted snippets. No
Python object is ever handed to Lua; strings and numbers go in, strings and plain tables come out.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn

from lupa import luajit21

from rsp.core import limits, lua_limits
from rsp.core.linting.arms import ARM_NAME
from rsp.core.lua_limits import PROBE_CALL_S, PROBE_ENTRIES

Plain = str | int | float | bool | list["Plain"] | dict[str | int, "Plain"]
"""What a declaration is made of, once it has left Lua."""

CHUNK = "@config:"
"""What stands for the path of the file in messages of Lua, which would cut a long one."""

LuaError = luajit21.LuaError
LuaMemoryError = luajit21.LuaMemoryError


class SandboxError(Exception):
    """The configuration could not be run. The text is Lua's message, with `@config:LINE: `."""

    def __init__(self, message: str, printed: str, *, is_refusal: bool) -> None:
        super().__init__(message)
        self.printed = printed
        """What the configuration printed before that."""
        self.is_refusal = is_refusal
        """Whether a declaration was refused, rather than Lua failing."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """One call of `listen`, `pool`, `limits` or `same_identity`."""

    what: str
    line: int
    name: str | None
    """The first argument of `pool`."""
    value: Plain


@dataclass(frozen=True, slots=True)
class Declared:
    """Everything that a configuration said when it ran."""

    declarations: tuple[Declaration, ...]
    globals: dict[str, str]
    """The globals of the C original that are set to a string."""
    has_route: bool
    printed: str
    route_line: int
    """Where the route begins; 0 when there is none."""


@dataclass(frozen=True, slots=True)
class Step:
    """A line that ran, how deep below `route`, and the locals after it."""

    line: int
    depth: int
    locals: dict[str, str]


@dataclass(frozen=True, slots=True)
class Trace:
    """The lines that a call of `route` ran, in their order."""

    steps: list[Step]
    has_more: bool
    """Whether more lines ran than are kept."""
    is_short: bool
    """Whether values were left out, because all of them together are too long."""


class Sandbox:
    """One Lua runtime and the configuration that runs in it."""

    __slots__ = (
        "_configure", "_load", "_probe", "_runtime", "_trace", "call_route", "extra_bytes",
    )  # fmt: skip

    def __init__(self, *, probing: bool = False, is_traced: bool = False) -> None:
        """Make a runtime. Two kinds serve no traffic, for they are slow.

        `probing`: one that is asked what `route` looks at. `is_traced`: one that notes the lines
        that run, for `trace`.
        """
        defaults = limits.Limits()
        runtime = luajit21.LuaRuntime(
            encoding="latin-1",
            source_encoding="utf-8",
            register_eval=False,
            register_builtins=False,
            attribute_handlers=(_deny, _deny),
            max_memory=defaults.lua_memory_bytes,
        )
        settings = runtime.table_from(_settings(defaults) | (_TRACE_SETTINGS if is_traced else {}))
        budget = _run(runtime, "lua_budget.lua", settings)
        strings = _run(runtime, "lua_strings.lua", settings, budget)
        self._probe: Any = None
        if probing:
            self._probe = _run(runtime, "lua_probe.lua", settings, budget, strings)
            strings = self._probe["strings"]
        seen = _run(runtime, "lua_environment.lua", settings, budget, strings)
        self._trace = _run(runtime, "lua_trace.lua", settings, budget) if is_traced else None
        calls = _run(runtime, "lua_calls.lua", settings, budget, seen, self._probe)
        self.extra_bytes = lua_limits.TRACE_ROOM_BYTES if is_traced else 0
        """What it may hold besides what the configuration may."""
        self._runtime = runtime
        self._load: Callable[[bytes], tuple[Any, ...]] = calls[0]
        self.call_route: Callable[..., Any] = calls[1]
        """Call `route`. The arguments are the fields of the request: method, path, query, host,
        raw host, client address, listener, header lines or None. The answer is the target, or
        (target, key, reason, printed), or (None, message, is broken, printed, …)."""
        self._configure: Callable[[int, int], bool] = calls[2]

    def load(self, source: bytes) -> Declared:
        """Run a whole configuration once and return what it declared.

        Raises:
            SandboxError: a syntax error, an error while it ran, or a budget that was exceeded.
        """
        try:
            answer = self._load(source)
        except LuaError as error:
            raise SandboxError(str(error) or "not enough memory", "", is_refusal=False) from error
        if answer[0] is None:
            _raise_failure(*answer)
        declared, found_globals, has_route, printed, route_line = answer
        return Declared(
            tuple(_declarations(declared)),
            dict(found_globals.items()),
            has_route,
            printed or "",
            route_line,
        )

    def trace(self, call: Callable[[], object]) -> "Trace":
        """Do `call`, which calls `route`, and return the lines that ran. It must not raise.

        Only for a sandbox that was made to be traced.
        """
        if self._trace is None:
            raise AssertionError("this sandbox was not made to be traced")
        self._trace["start"]()
        call()
        # A route that ran out of memory has left none to tell of it.
        self._runtime.gccollect()
        steps, has_more, is_short = self._trace["take"]()
        return Trace(
            [
                Step(step["line"], step["depth"], dict(sorted(step["locals"].items())))
                for step in steps.values()
            ],
            has_more,
            is_short,
        )

    def set_budget(self, instructions: int, memory_bytes: int) -> bool:
        """Give each later call `instructions` to execute, and the runtime `memory_bytes`.

        False: what was loaded needs more memory than that, and must not be called.
        """
        is_enough = self._configure(instructions, memory_bytes)
        if is_enough:
            self._runtime.set_max_memory(memory_bytes)
        return is_enough

    def begin_probing(self, failing_arms: Iterable[int], failing_tests: Iterable[str]) -> None:
        """Forget what was seen; from now on these conditions and tests count as failed.

        A test is called `LINE:PATTERN`.
        """
        arms = self._runtime.table_from(dict.fromkeys(failing_arms, True))
        tests = self._runtime.table_from(dict.fromkeys(failing_tests, True))
        self._probe["begin"](arms, tests)

    def probed(self) -> dict[str, Any]:
        """Return what was seen since then, as `lua_probe.lua` has it."""
        return {name: _plain(found) for name, found in self._probe["take"]().items()}


def _settings(defaults: limits.Limits) -> dict[str, int | float | str]:
    return {
        "instructions": defaults.lua_instructions,
        "memory_bytes": defaults.lua_memory_bytes,
        "hook_instructions": lua_limits.LUA_HOOK_INSTRUCTIONS,
        "load_s": lua_limits.LUA_LOAD_S,
        "call_s": lua_limits.LUA_CALL_S,
        "reserve_bytes": lua_limits.LUA_RESERVE_BYTES,
        "subject_bytes": lua_limits.LUA_SUBJECT_BYTES,
        "result_bytes": lua_limits.LUA_RESULT_BYTES,
        "pattern_bytes": lua_limits.LUA_PATTERN_BYTES,
        "pattern_steps": lua_limits.LUA_PATTERN_STEPS,
        "patterns_kept": lua_limits.LUA_PATTERNS_KEPT,
        "declared_entries": lua_limits.LUA_DECLARED_ENTRIES,
        "nested_calls": lua_limits.LUA_NESTED_CALLS,
        "print_bytes": lua_limits.LUA_PRINT_BYTES,
        "answer_bytes": lua_limits.LUA_ANSWER_BYTES,
        "probe_entries": PROBE_ENTRIES,
        "probe_call_s": PROBE_CALL_S,
        "arm_name": ARM_NAME,
    }


_TRACE_SETTINGS: dict[str, int | float] = {
    "call_s": lua_limits.LUA_TRACE_S,
    "trace_steps": lua_limits.TRACE_STEPS,
    "trace_depth": lua_limits.TRACE_DEPTH,
    "trace_locals": lua_limits.TRACE_LOCALS,
    "trace_entries": lua_limits.TRACE_ENTRIES,
    "trace_value_bytes": lua_limits.TRACE_VALUE_BYTES,
    "trace_bytes": lua_limits.TRACE_BYTES,
}


def _run(runtime: Any, name: str, *arguments: Any) -> Any:
    return runtime.execute(_source(name), *arguments, name=f"={name}")


@cache
def _source(name: str) -> str:
    """Return one of the files beside this one.

    They are read once: an installation that is replaced, or that the user whom the engine has
    become may not read, must not break a reload.
    """
    return files("rsp.engine").joinpath(name).read_text(encoding="utf-8")


def _deny(*_attribute: object) -> NoReturn:
    raise AttributeError("Lua reaches no Python object")


def _raise_failure(
    _none: None, message: str, _is_broken: bool, printed: str | None, is_refusal: bool
) -> NoReturn:
    raise SandboxError(message, printed or "", is_refusal=is_refusal)


def _declarations(declared: Any) -> Iterator[Declaration]:
    for call in declared.values():
        yield Declaration(call["what"], call["line"], call["name"], _plain(call["value"]))


def _plain(value: Any) -> Plain:
    """Return a Lua table as a list when its keys are 1 to n, else as a dict; the rest as it is."""
    if luajit21.lua_type(value) != "table":
        plain: Plain = value
        return plain
    table = {key: _plain(item) for key, item in value.items()}
    if table and set(table) == set(range(1, len(table) + 1)):
        return [table[at] for at in range(1, len(table) + 1)]
    return table
