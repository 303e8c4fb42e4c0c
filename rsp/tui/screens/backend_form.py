"""The forms for a backend: add one, edit one, give one an exact weight."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from textual.widgets import Input

from rsp.core.replies import BackendRow, Changed, PoolRow
from rsp.core.sanitise import safe
from rsp.tui.model.backend_edit import (
    add_params,
    add_problem,
    field_problem,
    sentence,
    set_params,
    share_sentence,
    table_of,
    trial_params,
)
from rsp.tui.model.backends import BackendLine, BackendList
from rsp.tui.model.problem import Problem
from rsp.tui.model.spans import Line, Span, wrap
from rsp.tui.screens.foreseen import refusal_lines, tried, who_moves
from rsp.tui.screens.form import Field, Form

Applied = Callable[[str, Changed, dict[str, Any]], None]
"""Is told the key of the backend, the engine's answer, and the values that were set."""


_NO_VALUES = ("target", "pool", "name", "confirm")
"""Parameters that are no values of a backend."""
_MOVES = 6
"""Rows for what the recorded requests would do: the longest form still fits on 24 lines."""


class BackendForm(Form):
    """What adding and editing have in common."""

    SAID_ROWS = 3 + _MOVES

    def __init__(
        self, title: str, fields: list[Field], backends: BackendList, applied: Applied
    ) -> None:
        super().__init__(title, [*fields, Field("confirm", "On trial for", "", "seconds; or not")])
        self.backends = backends
        self._applied = applied
        # What the person saw when the form was opened: the engine refuses when it is no longer so.
        # After that (None) it is about what the form shows by then.
        self._seen = backends.generation

    def give(self, method: str, key: str, params: dict[str, Any]) -> None:
        """Send the edit; the form closes once it is in force."""

        def done(answer: msgspec.Struct) -> None:
            if isinstance(answer, Changed):
                values = {k: v for k, v in params.items() if k not in _NO_VALUES}
                self._applied(key, answer, values)
            if self.is_attached:
                _ = self.dismiss()

        def refused(reason: str) -> None:
            self._seen = None
            # A frozen table would stay the one that the engine has just refused.
            if self.shell.model.is_frozen:
                self.shell.model.freeze()
            self.refused(reason)

        seen = self._seen or self.backends.generation
        self.shell.give(method, {**params, "if_generation": seen}, done, refused)

    async def foreseen(
        self, method: str, params: Mapping[str, Any], typed: Mapping[str, str]
    ) -> list[Line] | None:
        """Return what would change and who would move, as the engine says that tried it."""
        answer = await tried(self.shell, method, params)
        if answer is None:
            return None
        if isinstance(answer, str):
            return refusal_lines(answer, self.room)
        would = self.wrapped(f"enter: {'; '.join(answer.changed)}", "accent")
        moves = who_moves(answer, method, self.room, _MOVES)
        return [*would, *self.shares(typed), *moves]

    def shares(self, typed: Mapping[str, str]) -> list[Line]:
        """Return what becomes of the share of the backend."""
        raise NotImplementedError

    def wrapped(self, said: str, role: str = "") -> list[Line]:
        """Return a sentence in lines."""
        return [(Span(row, role),) for row in wrap(safe(said), self.room)]


class AddForm(BackendForm):
    """Adds a backend to a pool."""

    APPLY = "Add"
    FIRST_FIELD = "name"
    """The pool is the one under the cursor."""

    def __init__(self, pool: PoolRow, backends: BackendList, applied: Applied) -> None:
        fields = [
            Field("pool", "Pool", pool.name),
            Field("name", "Name", "", "web3"),
            Field("address", "Address", "", "127.0.0.1:9003"),
            Field("weight", "Weight", "1"),
            Field("max_connections", "Max connections", "0", "0: any number"),
        ]
        super().__init__("Add a backend", fields, backends, applied)

    def problem(self, typed: Mapping[str, str]) -> Problem | None:
        """Return what keeps it from being added."""
        return add_problem(typed, table_of(self.backends.pools, self.backends.generation or 0))

    def effect(self, typed: Mapping[str, str]) -> list[Line]:
        """Return the share that it would get."""
        return self.shares(typed)

    def shares(self, typed: Mapping[str, str]) -> list[Line]:
        """Return the share that it would get."""
        params = add_params(typed)
        pool = next(pool for pool in self.backends.pools if pool.name == typed["pool"])
        row = BackendRow(
            params["name"], params["address"], "ready", params["weight"],
            params["max_connections"], 0, None,
        )  # fmt: skip
        return self.wrapped(share_sentence(pool, row.name, row), "dim")

    async def ask(self, typed: Mapping[str, str]) -> list[Line] | None:
        """Let the engine try it without doing it: it also resolves the address."""
        return await self.foreseen("backend.add", add_params(typed), typed)

    def apply(self, typed: Mapping[str, str]) -> None:
        """Add it."""
        params = {**add_params(typed), **trial_params(typed)}
        self.give("backend.add", f"{typed['pool']}/{typed['name']}", params)


class EditForm(BackendForm):
    """Changes a backend: its address, weight and limit, or its weight alone."""

    def __init__(
        self, line: BackendLine, backends: BackendList, applied: Applied, *, only_weight: bool
    ) -> None:
        row = line.row
        weight = Field("weight", "Weight", str(row.weight))
        fields = [weight]
        if not only_weight:
            fields = [
                Field("address", "Address", row.address, "127.0.0.1:9001"),
                weight,
                Field("max_connections", "Max connections", str(row.max_connections)),
            ]
        title = f"Weight of {line.key}" if only_weight else f"Edit {line.key}"
        super().__init__(title, fields, backends, applied)
        self._line = line
        self._shown = backends.generation

    def follow(self) -> None:
        """Take over what is in force by now, but for what was typed."""
        generation = self.backends.generation
        line = None if generation == self._shown else self.backends.line(self._line.key)
        if line is None or not self.is_mounted:
            return
        before, self._line, self._shown = self._line.row, line, generation
        with self.prevent(Input.Changed):
            for name, value in self.typed.items():
                if name != "confirm" and value == str(getattr(before, name)):
                    self._fill(name, str(getattr(line.row, name)))
        # What the engine has just refused is still to be read.
        if self._seen is not None:
            self._look()

    def _fill(self, name: str, value: str) -> None:
        box = self.query_one(f"#field-{name}", Input)
        if box.value.strip() == value:
            return
        box.value = value
        if box.has_focus:
            box.select_all()

    def problem(self, typed: Mapping[str, str]) -> Problem | None:
        """Return what keeps it from being changed."""
        line = self._line
        return field_problem({"pool": line.pool.name, "name": line.row.name, **typed})

    def effect(self, typed: Mapping[str, str]) -> list[Line]:
        """Return what would change, and what becomes of the share."""
        line = self._line
        changes = set_params(typed, line.row)
        table = table_of(self.backends.pools, self.backends.generation or 0)
        said = self.wrapped(sentence(line.key, changes, table), "accent" if changes else "dim")
        return [*said, *self.shares(typed)]

    def shares(self, typed: Mapping[str, str]) -> list[Line]:
        """Return what becomes of the share, where the weight is another one."""
        line = self._line
        changes = set_params(typed, line.row)
        if "weight" not in changes:
            return []
        row = msgspec.structs.replace(line.row, weight=changes["weight"])
        return self.wrapped(share_sentence(line.pool, row.name, row), "dim")

    async def ask(self, typed: Mapping[str, str]) -> list[Line] | None:
        """Let the engine try it without doing it, where something differs."""
        changes = set_params(typed, self._line.row)
        if not changes:
            return None
        return await self.foreseen("backend.set", {"target": self._line.key, **changes}, typed)

    def apply(self, typed: Mapping[str, str]) -> None:
        """Change it; without a difference there is nothing to do."""
        changes = set_params(typed, self._line.row)
        if not changes:
            self.action_cancel()
            return
        params = {"target": self._line.key, **changes, **trial_params(typed)}
        self.give("backend.set", self._line.key, params)
