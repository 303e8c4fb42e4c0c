"""The fault matrix of `tests/faults.toml`, read, and written as a page."""

import tomllib
from pathlib import Path
from typing import NamedTuple

from rsp.core.legend import CLOSE_REASONS

MATRIX = Path(__file__).parent.parent / "tests" / "faults.toml"


class Phase(NamedTuple):
    """How far a session has come when something goes wrong."""

    name: str
    says: str


class Cell(NamedTuple):
    """One fault in one phase, and what comes of it."""

    fault: str
    phase: str
    client: str
    backend: str
    reason: str

    @property
    def outcome(self) -> str:
        """What comes of it, in the words of the file."""
        return f"{self.client} | {self.backend} | {self.reason}"


class Fault(NamedTuple):
    """Something that goes wrong."""

    name: str
    says: str
    cells: list[Cell]


def _cell(fault: str, phase: str, outcome: str) -> Cell:
    client, backend, reason = outcome.split(" | ")
    return Cell(fault, phase, client, backend, reason)


_READ = tomllib.loads(MATRIX.read_text())
PHASES = [Phase(row["name"], row["says"]) for row in _READ["phase"]]
FAULTS = [
    Fault(
        row["name"],
        row["says"],
        [_cell(row["name"], phase, outcome) for phase, outcome in row["cells"].items()],
    )
    for row in _READ["fault"]
]


def reason_table() -> str:
    """Return every close reason with its sentence."""
    lines = ["| close reason | what it means |", "|---|---|"]
    lines += [f"| `{reason.value}` | {text} |" for reason, text in CLOSE_REASONS.items()]
    return "\n".join(lines)


def fault_tables() -> str:
    """Return the matrix, one table for each phase."""
    return "\n\n".join(_phase_table(phase) for phase in PHASES)


def _phase_table(phase: Phase) -> str:
    lines = [
        f"### `{phase.name}`: {phase.says}",
        "",
        "| what goes wrong | the client sees | backend connection | close reason |",
        "|---|---|---|---|",
    ]
    for fault in FAULTS:
        lines += [
            f"| {fault.says} | {cell.client} | {cell.backend} | `{cell.reason}` |"
            for cell in fault.cells
            if cell.phase == phase.name
        ]
    return "\n".join(lines)
