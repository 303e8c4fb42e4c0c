"""A real terminal to run the dashboard in: a tmux server of our own."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from tests.behaviour.waiting import PATIENCE_S, wait_until


class Terminal:
    """Runs one command in a terminal of 100 x 30; types into it, and reads its screen."""

    def __init__(self, directory: Path, name: str, *arguments: str) -> None:
        """Run `rsp` with `arguments`; its control sockets are at their usual place below
        `directory`, and what is ours there begins with `name`."""
        self._socket = directory / f"{name}.tmux"
        self._exit = directory / f"{name}.exit"
        command = shlex.join([sys.executable, "-m", "rsp", *arguments])
        # The command's own end must be seen, whatever tmux does with its window afterwards.
        script = f"{command}; echo $? > {shlex.quote(str(self._exit))}; cat"
        environment = {
            **os.environ,
            "XDG_RUNTIME_DIR": str(directory),
            "TERM": "xterm-256color",
            "SHELL": "/bin/sh",
        }
        subprocess.run(
            ["tmux", "-S", str(self._socket), "-f", "/dev/null", "new-session", "-d",
             "-x", "100", "-y", "30", script],
            env=environment, stdin=subprocess.DEVNULL, check=True, timeout=PATIENCE_S,
        )  # fmt: skip

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        return done.stdout

    @property
    def screen(self) -> str:
        """What stands on it now."""
        return self._tmux("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        """Press keys, by the names that tmux has for them."""
        self._tmux("send-keys", *keys)

    def wait_for(self, text: str) -> str:
        """Return the screen once `text` stands on it; where lines break does not matter.

        Raises:
            AssertionError: it does not; shows what does.
        """
        try:
            return wait_until(lambda: seen if squeezed(text) in (seen := self.squeezed) else "")
        except AssertionError:
            raise AssertionError(f"{text!r} is not on the screen:\n{self.screen}") from None

    @property
    def squeezed(self) -> str:
        """What stands on it, without any blanks."""
        return squeezed(self.screen)

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size: the program gets SIGWINCH."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def pid_of_command(self) -> int:
        """Return the process id of `rsp`: the shell's only child."""
        shell = self._tmux("list-panes", "-F", "#{pane_pid}").strip()
        children = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
        return int(children[0])

    def leave(self, key: str) -> int:
        """Leave the dashboard; `key` answers what becomes of the engine. Return the exit status."""
        self.press("q")
        self.wait_for("Leave rsp")
        wait_until(lambda: self.has_ended_by(key))
        return self.wait_for_end()

    def has_ended_by(self, key: str) -> bool:
        """Press `key` and look: a question that has just come is deaf for a moment."""
        self.press(key)
        return self._exit.exists()

    def wait_for_end(self) -> int:
        """Return the exit status of the command, once it has ended."""
        return int(wait_until(lambda: self._exit.exists() and self._exit.read_text().strip()))

    def close(self) -> None:
        """End the server, and with it everything that runs in it."""
        self._tmux("kill-server")


def squeezed(text: str) -> str:
    """Return `text` without blanks and line ends, wherever a terminal broke its lines."""
    return "".join(text.split())
