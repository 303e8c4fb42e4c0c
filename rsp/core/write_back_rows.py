"""What `rsp ctl write-back` answers."""

import msgspec


class WrittenBack(msgspec.Struct):
    """`write_back`: the live edits in the text of the file."""

    generation: int
    changed: list[str]
    """One sentence for each thing that the file says by now, or would."""
    diff: str
    """A unified diff from the old text to the new one."""
    written: bool
    """False: it was a preview."""
    backup: str | None
    """Where the old text is kept."""
    missed: list[str] = []
    """`-- expect:` lines that hold in the old text, and no longer in the new one."""
