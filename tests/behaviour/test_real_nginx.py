"""In front of a real nginx, with real clients: files, ranges, gzip, uploads, load, restarts."""

import gzip
import re
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import StartEngine, StartTraffic
from tests.behaviour.programs import needs
from tests.behaviour.real_nginx import Nginx
from tests.behaviour.running import Engine
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import chunked, digest, numbered, request

TEXT = numbered(300_000)
BIG = numbered(10_000_000)


pytestmark = needs("nginx", "nginx-light")
needs_curl = needs("curl", "curl")
needs_ab = needs("ab", "apache2-utils")


@pytest.fixture
def start_nginx(closing: ExitStack, directory: Path) -> Callable[[str], Nginx]:
    """Starts nginx with a text and a big file."""

    def start(name: str) -> Nginx:
        nginx = Nginx(directory / name)
        closing.callback(nginx.close)
        (nginx.pages / "index.html").write_bytes(b"front")
        (nginx.pages / "text").write_bytes(TEXT)
        (nginx.pages / "big.bin").write_bytes(BIG)
        for number in range(10):
            (nginx.pages / str(number)).write_bytes(b"page")
        return nginx

    return start


@pytest.fixture
def nginx(start_nginx: Callable[[str], Nginx]) -> Nginx:
    return start_nginx("nginx")


@pytest.fixture
def proxy(engine: StartEngine, nginx: Nginx) -> Engine:
    return engine(LISTEN + pool(nginx.address))


def test_files_ranges_and_conditions(proxy: Engine, nginx: Nginx) -> None:
    client = proxy.connect()
    whole = client.get("/big.bin")
    assert digest(whole.body) == digest(BIG)
    part = client.get("/big.bin", "Range: bytes=1000-999999")
    assert (part.status, part.get("Content-Range")) == (206, f"bytes 1000-999999/{len(BIG)}")
    assert digest(part.body) == digest(BIG[1000:1_000_000])
    several = client.get("/big.bin", "Range: bytes=0-1,-2")
    assert (several.get("Content-Type") or "").startswith("multipart/byteranges")
    assert BIG[-2:] in several.body
    assert client.get("/big.bin", "Range: bytes=99999999-").status == 416
    unchanged = client.get("/big.bin", f"If-None-Match: {whole.get('ETag')}")
    assert (unchanged.status, unchanged.body) == (304, b"")
    described = client.ask(request("HEAD", "/big.bin"), method="HEAD")
    assert described.get("Content-Length") == str(len(BIG))
    assert client.get("/none").status == 404
    assert client.get("/nothing").status == 204
    assert client.get("/moved").get("Location") == "http://www.example/elsewhere"
    assert len({line[0] for line in nginx.access_log()}) == 1, "one connection serves them all"


def test_gzip_passes_as_it_is(proxy: Engine) -> None:
    client = proxy.connect()
    packed = client.get("/text", "Accept-Encoding: gzip")
    assert packed.get("Content-Encoding") == "gzip"
    assert packed.get("Transfer-Encoding") == "chunked"
    assert digest(gzip.decompress(packed.body)) == digest(TEXT)
    assert digest(client.get("/text").body) == digest(TEXT)
    old = client.ask(request("GET", "/text", "Accept-Encoding: gzip", version="1.0"))
    assert old.get("Transfer-Encoding") is None


def test_uploads_of_every_framing_are_kept(proxy: Engine, nginx: Nginx) -> None:
    client = proxy.connect()
    assert client.ask(request("PUT", "/kept/sized", body=BIG)).status == 201
    framed = request("PUT", "/kept/framed", "Transfer-Encoding: chunked")
    pieces = (BIG[at : at + 100_003] for at in range(0, len(BIG), 100_003))
    assert client.ask(framed, chunked(*pieces)).status == 201
    for name in ("sized", "framed"):
        assert digest((nginx.pages / "kept" / name).read_bytes()) == digest(BIG)
        assert digest(client.get(f"/kept/{name}").body) == digest(BIG)
    assert client.ask(request("DELETE", "/kept/sized")).status == 204
    assert client.get("/kept/sized").status == 404


def test_an_upload_that_nginx_refuses_is_refused_to_the_client(proxy: Engine) -> None:
    client = proxy.connect()
    client.send_what_is_taken(request("PUT", "/small/x", body=BIG))
    answer = client.read_response()
    assert answer.status == 413
    assert b"nginx" in answer.body
    client.close()
    assert proxy.get("/text").status == 200


@needs_curl
@pytest.mark.parametrize(
    "words",
    [
        ["--limit-rate", "12M", "{}/big.bin"],
        ["--http1.0", "{}/big.bin"],
        ["--compressed", "{}/big.bin"],
    ],
    ids=lambda words: words[0],
)
def test_curl_is_content(proxy: Engine, words: list[str]) -> None:
    url = f"http://127.0.0.1:{proxy.port}"
    command = ["curl", "--silent", "--show-error", "--fail", "--max-time", "30"]
    done = subprocess.run(
        [*command, *(word.format(url) for word in words)], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert digest(done.stdout) == digest(BIG)


@needs_curl
def test_curl_uploads_with_its_expectation(proxy: Engine, nginx: Nginx, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(BIG)
    url = f"http://127.0.0.1:{proxy.port}/kept/big"
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--fail", "--verbose", "-H", "Expect: 100-continue",
         "--max-time", "30", "--upload-file", str(tmp_path / "big"), url],
        capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"< HTTP/1.1 100 Continue" in done.stderr
    assert digest((nginx.pages / "kept" / "big").read_bytes()) == digest(BIG)


@needs_ab
@pytest.mark.parametrize("keep_alive", [False, True])
def test_ab_has_no_failed_request(proxy: Engine, nginx: Nginx, keep_alive: bool) -> None:
    words = ["-q", "-n", "3000", "-c", "20", *(["-k"] if keep_alive else [])]
    url = f"http://127.0.0.1:{proxy.port}/index.html"
    done = subprocess.run(["ab", *words, url], capture_output=True, text=True, check=True)
    assert re.search(r"Complete requests:\s+3000\n", done.stdout)
    assert re.search(r"Failed requests:\s+0\n", done.stdout)
    assert "Non-2xx" not in done.stdout
    if keep_alive:
        assert re.search(r"Keep-Alive requests:\s+3000\n", done.stdout)
    assert len(nginx.access_log()) == 3000
    assert len({line[0] for line in nginx.access_log()}) <= 20


def wait_for_work(proxy: Engine, name: str) -> None:
    """Return when a backend has got something to do again."""
    total = proxy.backend(name)["total"]
    wait_until(lambda: proxy.backend(name)["total"] > total + 20)


def test_restarting_each_backend_in_turn_costs_no_request(
    engine: StartEngine, start_nginx: Callable[[str], Nginx], traffic: StartTraffic
) -> None:
    backends = [start_nginx(name) for name in ("one", "two")]
    proxy = engine(LISTEN + pool(*(nginx.address for nginx in backends)))
    flowing = traffic(proxy)
    flowing.let_pass(100)
    for number, nginx in enumerate(backends, 1):
        nginx.quit()
        flowing.let_pass(100)
        nginx.start()
        wait_for_work(proxy, f"web{number}")
    flowing.let_pass(100)
