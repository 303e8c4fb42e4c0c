"""Titles in the border of a widget, painted again when their text is another one, and alone."""

from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget


def entitle(widget: Widget, title: str | None = None, subtitle: str | None = None) -> None:
    """Show a title above, a subtitle below, or both; None leaves what is there.

    Textual's own way, `border_title`, paints the whole widget anew each time, also for the same
    text; of a table that would be every line of it at every snapshot. So this sets what that sets.
    """
    width, height = widget.outer_size
    left, top = widget.content_offset
    if title is not None and _differs(widget._border_title, title):  # noqa: SLF001
        widget._border_title = Content(title)  # noqa: SLF001
        widget.refresh(Region(-left, -top, width, 1))
    if subtitle is not None and _differs(widget._border_subtitle, subtitle):  # noqa: SLF001
        widget._border_subtitle = Content(subtitle)  # noqa: SLF001
        widget.refresh(Region(-left, height - 1 - top, width, 1))


def _differs(present: Content | None, text: str) -> bool:
    return present is None or present.plain != text
