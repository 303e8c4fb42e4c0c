"""Live edits as text, and back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.backends import Backend, BackendChanges
from rsp.core.edits import AddBackend, ChangeBackend, Edit, Operation, RemoveBackend
from rsp.core.saved_edits import VERSION, NotSavedEdits, decode_edits, encode_edits
from rsp.core.vocabulary import BackendState

TEXT = st.text(max_size=8).filter(lambda text: text.isprintable())
COUNT = st.none() | st.integers(0, 300)
OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(AddBackend, st.builds(Backend, TEXT, TEXT, TEXT, st.integers(), st.integers())),
    st.builds(
        ChangeBackend,
        TEXT,
        st.builds(
            BackendChanges, COUNT, st.none() | st.sampled_from(BackendState), COUNT,
            st.none() | TEXT,
        ),
    ),
    st.builds(RemoveBackend, TEXT),
)  # fmt: skip
EDITS = st.lists(st.builds(Edit, st.just(0), TEXT, TEXT, TEXT, OPERATIONS), max_size=4)


@given(EDITS)
def test_what_was_kept_is_what_was_done(edits: list[Edit]) -> None:
    assert decode_edits(encode_edits(edits, "/etc/rsp.lua")) == edits


def test_what_an_address_resolved_to_is_not_kept() -> None:
    added = AddBackend(Backend("web", "a", "a.test:80", resolved=("192.0.2.1", 80)))
    changes = BackendChanges(address="a.test:80", resolved=("192.0.2.1", 80))
    edits = [Edit(2, "", "", "", added), Edit(3, "", "", "", ChangeBackend("web/a", changes))]
    assert b"192.0.2.1" not in encode_edits(edits, None)


def test_the_text_says_its_version_and_the_file() -> None:
    said = json.loads(encode_edits([], "/etc/rsp.lua"))
    assert said == {"rsp_edits": VERSION, "config": "/etc/rsp.lua", "edits": []}


@pytest.mark.parametrize(("text", "why"), [
    (b"", "no record"),
    (b"[]", "no record"),
    (b'{"rsp_edits": 1, "config": "\xff", "edits": []}', "no record"),
    (b'{"rsp_edits": 1, "more": ' + b"[" * 30_000, "no record"),
    (b'{"rsp_edits": 2}', "version 2, and this rsp reads version 1"),
    (b'{"rsp_edits": 1, "config": null, "edits": [], "more": 1}', "unknown field"),
    (b'{"rsp_edits": 1, "config": null, "edits": [{"at": "", "who": "", "what": "", '
     b'"operation": {"do": "set", "target": "web/a", "state": "up"}}]}', "up"),
    (b'{"rsp_edits": 1, "config": null, "edits": [{"at": "", "who": "", "what": "", '
     b'"operation": {"do": "burn", "target": "web/a"}}]}', "burn"),
])  # fmt: skip
def test_what_is_none_is_refused(text: bytes, why: str) -> None:
    with pytest.raises(NotSavedEdits, match=why):
        decode_edits(text)
