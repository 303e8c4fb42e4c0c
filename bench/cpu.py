"""What a process has cost: CPU and memory, its children included. Source: proc(5)."""

import os
from pathlib import Path

TICK_US = 1_000_000 // os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def family(pid: int) -> list[int]:
    """Return `pid` and all its living descendants."""
    found = [pid]
    for member in found:
        for task in Path(f"/proc/{member}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def cpu_us(pid: int) -> int:
    """Return the microseconds of CPU, user and system, that `pid` and its descendants have used,
    the ended and reaped ones among them too. The kernel counts in ticks of 10 ms."""
    return sum(sum(_times(member)) for member in family(pid)) * TICK_US


def _times(pid: int) -> list[int]:
    # The name, in brackets, may hold blanks; utime is field 14 of the line, cstime field 17.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [int(field) for field in fields[11:15]]


def resident_bytes(pid: int) -> int:
    """Return the resident memory of `pid` and its descendants, shared pages counted in each."""
    pages = (int(Path(f"/proc/{member}/statm").read_text().split()[1]) for member in family(pid))
    return sum(pages) * PAGE_BYTES
