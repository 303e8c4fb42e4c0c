"""The deep profile searches for as long as it takes."""

import os

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take the limit of time off the tests of this folder when the search is deep."""
    if os.environ.get("RSP_HYPOTHESIS") != "deep":
        return
    for item in items:
        if "tests/fuzz/" in item.nodeid:
            item.add_marker(pytest.mark.timeout(0))
