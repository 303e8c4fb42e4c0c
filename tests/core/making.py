"""Backends, pools and requests for the tests of decisions."""

from rsp.core.backends import Backend, BackendTable, Pool
from rsp.core.health_rules import HealthCheck, statuses
from rsp.core.loads import BackendLoad, BackendLoads
from rsp.core.route import RouteRequest
from rsp.core.vocabulary import BackendState


def backend(name: str, pool: str = "web", weight: int = 1, **settings: object) -> Backend:
    address = f"{name}.test:80"
    made = Backend(pool, name, address, weight)
    for setting, value in settings.items():
        assert hasattr(made, setting), setting
        object.__setattr__(made, setting, value)
    return made


def weighted(**weights: int) -> tuple[Backend, ...]:
    return tuple(backend(name, weight=weight) for name, weight in weights.items())


def busy(**sessions: int) -> BackendLoads:
    return BackendLoads({f"web/{name}": BackendLoad(count) for name, count in sessions.items()})


def table_of(*backends: Backend, balance: str = "round_robin", generation: int = 1) -> BackendTable:
    return BackendTable.of([Pool("web", backends, balance)], generation)


def request(host: str = "a.test", client_ip: str = "192.0.2.1") -> RouteRequest:
    return RouteRequest("GET", "/", "", host.lower(), host, [], client_ip, "127.0.0.1:80")


DRAIN = BackendState.DRAIN
MAINT = BackendState.MAINT
READY = BackendState.READY


def never() -> float:
    raise AssertionError("this decision draws nothing at random")


def checked(
    rise: int = 2, fall: int = 3, *, is_tcp: bool = False, interval_s: float = 2.0
) -> HealthCheck:
    return HealthCheck(
        "/", is_tcp, interval_s, timeout_s=30.0, rise=rise, fall=fall,
        expect=statuses("200-399"), host="",
    )  # fmt: skip
