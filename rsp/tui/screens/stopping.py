"""What a screen of one session does while that session is stopped at a breakpoint."""

from collections.abc import Mapping, Sequence

from textual.binding import BindingsMap

from rsp.core.breaks.rows import PendingReply
from rsp.core.hex_dump import HEX_LINE_BYTES, hex_lines
from rsp.core.sanitise import safe
from rsp.core.wire import CommandRefused
from rsp.tui.client import EngineGone
from rsp.tui.keymap import bindings
from rsp.tui.model.problem import Problem
from rsp.tui.model.spans import Line, Span, wrap
from rsp.tui.screens.form import Field, Form
from rsp.tui.screens.frame import Frame

_SHOWN_LINES = 8
"""Lines of the hex view in the form."""


class StoppingFrame(Frame):
    """A screen whose keys change with what it shows."""

    session_id = 0

    def __init__(self) -> None:
        super().__init__()
        self._usual = self._bindings
        self._also: tuple[str, ...] = ()

    def also_bind(self, *where: str) -> None:
        """Let the keys of `where` take the place of those that are the same; the last ones win."""
        if where == self._also:
            return
        self._also = where
        keys = dict(self._usual.key_to_bindings)
        for each in where:
            keys |= BindingsMap(bindings(each)).key_to_bindings
        self._bindings = BindingsMap.from_keys(keys)
        self.refresh_bindings()

    def action_step(self, kind: str) -> None:
        """Let the session make one call."""
        self.shell.give("step", {"id": self.session_id, "kind": kind})

    def action_go_on(self) -> None:
        """Let the session go on."""
        self.shell.give("continue", {"id": self.session_id})

    def action_edit_pending(self) -> None:
        """Change bytes that wait to be sent."""
        _ = self.app.push_screen(PendingForm(self.session_id))


class PendingForm(Form):
    """Shows what waits for one side of a stopped session, and changes bytes of it."""

    SAID_ROWS = _SHOWN_LINES + 1
    FIRST_FIELD = "set"
    FOOT = "tab next field · enter changes and shows · esc close"

    def __init__(self, session_id: int) -> None:
        fields = [
            Field("side", "Sent to", "client", "client or backend"),
            Field("at", "Offset, hex", "0", "of those that wait"),
            Field("set", "New bytes, hex", "", "such as 48 69; their number stays"),
        ]
        super().__init__(f"Bytes that wait in session {session_id}", fields)
        self._session_id = session_id

    def problem(self, typed: Mapping[str, str]) -> Problem | None:
        """Return what is no side, no offset, or no bytes."""
        if typed["side"] not in ("client", "backend"):
            return Problem("side", "client or backend")
        for name, what in (("at", "an offset"), ("set", "bytes")):
            digits = typed[name].replace(" ", "")
            if any(digit not in "0123456789abcdefABCDEF" for digit in digits):
                return Problem(name, f"{what} in hex digits")
        if len(typed["set"].replace(" ", "")) % 2:
            return Problem("set", "two digits for each byte")
        return None

    async def ask(self, typed: Mapping[str, str]) -> list[Line] | None:
        """Return the bytes from the offset's line on, as they wait now."""
        at = int(typed["at"] or "0", 16)
        first = at - at % HEX_LINE_BYTES
        params = {"id": self._session_id, "side": typed["side"], "first": first}
        try:
            found = await self.shell.feed.command("pending", params, PendingReply)
        except (CommandRefused, EngineGone) as error:
            return [(Span(row, "bad"),) for row in wrap(f"✗ {safe(str(error))}", self.room)]
        return pending_lines(found, self.room)

    def apply(self, typed: Mapping[str, str]) -> None:
        """Change them; the form stays, and shows what waits then."""
        if typed["set"]:
            at = int(typed["at"] or "0", 16)
            params = {"id": self._session_id, "side": typed["side"], "set": typed["set"], "at": at}
            self.shell.give("pending", params, lambda _: self._look(), self.refused)


def pending_lines(found: PendingReply, width: int) -> list[Line]:
    """Return what waits for one side, from the byte that was asked for on."""
    data = bytes.fromhex(found.bytes_hex)
    shown: Sequence[str] = list(hex_lines(data, found.first))
    if shown and len(shown[0]) > width:
        shown = list(hex_lines(data, found.first, HEX_LINE_BYTES // 2))
    said = f"{found.unsent_bytes:,} bytes wait, behind {found.from_offset:,} that it was sent"
    return [(Span(said, "dim"),), *((Span(row),) for row in shown[:_SHOWN_LINES])]
