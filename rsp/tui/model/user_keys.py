"""Keys of a person's own: what may be said in `keys.json`, and what is wrong with it.

The file is a JSON object: the id of a key (`rsp keys` lists them), and the keys it shall have.
What is wrong costs that one line, never the dashboard.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from textual.binding import Binding
from textual.keys import Keys, key_to_character

from rsp.core.sanitise import safe
from rsp.core.wire import NOT_JSON
from rsp.tui.key import WRITTEN, Key, written
from rsp.tui.keymap import KEYS

_MODIFIED = re.compile(r"(?:(?:ctrl|shift|alt)\+)+")
_NAMED = frozenset(key.value for key in Keys if not key.value.startswith("<"))
_SHOWN_CHARACTERS = 40
_EVERYWHERE = ("everywhere", "table")
"""Places whose keys work together with those of every screen."""


@dataclass(frozen=True, slots=True)
class UserKeys:
    """What of a file can be put into force, and a sentence for each line that cannot."""

    keymap: Mapping[str, str]
    """Ids and Textual's names of the keys, with commas between them."""
    complaints: Sequence[str]


def read_keys(text: bytes, tabs: Sequence[Key]) -> UserKeys:
    """Judge the text of a file; `tabs` are the keys that lead to the screens."""
    try:
        wanted = msgspec.json.decode(text, type=dict[str, str | list[str]])
    except NOT_JSON as error:
        said = safe(str(error))
        return UserKeys(
            {}, [f'it is no JSON object of ids and keys like {{"freeze": "F4"}}: {said}']
        )
    known = {key.id: key for key in (*KEYS, *tabs)}
    keymap: dict[str, str] = {}
    complaints: list[str] = []
    for name, given in wanted.items():
        names = given.split(",") if isinstance(given, str) else given
        keys = [named(key) for key in names]
        if name not in known:
            complaints.append(_unknown(name, list(known)))
        elif not keys or None in keys:
            complaints.append(f"{name}: {safe(str(given), _SHOWN_CHARACTERS)!r} is no key")
        else:
            keymap[name] = ",".join(dict.fromkeys(key for key in keys if key))
    return _without_conflicts(keymap, known, complaints)


def named(key: str) -> str | None:
    """Return Textual's name of a key: `?` is `question_mark`; None when there is no such key."""
    if key == " ":
        return "space"
    key = key.strip()
    if len(key) == 1:
        if not key.isprintable():
            return None
        return next(iter(Binding.make_bindings([Binding(key, "")]))).key
    key = WRITTEN.get(key, key.lower())
    modifiers = _MODIFIED.match(key)
    rest = key[modifiers.end() :] if modifiers else key
    if (
        rest in _NAMED
        or rest in WRITTEN.values()
        or (modifiers and len(rest) == 1 and rest.isalnum())
    ):
        return key
    return key if key_to_character(key) else None


def _unknown(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    hint = f"; is it {near[0]}?" if near else ""
    return f"there is no key {safe(name, _SHOWN_CHARACTERS)!r}{hint}"


def _without_conflicts(
    keymap: dict[str, str], known: Mapping[str, Key], complaints: list[str]
) -> UserKeys:
    """Take out lines whose key is another one's: what then has its usual key may conflict, too."""
    while (found := _conflict(keymap, known)) is not None:
        name, other, key = found
        del keymap[name]
        complaints.append(f"{name}: {written(key)} is the key of {other}")
    return UserKeys(keymap, complaints)


def _conflict(keymap: Mapping[str, str], known: Mapping[str, Key]) -> tuple[str, str, str] | None:
    """Return an id of the file, the id that has one of its keys, and that key."""
    for name, keys in reversed(list(keymap.items())):
        for other, found in known.items():
            if other == name or not _work_together(known[name], found):
                continue
            others = keymap.get(other, found.keys).split(",")
            shared = set(known[name].keys.split(",")).intersection(found.keys.split(","))
            for key in keys.split(","):
                # What two keys share from the start is meant so.
                if key in others and key not in shared:
                    return name, other, key
    return None


def _work_together(one: Key, other: Key) -> bool:
    return one.where == other.where or one.where in _EVERYWHERE or other.where in _EVERYWHERE
