"""Budgets of time: parts that add up, whatever the stamps say, and whom the words accuse."""

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rsp.core.evidence import PartRow
from rsp.core.exchange_rows import ExchangeRow
from rsp.core.slow_exchanges import Surroundings, slow_sentence
from rsp.core.time_budget import Stamps, budget, budget_sentence, duration_of, most_of
from rsp.core.units import spoken

TIMES = st.floats(0, 1e7, allow_nan=False)
MAYBE = st.just(0.0) | TIMES
SPANS = st.lists(st.tuples(TIMES, TIMES), max_size=3)


def seconds(parts: list[PartRow]) -> dict[str, float | None]:
    return {part.part: part.s for part in parts}


@given(
    st.builds(
        Stamps,
        began_s=TIMES,
        head_s=TIMES,
        ended_s=TIMES,
        turn_s=MAYBE,
        paired_s=MAYBE,
        sent_s=MAYBE,
        first_byte_s=MAYBE,
        left_s=MAYBE,
        drained_s=MAYBE,
        lua_s=MAYBE,
        blocked_s=MAYBE,
        held_s=MAYBE,
        injected_s=MAYBE,
        lags=SPANS,
    ),
    st.randoms(),
)
def test_the_parts_add_up_exactly_for_any_stamps_in_any_order(
    stamps: Stamps, shuffler: random.Random
) -> None:
    parts = budget(stamps)
    known = [part.s for part in parts if part.s is not None]
    assert all(part > 0 for part in known)
    duration_s = duration_of(parts)
    last_s = max(stamps.ended_s, stamps.head_s + stamps.lua_s)
    assert duration_s >= last_s - stamps.began_s - 1e-6
    shuffler.shuffle(known)
    total_s = 0.0
    for part_s in known:
        total_s += part_s
    assert total_s == duration_s
    shares = [part.share for part in parts if part.share is not None]
    assert not shares or abs(sum(shares) - 1) < 1e-9
    assert ("kernel_drain", None) in seconds(parts).items() or stamps.drained_s


def test_each_stamp_ends_its_part() -> None:
    parts = budget(
        Stamps(
            began_s=100.0,
            turn_s=100.25,
            head_s=100.5,
            lua_s=0.25,
            paired_s=101.0,
            sent_s=102.0,
            first_byte_s=105.0,
            ended_s=111.0,
            left_s=112.0,
            drained_s=112.5,
            blocked_s=3.0,
            held_s=0.5,
            injected_s=1.0,
            lags=[(90.0, 101.5), (104.0, 106.0)],
        )
    )
    assert seconds(parts) == {
        "pipelined": 0.25,
        "lua": 0.25,
        "upload": 0.5,
        "backend_think": 2.0,
        "transfer": 1.5,
        # A fault that holds bytes back is no client that takes nothing.
        "blocked": 3.0,
        "kernel_drain": 0.5,
        "held": 0.5,
        "injected": 1.0,
        # Not of the time in which the route ran: it was late for that itself.
        "loop_lag": 3.0,
    }


def test_the_part_in_which_it_broke_off_has_the_rest() -> None:
    never_paired = budget(Stamps(began_s=10.0, head_s=10.0, ended_s=13.0))
    assert seconds(never_paired) == {"connect": 3.0, "kernel_drain": None}
    never_answered = budget(Stamps(began_s=10.0, head_s=10.0, ended_s=13.0, paired_s=11.0))
    assert seconds(never_answered) == {"connect": 1.0, "backend_think": 2.0, "kernel_drain": None}


def test_the_wait_for_a_place_is_no_part_of_the_connect() -> None:
    paired = budget(Stamps(began_s=10.0, head_s=10.0, ended_s=13.0, paired_s=12.5, queued_s=2.0))
    assert seconds(paired)["queue"] == 2.0
    assert seconds(paired)["connect"] == 0.5
    in_vain = budget(Stamps(began_s=10.0, head_s=10.0, ended_s=15.0, queued_s=5.0))
    assert seconds(in_vain) == {"queue": 5.0, "kernel_drain": None}


def test_what_took_no_time_has_no_part() -> None:
    assert budget(Stamps(began_s=7.0, head_s=7.0, ended_s=7.0)) == [
        PartRow("kernel_drain", None, None)
    ]


def row(
    number: int, backend: str | None, client: str = "192.0.2.7:4000", **times: Any
) -> ExchangeRow:
    stamps = Stamps(began_s=1.0, head_s=1.0, ended_s=0.0)
    for name, value in times.items():
        setattr(stamps, name, value)
    parts = budget(stamps)
    return ExchangeRow(
        id=number,
        session=number,
        at="",
        client=client,
        method="GET",
        host="www.example",
        path="/",
        status=200,
        pool="web" if backend else None,
        backend=backend,
        first_byte_s=None,
        duration_s=duration_of(parts),
        request_bytes=0,
        response_bytes=0,
        generation=1,
        result="complete",
        budget=parts,
    )


def slow_backend(number: int, backend: str, think_s: float = 5.75) -> ExchangeRow:
    return row(number, backend, paired_s=1.25, first_byte_s=1.25 + think_s, ended_s=1.5 + think_s)


AROUND = Surroundings(
    kept=400,
    served={"web/web1": 190, "web/web3": 12, "web/web2": 198},
    in_flight={"web/web1": 9, "web/web2": 8, "web/web3": 64, "api/api1": 99},
    lag_p99_s=0.0011,
)


def test_the_slow_backend_is_named_with_its_load() -> None:
    rows = [slow_backend(number, "web3") for number in range(12)]
    rows += [row(99, "web1", paired_s=1.0, first_byte_s=1.01, ended_s=1.02)]
    assert slow_sentence(rows, AROUND) == (
        "Backend think 5.75 s (92 %) on web3 only; connect 250 ms; transfer 250 ms; "
        "loop lag p99 1.1 ms. web3 has 64 in flight, the others 9 at most. "
        "This slowed 12 of the last 400 exchanges."
    )


def test_where_faults_are_in_force_it_is_said() -> None:
    said = slow_sentence([slow_backend(1, "web3")], Surroundings(kept=1, faults=2))
    assert said is not None
    assert said.endswith(" This slowed 1 of the last 1 exchanges. 2 faults are in force.")


def test_several_slow_backends_are_named_and_none_has_the_blame_alone() -> None:
    rows = [slow_backend(1, "web3"), slow_backend(2, "web3"), slow_backend(3, "web1")]
    said = slow_sentence(rows, AROUND)
    assert said is not None
    assert "on web3, web1; " in said
    assert "only" not in said
    assert "in flight" not in said


def test_a_client_that_takes_nothing_is_named_without_its_port() -> None:
    blocked = [
        row(n, "web1", f"192.0.2.7:{4000 + n}", paired_s=1.0, first_byte_s=1.0, ended_s=5.0,
            blocked_s=3.5)
        for n in range(3)
    ]  # fmt: skip
    said = slow_sentence(blocked, AROUND)
    assert said is not None
    assert said.startswith("Client takes nothing 3.50 s (88 %) on client 192.0.2.7; transfer ")
    assert "web" not in said


def test_tries_in_vain_are_not_the_time_of_who_answered() -> None:
    tried = row(
        1, "web1", lost_s=3.0, lost_on=("web2",), paired_s=4.25, first_byte_s=4.5, ended_s=4.5
    )
    said = "tries in vain 3.00 s (86 %) on web2; connect 250 ms; backend think 250 ms"
    assert budget_sentence(tried.budget, "web1", "192.0.2.7").startswith(said)
    said = "Tries in vain 3.00 s (86 %) on web2; connect 250 ms; backend think 250 ms."
    around = Surroundings(kept=4, served={"web/web1": 1, "web/web2": 3})
    assert slow_sentence([tried], around) == f"{said} This slowed 1 of the last 4 exchanges."


def test_nobody_is_accused_of_what_happened_under_a_fault() -> None:
    broken = row(1, "web2", is_faulted=True, paired_s=1.0, first_byte_s=7.0, ended_s=7.0)
    said = "backend think 6.00 s (100 %) while a fault was in force; kernel drain unknown"
    assert budget_sentence(broken.budget, "web2", "192.0.2.7") == said
    said = "Backend think 6.00 s (100 %) while a fault was in force."
    assert slow_sentence([broken], Surroundings(kept=1)) == (
        f"{said} This slowed 1 of the last 1 exchanges."
    )
    sound = slow_backend(2, "web3")
    assert " on web3" in (slow_sentence([broken, sound], AROUND) or "")


def test_what_takes_two_accuses_nobody() -> None:
    upload = row(1, "web1", paired_s=1.0, sent_s=6.0, first_byte_s=6.0, ended_s=6.0)
    said = slow_sentence([upload], Surroundings(kept=1))
    assert said == "Upload 5.00 s (100 %). This slowed 1 of the last 1 exchanges."


def test_health_accuses_nobody() -> None:
    rows = [row(n, "web1", paired_s=1.0, first_byte_s=1.2, ended_s=1.25) for n in range(9)]
    assert slow_sentence(rows, AROUND) is None
    mixed = row(
        1, "web1", turn_s=1.4, head_s=1.8, paired_s=2.2, first_byte_s=2.6, ended_s=3.0
    )  # slow, and nothing stands out
    assert most_of(mixed.budget) is None
    assert slow_sentence([mixed], AROUND) is None


def test_a_budget_in_words_begins_with_the_longest_and_ends_with_the_unknown() -> None:
    slow = slow_backend(1, "web3")
    assert budget_sentence(slow.budget, slow.backend, slow.client) == (
        "backend think 5.75 s (92 %) on web3; connect 250 ms; transfer 250 ms; kernel drain unknown"
    )


def test_times_are_spoken_with_two_or_three_digits() -> None:
    times = (0.00002, 0.0004, 0.0121, 0.9994, 0.9996, 5.714, 9.96, 81.4, 1234.5)
    assert [spoken(time_s) for time_s in times] == [
        *("20 µs", "0.4 ms", "12 ms", "999 ms", "1.00 s", "5.71 s", "10 s", "81 s", "1,234 s")
    ]
