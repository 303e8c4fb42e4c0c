"""A fake engine that carries edits out: its table, its generation, and who is refused."""

from collections.abc import Callable
from typing import Any

import msgspec

from rsp.core.addresses import AddressError, parse_address
from rsp.core.decision_rows import Decisions
from rsp.core.explaining import Explanation
from rsp.core.generation_rows import TrialRow
from rsp.core.replies import BackendRow, Changed, ConfigSource
from rsp.core.wire import CommandRefused, Request
from tests.tui import canned, canned_routes
from tests.tui.fake_engine import FakeEngine


class EditingEngine(FakeEngine):
    """Edits change what `backends` answers next, as they would in a real engine."""

    def __init__(self, path: Any) -> None:
        super().__init__(path)
        self.table = canned_routes.pools()
        self.decided = canned_routes.mixed()
        self.source = canned_routes.config()
        self.explained: list[dict[str, Any]] = []
        self.previews: list[tuple[str, dict[str, Any]]] = []
        """What was only tried, with its values."""

    @property
    def generation(self) -> int:
        return self.table.generation

    def weight_of(self, key: str) -> int:
        return self._row(key).weight

    def _row(self, key: str) -> BackendRow:
        pool_name, _, name = key.partition("/")
        (pool,) = [pool for pool in self.table.pools if pool.name == pool_name]
        (row,) = [row for row in pool.backends if row.name == name]
        return row

    def edit_elsewhere(self, key: str, **values: Any) -> None:
        """Change a backend as somebody else would."""
        row = self._row(key)
        for name, value in values.items():
            setattr(row, name, value)
        self.table.generation += 1

    async def _answer(self, request: Request) -> object:
        params = dict(request.params)
        if request.method in self.refuse:
            raise CommandRefused(self.refuse[request.method])
        answers: dict[str, Callable[[dict[str, Any]], object]] = {
            "status": self._status,
            "backends": lambda _: self.table,
            "edits": lambda _: canned_routes.edits(),
            "decisions": self._decisions,
            "config": self._config,
            "explain": self._explain,
        }
        if request.method in answers:
            return answers[request.method](params)
        if request.method.startswith("backend."):
            return self._edit(request.method, params)
        if request.method in ("undo", "redo", "reload", "confirm"):
            return self._step(request.method, params)
        return await super()._answer(request)

    def _status(self, _params: dict[str, Any]) -> object:
        self.step += 1
        values = {"generation": self.generation, **self.status_changes}
        return canned.status(self.step, **values)

    def _decisions(self, params: dict[str, Any]) -> Decisions:
        rows = [row for row in self.decided if row.seq > params["since"]]
        return Decisions(rows, 0, self.decided[-1].seq)

    def _config(self, params: dict[str, Any]) -> ConfigSource:
        self.pulls.append(("config", params))
        return self.source

    def _explain(self, params: dict[str, Any]) -> Explanation:
        self.explained.append(params)
        if "decision" in params:
            return canned_routes.explained(self.generation)
        is_capital = params["url"] != params["url"].lower()
        name = "web2" if is_capital else "web1"
        return Explanation("web", name, None, "host decides", self.generation, [])

    def _edit(self, method: str, params: dict[str, Any]) -> Changed:
        if params.pop("preview", False):
            self.previews.append((method, params))
            return self._preview(method, params)
        self.commands.append((method, params))
        self._check(params)
        if method == "backend.set":
            values = {k: v for k, v in params.items() if k in ("weight", "state", "address")}
            self.edit_elsewhere(params["target"], **values)
        else:
            self.table = msgspec.structs.replace(self.table, generation=self.generation + 1)
        trial = self._trial(params)
        return Changed(self.generation, [f"{method} is in force"], [], trial=trial)

    def _step(self, method: str, params: dict[str, Any]) -> Changed:
        """Undo, redo, reload or confirm, as far as a dashboard can tell."""
        if params.pop("preview", False):
            self.previews.append((method, params))
        else:
            self.commands.append((method, params))
            self._check(params)
            made = self.generation + (method != "confirm")
            self.table = msgspec.structs.replace(self.table, generation=made)
        return Changed(self.generation, [f"{method} is in force"], [], trial=self._trial(params))

    def _check(self, params: dict[str, Any]) -> None:
        if params["if_generation"] != self.generation:
            raise CommandRefused(
                f"the generation is {self.generation}, not {params['if_generation']}: "
                "somebody changed something"
            )

    def _trial(self, params: dict[str, Any]) -> TrialRow | None:
        if "confirm" not in params:
            return None
        return TrialRow(self.generation, "what was changed", "dashboard", params["confirm"], 30)

    def _preview(self, method: str, params: dict[str, Any]) -> Changed:
        try:
            parse_address(params.get("address", "127.0.0.1:1"))
        except AddressError as error:
            raise CommandRefused(str(error)) from error
        if method == "backend.add":
            what = f"added {params['pool']}/{params['name']}"
        elif method == "backend.remove":
            what = f"removed {params['target']}"
        else:
            row = self._row(params["target"])
            changes = {name: value for name, value in params.items() if hasattr(row, name)}
            what = f"{params['target']}: " + ", ".join(
                f"{name} {getattr(row, name)} → {value}" for name, value in changes.items()
            )
        return Changed(self.generation, [what], [], canned_routes.what_if())

    def told_to(self, method: str) -> list[dict[str, Any]]:
        """Return what this command was given with, without who."""
        return [
            {name: value for name, value in params.items() if name != "who"}
            for name, params in self.commands
            if name == method
        ]
