"""The reference of a configuration, made from what reads one: schema, limits, policies, sandbox."""

import ast
import inspect
from collections.abc import Iterable, Sequence
from dataclasses import fields

from rsp.core import limits
from rsp.core.limits import KIB, MIB, Limits
from rsp.core.moving import moved_by_modulo, moved_by_rendezvous
from rsp.core.policies import POLICIES
from rsp.engine.lua_sandbox import Sandbox
from rsp.engine.schema import ANSWER, REQUEST, REQUIRED, TABLES, Key, Missing, Table

UNITS = {"_bytes_per_s": "bytes a second", "_bytes": "bytes", "_s": "seconds"}
"""What the end of a limit's name says; the longest that fits counts. Others are plain numbers."""

_LIST_NAMES = b"""
for name, value in pairs(_G) do
  if type(value) == "table" and value ~= _G then
    for inner in pairs(value) do print(name .. "." .. inner) end
  elseif value ~= _G then
    print(name)
  end
end
"""


def table_sections() -> str:
    """Return every table of a configuration with its names."""
    return "\n\n".join(_section(table) for table in TABLES)


def _section(table: Table) -> str:
    return f"### `{table.written}`\n\n{table.says}\n\n{_key_table(table.keys)}"


def _key_table(keys: Iterable[Key]) -> str:
    rows = [
        f"| `{key.name}` | {_kind(key)} | {_default(key)} | {_cell(key.says)} |" for key in keys
    ]
    return "\n".join(["| Name | Kind | Default | |", "|---|---|---|---|", *rows])


def _kind(key: Key) -> str:
    return ", ".join(f"`{each}`" for each in key.choices) or key.kind


def _default(key: Key) -> str:
    if isinstance(key.default, Missing):
        return "must be there" if key.default is REQUIRED else "–"  # noqa: RUF001  (a dash)
    if isinstance(key.default, bool):
        return f"`{str(key.default).lower()}`"
    return f"`{key.default}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def request_table() -> str:
    """Return the fields of the request that `route` is given."""
    return _plain_table(REQUEST)


def answer_table() -> str:
    """Return what `route` may give along with its pool."""
    return _plain_table(ANSWER)


def _plain_table(keys: Sequence[Key]) -> str:
    rows = [f"| `{key.name}` | {key.kind} | {_cell(key.says)} |" for key in keys]
    return "\n".join(["| Name | Kind | |", "|---|---|---|", *rows])


def policy_table() -> str:
    """Return every policy, what it looks at, and its sentence."""
    lines = ["| `balance` | Needs a key | |", "|---|---|---|"]
    for name, policy in POLICIES.items():
        module = inspect.getmodule(policy)
        said = first_paragraph((module and module.__doc__) or "")
        uses_key = "yes" if policy().uses_key else "no"
        lines.append(f"| `{name}` | {uses_key} | {_cell(said.removeprefix(f'`{name}`: '))} |")
    return "\n".join(lines)


def moving_table() -> str:
    """Return the share of keys that another number of backends moves, as formula and number."""
    changes = ((4, 5), (4, 8), (4, 9))
    rows = (
        ("hash_mod", "1 − min(N, M) / lcm(N, M)", moved_by_modulo),  # noqa: RUF001  (a minus)
        ("hash", "\\|N − M\\| / max(N, M)", moved_by_rendezvous),  # noqa: RUF001
    )
    titles = " | ".join(f"{before} → {after}" for before, after in changes)
    lines = [f"| `balance` | share of all keys that moves | {titles} |", "|---" * 5 + "|"]
    for name, formula, moved in rows:
        shares = " | ".join(f"{moved(*change):.0%}" for change in changes)
        lines.append(f"| `{name}` | {formula} | {shares} |")
    return "\n".join(lines)


def limit_table() -> str:
    """Return every limit with its default, its unit and what is said of it."""
    said = limit_sentences()
    defaults = Limits()
    lines = ["| Name | Default | Unit | |", "|---|---|---|---|"]
    for field in fields(Limits):
        name = field.name
        unit = next((unit for end, unit in UNITS.items() if name.endswith(end)), "")
        value = _number(getattr(defaults, name), unit)
        lines.append(f"| `{name}` | {value} | {unit} | {_cell(said[name])} |")
    return "\n".join(lines)


def _number(value: int | float, unit: str) -> str:
    if unit == "bytes":
        for size, short in ((MIB, "MiB"), (KIB, "KiB")):
            if value >= size and value % size == 0:
                return f"`{value}` ({value // size:,} {short})"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def limit_sentences() -> dict[str, str]:
    """Return the first paragraph of what is said of each limit, by its name."""
    (declared,) = (
        node
        for node in ast.parse(inspect.getsource(limits)).body
        if isinstance(node, ast.ClassDef) and node.name == Limits.__name__
    )
    found = {}
    for node, after in zip(declared.body, declared.body[1:], strict=False):
        match node, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(ast.Constant(str(said))):
                found[name] = first_paragraph(said)
    return found


def first_paragraph(text: str) -> str:
    """Return the first paragraph of a docstring, on one line."""
    return " ".join(inspect.cleandoc(text).partition("\n\n")[0].split())


def allowed_names() -> str:
    """Return what the sandbox lets a configuration see, by asking a configuration."""
    seen = sorted(Sandbox().load(_LIST_NAMES).printed.split())
    groups: dict[str, list[str]] = {}
    for name in seen:
        library, dot, inner = name.rpartition(".")
        groups.setdefault(library if dot else "", []).append(inner)
    return "\n".join(
        f"- {f'`{library}`: ' if library else ''}{', '.join(f'`{name}`' for name in names)}"
        for library, names in groups.items()
    )
