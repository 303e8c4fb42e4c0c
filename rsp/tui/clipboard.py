"""The clipboard of the terminal that the person sits at, also through tmux: OSC 52."""

import base64
from collections.abc import Mapping

from rsp.tui.limits import COPY_BYTES


class TooMuchToCopy(Exception):
    """The text is longer than terminals accept."""


def osc_52(text: str, environment: Mapping[str, str]) -> str:
    """Return the escape sequence that puts `text` on the clipboard.

    tmux passes a sequence on to its terminal only when it is wrapped (DCS, escapes doubled).

    Raises:
        TooMuchToCopy: the sequence would be longer than common terminals accept.
    """
    encoded = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    if len(encoded) > COPY_BYTES:
        raise TooMuchToCopy(
            f"{len(text):,} characters are more than a terminal's clipboard takes; "
            "ctrl+s saves the rows to a file"
        )
    sequence = f"\x1b]52;c;{encoded}\x07"
    if environment.get("TMUX"):
        doubled = sequence.replace("\x1b", "\x1b\x1b")
        return f"\x1bPtmux;{doubled}\x1b\\"
    return sequence
