"""The tabs: one list, from which the tab bar, the number keys and the modes are made."""

from dataclasses import dataclass

from rsp.tui.key import Key
from rsp.tui.screens.backends import BackendsScreen
from rsp.tui.screens.config import ConfigScreen
from rsp.tui.screens.connections import ConnectionsScreen
from rsp.tui.screens.events import EventsScreen
from rsp.tui.screens.frame import Frame
from rsp.tui.screens.routing import RoutingScreen


@dataclass(frozen=True, slots=True)
class Tab:
    """A screen that has a number."""

    number: str
    mode: str
    title: str
    short: str
    screen: type[Frame]


TABS: tuple[Tab, ...] = (
    Tab("1", "connections", "Connections", "Conn", ConnectionsScreen),
    Tab("2", "backends", "Backends", "Back", BackendsScreen),
    Tab("3", "routing", "Routing", "Route", RoutingScreen),
    Tab("4", "config", "Config", "Conf", ConfigScreen),
    Tab("5", "events", "Events", "Events", EventsScreen),
)
"""In the order of the tab bar."""

TAB_KEYS: tuple[Key, ...] = tuple(
    Key(
        f"go.{tab.number}",
        tab.number,
        f"go('{tab.mode}')",
        "",
        f"The {tab.title} screen",
        "everywhere",
    )
    for tab in TABS
)
"""The keys that lead there."""
