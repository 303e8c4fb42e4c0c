"""Becoming another user once the ports are open: what `--user NAME[:GROUP]` does.

Only root may listen below port 1024, and nothing that comes afterwards needs root. The change is
for good, for every thread, and looked after: an engine that could go back does not start.
"""

import grp
import os
import pwd
from dataclasses import dataclass

_RUNTIME = "XDG_RUNTIME_DIR"


class UserRefused(Exception):
    """The engine cannot become that user. The text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user to become, with one group."""

    name: str
    uid: int
    gid: int


def find_account(text: str) -> Account:
    """Return the account that `NAME[:GROUP]` means; both may be numbers.

    Raises:
        UserRefused: there is no such user or group, or it is root.
    """
    name, colon, group = text.partition(":")
    try:
        user = pwd.getpwuid(int(name)) if _is_number(name) else pwd.getpwnam(name)
    except (KeyError, OverflowError, ValueError):
        raise UserRefused(
            f'--user {text:.80}: there is no user "{name:.80}" here; `getent passwd` lists them'
        ) from None
    try:
        gid = _group(group) if colon else user.pw_gid
    except (KeyError, OverflowError, ValueError):
        raise UserRefused(
            f'--user {text:.80}: there is no group "{group:.80}" here; `getent group` lists them'
        ) from None
    if user.pw_uid == 0:
        raise UserRefused(f"--user {text}: that is root itself; name a user with fewer rights")
    return Account(user.pw_name, user.pw_uid, gid)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _group(text: str) -> int:
    return (grp.getgrgid(int(text)) if _is_number(text) else grp.getgrnam(text)).gr_gid


def become(account: Account) -> None:
    """Give up every right that `account` does not have: groups first, while that is allowed.

    The kernel drops all capabilities when the last of the three uids leaves 0 (capabilities(7)),
    and no longer lets the process be dumped or traced by its user (PR_SET_DUMPABLE of prctl(2)).
    The runtime directory of who started us is not ours any more, and is forgotten.

    Raises:
        UserRefused: we may not, or it did not take hold.
    """
    uids, gids = (account.uid,) * 3, (account.gid,) * 3
    if os.getresuid() == uids and os.getresgid() == gids:
        return
    try:
        os.setgroups([account.gid])
        os.setresgid(*gids)
        os.setresuid(*uids)
    except OSError as error:
        raise UserRefused(
            f"--user {account.name}: this process (uid {os.getuid()}) may not become uid "
            f"{account.uid}, gid {account.gid} ({error.strerror}); start it as root, or as "
            f"{account.name} without --user"
        ) from None
    os.environ.pop(_RUNTIME, None)
    if os.getresuid() != uids or os.getresgid() != gids or os.getgroups() != [account.gid]:
        raise UserRefused(f"--user {account.name}: the kernel did not take the change; not started")
    try:
        os.setuid(0)
    except OSError:
        return
    raise UserRefused(f"--user {account.name}: this process could become root again; not started")
