"""One session: both fds side by side, the last minute of each, and every call when watched."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec
from textual.containers import Horizontal
from textual.widget import Widget

from rsp.core.evidence import SampleRow
from rsp.core.peek import PeekReply
from rsp.core.replies import ConnectionDetail
from rsp.core.sanitise import json_of, safe
from rsp.core.units import counted
from rsp.core.vocabulary import SessionState
from rsp.tui.feed import Pull
from rsp.tui.keymap import bindings
from rsp.tui.limits import SLOW_PULL_S
from rsp.tui.model.call_columns import CALL_COLUMNS, Call
from rsp.tui.model.copy_as import Copy, copies_of_session
from rsp.tui.model.detail_text import story_lines, tcp_info_lines, time_lines
from rsp.tui.model.fault_edit import Scope, scopes_of_session
from rsp.tui.model.ledger_text import ledger_lines
from rsp.tui.model.peek_lines import byte_lines, head_lines
from rsp.tui.model.session_columns import shown, state_of
from rsp.tui.model.sessions import Session
from rsp.tui.model.side_panel import side_panel
from rsp.tui.model.spans import Line, Span, line, wrap
from rsp.tui.model.text import UNKNOWN
from rsp.tui.model.why import why
from rsp.tui.screens.breaks import BreaksScreen
from rsp.tui.screens.kernel_share import ask_share
from rsp.tui.screens.stopping import StoppingFrame
from rsp.tui.widgets.byte_pane import BytePane
from rsp.tui.widgets.lines import Lines
from rsp.tui.widgets.titles import entitle
from rsp.tui.widgets.virtual_table import EDGE_COLUMNS, VirtualTable

_TABS = ("Timeline", "Ledger", "Time", "TCP_INFO", "Story", "Headers", "Peek")
_HEADERS, _PEEK = 5, 6


_LEAST_SENTENCE_ROWS, _SENTENCE_ROWS = 3, 5
"""At most so many lines of the screen are for the sentence."""

_TEXTS = (ledger_lines, time_lines, tcp_info_lines, story_lines)
"""What the tabs behind the timeline show."""

_NEED_IT_ALIVE = frozenset({"watch", "pause", "kernel_share", "close", "follow"})
"""The actions that come too late for a session that is over."""


class DetailScreen(StoppingFrame):
    """Shows one session; a closed one as it was."""

    BINDINGS = bindings("detail")
    TAB = "connections"
    WHERE = "detail"
    AUTO_FOCUS = "#calls"

    def __init__(self, session_id: int) -> None:
        super().__init__()
        self.session_id = session_id
        self._detail: ConnectionDetail | None = None
        self._session: Session | None = None
        self._samples: dict[str, list[SampleRow]] = {}
        """The newest ones: what is closed has none any more."""
        self._sentence_rows = _LEAST_SENTENCE_ROWS
        self._sentence_width = 0
        self._tab = 0
        self._follows = True
        self._peek: PeekReply | None = None
        self._is_hex = True
        self._is_over = self._is_refused = False

    def body(self) -> Iterable[Widget]:
        """Lay out the sentence, the two sides, and the tabs below."""
        yield Lines(id="sentence", classes="aside")
        with Horizontal(id="sides", classes="aside"):
            yield Lines(id="client-side", classes="boxed")
            yield Lines(id="backend-side", classes="boxed")
        table = VirtualTable[Call](CALL_COLUMNS, lambda call: call.index, id="calls")
        table.add_class("boxed")
        table.unbound = frozenset({"open"})
        yield table
        yield Lines(id="facts", classes="boxed")
        yield BytePane(id="peek", classes="-absent")

    @property
    def table(self) -> VirtualTable[Call]:
        """The timeline."""
        return self.query_one("#calls", VirtualTable)

    def pulls(self) -> Sequence[Pull]:
        """Ask for this session; while frozen, until there is something to show."""
        if self.shell.model.is_frozen and self._detail is not None:
            return ()
        pulls = [Pull("connection", ConnectionDetail, {"id": self.session_id})]
        if self._shows_bytes:
            pulls.append(Pull("peek", PeekReply, {"id": self.session_id}, SLOW_PULL_S))
        return pulls

    @property
    def _shows_bytes(self) -> bool:
        return self._tab in (_HEADERS, _PEEK)

    def take(self, pull: Pull, answer: msgspec.Struct) -> None:
        """Show the session as it is now."""
        if isinstance(answer, PeekReply) and answer.session == self.session_id:
            self._peek = answer
            self.show_body()
        if not isinstance(answer, ConnectionDetail) or answer.id != self.session_id:
            return
        model = self.shell.model
        self._detail = answer
        self._samples = answer.samples or self._samples
        if self._session is None:
            known = model.sessions.sessions.get(answer.id)
            # The list has its rates already: they need not begin with nothing.
            self._session = replace(known, row=answer) if known else Session(answer)
        self._session.row = answer
        self._session.count(model.now_s)
        if answer.state != SessionState.CLOSED:
            model.histories.observe(answer, model.now_s)
        self.show_body()

    def refused(self, pull: Pull, reason: str) -> None:
        """Say that there is no such session any more."""
        self._is_refused = True
        self.query_one("#sentence", Lines).show(
            [
                (Span(f" {self.session_id}: {safe(reason)}", "warn"),),
                (Span(" esc goes back", "dim"),),
            ]
        )

    def fault_scopes(self) -> Sequence[Scope]:
        """Return this session, and what it belongs to."""
        detail = self._detail
        if detail is None or detail.state == SessionState.CLOSED:
            return super().fault_scopes()
        return scopes_of_session(detail)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Take away the keys that come too late when the session is over."""
        if self._is_over and action in _NEED_IT_ALIVE:
            return False
        return super().check_action(action, parameters)

    def guide_height(self) -> int:
        """Leave the room to the session where there is little."""
        return super().guide_height() if self.has_class("-roomy") else 1

    # -- what is shown

    def show_body(self) -> None:
        """Show the session as of now."""
        detail, session = self._detail, self._session
        if detail is None or session is None:
            if not self._is_refused:
                unknown = Span(f" {self.session_id}: {UNKNOWN}", "dim")
                self.query_one("#sentence", Lines).show([(unknown,)])
            return
        is_over = detail.state == SessionState.CLOSED
        if is_over != self._is_over:
            self._is_over = is_over
            self.refresh_bindings()
        said = self._sentence(session)
        sentence = self.query_one("#sentence", Lines)
        # It grows with what it has to say, and does not jump back.
        if self.size.width != self._sentence_width:
            self._sentence_width, self._sentence_rows = self.size.width, _LEAST_SENTENCE_ROWS
        most = _LEAST_SENTENCE_ROWS if self.has_class("-low") else _SENTENCE_ROWS
        self._sentence_rows = min(max(self._sentence_rows, len(said)), most)
        sentence.styles.height = self._sentence_rows
        sentence.show(said)
        client = self.query_one("#client-side", Lines)
        backend = self.query_one("#backend-side", Lines)
        entitle(client, f"client · fd {detail.client.fd} · {shown(detail.client.address)}")
        title = "backend"
        if detail.backend is not None:
            title = f"backend · fd {detail.backend.fd} · {shown(detail.backend.address)}"
        entitle(backend, title)
        for box, peer, side, rates, role in (
            (client, detail.client, "client",
             (session.client_in_per_s, session.client_out_per_s), "response"),
            (backend, detail.backend, "backend",
             (session.backend_in_per_s, session.backend_out_per_s), "request"),
        ):  # fmt: skip
            samples = self._samples.get(side, [])
            lines = side_panel(peer, samples, rates, box.content_size, role, is_over=is_over)
            box.show(lines)
        self.also_bind(
            *(("bytes",) if self._shows_bytes else ()),
            *(("peek",) if self._tab == _PEEK else ()),
            *(("stopped",) if detail.stopped else ()),
        )
        self._show_tab(detail)

    def _sentence(self, session: Session) -> list[Line]:
        glyph, word, role = state_of(session.row)
        head = f"{session.id} {glyph} {word}"
        request = session.row.request
        asked = shown(f"{request.method} {request.host}{request.path}") if request else ""
        first = line(Span(" Connections > ", "dim"), Span(head, role or "strong"), f"  {asked}")
        (span,) = why(session)
        rows = wrap(span.text, max(self.size.width - 2, 10))
        return [first, *((Span(f" {row}", span.role),) for row in rows)]

    def _show_tab(self, detail: ConnectionDetail) -> None:
        table, facts = self.table, self.query_one("#facts", Lines)
        is_timeline = self._tab == 0 and bool(detail.calls)
        self.set_class(self._tab != 0, "-reading")
        peek = self._peek if self._shows_bytes and detail.watched else None
        pane = self.query_one("#peek", BytePane)
        table.set_class(not is_timeline, "-absent")
        facts.set_class(is_timeline or peek is not None, "-absent")
        pane.set_class(peek is None, "-absent")
        title = " │ ".join(
            f"▐{name}▌" if index == self._tab else name for index, name in enumerate(_TABS)
        )
        if peek is not None:
            self._show_bytes(pane, peek, title)
            return
        if is_timeline:
            if self.focused is None:
                table.focus()
            first = detail.calls_dropped
            table.show([Call(first + index, row) for index, row in enumerate(detail.calls)])
            entitle(table, title, self._timeline_state(detail))
            if self._follows:
                table.action_last()
            return
        entitle(facts, title)
        width = max(self.size.width - 4, 20)
        is_text = 0 < self._tab <= len(_TEXTS)
        facts.show(_TEXTS[self._tab - 1](detail, width) if is_text else self._no_calls(detail))

    def _show_bytes(self, pane: BytePane, peek: PeekReply, title: str) -> None:
        width = max(self.size.width - EDGE_COLUMNS, 20)
        if self._tab == _HEADERS:
            state = "it is over" if self._is_over else "recording"
            pane.show(
                head_lines(peek, width), title, f"{counted(len(peek.heads), 'head')} · {state}"
            )
        else:
            form = "hex: h shows text" if self._is_hex else "text: h shows hex"
            pane.show(byte_lines(peek, width, is_hex=self._is_hex), title, form)

    def _timeline_state(self, detail: ConnectionDetail) -> str:
        parts = [f"{len(detail.calls):,} calls"]
        if detail.calls_dropped:
            parts.append(f"{detail.calls_dropped:,} older ones not kept")
        if detail.state == SessionState.CLOSED:
            parts.append("it is over")
        elif detail.watched:
            parts.append("recording")
        else:
            parts.append("not recording" + (": w records" if detail.stopped is None else ""))
        if self._follows and not self._is_over:
            parts.append("following")
        return " · ".join(parts)

    def _no_calls(self, detail: ConnectionDetail) -> list[Line]:
        if detail.state == SessionState.CLOSED:
            what = "none of its bytes" if self._shows_bytes else "none of its calls"
            return [(Span(f"It is over, and {what} was recorded.", "dim"),)]
        if detail.watched:
            said = "Recording." if self._shows_bytes else "Recording. No system call yet."
            return [(Span(said, "dim"),)]
        if self.shell.model.read_only:
            return [(Span("Nobody records this session.", "dim"),)]
        if detail.stopped is not None:
            # Here `w` sends what the breakpoint holds.
            return [(Span(f":watch {detail.id}", "key"), Span(" records its calls, also now."))]
        if self._shows_bytes:
            return [
                (Span("w", "key"), Span(" records what both sides of this session send from then")),
                (Span("  on. Secrets in it are hidden."),),
            ]
        return [
            (Span("w", "key"), Span(" records each recv and send of this session: how many bytes")),
            (Span("  it wanted, how many it got, and every EAGAIN."),),
        ]

    # -- acts

    def action_tab(self, step: int) -> None:
        """Show the next tab, or the one before."""
        self._tab = (self._tab + step) % len(_TABS)
        self.show_body()

    def action_hex(self) -> None:
        """Show bytes as hex digits, or as text."""
        self._is_hex = not self._is_hex
        self.show_body()

    def action_find(self) -> None:
        """Let the person type what to look for."""
        self.query_one("#peek", BytePane).bar.open()

    def action_next(self, step: int) -> None:
        """Go to the next line that has what is looked for, or the one before."""
        self.query_one("#peek", BytePane).find(step)

    def widen(self) -> bool:
        """End the search."""
        return self.query_one("#peek", BytePane).end_search()

    def action_breaks(self) -> None:
        """Show the breakpoints."""
        _ = self.app.push_screen(BreaksScreen())

    def action_follow(self) -> None:
        """Follow the newest call, or stop."""
        self._follows = not self._follows
        self.show_body()

    def on_virtual_table_moved(self) -> None:
        """Away from the end, stop following."""
        self._follows = self.table.cursor_index == len(self.table.rows) - 1

    def action_watch(self) -> None:
        """Record the calls of this session, or stop it."""
        is_watched = self._detail is not None and self._detail.watched
        params = {"id": self.session_id} | ({"off": True} if is_watched else {})
        self.shell.give("watch", params)

    def action_pause(self) -> None:
        """Pause this session, or let it go on."""
        if self._detail is not None:
            self.shell.pause_or_resume(self._detail)

    def action_kernel_share(self) -> None:
        """Ask how much the kernel may hold unsent."""
        if self._detail is not None:
            ask_share(self, self._detail)

    def action_close(self) -> None:
        """Ask whether to close this session."""
        seen = [self._session] if self._session else []
        self.shell.close_sessions([self.session_id], seen)

    def action_neighbour(self, step: int) -> None:
        """Go to the next session of the list, or to the one before."""
        ids = [session.id for session in self.shell.model.sessions.rows()]
        if self.session_id not in ids:
            self.shell.say("This session is not in the list any more: esc goes back to it.")
            return
        index = ids.index(self.session_id) + step
        if 0 <= index < len(ids):
            self.session_id = ids[index]
            self._detail = self._session = self._peek = None
            self._is_refused = False
            self._sentence_width = 0
            self._samples = {}
            self.shell.feed.nudge()

    def copy_text(self) -> tuple[str, str] | None:
        """Return the line of bytes under the cursor, or the session with its calls as JSON."""
        chosen = self.query_one("#peek", BytePane).table.cursor_row
        if self._shows_bytes and chosen is not None:
            return chosen.text, "the line"
        if self._detail is None:
            return None
        return json_of(self._detail), f"session {self.session_id} as JSON"

    def copies(self) -> tuple[str, Sequence[Copy]] | None:
        """Return the forms of this session."""
        detail = self._detail
        return (f"session {detail.id}", copies_of_session(detail)) if detail else None

    def export_rows(self) -> tuple[str, Sequence[msgspec.Struct]] | None:
        """Return the recorded calls."""
        return f"calls-{self.session_id}", [call.row for call in self.table.rows]
