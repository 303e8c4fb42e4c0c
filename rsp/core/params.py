"""The parameters of each control command. Keys are the long options, with `_` for `-`.

Reading is strict: an unknown or misspelt key is refused, not ignored.
"""

from typing import Annotated, Any, TypeVar

import msgspec

from rsp.core.lab_limits import NAME_CHARACTERS
from rsp.core.limits import TRIAL_LEAST_S, TRIAL_MOST_S
from rsp.core.trial import Terms
from rsp.core.wire import INVALID_PARAMS, CommandRefused

Count = Annotated[int, msgspec.Meta(ge=0)]
Generation = Annotated[int, msgspec.Meta(ge=1)]


class Params(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A command without parameters."""


class EditParams(Params, kw_only=True):
    """What every change takes besides its own."""

    if_generation: Generation | None = None
    """Refuse when the generation is another one by now."""
    who: Annotated[str, msgspec.Meta(max_length=NAME_CHARACTERS)] = ""
    """Who does it, for the record; empty: the user and process at the other end of the socket."""


class ChangeParams(EditParams, kw_only=True):
    """What a change takes besides, that may be on trial."""

    confirm: float | None = None
    """Take it back by itself unless `confirm` comes within so many seconds."""
    max_errors: float | None = None
    """Take it back at once when more of its exchanges fail than this, in percent."""

    def terms(self) -> Terms | None:
        """Return what the change is to live up to; None: it is for good.

        Raises:
            CommandRefused: these cannot be terms.
        """
        if self.confirm is None:
            if self.max_errors is not None:
                raise CommandRefused("max_errors is for a change with confirm", INVALID_PARAMS)
            return None
        if not TRIAL_LEAST_S <= self.confirm <= TRIAL_MOST_S:
            raise CommandRefused(
                f"confirm takes {TRIAL_LEAST_S:g} to {TRIAL_MOST_S:,.0f} seconds", INVALID_PARAMS
            )
        if self.max_errors is None:
            return Terms(self.confirm)
        if not 0 <= self.max_errors <= 100:
            raise CommandRefused("max_errors takes 0 to 100 percent", INVALID_PARAMS)
        return Terms(self.confirm, self.max_errors)


class PreviewParams(ChangeParams, kw_only=True):
    """What a change takes besides, that can be foreseen."""

    preview: bool = False
    """Only say what would change."""

    def terms(self) -> Terms | None:
        """Return what the change is to live up to. Raises as for any change."""
        if self.preview and self.confirm is not None:
            raise CommandRefused("a preview leaves nothing to confirm", INVALID_PARAMS)
        return super().terms()


class ConnectionsParams(Params, kw_only=True):
    """`connections`."""

    filter: str = ""
    sort: str = ""
    """A field; with a leading `-`, the largest first."""
    limit: Count | None = None
    visible: list[int] = []
    """Sessions whose kernel queues are wanted as well."""


class IdParams(Params, kw_only=True):
    """`connection`."""

    id: int


class LimitParams(Params, kw_only=True):
    """`exchanges`."""

    limit: Count | None = None


class DecisionsParams(Params, kw_only=True):
    """`decisions`: those after number `since`, and of these those that the filter lets pass."""

    filter: str = ""
    limit: Count | None = None
    since: Count = 0
    with_inputs: bool = False
    """Also what each was made for."""


class EventsParams(Params, kw_only=True):
    """`events`: those after number `since`; with `wait_s`, waits that long for the next one."""

    since: Count = 0
    limit: Count | None = None
    wait_s: float = 0.0


class BackendAddParams(PreviewParams, kw_only=True):
    """`backend add`."""

    pool: str
    name: str
    address: str
    weight: int = 1
    max_connections: int = 0


class BackendSetParams(PreviewParams, kw_only=True):
    """`backend set`."""

    target: str
    weight: int | None = None
    state: str | None = None
    address: str | None = None
    max_connections: int | None = None


class BackendRemoveParams(PreviewParams, kw_only=True):
    """`backend remove`."""

    target: str
    when_idle: bool = False


class ReloadParams(PreviewParams, kw_only=True):
    """`reload`."""

    drop_edits: bool = False


class WriteBackParams(EditParams, kw_only=True):
    """`write-back`."""

    preview: bool = False


class ExplainParams(Params, kw_only=True):
    """`explain`: of a request, or of the recorded decision of that number.

    A header is `Name: value`.
    """

    method: str = ""
    url: str = ""
    header: list[str] = []
    decision: int | None = None


class WatchParams(Params, kw_only=True):
    """`watch`: record the calls of a session, or stop that."""

    id: int
    off: bool = False


class PauseParams(Params, kw_only=True):
    """`pause` and `resume`: one direction, or both."""

    id: int
    direction: str | None = None


class LowatParams(Params, kw_only=True):
    """`lowat`: TCP_NOTSENT_LOWAT of a session's sockets, in bytes or `unlimited`."""

    id: int
    bytes: int | str
    side: str | None = None


class CloseParams(Params, kw_only=True):
    """`close`: gently, or by RST."""

    id: int
    reset: bool = False


class OldSessionsParams(EditParams, kw_only=True):
    """`old-sessions`: those of a generation before `before`, or before the present one."""

    before: Generation | None = None
    drain: bool = False
    """End each at its next request."""
    close: bool = False
    """Close each now."""


class StopParams(Params, kw_only=True):
    """`stop`: let the sessions end for `drain` seconds at most."""

    drain: float | None = None


class AutopsiesParams(Params, kw_only=True):
    """`autopsies`: only those of a reason, by its name or by its code."""

    limit: Count | None = None
    reason: str | None = None


class FaultAddParams(EditParams, kw_only=True):
    """`fault add`. Without a scope it is for everybody; `values` are those of its kind."""

    kind: str
    listener: str | None = None
    pool: str | None = None
    backend: str | None = None
    session: int | None = None
    direction: str = "response"
    first: int = 0
    every: int = 1
    toxicity: float = 1.0
    seed: int = 0
    name: str = ""
    values: dict[str, float | str] = {}


class FaultRemoveParams(EditParams, kw_only=True):
    """`fault remove`: a number, a name that was given, or `all`."""

    id: int | str


class BreakAddParams(EditParams, kw_only=True):
    """`break add`: an event or a filter; who stops there goes on after `for_s`, or never."""

    expression: str
    for_s: float | None = None
    hold: bool = False


class BreakRemoveParams(EditParams, kw_only=True):
    """`break remove`: a number, or `all`."""

    id: int | str


class PeekParams(Params, kw_only=True):
    """`peek`: both directions, or one."""

    id: int
    direction: str | None = None


class StepParams(Params, kw_only=True):
    """`step`: `read`, `write` or `event`; of one side, or of whichever can."""

    id: int
    kind: str
    side: str | None = None


class ContinueParams(Params, kw_only=True):
    """`continue`: one stopped session, or all."""

    id: int | None = None
    all: bool = False


class PendingParams(EditParams, kw_only=True):
    """`pending`: what waits for one side, from byte `first` on; `set` changes it at byte `at`."""

    id: int
    side: str = "client"
    first: int = 0
    set: str | None = None
    at: int = 0


P = TypeVar("P", bound=Params)


def read_params(kind: type[P], params: dict[str, Any]) -> P:
    """Return the parameters of a command.

    Raises:
        CommandRefused: one is missing, unknown, or of the wrong type.
    """
    try:
        return msgspec.convert(params, kind)
    except msgspec.ValidationError as error:
        raise CommandRefused(f"wrong parameters: {error}", INVALID_PARAMS) from error
