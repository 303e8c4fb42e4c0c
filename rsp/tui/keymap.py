"""THE KEYS: one list. The bindings, the key line, the help and the palette are made from it."""

from collections.abc import Iterable

from textual.binding import Binding, BindingType

from rsp.tui.key import Key
from rsp.tui.stopping_keys import break_keys, reading_keys, stopped_keys


def _table() -> list[Key]:
    where = "table"
    return [
        Key("open", "enter", "open", "Open", "Open the row under the cursor", where),
        Key("nav.down", "down,j", "move(1)", "", "The next row", where),
        Key("nav.up", "up,k", "move(-1)", "", "The row before", where),
        Key("nav.page_down", "pagedown", "page(1)", "", "A screen down", where),
        Key("nav.page_up", "pageup", "page(-1)", "", "A screen up", where),
        Key("nav.first", "home", "first", "", "The first row", where),
        Key("nav.top", "g", "top", "", "The first row", where),
        Key("nav.last", "end,G", "last", "", "The last row", where),
    ]


def _changing(id: str, keys: str, action: str, label: str, tooltip: str, where: str) -> Key:
    return Key(id, keys, action, label, tooltip, where, mutates=True)


def _connections() -> list[Key]:
    where = "connections"
    return [
        Key("filter", "slash", "filter", "Filter", "Show only some sessions", where),
        _changing("close", "X", "close", "Close…", "Close the session, or the marked ones", where),
        _changing("pause", "P", "pause", "Pause", "Pause the session, or let it go on", where),
        _changing(
            "kernel",
            "K",
            "kernel_share",
            "",
            "How much the kernel may hold unsent for the session",
            where,
        ),
        Key("exchanges", "E", "exchanges", "Exchanges", "The last finished exchanges", where),
        Key("pauses", "b", "pauses", "Blockers", "Who blocks whom", where),
        Key(
            "sort.prev",
            "less_than_sign",
            "sort_by(-1)",
            "Sort",
            "Sort by the column before",
            where,
            pair="sort.next",
        ),
        Key(
            "sort.next",
            "greater_than_sign",
            "sort_by(1)",
            "",
            "Sort by the next column",
            where,
        ),
        Key("sort.reverse", "r", "reverse", "Reverse", "Turn the order round", where),
        Key("mark", "m", "mark", "Mark", "Mark the session, or unmark it", where),
        Key("mark.only", "M", "only_marked", "", "Show only the marked sessions, or all", where),
        Key("mark.none", "U", "unmark", "", "Unmark every session", where),
        Key("follow", "F", "follow", "Follow", "Keep the session under the cursor in sight", where),
    ]


def _detail() -> list[Key]:
    where = "detail"
    return [
        _changing(
            "detail.watch", "w", "watch", "Watch", "Record each system call, or stop it", where
        ),
        Key(
            "tab.prev",
            "left_square_bracket",
            "tab(-1)",
            "Tab",
            "The tab before",
            where,
            pair="tab.next",
        ),
        Key("tab.next", "right_square_bracket", "tab(1)", "", "The next tab", where),
        _changing(
            "detail.pause", "P", "pause", "Pause", "Pause the session, or let it go on", where
        ),
        _changing(
            "detail.kernel",
            "K",
            "kernel_share",
            "Kernel…",
            "How much the kernel may hold unsent",
            where,
        ),
        _changing("detail.close", "X", "close", "Close…", "Close the session", where),
        Key(
            "detail.prev",
            "left",
            "neighbour(-1)",
            "Neighbour",
            "The session before in the list",
            where,
            pair="detail.next",
        ),
        Key("detail.next", "right", "neighbour(1)", "", "The next session in the list", where),
        Key("detail.follow", "F", "follow", "Follow", "Follow the newest call", where),
    ]


def _backends() -> list[Key]:
    where = "backends"
    mutating = [
        ("add", "a", "add_backend", "Add", "Add a backend to this pool", ""),
        ("edit", "e", "edit_backend", "Edit", "Edit address, weight and limit", ""),
        ("state", "d", "backend_state", "State…", "READY, DRAIN or MAINT", ""),
        ("up", "plus,f7", "weigh(1)", "Weight", "Weight up by 1", "backends.down"),
        ("down", "minus,f6", "weigh(-1)", "", "Weight down by 1", ""),
        (
            "far_up",
            "right_curly_bracket,f8",
            "weigh(10)",
            "±10",
            "Weight up by 10",
            "backends.far_down",
        ),
        ("far_down", "left_curly_bracket,f5", "weigh(-10)", "", "Weight down by 10", ""),
        ("weight", "equals_sign", "exact_weight", "Exact", "Give it an exact weight", ""),
        ("remove", "x", "remove_backend", "Remove…", "Remove it, now or when it is idle", ""),
        ("write", "W", "app.write_back", "Write…", "Write the live edits into the file", ""),
    ]
    return [
        Key(f"backends.{name}", keys, action, label, tooltip, where, mutates=True, pair=pair)
        for name, keys, action, label, tooltip, pair in mutating
    ]


def _routing() -> list[Key]:
    where = "routing"
    return [
        Key("routing.filter", "slash", "filter", "Filter", "Show only some decisions", where),
        Key("routing.try", "t", "try_route", "Try", "Where would a request go? Sends none", where),
        Key("routing.group", "g", "group", "Group", "Count by backend, host or reason", where),
        Key("routing.session", "o", "session", "Session", "Go to the session", where),
        Key("routing.backend", "b", "backend", "Backend", "Go to the backend", where),
        Key("routing.follow", "F", "follow", "Follow", "Follow the newest decision", where),
        Key("trace.edit", "e", "edit_line", "Edit", "Open the file at this line", "trace", True),
    ]


def _config() -> list[Key]:
    where = "config"
    return [
        Key(
            "config.edit",
            "e",
            "edit_file",
            "Edit",
            "Open the file in $VISUAL, $EDITOR or vi, at the error",
            where,
            mutates=True,
        ),
        _changing(
            "config.write", "W", "app.write_back", "Write…", "Write the live edits into the file",
            where,
        ),
        Key("config.validate", "V", "validate", "Validate", "Does what is on disk load?", where),
        Key("config.find", "slash", "find", "Find", "Look for some text", where),
        Key(
            "config.error",
            "n",
            "next(1)",
            "Next",
            "The next line that has it; without a search, the line that is wrong",
            where,
            pair="config.before",
        ),
        Key("config.before", "N", "next(-1)", "", "The line before that has it", where),
        Key(
            "config.prev", "left_square_bracket", "tab(-1)", "Pane", "The pane before", where,
            pair="config.next",
        ),
        Key("config.next", "right_square_bracket", "tab(1)", "", "The next pane", where),
        _changing(
            "config.old",
            "o",
            "old_sessions",
            "Old sessions",
            "Sessions of old generations: leave, drain or close them",
            where,
        ),
    ]  # fmt: skip


def _events() -> list[Key]:
    where = "events"
    return [
        Key("autopsies", "A", "autopsies", "Autopsies", "How the last sessions ended", where),
        Key("events.filter", "slash", "filter", "Filter", "Show only some events", where),
        Key("events.level", "l", "level", "Level", "Show events of this level and above", where),
        Key("events.source", "s", "source", "Source", "Show events of one source", where),
        Key(
            "events.next_error",
            "n",
            "next_error(1)",
            "Next error",
            "The next warning or error",
            where,
            pair="events.prev_error",
        ),
        Key("events.prev_error", "N", "next_error(-1)", "", "The warning or error before", where),
        Key("events.time", "t", "time", "Time", "Hide the time of each event, or show it", where),
        Key("events.follow", "F", "follow", "Follow", "Follow the newest event", where),
    ]


def _exchanges() -> list[Key]:
    where = "exchanges"
    return [
        Key("exchanges.filter", "slash", "filter", "Filter", "Show only some exchanges", where),
        Key("exchanges.follow", "F", "follow", "Follow", "Follow the newest exchange", where),
    ]


def _autopsies() -> list[Key]:
    where = "autopsies"
    return [
        Key("autopsies.filter", "slash", "filter", "Filter", "Show only some: code:SD", where),
        Key("autopsies.follow", "F", "follow", "Follow", "Follow the newest ending", where),
    ]


def _everywhere() -> list[Key]:
    """What a person does with what is shown."""
    where = "everywhere"
    return [
        Key(
            "freeze",
            "space,p",
            "app.freeze",
            "Freeze",
            "Freeze the lists; the engine runs on",
            where,
        ),
        Key(
            "copy", "y", "copy", "Copy", "Copy the row under the cursor, or what is selected", where
        ),
        Key(
            "copy_as",
            "Y",
            "copy_as",
            "Copy as",
            "Copy the row as JSON, curl, ss or tcpdump; not on Config",
            where,
        ),
        Key(
            "export",
            "ctrl+s",
            "export",
            "",
            "Save the rows as JSON in the current directory",
            where,
        ),
        Key(
            "maximise", "f", "maximise", "Max", "Give the list all the room, or take it back", where
        ),
    ]


def _app() -> list[Key]:
    """What a person does with the dashboard and the engine, also everywhere."""
    where = "everywhere"
    return [
        Key(
            "rate.up",
            "plus",
            "app.rate(1)",
            "",
            "Refresh more often; a weight on Backends",
            where,
            pair="rate.down",
        ),
        Key(
            "rate.down",
            "minus",
            "app.rate(-1)",
            "",
            "Refresh less often; a weight on Backends",
            where,
        ),
        Key("settings", "f2", "app.settings", "Settings", "Theme, refresh rate, columns", where),
        _changing("undo", "z", "app.undo", "Undo", "Undo the last edit or reload", where),
        _changing("redo", "Z", "app.redo", "", "Do again what was undone", where),
        _changing("confirm", "C", "app.confirm", "", "Keep the change that is on trial", where),
        Key(
            "reload",
            "ctrl+r",
            "app.reload",
            "Reload",
            "Check the configuration, then reload it",
            where,
            mutates=True,
        ),
        Key("faults", "T", "faults", "Fault…", "Break it on purpose; mend it", where, mutates=True),
        Key("header", "ctrl+e", "app.header", "", "Hide the header, or show it", where),
        Key("guide", "h", "app.guide", "", "Hide the guide, or show it", where),
        Key("palette", "colon,ctrl+p", "app.palette", "Cmd", "Give a command by name", where),
        Key("help", "question_mark,f1", "app.help", "Help", "Every key of this screen", where),
        Key("back", "escape", "back", "", "Close, clear the filter, or go back", where),
        Key("back_or_quit", "q", "back_or_quit", "Back", "Go back; from the top, leave", where),
        Key("quit", "ctrl+q", "app.quit", "", "Leave the dashboard", where),
    ]


KEYS: tuple[Key, ...] = (
    *_table(),
    *stopped_keys(),
    *reading_keys(),
    *_connections(),
    *_detail(),
    *break_keys(),
    *_backends(),
    *_routing(),
    *_config(),
    *_events(),
    *_exchanges(),
    *_autopsies(),
    *_everywhere(),
    *_app(),
)
"""In the order of the key line and of the help."""

BY_ID = {key.id: key for key in KEYS}


def bindings(where: str) -> list[BindingType]:
    """Return the bindings of one screen or widget."""
    return bindings_of(key for key in KEYS if key.where == where)


def bindings_of(keys: Iterable[Key]) -> list[BindingType]:
    """Return the bindings of some keys."""
    return [
        Binding(
            key.keys,
            key.action,
            key.label,
            show=bool(key.label),
            key_display=key.names[0],
            tooltip=key.tooltip,
            id=key.id,
        )
        for key in keys
    ]


def mutating_actions() -> frozenset[str]:
    """Return the names of the actions that change something in the engine."""
    return frozenset(
        key.action.removeprefix("app.").partition("(")[0] for key in KEYS if key.mutates
    )
