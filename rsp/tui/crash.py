"""A crash of the dashboard becomes a file; the engine does not notice."""

import os
import tempfile
import traceback


def write_report(error: BaseException | None) -> str:
    """Write the traceback, without the values of variables, to a private file; return its path.

    The values are left out because they hold strangers' requests: cookies and tokens.
    """
    lines = ["".join(traceback.format_exception(error))] if error else [traceback.format_exc()]
    descriptor, path = tempfile.mkstemp(prefix="rsp-dashboard-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as report:
        report.writelines(lines)
    return path
