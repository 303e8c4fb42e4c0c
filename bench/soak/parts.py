"""The parts of the soak: each puts one load on one proxy, and says what came of it."""

import csv
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from bench.machine import LOAD_CORE
from bench.soak.long_tests import fuzz, whole_program
from bench.soak.lua import lua_attacks
from bench.soak.stage import (
    READY_S,
    Outcome,
    Stage,
    crowd,
    live,
    measured,
    note_live,
)

BASELINE_S = 10.0
LOAD_S = 60.0
HOLD_S = 45.0
"""Idle connections are held for less than the shortest keep-alive allowance, opening included."""

SLOW_READERS = 1_000
SLOW_BYTES_PER_S = 1_000_000
IDLE = 10_000
IN_FLIGHT = 4_000
ATTACKERS = 1_000
ATTACKERS_PER_S = 200
ATTACK_S = 90
"""Longer than any allowance of rsp for heads, bodies and reading, whatever the scale."""
MIXED_PER_S = 300

ATTACKS = {
    "slow heads": ["-H", "-i", "5", "-x", "24"],
    "slow bodies": ["-B", "-i", "5", "-s", "100000", "-x", "10"],
    "slow reads": ["-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-k", "3"],
}
"""What slowhttptest is told: one byte or two now and then, on all connections."""

ATTACKED = {"slow bodies": "/upload", "slow reads": "/bulk"}
"""A page that is answered only when the body is there, and one that is worth holding up."""


def slow_readers(stage: Stage) -> Outcome:
    """Many clients read a big file at 1 MB a second in all."""
    count, seconds = stage.scale.count(SLOW_READERS), stage.scale.seconds(LOAD_S)
    rate = SLOW_BYTES_PER_S * count / SLOW_READERS
    outcome = Outcome(f"{count:,} readers, {rate / 1e6:.2f} MB/s in all, {seconds:.0f} s")
    outcome.each = count
    words = ("--rate", rate, "--path", "/big", "--file", stage.pages / "big")
    with (
        measured(stage, outcome, stage.scale.seconds(BASELINE_S)),
        crowd(stage, "slow", count, seconds, *words) as readers,
    ):
        readers.wait_until_ready()
        with live(stage, seconds - 2) as beside:
            note_live(outcome, beside.result(seconds + READY_S))
        seen = readers.result(seconds + READY_S)
        outcome.errors += int(seen["errors"])
        outcome.damaged = f"{seen['damaged']} of {seen['sampled']}"
        outcome.remark = f"{seen['received_bytes'] / 1e6:.1f} MB read"
    return outcome


def idle(stage: Stage) -> Outcome:
    """Many connections are kept alive and say nothing."""
    count, seconds = stage.scale.count(IDLE), stage.scale.seconds(HOLD_S)
    outcome = Outcome(f"{count:,} idle, {seconds:.0f} s", each=count)
    with (
        measured(stage, outcome, stage.scale.seconds(BASELINE_S)),
        crowd(stage, "idle", count, seconds) as held,
    ):
        held.wait_until_ready()
        with live(stage, seconds - 2) as beside:
            note_live(outcome, beside.result(seconds + READY_S))
        outcome.errors += int(held.result(seconds + READY_S)["errors"])
    return outcome


def in_flight(stage: Stage) -> Outcome:
    """Many requests are under way at once, beside idle connections."""
    count, idle_count = stage.scale.count(IN_FLIGHT), stage.scale.count(IDLE)
    seconds = 40.0
    outcome = Outcome(f"{count:,} in flight beside {idle_count:,} idle", each=count + idle_count)
    words = ("--path", "/slow", "--file", stage.pages / "slow")
    with (
        measured(stage, outcome, stage.scale.seconds(BASELINE_S)),
        crowd(stage, "idle", idle_count, HOLD_S) as held,
    ):
        held.wait_until_ready()
        with crowd(stage, "at-once", count, seconds, *words) as asking:
            asking.wait_until_ready()
            with live(stage, 8.0) as beside:
                note_live(outcome, beside.result(seconds + READY_S))
            seen = asking.result(seconds + READY_S)
        outcome.errors += int(seen["errors"]) + int(held.result(HOLD_S + READY_S)["errors"])
        outcome.damaged = f"{seen['errors']} of {count}"
        outcome.remark = f"{seen['most_in_flight']:,} at once at most"
    return outcome


def attack(name: str) -> Callable[[Stage], Outcome]:
    """Return the part in which slowhttptest does one of its attacks."""

    def run(stage: Stage) -> Outcome:
        count, seconds = stage.scale.count(ATTACKERS), ATTACK_S
        outcome = Outcome(f"{count:,} connections, {seconds} s", each=count)
        prefix = stage.directory / name.replace(" ", "-")
        target = ATTACKED.get(name, "/page")
        command = ["taskset", "-c", str(LOAD_CORE), "slowhttptest", "-g", "-o", str(prefix)]
        command += ["-c", str(count), "-r", str(ATTACKERS_PER_S), "-l", str(seconds), "-p", "3"]
        command += [*ATTACKS[name], "-u", f"http://127.0.0.1:{stage.proxy.port}{target}"]
        with (
            measured(stage, outcome, stage.scale.seconds(BASELINE_S)) as meter,
            live(stage, seconds - 2) as beside,
        ):
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds + READY_S,
                check=False,
            )
            note_live(outcome, beside.result(READY_S))
        probes, closed = read_attack(prefix.with_suffix(".csv"))
        outcome.errors += probes
        gone_s = meter.rid_of_s()
        rid = f"proxy rid of them after {gone_s:.0f} s" if gone_s else "proxy not rid of them"
        outcome.remark = f"{rid}; {closed}; {_exit_status(done.stdout)}"
        return outcome

    return run


def read_attack(file: Path) -> tuple[int, str]:
    """Return how many probes of slowhttptest failed, and how its connections fared."""
    with file.open(newline="") as text:
        rows = [row for row in csv.DictReader(text) if row.get("Service Available") is not None]
    if not rows:
        return 0, "no statistics"
    failed = sum(float(row["Service Available"]) == 0 for row in rows)
    most = max(int(row["Connected"]) for row in rows)
    last = rows[-1]
    closed = f"{most:,} at once, {int(last['Closed']):,} closed after {last['Seconds']} s"
    return failed, closed


def _exit_status(said: str) -> str:
    found = re.search(r"Exit status:\s*(?:\x1b\[[0-9;]*m)*([^\x1b\n]+)", said)
    return found[1].strip() if found else "it said no exit status"


def mixed(stage: Stage) -> Outcome:
    """Pages, fresh connections, downloads and uploads for minutes: nothing grows, nothing fails."""
    seconds = 60 * stage.scale.minutes
    rate = max(20.0, MIXED_PER_S * min(1.0, stage.scale.factor))
    outcome = Outcome(f"{rate:.0f} requests/s, {seconds / 60:g} min")
    words = ("--mixed", "--rate", rate, "--churn", rate / 6, "--path", "/part")
    with measured(stage, outcome, stage.scale.seconds(BASELINE_S)) as meter:
        with live(stage, seconds, *words, "--file", stage.pages / "part") as beside:
            seen = beside.result(seconds + READY_S)
        note_live(outcome, seen)
        outcome.damaged = f"{seen['damaged']}"
    slope = meter.slope_bytes_per_s() * 600 / 2**20
    outcome.remark = f"{seen['requests']:,} requests, {slope:+.1f} MiB/10 min in the second half"
    return outcome


PARTS: dict[str, Callable[[Stage], Outcome]] = {
    "slow-readers": slow_readers,
    "idle": idle,
    "in-flight": in_flight,
    "slow-heads": attack("slow heads"),
    "slow-bodies": attack("slow bodies"),
    "slow-reads": attack("slow reads"),
    "lua-attacks": lua_attacks,
    "mixed": mixed,
    "whole-program": whole_program,
    "fuzz": fuzz,
}
