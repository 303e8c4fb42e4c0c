"""`rsp ctl audit` on an engine that has served one site under two spellings."""

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine

ROUTE = """
function route(request)
  return "web", { key = request.raw_host }
end
"""
CURED = ROUTE.replace("raw_host", "host")
SPELLINGS = [f"{'IronHand'[:n].upper()}{'ironhand'[n:]}.example" for n in range(9)]


def test_the_audit_names_the_site_and_nothing_after_the_cure(
    engine: StartEngine, backend: OpenBackend
) -> None:
    shops = [backend() for _ in range(4)]
    text = LISTEN + pool(*shops, settings='balance = "hash",')
    proxy = engine(text + ROUTE)
    for host in [*SPELLINGS, "other.example"]:
        proxy.get(host=host)
    report = proxy.ctl("audit")
    (split,) = report["splits"]
    assert split["key"] == "ironhand.example"
    assert set(split["spellings"]) == set(SPELLINGS)
    decided = {row["seq"]: row for row in proxy.ctl("decisions")["decisions"]}
    for spelling, way in split["spellings"].items():
        row = decided[way["last_decision"]]
        assert (row["key"], f"web/{row['backend']}", way["count"]) == (spelling, way["backend"], 1)
    assert "ironhand.example" in proxy.run_ctl("audit").stdout
    (proxy.directory / "config.lua").write_text(text + CURED)
    proxy.ctl("reload")
    for host in SPELLINGS:
        proxy.get(host=host)
    report = proxy.ctl("audit")
    assert (report["splits"], report["compared"]) == ([], len(SPELLINGS))
