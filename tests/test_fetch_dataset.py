"""Public material: fetched from a real server on this machine, in good and in bad weather."""

import hashlib
import json
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from deepfake_lesson.downloads import Dataset, DownloadError, checksum, fetch, read_registry
from deepfake_lesson.errors import BusyError, DiskFullError, LessonError
from deepfake_lesson.files import folder_lock

SCRIPT = Path(__file__).parents[1] / "data_scripts" / "fetch_dataset.py"
REGISTRY = SCRIPT.with_name("datasets.toml")
GATED = {"faceforensics", "celeb-df", "dfdc", "faceswap", "binghamton"}
CONTENT = np.random.default_rng(0).bytes(2_000_000)
OTHER = np.random.default_rng(1).bytes(2_000_000)
SOME = 10 << 16  # whole blocks, as they are written


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, asked = self.server, self.headers.get("Range")
        server.asked.append(asked)
        if self.path == "/listing" and server.listing is not None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(server.listing)
            return
        if self.path != "/file.bin":
            self.send_error(404)
            return
        start = 0
        if asked and server.knows_ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206)
            last, whole = len(server.content) - 1, len(server.content)
            self.send_header("Content-Range", f"bytes {start}-{last}/{whole}")
        else:
            self.send_response(200)
        if server.says_length:
            self.send_header("Content-Length", str(len(server.content) - start))
        self.end_headers()
        self.wfile.write(server.content[start:][: server.break_after])
        if server.break_after:
            self.wfile.flush()
            server.may_close.wait(20)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    """Serves `content` at /file.bin, and breaks off after `break_after` bytes."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.asked, self.listing = CONTENT, [], None
        self.break_after, self.knows_ranges, self.says_length = None, True, True
        self.may_close = threading.Event()
        self.may_close.set()


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.may_close.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def dataset(server):
    return Dataset(
        name="noise",
        title="Noise",
        licence="CC0",
        page="https://example.org/noise",
        access="open",
        notes="For tests.",
        checked="made by the test",
        address=f"http://127.0.0.1:{server.server_port}/file.bin",
        size=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def refused(dataset, folder, error=DownloadError):
    with pytest.raises(error) as caught:
        fetch(dataset, folder, progress=False)
    return str(caught.value)


def break_off(server, dataset, folder):
    """Fetch the first SOME bytes; the server is whole again afterwards."""
    server.break_after = SOME
    message = refused(dataset, folder)
    server.break_after = None
    return message


def test_a_file_is_fetched_whole_and_only_once(server, dataset, tmp_path):
    assert fetch(dataset, tmp_path / "new", progress=False) is True
    assert (tmp_path / "new" / "file.bin").read_bytes() == CONTENT
    assert names(tmp_path / "new") == ["file.bin"]
    assert fetch(dataset, tmp_path / "new", progress=False) is False
    assert server.asked == [None]


def test_a_broken_off_download_asks_for_the_rest(server, dataset, tmp_path):
    message = break_off(server, dataset, tmp_path)
    assert f"broke off after {SOME} of {len(CONTENT)} bytes" in message
    assert names(tmp_path) == ["file.bin.part"]
    assert fetch(dataset, tmp_path, progress=False) is True
    assert server.asked == [None, f"bytes={SOME}-"]
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert names(tmp_path) == ["file.bin"]


def test_a_download_can_break_off_more_than_once(server, dataset, tmp_path):
    break_off(server, dataset, tmp_path)
    break_off(server, dataset, tmp_path)
    fetch(dataset, tmp_path, progress=False)
    assert server.asked == [None, f"bytes={SOME}-", f"bytes={2 * SOME}-"]
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_killed_download_goes_on(server, dataset, tmp_path):
    server.break_after = SOME
    server.may_close.clear()
    code = (
        "import sys; from pathlib import Path; from deepfake_lesson.downloads import *\n"
        "fetch(read_registry(sys.argv[1])['noise'], sys.argv[2], progress=False)"
    )
    command = [sys.executable, "-c", code, registry_of(dataset, tmp_path), tmp_path / "out"]
    process = subprocess.Popen(command)
    part = tmp_path / "out" / "file.bin.part"
    while not (part.exists() and part.stat().st_size > SOME // 2):
        assert process.poll() is None
    process.kill()
    process.wait()
    server.break_after = None
    have = part.stat().st_size
    fetch(dataset, tmp_path / "out", progress=False)
    assert server.asked == [None, f"bytes={have}-"]
    assert (tmp_path / "out" / "file.bin").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_all_of_it_anew(server, dataset, tmp_path):
    server.knows_ranges = False
    break_off(server, dataset, tmp_path)
    fetch(dataset, tmp_path, progress=False)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_download_that_was_cut_just_before_its_check_needs_no_server(server, dataset, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    fetch(dataset, tmp_path, progress=False)
    assert server.asked == []
    assert names(tmp_path) == ["file.bin"]


@pytest.mark.parametrize("begun", [OTHER[:SOME], OTHER, OTHER + b"more"])
def test_a_beginning_that_does_not_fit_is_thrown_away(server, dataset, tmp_path, begun):
    (tmp_path / "file.bin.part").write_bytes(begun)
    fetch(dataset, tmp_path, progress=False)
    assert server.asked[-1] is None
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert names(tmp_path) == ["file.bin"]


def test_a_wrong_checksum_leaves_no_file_and_says_both_sums(server, dataset, tmp_path):
    server.content = OTHER
    message = refused(dataset, tmp_path)
    assert dataset.sha256 in message
    assert hashlib.sha256(OTHER).hexdigest() in message
    assert dataset.page in message
    assert names(tmp_path) == []


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x", b"<html>Please log in</html>"])
def test_a_file_of_another_size_is_refused_before_it_comes(server, dataset, tmp_path, content):
    server.content = content
    message = refused(dataset, tmp_path)
    assert f"has {len(content)} bytes on the server instead of {len(CONTENT)}" in message
    assert names(tmp_path) == []


def test_a_server_that_does_not_say_the_length_can_break_off(server, dataset, tmp_path):
    server.says_length = False
    assert f"after {SOME} of" in break_off(server, dataset, tmp_path)
    fetch(dataset, tmp_path, progress=False)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_server_that_sends_too_much_is_stopped(server, dataset, tmp_path):
    server.says_length = False
    server.content = CONTENT * 20
    assert "checksum is wrong" in refused(dataset, tmp_path)
    assert names(tmp_path) == []


def test_a_missing_file_is_named_with_where_to_look(server, dataset, tmp_path):
    message = refused(replace(dataset, address=dataset.address + ".gone"), tmp_path)
    assert "404" in message
    assert "file.bin.gone" in message
    assert dataset.page in message
    assert names(tmp_path) == []


def test_without_a_network_what_has_come_is_kept(server, dataset, tmp_path):
    break_off(server, dataset, tmp_path)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}/file.bin"
    message = refused(replace(dataset, address=nowhere), tmp_path)
    assert "cannot be reached (Connection refused)" in message
    assert (tmp_path / "file.bin.part").read_bytes() == CONTENT[:SOME]


def test_a_full_disk_is_said_and_what_fits_is_kept(dataset, small_disk):
    assert "disk is full" in refused(dataset, small_disk, DiskFullError)
    (part,) = small_disk.glob("*.part")
    assert 0 < part.stat().st_size < len(CONTENT)
    assert CONTENT.startswith(part.read_bytes())


def test_a_damaged_file_of_the_same_name_is_not_overwritten(server, dataset, tmp_path):
    (tmp_path / "file.bin").write_bytes(b"my own")
    assert "is there, but the checksum is wrong" in refused(dataset, tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == b"my own"
    assert server.asked == []


def test_two_downloads_do_not_write_into_one_folder(dataset, tmp_path):
    with folder_lock(tmp_path, "a download"):
        assert "already running" in refused(dataset, tmp_path, BusyError)


def test_what_needs_an_agreement_is_refused_and_leaves_nothing(server, dataset, tmp_path):
    gated = replace(dataset, access="agreement", address="", sign="https://example.org/sign")
    assert "https://example.org/sign" in refused(gated, tmp_path / "out")
    assert server.asked == []
    assert not (tmp_path / "out").exists()


@pytest.fixture
def listed(server, dataset):
    """The same file, of which only a listing is known; the listing says its checksum."""
    said = {"file": dataset.address, "size": dataset.size, "sha256": dataset.sha256}
    server.listing = json.dumps(said).encode()
    listing = dataset.address.replace("file.bin", "listing")
    known = {"address": "", "size": 0, "sha256": ""}
    return replace(dataset, access="listed", listing=listing, saved_as="weights.bin", **known)


@pytest.mark.parametrize("says_sum", [True, False])
def test_what_is_listed_is_looked_up_and_its_first_checksum_kept(
    server, listed, tmp_path, says_sum
):
    if not says_sum:
        server.listing = server.listing.replace(b"sha256", b"other")
    assert fetch(listed, tmp_path, progress=False)
    path, first = tmp_path / "weights.bin", tmp_path / "weights.bin.sha256"
    assert path.read_bytes() == CONTENT
    assert first.read_text().split() == [hashlib.sha256(CONTENT).hexdigest(), "weights.bin"]
    asked = len(server.asked)
    assert not fetch(listed, tmp_path, progress=False) and len(server.asked) == asked
    path.write_bytes(OTHER)
    assert "the checksum is wrong" in refused(listed, tmp_path)


def test_a_file_that_was_saved_by_hand_gets_its_first_checksum(listed, tmp_path):
    (tmp_path / "weights.bin").write_bytes(OTHER)
    assert not fetch(listed, tmp_path, progress=False)
    assert hashlib.sha256(OTHER).hexdigest() in (tmp_path / "weights.bin.sha256").read_text()


def test_a_listing_with_another_checksum_is_believed_not_the_file(server, listed, tmp_path):
    server.content = OTHER
    assert "the checksum is wrong" in refused(listed, tmp_path)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "listing",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"file": "ftp://127.0.0.1/x", "size": 3}',
        b'{"file": "http://127.0.0.1/x", "size": 0}',
    ],
)
def test_a_listing_that_says_something_else_is_refused(server, listed, tmp_path, listing):
    server.listing = listing
    assert "by hand" in refused(listed, tmp_path)
    assert names(tmp_path) == []


def test_the_registry_refuses_what_the_course_must_not_fetch():
    datasets = read_registry(REGISTRY)
    assert {name for name, each in datasets.items() if each.access == "agreement"} == GATED
    assert all(each.sign.startswith("https://") for each in map(datasets.get, GATED))
    assert all(each.checked.startswith("20") for each in datasets.values())


def test_the_registered_astronaut_is_that_of_scikit_image():
    astronaut = read_registry(REGISTRY)["astronaut"]
    file = Path(find_spec("skimage").origin).parent / "data" / "astronaut.png"
    assert (astronaut.size, astronaut.sha256) == (file.stat().st_size, checksum(file))


ENTRY = (
    '[x]\ntitle = "t"\nlicence = "l"\npage = "p"\nnotes = "n"\nchecked = "c"\naccess = "open"\n'
    f'address = "https://example.org/x.zip"\nsize = 1\nsha256 = "{"0" * 64}"\n'
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[x\n", "cannot be read"),
        (ENTRY.replace('"open"', '"free"'), "free"),
        (ENTRY.replace("0" * 64, "abc"), "sha256"),
        (ENTRY.replace("size = 1\n", ""), "size"),
        (ENTRY.replace("/x.zip", ""), "address"),
        (ENTRY.replace('"open"', '"agreement"'), "sign"),
        (ENTRY.replace('licence = "l"\n', ""), "licence"),
        (ENTRY + 'colour = "red"\n', "colour"),
    ],
)
def test_a_registry_that_says_too_little_is_refused(tmp_path, text, problem):
    path = tmp_path / "datasets.toml"
    path.write_text(ENTRY, encoding="utf-8")
    assert read_registry(path)["x"].file == "x.zip"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LessonError, match=problem):
        read_registry(path)


def registry_of(dataset, folder):
    rows = [
        f"{key} = {value if isinstance(value, int) else repr(value)}\n"
        for key, value in vars(dataset).items()
        if key != "name" and value
    ]
    path = folder / "registry.toml"
    path.write_text(f"[{dataset.name}]\n" + "".join(rows), encoding="utf-8")
    return path


def run(*arguments):
    command = [sys.executable, SCRIPT, *map(str, arguments)]
    shown = subprocess.run(command, capture_output=True, text=True)
    assert "Traceback" not in shown.stderr
    return shown


def test_the_script_lists_what_there_is():
    shown = run("--list")
    assert shown.returncode == 0
    assert all(name in shown.stdout for name in [*GATED, "astronaut"])
    assert "https://github.com/ondyari/FaceForensics" in shown.stdout


def test_the_script_fetches_and_then_finds_it_there(dataset, tmp_path):
    wishes = ["noise", "--registry", registry_of(dataset, tmp_path), "--out", tmp_path / "out"]
    first, second = run(*wishes), run(*wishes)
    assert (first.returncode, second.returncode) == (0, 0)
    assert "fetched, checksum right" in first.stdout
    assert "100%" in first.stderr
    assert "already there, checksum right" in second.stdout
    assert "CC0" in second.stdout


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("celeb-df", "celeb-deepfakeforensics"),
        ("nobody", "there is no such dataset"),
    ],
)
def test_the_script_ends_with_code_2_and_one_clear_line(tmp_path, name, message):
    shown = run(name, "--out", tmp_path / "out")
    assert shown.returncode == 2
    assert message in shown.stderr
    assert len(shown.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()
