"""What the engine answers of changes: edits, who made which generation, what is on trial, and who
still goes where an old generation sent them."""

import msgspec


class ChangeRow(msgspec.Struct):
    """What made one generation."""

    generation: int
    at: str
    who: str
    what: str
    kind: str
    """A `ChangeKind`."""


class EditRow(msgspec.Struct):
    """One live edit."""

    generation: int
    at: str
    who: str
    what: str


class Edits(msgspec.Struct):
    """`edits`: the layer over the file, oldest first, and what was undone, the next one last."""

    edits: list[EditRow]
    undone: list[EditRow]
    """Edits and reloads that `redo` would do again."""
    next_undo: str = ""
    """What `undo` would take back, an edit or a reload; empty when there is nothing."""
    history: list[ChangeRow] = []
    """The last generations, oldest first."""


class TrialRow(msgspec.Struct):
    """The change that is on trial."""

    generation: int
    what: str
    who: str
    left_s: float
    """It is taken back after this, unless `confirm` comes."""
    max_errors_percent: float
    """It is taken back at once when more of its exchanges, or of its tcp sessions, fail."""
    exchanges: int = 0
    """Those decided in this generation that were answered so far."""
    failed: int = 0
    """Of these and of the tcp sessions."""
    sessions: int = 0
    """tcp sessions decided in this generation; the present ones are among them once one failed."""


class OldSessions(msgspec.Struct):
    """`old-sessions`: those that were decided, or began, in a generation before `before`."""

    generation: int
    before: int
    sessions: list[int]
    """Their ids, as they were before anything was done."""
    generations: dict[int, int]
    """How many of them each generation has."""
    closed: list[int] = []
    """Those that were told to close now."""
    ending: list[int] = []
    """Those that end with their present exchange, or their next one."""
    staying: list[int] = []
    """Those that stay until they end by themselves: tcp sessions and tunnels have no requests."""
    done: str = ""
    """What was done, in a sentence."""
