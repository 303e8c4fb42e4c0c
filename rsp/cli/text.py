"""Answers of the engine as plain text: aligned, without colour, nothing that a terminal obeys."""

from collections.abc import Callable
from typing import Any

import msgspec

from rsp.cli.table import as_table, shown
from rsp.core.explaining import Explanation, changed_locals
from rsp.core.hex_dump import hex_lines
from rsp.core.limits import TRIAL_LEAST_EXCHANGES
from rsp.core.sanitise import safe
from rsp.core.units import counted, spoken
from rsp.core.what_if_rows import WhatIf
from rsp.core.what_if_text import what_if_lines

_NOT_WATCHED = "nobody recorded this session: while it is live, `rsp ctl watch ID` does"


def as_text(method: str, answer: dict[str, Any]) -> str:
    """Return the text for people of the answer to a command."""
    return _TEXTS.get(method, _fields)(answer)


def _fields(answer: dict[str, Any], indent: str = "") -> str:
    width = max((len(key) for key in answer), default=0)
    lines = []
    for key, value in answer.items():
        if isinstance(value, dict) and value:
            lines += [f"{indent}{key}:", _fields(value, indent + "  ")]
        elif isinstance(value, list):
            lines.append(f"{indent}{key + ':':<{width + 1}} {len(value)}")
            lines += [_item(item, indent + "  ") for item in value]
        else:
            lines.append(f"{indent}{key + ':':<{width + 1}} {safe(shown(value))}")
    return "\n".join(lines)


def _item(item: object, indent: str) -> str:
    return _fields(item, indent) if isinstance(item, dict) else indent + safe(str(item))


def _connections(answer: dict[str, Any]) -> str:
    head = ("ID", "STATE", "CLIENT", "REQUEST", "BACKEND", "UNSENT", "EAGAIN", "BLOCKED", "PAUSED",
            "STALL")  # fmt: skip
    rows = [_connection(row) for row in answer["connections"]]
    shown = f"{len(rows)} of {answer['total']} sessions, generation {answer['generation']}"
    return (
        "\n".join([shown, as_table(head, rows), *_held(answer["connections"])]) if rows else shown
    )


def _held(rows: list[dict[str, Any]]) -> list[str]:
    """What is held for those who do not read: here, and in the kernel."""
    stalled = [
        side
        for row in rows
        for side in (row["client"], row["backend"])
        if side and side["blocked_s"] > 0 and side["stall"]
    ]
    if not stalled:
        return []
    here = sum(side["unsent_bytes"] for side in stalled)
    total = here + sum(side["kernel_send_queue_bytes"] or 0 for side in stalled)
    verb = "session holds" if len(stalled) == 1 else "sessions hold"
    return [f"{len(stalled):,} stalled {verb} {total:,} bytes: {here:,} of them here, the rest in "
            "the kernel"]  # fmt: skip


def _connection(row: dict[str, Any]) -> tuple[object, ...]:
    sides = [side for side in (row["client"], row["backend"]) if side]
    request, route = row["request"], row["route"]
    paused = [f"{name}:{','.join(row[name]['paused_by'])}" for name in ("client", "backend")
              if row[name] and row[name]["paused_by"]]  # fmt: skip
    return (
        row["id"],
        row["state"],
        row["client"]["address"],
        f"{request['method']} {request['host']}{request['path']}" if request else None,
        f"{route['pool']}/{route['backend']}" if route else None,
        sum(side["unsent_bytes"] for side in sides),
        sum(side["eagain_writes"] for side in sides),
        max(side["blocked_s"] for side in sides),
        " ".join(paused) or None,
        next((side["stall"]["sentence"] for side in sides if side["stall"]), None),
    )


def _exchanges(answer: dict[str, Any]) -> str:
    head = ("ID", "AT", "CLIENT", "REQUEST", "STATUS", "BACKEND", "FIRST BYTE", "TIME", "BYTES",
            "RESULT")  # fmt: skip
    rows = [
        (row["id"], row["at"], row["client"], f"{row['method']} {row['host']}{row['path']}",
         row["status"], f"{row['pool']}/{row['backend']}" if row["pool"] else None,
         row["first_byte_s"], row["duration_s"], row["response_bytes"], row["result"])
        for row in answer["exchanges"]
    ]  # fmt: skip
    said = f"{safe(answer['sentence'])}\n" if answer["sentence"] else ""
    return said + as_table(head, rows)


def _pauses(answer: dict[str, Any]) -> str:
    lines = []
    for group in answer["pauses"]:
        lines.append(safe(group["sentence"]))
        lines += [f"  {leaf['session']:>6}  {safe(leaf['sentence'])}" for leaf in group["held_up"]]
    return "\n".join(lines) or "nobody is held up"


def _backends(answer: dict[str, Any]) -> str:
    head = ("BACKEND", "ADDRESS", "STATE", "HEALTH", "WEIGHT", "MAX", "NOW", "TOTAL", "IDLE",
            "FAILED", "EDITED", "LAST ERROR")  # fmt: skip
    parts = [f"generation {answer['generation']}"]
    for pool in answer["pools"]:
        rows = [
            (f"{pool['name']}/{b['name']}", b["address"], b["state"], _health(b),
             b["weight"], b["max_connections"] or None, b["sessions"], b["total"],
             b["idle_connections"], b["failures"], "edited" if b["edited"] else None,
             _last_error(b))
            for b in pool["backends"]
        ]  # fmt: skip
        title = f"pool {pool['name']}, {pool['balance']}{_sticky(pool)}{_queue(pool)}"
        parts.append(f"\n{title}\n{as_table(head, rows)}")
        for b in pool["backends"]:
            who = f"{pool['name']}/{b['name']}"
            if b["health_reason"]:
                parts.append(f"{who} is {b['health']}: {safe(b['health_reason'])}")
            if b["advice"]:
                parts.append(f"{who}: {b['flaps']} changes in an hour; {b['advice']}")
    return "\n".join(parts)


def _last_error(row: dict[str, Any]) -> str | None:
    """Return why a backend failed last, and when: an old failure may have been cured."""
    return row["last_error"] and f"{row['last_error']}, {spoken(row['last_error_age_s'])} ago"


def _health(row: dict[str, Any]) -> str:
    """Return the health of a backend, and the share of its weight while that grows."""
    slowly = f" {row['ramp']:.0%}" if row["ramp"] < 1 else ""
    return f"{row['health']}{slowly}"


def _sticky(pool: dict[str, Any]) -> str:
    return f", sticky by {safe(pool['sticky'])}" if pool["sticky"] else ""


def _queue(pool: dict[str, Any]) -> str:
    if pool["queue_length"] is None:
        return ""
    return (
        f", queue {pool['queued']} of {pool['queue_length']} (for {pool['queue_timeout_s']:g} s; "
        f"{pool['waited']} waited, {pool['queue_timeouts']} too long, "
        f"{pool['queue_refused']} refused)"
    )


def _decisions(answer: dict[str, Any]) -> str:
    head = ("SEQ", "AT", "SESSION", "REQUEST", "BACKEND", "KEY", "REASON", "GEN")
    rows = [
        (row["seq"], row["at"], row["session"], f"{row['method']} {row['host']}{row['path']}",
         f"{row['pool']}/{row['backend']}" if row["backend"] else None, row["key"],
         row["error"] or row["reason"], row["generation"])
        for row in answer["decisions"]
    ]  # fmt: skip
    gap = f"{answer['dropped']:,} earlier ones are no longer kept\n" if answer["dropped"] else ""
    return gap + as_table(head, rows)


def _audit(answer: dict[str, Any]) -> str:
    compared = f"{answer['compared']:,} decisions of generation {answer['generation']} compared"
    if not answer["splits"]:
        return f"{compared}: every spelling of a name went the same way"
    head = ("NAME", "SPELLING", "BACKEND", "COUNT", "LAST DECISION")
    rows = [
        (split["key"], spelling, way["backend"], way["count"], way["last_decision"])
        for split in answer["splits"]
        for spelling, way in split["spellings"].items()
    ]
    return f"{compared}\n{as_table(head, rows)}"


def _events(answer: dict[str, Any]) -> str:
    rows = [(row["seq"], row["at"], row["level"], row["message"]) for row in answer["events"]]
    gap = f"{answer['dropped']} earlier ones are no longer kept\n" if answer["dropped"] else ""
    lines = [f"{seq:>6}  {at}  {level:<5}  {safe(message)}" for seq, at, level, message in rows]
    return gap + "\n".join(lines)


def explanation_text(answer: dict[str, Any]) -> str:
    """Return an explanation for people: where, why, and what became of each candidate."""
    target = f"{answer['pool']}/{answer['backend']}" if answer["backend"] else "no backend"
    lines = [f"{target}: {safe(answer['error'] if answer.get('error') else answer['reason'])}"]
    if answer["key"] is not None:
        lines.append(f"key: {safe(answer['key'])}")
    rows = [(c["name"], c["state"], c["weight"], c["sessions"], c["verdict"])
            for c in answer["candidates"]]  # fmt: skip
    if rows:
        lines.append(as_table(("CANDIDATE", "STATE", "WEIGHT", "SESSIONS", "VERDICT"), rows))
    explained = msgspec.convert(answer, Explanation)
    return "\n".join([*lines, *policy_lines(explained), *trace_lines(explained)])


def policy_lines(answer: Explanation) -> list[str]:
    """Return how the policy came to its pick, with what it calculated."""
    policy = answer.policy
    if policy is None:
        return []
    lines = [f"policy: {policy.name and policy.name + ': '}{safe(policy.sentence)}"]
    if policy.hash is not None:
        lines.append(f"  hash {policy.hash}")
    lines += [f"  score {safe(name)} {score:.4g}" for name, score in policy.scores.items()]
    lines += [f"  tried before: {safe(key)}" for key in policy.retried]
    return lines


def trace_lines(answer: Explanation) -> list[str]:
    """Return the lines that ran, in their order, each with the locals that it set."""
    steps = answer.trace
    if not steps:
        return [f"note: {safe(answer.trace_note)}"] if answer.trace_note else []
    width = len(str(max(step.line for step in steps)))
    lines = ["lines that ran, and what they set:"]
    for step, changed in zip(steps, changed_locals(steps), strict=True):
        lines.append(safe(f"  {step.line:>{width}}  {'  ' * step.depth}{step.source}"))
        said = ", ".join(f"{name} = {value}" for name, value in changed.items())
        if said:
            lines.append(safe(f"  {'':{width}}    {'  ' * step.depth}{said}"))
    if answer.returned is not None:
        key = f", key {answer.returned.key}" if answer.returned.key is not None else ""
        lines.append(safe(f"returned: {answer.returned.target}{key}"))
    return lines + ([f"note: {safe(answer.trace_note)}"] if answer.trace_note else [])


def _changed(answer: dict[str, Any]) -> str:
    lines = [safe(sentence) for sentence in answer["changed"]] or ["nothing differs"]
    lines += [f"generation {answer['generation']}", *_on_trial(answer.get("trial"))]
    if answer.get("what_if"):
        lines += ["", *map(safe, what_if_lines(msgspec.convert(answer["what_if"], WhatIf)))]
    return "\n".join(lines)


def _on_trial(trial: dict[str, Any] | None) -> list[str]:
    if trial is None:
        return []
    return [
        f"on trial: generation {trial['generation']} is taken back in {trial['left_s']:.0f} s, or "
        f"once more than {trial['max_errors_percent']:g} % of its exchanges and tcp "
        f"sessions fail, of {TRIAL_LEAST_EXCHANGES} or more; `rsp ctl confirm` keeps it"
    ]


def _edits(answer: dict[str, Any]) -> str:
    lines = [f"live edit: {safe(edit['what'])}" for edit in answer["edits"]] or ["no live edit"]
    lines += [f"redo would do again: {safe(step['what'])}" for step in reversed(answer["undone"])]
    rows = [
        (row["generation"], row["at"], row["kind"], row["what"], row["who"])
        for row in answer["history"]
    ]
    return "\n".join([*lines, "", as_table(("GENERATION", "AT", "KIND", "WHAT", "WHO"), rows)])


def _old_sessions(answer: dict[str, Any]) -> str:
    count = len(answer["sessions"])
    lines = [f"{counted(count, 'session')} before generation {answer['before']}"]
    lines += [f"  generation {number}: {of:,}" for number, of in answer["generations"].items()]
    if count:
        lines.append("ids: " + " ".join(map(str, answer["sessions"])))
    return "\n".join([*lines, *filter(None, [safe(answer["done"])])])


def _reloaded(answer: dict[str, Any]) -> str:
    kept = [f"kept the live edit: {safe(edit)}" for edit in answer["kept_edits"]]
    return "\n".join([_changed(answer), *kept])


def _done(answer: dict[str, Any]) -> str:
    return safe(answer["done"])


def _autopsies(answer: dict[str, Any]) -> str:
    rows = [
        (row["id"], row["at"], row["code"], row["reason"], row["undelivered_bytes"])
        for row in answer["autopsies"]
    ]
    table = as_table(("ID", "AT", "CODE", "REASON", "UNDELIVERED"), rows).split("\n")
    said = ["", *(f"  {safe(row['sentence'])}" for row in answer["autopsies"])]
    return "\n".join(line + sentence for line, sentence in zip(table, said, strict=True))


def _faults(answer: dict[str, Any]) -> str:
    rows = [
        (row["id"], row["kind"], row["name"] or None, row["touched"], row["sentence"])
        for row in answer["faults"]
    ]
    return as_table(("ID", "KIND", "NAME", "TOUCHED", "WHAT IT DOES"), rows)


def _fault_added(answer: dict[str, Any]) -> str:
    return safe(f"fault {answer['id']}: {answer['sentence']}")


def _faults_removed(answer: dict[str, Any]) -> str:
    removed = ", ".join(map(str, answer["removed"]))
    return f"removed: {removed}" if removed else "there were none"


def _breaks(answer: dict[str, Any]) -> str:
    rows = [
        (row["id"], row["expression"], row["hits"], " ".join(map(str, row["stopped"])) or None)
        for row in answer["breakpoints"]
    ]
    return as_table(("ID", "STOPS AT", "HITS", "STOPPED NOW"), rows)


def _pending(answer: dict[str, Any]) -> str:
    data = bytes.fromhex(answer["bytes_hex"])
    head = (
        f"{answer['unsent_bytes']:,} bytes wait for the {answer['side']}, behind "
        f"{answer['from_offset']:,} that it was sent"
    )
    done = [safe(answer["done"])] if answer["done"] else []
    return "\n".join([*done, head, *hex_lines(data, answer["first"])])


def _peek(answer: dict[str, Any]) -> str:
    lines = [] if answer["watched"] else [_NOT_WATCHED]
    for way, mark in (("request", ">"), ("response", "<")):
        row = answer[way]
        if row["dropped_bytes"]:
            lines.append(f"{mark} {row['dropped_bytes']:,} bytes before are no longer kept")
        data = bytes.fromhex(row["bytes_hex"])
        lines += [f"{mark} {each}" for each in hex_lines(data, row["from_offset"])]
    return "\n".join(lines)


def _written_back(answer: dict[str, Any]) -> str:
    lines = [safe(line) for line in answer["diff"].splitlines()]
    if answer["written"]:
        lines += [f"written; the old text is in {safe(answer['backup'])}"]
    lines += [f"no longer holds: {safe(said)}" for said in answer["missed"]]
    return "\n".join(lines)


_TEXTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "connections": _connections,
    "exchanges": _exchanges,
    "pauses": _pauses,
    "backends": _backends,
    "decisions": _decisions,
    "audit": _audit,
    "events": _events,
    "explain": explanation_text,
    "autopsies": _autopsies,
    "fault.add": _fault_added,
    "fault.list": _faults,
    "fault.remove": _faults_removed,
    **dict.fromkeys(("backend.add", "backend.set", "backend.remove", "undo", "redo"), _changed),
    "confirm": _changed,
    "edits": _edits,
    "old-sessions": _old_sessions,
    "reload": _reloaded,
    "write-back": _written_back,
    "break.list": _breaks,
    "pending": _pending,
    "peek": _peek,
    **dict.fromkeys(("break.add", "break.remove", "step", "continue"), _done),
    **dict.fromkeys(("watch", "pause", "resume", "lowat", "close", "stop"), _done),
}  # fmt: skip
