"""The README is true: its session is run as it stands, its configurations load, its commands exist.

A `console` block is a transcript: lines that begin with `$` are run, in one directory, one after
the other; the lines below them are what they print, where `…` stands for anything. Fixed ports
become free ones.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from rsp.cli import main
from tests.behaviour.ports import accepts, free_port

README = (Path(__file__).parent.parent / "README.md").read_text()
DEADLINE_S = 60
READS = ("rsp ctl connections", "rsp ctl exchanges", "rsp ctl decisions")
"""What may be asked again until the answer is there: traffic takes a moment."""


class Block(NamedTuple):
    language: str
    text: str


class Step(NamedTuple):
    command: str
    output: str


BLOCKS = [
    Block(*found)
    for found in re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
]


def steps_of(transcript: str) -> list[Step]:
    parts = re.split(r"^\$ ", transcript, flags=re.MULTILINE)[1:]
    return [
        Step(command, output) for command, _, output in (part.partition("\n") for part in parts)
    ]


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.05)


def matches(expected: str, said: str) -> bool:
    """Compare line by line but for blanks, whose number depends on the width of the columns."""
    wanted = re.escape(" ".join(expected.split())).replace("…", ".*").replace(r"\ ", " ?")
    return re.fullmatch(wanted, " ".join(said.split())) is not None


class Terminal:
    """Runs the commands of the transcript, and ends at its end whatever still runs."""

    def __init__(self, directory: Path, ports: dict[str, str]) -> None:
        self.directory = directory
        self.ports = ports
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environ = {**os.environ, "PATH": path, "XDG_RUNTIME_DIR": str(directory)}
        self.started: list[subprocess.Popen[bytes]] = []

    def real(self, text: str) -> str:
        """Put the free ports in the place of those that the README shows."""
        return re.sub("|".join(self.ports), lambda found: self.ports[found[0]], text)

    def run(self, step: Step) -> None:
        command = self.real(step.command)
        if command.endswith(" &") or command.startswith("rsp run"):
            self.start(command.removesuffix(" &"))
            return
        said = self.said(command)
        if command.startswith(READS):
            deadline_s = time.monotonic() + DEADLINE_S
            while not matches(self.real(step.output), said) and time.monotonic() < deadline_s:
                said = self.said(command)
        if step.output:
            assert matches(self.real(step.output), said), f"$ {command}\n{said}"

    def said(self, command: str) -> str:
        """Run a command to its end, and return what it printed."""
        run = self._bash(command, subprocess.PIPE)
        said, complained = run.communicate(timeout=DEADLINE_S)
        assert run.returncode == 0, f"$ {command}\n{complained.decode()}"
        return said.decode()

    def start(self, command: str) -> None:
        """Run a command beside the others, and wait until it does its work."""
        self.started.append(self._bash(f"exec {command}", subprocess.DEVNULL))
        if command.startswith("rsp run"):
            # Not by connecting to it: that would be session 1.
            wait_until(
                lambda: self._bash("rsp ctl status", subprocess.DEVNULL).wait() == 0, command
            )
        elif command.startswith("python3"):
            port = int(command.split()[3])
            wait_until(lambda: accepts(port), f"{command} does not listen")

    def _bash(self, command: str, output: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["bash", "-c", command],
            cwd=self.directory,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )

    def close(self) -> None:
        for process in self.started:
            process.terminate()
            process.communicate(timeout=DEADLINE_S)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    # Not tmp_path: the path of a unix socket may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="rsp-readme-") as directory:
        shown = ("8080", "8001", "8002")
        terminal = Terminal(Path(directory), {port: str(free_port()) for port in shown})
        try:
            yield terminal
        finally:
            terminal.close()


@pytest.mark.timeout(300)
def test_the_first_ten_minutes_go_as_told(terminal: Terminal) -> None:
    config = next(block.text for block in BLOCKS if block.language == "lua")
    (terminal.directory / "site.lua").write_text(terminal.real(config))
    steps = [s for block in BLOCKS if block.language == "console" for s in steps_of(block.text)]
    assert len(steps) >= 15
    for step in steps:
        terminal.run(step)
    engine = next(p for p in terminal.started if str(p.args).find("rsp run") > 0)
    assert engine.wait(DEADLINE_S) == 0, "rsp ctl stop ends the engine"


@pytest.mark.parametrize(
    ("expected", "said"),
    [("a …\nb", "a 1\nb\n"), ("ID  STATE …", "ID     STATE   CLIENT\n 1"), ("…", "")],
)
def test_dots_stand_for_anything(expected: str, said: str) -> None:
    assert matches(expected, said)


@pytest.mark.parametrize(("expected", "said"), [("a", "b"), ("a …\nb", "a 1\nc"), ("(…)", "()x")])
def test_what_differs_is_seen(expected: str, said: str) -> None:
    assert not matches(expected, said)


@pytest.mark.parametrize("number", range(sum(block.language == "lua" for block in BLOCKS)))
def test_a_configuration_passes_its_own_check(number: int, tmp_path: Path) -> None:
    config = [block.text for block in BLOCKS if block.language == "lua"][number]
    assert "-- expect:" in config
    (tmp_path / "site.lua").write_text(config)
    run = subprocess.run(
        [sys.executable, "-m", "rsp", "check", str(tmp_path / "site.lua")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, ""), run.stdout


def commands_named() -> list[str]:
    """Return every `rsp …` of the README, in its text and in its transcripts."""
    inline = re.findall(r"`(rsp [^`]+)`", README)
    typed = [
        s.command for block in BLOCKS if block.language == "console" for s in steps_of(block.text)
    ]
    return sorted({*inline, *(command for command in typed if command.startswith("rsp "))})


@pytest.mark.parametrize("written", commands_named())
def test_a_command_and_its_options_exist(written: str) -> None:
    words = shlex.split(written.replace("\\|", "|").replace("[", " ").replace("]", " "))[1:]
    command: click.Command = main
    known = {option for parameter in command.params for option in parameter.opts}
    for word in words:
        if isinstance(command, click.Group) and not word.startswith("-") and word.islower():
            found = command.get_command(click.Context(command), word)
            assert found is not None, f"{written}: there is no {word}"
            command = found
            known |= {option for parameter in command.params for option in parameter.opts}
        elif word.startswith("--"):
            assert word in {*known, "--help"}, f"{written}: there is no {word}"
