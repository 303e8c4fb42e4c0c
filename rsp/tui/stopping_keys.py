"""The keys of a session that stopped at a breakpoint, of the breakpoints, and of bytes to read."""

from rsp.tui.key import Key


def stopped_keys() -> list[Key]:
    """Return the keys that take the place of the view's own while its session is stopped."""
    rows = [
        ("read", "s", "step('read')", "Read", "Read once; the session stays stopped"),
        ("write", "w", "step('write')", "Write", "Send once; the session stays stopped"),
        ("next", "n", "step('event')", "Next", "Make the next call, whichever it is"),
        ("go_on", "c", "go_on", "Go on", "Let the session go on"),
        ("close", "x", "close", "Close", "Close the session, by FIN or RST"),
        ("edit", "e", "edit_pending", "Edit", "Change bytes that wait to be sent"),
    ]
    return [
        Key(f"stopped.{name}", key, action, label, tooltip, "stopped", mutates=True)
        for name, key, action, label, tooltip in rows
    ]


def reading_keys() -> list[Key]:
    """Return the keys of the tabs of a session that show bytes."""
    where = "bytes"
    return [
        Key("bytes.find", "slash", "find", "Find", "Look for some text", where),
        Key("bytes.next", "n", "next(1)", "Next", "The next line that has it", where,
            pair="bytes.before"),
        Key("bytes.before", "N", "next(-1)", "", "The line before that has it", where),
        Key("bytes.hex", "h", "hex", "Hex", "Show bytes as hex digits, or as text", "peek"),
    ]  # fmt: skip


def break_keys() -> list[Key]:
    """Return the keys of the screen of breakpoints, and the one that leads there."""
    where = "breaks"
    title, said = "Breaks", "Breakpoints: add, list, remove"
    return [
        *(Key(f"{place}.breaks", "ctrl+b", "breaks", title, said, place)
          for place in ("connections", "detail")),
        Key("breaks.add", "a", "add", "Add", "Add a breakpoint", where, mutates=True),
        Key("breaks.remove", "x", "remove", "Remove", "Remove it; who stands there goes on", where,
            mutates=True),
        Key("breaks.go_on", "c", "go_on", "Continue all", "Let all stopped sessions go on", where,
            mutates=True),
    ]  # fmt: skip
