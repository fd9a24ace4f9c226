"""Nobody but the reader's own browser is heard: whatever else knocks is refused and told."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

from npsle_app.review.readers import SILENCE_S, Readers, TakenError
from tests.review.browsing import ADDRESS, Browser, open_room
from tests.review.made_output import make_output, snapshot


@pytest.fixture
def output(tmp_path):
    return make_output(tmp_path / "out", participants=2)


@pytest.fixture
def room(output):
    made = open_room(output)
    yield made
    made.close()


def everything(output):
    return snapshot(output) | snapshot(output.with_name("out-reading"))


WRONG_TOKENS = {
    "none": {},
    "a wrong one in the address": {"params": {"token": "x" * 43}},
    "a wrong one in the cookie": {"headers": {"Cookie": "npsle_review_8000=guess"}},
    "that of another port": {"headers": {"Cookie": "npsle_review_9000={token}"}},
    "the right one twice, differing": {"params": [("token", "a"), ("token", "b")]},
    "an empty one": {"params": {"token": ""}},
}


@pytest.mark.parametrize("case", WRONG_TOKENS)
@pytest.mark.parametrize("path", ["/", "/queue", "/room.js"])
def test_without_the_token_nothing_is_shown(room, output, case, path):
    before = everything(output)
    client = Browser(room).client
    client.cookies.clear()
    asked = dict(WRONG_TOKENS[case])
    if "headers" in asked:
        cookie = asked["headers"]["Cookie"].format(token=room.token)
        asked["headers"] = {"Cookie": cookie}
    answer = client.get(path, **asked)
    assert answer.status_code == 403
    assert "token" in answer.json()["error"]
    assert everything(output) == before


def test_the_token_opens_the_room_once_and_leaves_the_address(room):
    client = Browser(room).client
    client.cookies.clear()
    answer = client.get("/", params={"token": room.token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    kept = answer.headers["set-cookie"].lower()
    assert "httponly" in kept
    assert "samesite=strict" in kept
    assert client.get("/").status_code == 200


HOSTS = [
    "evil.example",
    "127.0.0.1.evil.example:8000",
    "evil.example:8000",
    "localhost@evil.example",
    "192.168.0.7:8000",
    "",
    "127.0.0.1:80:80",
]


@pytest.mark.parametrize("host", HOSTS)
def test_a_name_that_was_pointed_here_is_no_way_in(room, output, host):
    before = everything(output)
    browser = Browser(room, "AB")
    for answer in (
        browser.client.get("/queue", headers={"Host": host}),
        browser.client.post("/judge", json={}, headers={"Host": host, "Origin": f"http://{host}"}),
    ):
        assert answer.status_code == 403
        assert "127.0.0.1" in answer.json()["error"]
    assert everything(output) == before


ORIGINS = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:9000"},  # another program on this machine
    {"Origin": "https://127.0.0.1:8000"},
    {"Origin": ADDRESS, "Sec-Fetch-Site": "cross-site"},
    {"Origin": ADDRESS, "Sec-Fetch-Site": "same-site"},
    {},  # a form of an old browser says nothing
]


@pytest.mark.parametrize("headers", ORIGINS, ids=str)
def test_another_site_changes_nothing(room, output, headers):
    browser = Browser(room, "AB")
    key = browser.keys[0]
    before = everything(output)
    said = {"case": key, "item": "session", "verdict": "exclude"}
    answer = browser.client.post("/judge", json=said, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]
    assert everything(output) == before


@pytest.mark.parametrize("headers", [one for one in ORIGINS if one], ids=str)
def test_another_site_reads_nothing(room, headers):
    assert Browser(room, "AB").client.get("/queue", headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("case=x&item=session", "application/x-www-form-urlencoded"),
        ("{}", "text/plain"),
        ("x" * 70_000, "application/json"),
        ("{", "application/json"),
        ("[1]", "application/json"),
        ("[" * 60_000, "application/json"),
    ],
)
def test_what_is_no_small_json_is_refused(room, output, content, kind):
    browser = Browser(room, "AB")
    before = everything(output)
    headers = {"Origin": ADDRESS, "Content-Type": kind}
    answer = browser.client.post("/judge", content=content, headers=headers)
    assert answer.status_code in (400, 403)
    assert everything(output) == before


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(room, method):
    answer = Browser(room, "AB").client.request(method, "/judge", headers={"Origin": ADDRESS})
    assert answer.status_code == 403


OUTSIDE = [
    "/case/{key}/../../../../etc/passwd",
    "/case/{key}/t1w/base/axial/..%2f..%2f..%2fetc%2fpasswd.png",
    "/case/..%2f..%2fetc/t1w/base/axial/1.png",
    "/case/{key}/..%2f..%2fsecret/figure/0/0",
    "/case/{key}/lesions/figure/-1/0",
    "/case/{key}/lesions/figure/0/7",
    "/case/{key}/t1w/base/axial/9999.png",
    "/case/sub-01/t1w/base/axial/1.png",
    "/static/..%2froom.js",
    "//etc/passwd",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_path_leads_out_of_the_output(room, path):
    browser = Browser(room, "AB")
    answer = browser.client.get(path.format(key=browser.keys[0]))
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "name",
    [
        "anat/sub-01_desc-preproc_T1w.nii.gz",
        "anat/sub-01_space-T1w_label-L_desc-wmh_mask.nii.gz",
        "figures/sub-01_wmh-lesions.webp",
        "log/sub-01_stage-wmh.json",
        "sub-01_vessels.tsv",
    ],
)
def test_a_link_out_of_the_output_is_not_followed(output, tmp_path, name):
    place = output / "sub-01" / name
    elsewhere = tmp_path / place.name
    place.rename(elsewhere)
    place.symlink_to(elsewhere)
    room = open_room(output, order="worst", blinded=False)
    browser = Browser(room, "AB")
    key = next(one["key"] for one in browser.get("/queue")["cases"] if one["name"] == "sub-01")
    case = browser.get(f"/case/{key}")
    names = [item["name"] for item in case["items"]]
    figures = [
        one for item in case["items"] if item["name"] == "lesions" for one in item["figures"]
    ]
    gone = {
        "anat/sub-01_desc-preproc_T1w.nii.gz": "t1w" not in names,
        "anat/sub-01_space-T1w_label-L_desc-wmh_mask.nii.gz": "lesions" not in names,
        "figures/sub-01_wmh-lesions.webp": not figures,
        "log/sub-01_stage-wmh.json": not figures,
        "sub-01_vessels.tsv": all(one["item"] != "vessels" for one in case["structures"]),
    }
    assert gone[name]
    room.close()


def test_a_record_cannot_name_a_file_elsewhere(output, tmp_path):
    record = output / "sub-01/log/sub-01_stage-wmh.json"
    secret = tmp_path / "secret.webp"
    secret.write_bytes(b"secret")
    for uri in ("bids::../secret.webp", "bids:raw:secret.webp", f"bids::{secret}", str(secret)):
        content = json.loads(record.read_text())
        content["figures"][0]["path"] = uri
        record.write_text(json.dumps(content))
        room = open_room(output, blinded=False)
        browser = Browser(room, "AB")
        for key in browser.keys:
            for item in browser.get(f"/case/{key}")["items"]:
                for number in range(len(item["figures"])):
                    path = f"/case/{key}/{item['name']}/figure/{number}/0"
                    assert browser.client.get(path).content != b"secret"
        room.close()


# ---- initials


@pytest.mark.parametrize("initials", ["AB", "ab", " Ab ", "aB", "AB\n"])
def test_a_second_reader_under_the_same_initials_is_told_and_refused(room, output, initials):
    first, second = Browser(room, "AB"), Browser(room)
    first.judge(first.keys[0], "session", "usable")
    before = everything(output)
    answer = second.post("/enter", initials=initials)
    assert answer.status_code == 409
    assert "AB is reading" in answer.json()["error"]
    refused = second.post("/judge", case=first.keys[0], item="session", verdict="exclude")
    assert refused.status_code == 401
    assert everything(output) == before


@pytest.mark.parametrize("initials", ["", "../AB", "1AB", "ABCDEFGHIJ", "A/B", "Ä", "A B", "."])
def test_what_is_no_initials_is_refused(room, output, initials):
    before = everything(output)
    answer = Browser(room).post("/enter", initials=initials)
    assert answer.status_code == 400
    assert "letters and digits" in answer.json()["error"]
    assert everything(output) == before


def test_another_room_of_the_folder_respects_the_initials(room, output):
    Browser(room, "AB")
    program = (
        "import sys; from pathlib import Path; from npsle_app.review.readers import *\n"
        "try: Readers(Path(sys.argv[1])).enter('AB')\n"
        "except TakenError as error: print(error)"
    )
    said = subprocess.run(  # noqa: S603 - this Python, with a program of this test
        [sys.executable, "-c", program, output / "qc"], capture_output=True, text=True, check=True
    )
    assert "another room" in said.stdout


def test_initials_are_free_once_their_reader_left_or_fell_silent(tmp_path):
    now = [0.0]
    readers = Readers(tmp_path, clock=lambda: now[0])
    first = readers.enter("AB")
    with pytest.raises(TakenError, match="AB is reading"):
        readers.enter("AB")
    readers.leave(first)
    second = readers.enter("AB")
    assert readers.find(first.secret) is None  # whoever left does not write any more
    now[0] = SILENCE_S + 1
    third = readers.enter("AB")
    assert readers.find(second.secret) is None
    assert readers.find(third.secret) is third
    readers.close()


def test_a_reader_who_reloads_the_page_keeps_the_seat(tmp_path):
    readers = Readers(tmp_path)
    seat = readers.enter("AB")
    readers.leave(seat)  # the page goes
    assert readers.find(seat.secret) is seat  # and comes again
    with pytest.raises(TakenError):
        readers.enter("AB")
    readers.close()


def test_who_left_one_room_may_read_in_another_of_the_folder(tmp_path):
    one, other = Readers(tmp_path), Readers(tmp_path)
    seat = one.enter("AB")
    with pytest.raises(TakenError, match="another room"):
        other.enter("AB")
    one.leave(seat)
    there = other.enter("AB")
    assert one.find(seat.secret) is None
    other.leave(there)
    assert one.find(seat.secret) is seat
    one.close()


# ---- the program


@pytest.fixture
def program(output, tmp_path):
    command = [sys.executable, "-m", "npsle_app.review", str(output), "--no-browser"]
    with subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as process:  # fmt: skip
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.extend(process.stdout), daemon=True)
        reader.start()
        deadline = time.monotonic() + 60
        while not (address := [one.strip() for one in lines if "token=" in one]):
            assert time.monotonic() < deadline, lines
            time.sleep(0.05)
        yield process, address[0], lines
        process.kill()
        reader.join(5)


def test_the_program_listens_on_loopback_alone_and_ends_in_order(program, output):
    process, address, _ = program
    port = int(address.split(":")[2].split("/")[0])
    assert address.startswith("http://127.0.0.1:")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/queue", timeout=30)
    assert refused.value.code == 403
    refused.value.close()
    own = socket.gethostbyname(socket.gethostname())
    if not own.startswith("127."):
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((own, port), timeout=5)
    process.terminate()
    assert process.wait(30) in (0, -15)
    assert (output.with_name("out-reading") / "dataset_description.json").is_file()
