"""The manifest judges every vector, and nothing else, and says why."""

import re
from collections import Counter

from tests.corpora.vectors import manifest, needs_corpora, wires

CLASSES = {"MUST_REJECT", "MUST_FORWARD", "EITHER"}
KEYS = {"class", "forwards", "then", "status", "whole", "rfc", "why"}


@needs_corpora
def test_every_vector_is_judged_and_nothing_else() -> None:
    assert manifest().keys() == {**wires("request"), **wires("response")}.keys()


@needs_corpora
def test_no_vector_is_missing() -> None:
    requests = [name for name in wires("request") if not name.endswith("+host")]
    assert (len(requests), len(wires("response"))) == (257, 64)


def test_every_entry_says_its_class_its_section_and_why() -> None:
    for name, said in manifest().items():
        assert said["class"] in CLASSES, name
        assert re.fullmatch(r"(9110|9112|6585)-[0-9]+(\.[0-9]+)*", said["rfc"]), name
        assert said["why"], name
        assert said.keys() <= KEYS, name
        if "status" not in said:
            assert bool(said.get("forwards")) <= (said["class"] != "MUST_REJECT"), name
            assert bool(said.get("forwards")) >= (said["class"] == "MUST_FORWARD"), name


def test_no_class_is_empty() -> None:
    kinds = Counter((said["class"], "status" in said) for said in manifest().values())
    assert len(kinds) == 6
    assert min(kinds.values()) >= 10, kinds
