"""Checks follow what people change, leave nothing open, and end with the engine."""

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.named import Named, wait_for_health
from tests.behaviour.running import Engine
from tests.behaviour.scripted import FullPort
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Wire

CHECKED = "health = { interval = 0.1, timeout = 10, rise = 1, fall = 1 },"


def is_left_alone(engine: Engine, named: Named, witness: Named) -> bool:
    """Tell whether one is checked no more, while another one is: by its checks."""
    seen, others = len(named.checks), len(witness.checks)
    wait_until(lambda: len(witness.checks) > others + 3)
    return len(named.checks) <= seen + 1


def test_checks_follow_edits(engine: StartEngine, backend: OpenBackend) -> None:
    one, two, three = Named("1"), Named("2"), Named("3")
    web1, web2, web3 = backend(answer=one), backend(answer=two), backend(answer=three)
    running = engine(LISTEN + pool(web1, web2, settings=CHECKED))
    wait_for_health(running, "web1", "up")
    wait_for_health(running, "web2", "up")
    running.ask("backend.add", pool="web", name="web3", address=web3.address)
    wait_for_health(running, "web3", "up")
    running.ask("backend.remove", target="web/web3")
    assert is_left_alone(running, three, one)
    running.ask("backend.set", target="web/web2", address=web3.address)
    seen = len(three.checks)
    wait_until(lambda: len(three.checks) > seen)
    assert is_left_alone(running, two, one)
    running.ask("undo")
    seen = len(two.checks)
    wait_until(lambda: len(two.checks) > seen)
    running.ask("backend.set", target="web/web2", state="maint")
    assert is_left_alone(running, two, one)
    running.ask("backend.set", target="web/web2", state="drain")
    seen = len(two.checks)
    wait_until(lambda: len(two.checks) > seen)


def test_checks_follow_a_reload(engine: StartEngine, backend: OpenBackend) -> None:
    one, two = Named("1"), Named("2")
    web1, api1 = backend(answer=one), backend(answer=two)
    unchecked = pool(web1) + pool(api1, name="api", settings=CHECKED)
    running = engine(LISTEN + pool(web1, settings=CHECKED) + pool(api1, name="api"))
    wait_for_health(running, "web1", "up")
    assert not two.checks
    (running.directory / "config.lua").write_text(LISTEN + unchecked)
    changed = running.ask("reload")["changed"]
    assert changed == [
        "pool web: health GET / for 200-399 every 0.1 s within 10 s, rise 1, fall 1 → off",
        "pool api: health off → GET / for 200-399 every 0.1 s within 10 s, rise 1, fall 1",
    ]
    wait_until(lambda: two.checks)
    assert running.backend("web1")["health"] == "unknown"
    assert is_left_alone(running, one, two)


def test_checks_leave_no_fd_open(engine: StartEngine, backend: OpenBackend) -> None:
    named = Named("1")
    web1 = backend(answer=named)
    closed = backend()
    closed.refuse()
    running = engine(LISTEN + pool(web1, closed, settings=CHECKED))
    wait_for_health(running, "web1", "up")
    before = running.fds()
    wait_until(lambda: len(named.checks) > 20)
    # One may be under way at each look.
    wait_until(lambda: running.fds() <= before)


def test_a_check_that_hangs_ends_with_the_engine(
    engine: StartEngine, backend: OpenBackend, full_port: FullPort
) -> None:
    def hang(wire: Wire) -> None:
        wire.read_to_end()

    web1 = backend(hang)
    running = engine(LISTEN + pool(web1, full_port.address, settings=CHECKED))
    web1.wait_for_connections(1)
    # Closing looks whether it ended well.
    running.close()


def test_a_connect_that_hangs_is_a_failed_check(engine: StartEngine, full_port: FullPort) -> None:
    settings = "health = { interval = 0.1, timeout = 0.2, fall = 1, tcp = true },"
    running = engine(LISTEN + pool(full_port.address, settings=settings))
    row = wait_for_health(running, "web1", "down")
    assert row["health_reason"] == "it did not accept within 0.2 s"
