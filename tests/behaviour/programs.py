"""Programs of others that some tests need: a test is skipped where they are missing."""

import shutil

import pytest


def needs(program: str, package: str) -> pytest.MarkDecorator:
    """Skip a test where a program is missing, and name the Debian package that has it."""
    reason = f"{program} is not here; install the Debian package {package}"
    return pytest.mark.skipif(shutil.which(program) is None, reason=reason)
