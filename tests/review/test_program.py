"""The program: where it listens, what it prints, and the way into it through a container."""

import re
import shlex
import socket
from pathlib import Path

import pytest
import uvicorn

from npsle_app.review.__main__ import main
from tests.review.browsing import Browser, open_room
from tests.review.made_output import make_output

DOCS = Path(__file__).parents[2] / "docs" / "reading.md"


@pytest.fixture
def output(tmp_path):
    return make_output(tmp_path / "study" / "out", participants=1)


@pytest.fixture
def bound(monkeypatch):
    """The addresses that the program listens on; the server itself is not run."""
    addresses = []
    monkeypatch.setattr(
        uvicorn.Server,
        "run",
        lambda _, sockets: addresses.extend(one.getsockname()[:2] for one in sockets),
    )
    return addresses


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def documented(output, *, port):
    """Return the options of `docker run` in the documents, and those of the program after it."""
    text = DOCS.read_text(encoding="utf-8").replace("\\\n", " ")
    (line,) = re.findall(r"^docker run .*--entrypoint npsle_review.*$", text, flags=re.MULTILINE)
    docker, _, program = line.partition(" npsle_app ")
    words = shlex.split(program.replace("/study/out", str(output)))
    assert words[words.index("--port") + 1] == "8000"
    return docker, [str(port) if word == "8000" else word for word in words]


def test_by_default_a_free_port_of_loopback_is_taken(output, bound, capsys):
    assert main([str(output), "--no-browser"]) == 0
    ((host, port),) = bound
    assert (host, port > 0) == ("127.0.0.1", True)
    printed = capsys.readouterr()
    assert f"http://127.0.0.1:{port}/?token=" in printed.out
    assert printed.err == ""


def test_in_a_container_it_listens_everywhere_and_is_published_on_loopback(output, bound, capsys):
    port = free_port()
    docker, words = documented(output, port=port)
    assert "-p 127.0.0.1:8000:8000" in docker
    assert main(words) == 0
    assert bound == [("0.0.0.0", port)]  # noqa: S104 - inside a container
    printed = capsys.readouterr()
    assert f"http://127.0.0.1:{port}/?token=" in printed.out  # what is opened on the host
    assert f"-p 127.0.0.1:{port}:{port}" in printed.err
    assert output.with_name("out-reading").is_dir()


@pytest.mark.parametrize("address", ["http://127.0.0.1:9000", "http://localhost:9000"])
def test_a_room_published_on_another_port_is_entered(output, address):
    room = open_room(output)
    client = Browser(room).client
    client.base_url = address
    assert client.get("/", params={"token": room.token}).status_code == 303
    entered = client.post("/enter", json={"initials": "AB"}, headers={"Origin": address})
    assert entered.status_code == 200
    assert client.get("/queue").status_code == 200
    room.close()


def test_a_room_reached_by_the_address_of_the_machine_stays_shut(output):
    room = open_room(output)
    client = Browser(room).client
    client.base_url = "http://172.17.0.2:8000"
    assert client.get("/", params={"token": room.token}).status_code == 403
    room.close()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--port", "70000"), "up to 65535"),
        (("--port", "http"), "whole number"),
        (("--host", "192.0.2.1"), "cannot listen on 192.0.2.1"),
    ],
)
def test_what_cannot_be_listened_on_is_told(output, bound, capsys, words, told):
    try:
        code = main([str(output), "--no-browser", *words])
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert told in capsys.readouterr().err
    assert bound == []
