"""Downloads from a real TLS server on this machine, with a certificate made for the test."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import select
import socket
import ssl
import threading
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from scumble_backend.errors import DownloadFailed, FileTrouble
from scumble_backend.packs import adding, download
from scumble_backend.packs.download import Limits, fetch

BODY = bytes(range(256)) * 2000


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves BODY with ranges; `server.cut` makes it hang up after so many bytes, once."""

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Range"), self.headers.get("If-Range")))
        if self.path in server.redirects:
            self.send_response(302)
            self.send_header("Location", server.redirects[self.path])
            self.end_headers()
            return
        if self.path == "/missing":
            self.send_error(404)
            return
        body, begin = server.files.get(self.path, server.body), 0
        if self.headers.get("Range") and self.headers.get("If-Range") == server.etag:
            begin = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            if begin >= len(body):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        self.send_header("ETag", server.etag)
        if server.tell_length:
            self.send_header("Content-Length", str(len(body) - begin))
        self.end_headers()
        end, server.cut = (begin + server.cut if server.cut else len(body)), 0
        self.wfile.write(body[begin:end])
        if server.stall.is_set():
            self.wfile.flush()
            server.leave.wait(5)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder


@pytest.fixture
def trust(certificate):
    return ssl.create_default_context(cafile=certificate / "cert.pem")


@pytest.fixture
def server(certificate, monkeypatch):
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    class Quiet(http.server.ThreadingHTTPServer):
        daemon_threads = False

        def handle_error(self, request, address):
            pass  # clients that hang up are the point of some tests

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    with Quiet(("127.0.0.1", 0), Handler) as made:
        made.socket = context.wrap_socket(made.socket, server_side=True)
        made.body, made.etag, made.cut, made.tell_length = BODY, '"one"', 0, True
        made.asked, made.redirects, made.files = [], {}, {}
        made.stall, made.leave = threading.Event(), threading.Event()
        made.address = f"https://127.0.0.1:{made.server_port}"
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield made
        finally:
            made.leave.set()
            made.shutdown()
            thread.join()


def test_a_file_comes_whole_with_progress(server, trust, tmp_path):
    seen = []
    path = fetch(
        f"{server.address}/a/wave.scumble", tmp_path, context=trust, progress=lambda *at: seen.append(at),
        digest=sha256(BODY).hexdigest(),
    )  # fmt: skip
    assert path.read_bytes() == BODY
    assert path.name == "wave.scumble"
    assert seen[0] == (0, len(BODY))
    assert seen[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_download_that_was_cut_off_goes_on_where_it_ended(server, trust, tmp_path):
    server.cut = 100_000
    with pytest.raises(DownloadFailed, match="ended after") as told:
        fetch(f"{server.address}/x", tmp_path, context=trust)
    assert "goes on" in told.value.remedy
    path = fetch(f"{server.address}/x", tmp_path, context=trust)
    assert path.read_bytes() == BODY
    assert server.asked[1][1:] == ("bytes=100000-", '"one"')


def test_a_file_that_changed_meanwhile_is_fetched_anew(server, trust, tmp_path):
    server.cut = 100_000
    with pytest.raises(DownloadFailed):
        fetch(f"{server.address}/x", tmp_path, context=trust)
    server.body, server.etag = BODY[::-1], '"two"'
    assert fetch(f"{server.address}/x", tmp_path, context=trust).read_bytes() == BODY[::-1]


def test_a_stopped_download_keeps_what_it_has(server, trust, tmp_path):
    class Stop(Exception):
        pass

    def stop(done, total):
        if done > 100_000:
            raise Stop

    with pytest.raises(Stop):
        fetch(f"{server.address}/x", tmp_path, context=trust, progress=stop)
    assert fetch(f"{server.address}/x", tmp_path, context=trust).read_bytes() == BODY
    assert server.asked[1][1] is not None


def test_a_wrong_hash_is_refused_and_not_continued(server, trust, tmp_path):
    address = f"{server.address}/x#sha256={'0' * 64}"
    for _ in range(2):
        with pytest.raises(DownloadFailed, match="not the file that was announced") as told:
            fetch(address, tmp_path, context=trust)
        assert told.value.remedy
    assert [ranged for _, ranged, _ in server.asked] == [None, None]
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and p.stat().st_size > 1000]


@pytest.mark.parametrize("tell_length", [True, False])
def test_a_file_over_the_limit_is_refused(server, trust, tmp_path, tell_length):
    server.tell_length = tell_length
    with pytest.raises(DownloadFailed, match="larger"):
        fetch(f"{server.address}/x", tmp_path, context=trust, limits=Limits(bytes=100_000))
    assert not list(tmp_path.rglob("part"))


def test_a_silent_server_is_given_up(server, trust, tmp_path):
    server.cut = 1000
    server.stall.set()
    with pytest.raises(DownloadFailed) as told:
        fetch(f"{server.address}/x", tmp_path, context=trust, limits=Limits(silence_s=0.2))
    assert told.value.remedy


def test_a_download_that_takes_too_long_is_given_up(server, trust, tmp_path):
    with pytest.raises(DownloadFailed, match="longer than"):
        fetch(f"{server.address}/x", tmp_path, context=trust, limits=Limits(total_s=-1))


def test_a_refusal_of_the_server_is_told(server, trust, tmp_path):
    with pytest.raises(DownloadFailed, match="404"):
        fetch(f"{server.address}/missing", tmp_path, context=trust)


def test_an_unknown_certificate_is_refused(server, tmp_path):
    with pytest.raises(DownloadFailed, match="certificate"):
        fetch(f"{server.address}/x", tmp_path)


def test_nobody_listening_is_told(tmp_path, trust, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DownloadFailed):
        fetch(f"https://127.0.0.1:{port}/x", tmp_path, context=trust)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1/x", "ftp://127.0.0.1/x", "data:,x", "https:///x", "javascript:1"]
)
def test_only_https_and_file_are_fetched(tmp_path, address):
    with pytest.raises(DownloadFailed, match="only https"):
        fetch(address, tmp_path)


def test_a_redirect_away_from_https_is_refused(server, trust, tmp_path):
    server.redirects = {"/x": "http://127.0.0.1/x", "/y": "file:///etc/passwd"}
    for path in server.redirects:
        with pytest.raises(DownloadFailed, match=r"only https|not allowed"):
            fetch(server.address + path, tmp_path, context=trust)


def test_a_redirect_within_https_is_followed(server, trust, tmp_path):
    server.redirects = {"/x": "/y"}
    assert fetch(f"{server.address}/x", tmp_path, context=trust).read_bytes() == BODY


@pytest.mark.parametrize("path", ["/../../evil", "/a%2f..%2f..%2fevil", "/%00", "/", "/" + "x" * 300, "/.hidden"])
def test_an_odd_name_in_an_address_stays_in_the_folder(server, trust, tmp_path, path):
    made = fetch(server.address + path, tmp_path, context=trust)
    assert made.parent.parent == tmp_path
    assert not made.name.startswith(".")


def test_a_proxy_of_the_environment_is_used(server, trust, tmp_path, monkeypatch):
    tunnels = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def proxy():
            near, _ = listening.accept()
            with near:
                request = near.recv(4096).decode()
                tunnels.append(request.split()[1])
                with socket.create_connection(("127.0.0.1", server.server_port)) as far:
                    near.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                    while True:
                        ready, _, _ = select.select([near, far], [], [], 5)
                        for side, other in ((near, far), (far, near)):
                            if side in ready:
                                data = side.recv(1 << 16)
                                if not data:
                                    return
                                other.sendall(data)
                        if not ready:
                            return

        thread = threading.Thread(target=proxy)
        thread.start()
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{listening.getsockname()[1]}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        path = fetch(f"{server.address}/x", tmp_path, context=trust)
        thread.join()
    assert path.read_bytes() == BODY
    assert tunnels == [f"127.0.0.1:{server.server_port}"]


def test_a_file_address_gives_the_file_itself(tmp_path):
    (tmp_path / "a b.scumble").write_bytes(BODY)
    address = (tmp_path / "a b.scumble").as_uri()
    assert fetch(address, tmp_path / "cache").read_bytes() == BODY
    with pytest.raises(DownloadFailed):
        fetch(address + "#sha256=" + "0" * 64, tmp_path / "cache")
    with pytest.raises(FileTrouble):
        fetch("file://elsewhere/x", tmp_path / "cache")


def test_a_pack_is_added_from_its_address_and_nothing_is_left_over(factory, store, server, trust, monkeypatch):
    server.body = factory.affine().read_bytes()
    monkeypatch.setattr(download.ssl, "create_default_context", lambda: trust)
    (pack,) = adding.add(store, f"{server.address}/great-wave.scumble#sha256={sha256(server.body).hexdigest()}")
    assert pack.info().source == f"{server.address}/great-wave.scumble"
    assert not list((store.folders.user / "downloads").rglob("*.scumble"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://x/y", True),
        ("file:///x", True),
        ("c:\\x", False),
        ("C:/x", False),
        ("./x", False),
        ("http://x", True),
    ],
)
def test_addresses_and_paths_are_told_apart(text, expected):
    assert download.is_address(text) is expected


def test_a_base_network_beside_the_address_is_fetched_by_its_hash(factory, store, server, trust, monkeypatch):
    server.body = factory.affine(with_base=False).read_bytes()
    beside = f"/packs/bases/{factory.base_sha}.safetensors"
    server.files = {beside: factory.base}
    monkeypatch.setattr(download.ssl, "create_default_context", lambda: trust)
    adding.add(store, f"{server.address}/packs/wave.scumble")
    assert store.read_base(factory.base_sha) == factory.base
    assert [path for path, *_ in server.asked] == ["/packs/wave.scumble", beside]
    adding.add(store, f"{server.address}/packs/wave.scumble")
    assert len(server.asked) == 3  # the base is there now
    assert not list((store.folders.user / "downloads").rglob("*.s[ca]*"))


def test_a_wrong_base_network_beside_the_address_is_refused(factory, store, server, trust, monkeypatch):
    server.body = factory.affine(with_base=False).read_bytes()
    server.files = {f"/bases/{factory.base_sha}.safetensors": factory.base[:-1]}
    monkeypatch.setattr(download.ssl, "create_default_context", lambda: trust)
    with pytest.raises(DownloadFailed, match="not the file"):
        adding.add(store, f"{server.address}/wave.scumble")
    assert store.list() == []
