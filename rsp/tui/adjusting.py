"""What a person may adjust about the dashboard itself, while it runs."""

from textual.app import App, ReturnType

from rsp.tui.feed import Feed
from rsp.tui.limits import PULLS_PER_S
from rsp.tui.screens.frame import Frame


class AdjustableApp(App[ReturnType]):
    """Base of the app: it holds the acts that change how the dashboard shows what it shows."""

    feed: Feed

    @property
    def frame(self) -> Frame | None:
        """The screen that is shown, or the one below a dialog."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, Frame) and screen.is_laid_out:
                return screen
        return None

    def show_frame(self) -> None:
        """Show the header of the screen as of now."""
        if (frame := self.frame) is not None:
            frame.show_frame()

    def action_rate(self, step: int) -> None:
        """Pull more often, or less often."""
        here = PULLS_PER_S.index(self.feed.pulls_per_s)
        self.feed.pulls_per_s = PULLS_PER_S[min(max(here + step, 0), len(PULLS_PER_S) - 1)]
        self.show_frame()
