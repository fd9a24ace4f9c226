"""Command line of the reading room."""

import argparse
import socket
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from threading import Timer

import uvicorn

from npsle_app.bids.output.tree import previous_version
from npsle_app.review.access import LOOPBACK
from npsle_app.review.app import make_app
from npsle_app.review.corrections import write_description
from npsle_app.review.room import Room, Rules

_OPEN_AFTER_S = 0.5
_FAR = (
    "npsle_review: {host} is not loopback: whoever reaches this machine reaches the room, and only "
    "the token keeps them out. Use it inside a container alone, published as "
    "-p 127.0.0.1:{port}:{port}.\n"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Open the room until it is interrupted; return 0, or 2 if the input was refused."""
    asked = _parser().parse_args(argv)
    output: Path = asked.out.resolve()
    version = previous_version(output)
    if version is None:
        return _refuse(f"{output} holds no output of npsle_app")
    corrections = (asked.reading_dir or output.with_name(f"{output.name}-reading")).resolve()
    if corrections == output or corrections.is_relative_to(output):
        return _refuse(f"{corrections} lies in the output folder: name another for corrections")
    rules = Rules(
        output=output,
        corrections=corrections,
        order=asked.order,
        seed=asked.seed,
        blinded=not asked.unblinded,
        sample=asked.threshold_sample,
    )
    room = Room(rules)
    if not room.cases:
        return _refuse(f"{output} holds no session that was measured: run the participant level")
    try:
        write_description(corrections, output=output, version=version)
        listening = _listen(asked.host, asked.port)
    except OSError as error:
        return _refuse(str(error))
    with listening:
        _serve(room, listening, host=asked.host, browser=not asked.no_browser)
    return 0


def _serve(room: Room, listening: socket.socket, *, host: str, browser: bool) -> None:
    port = listening.getsockname()[1]
    name = host if host in LOOPBACK and ":" not in host else "127.0.0.1"
    address = f"http://{name}:{port}/?token={room.token}"
    if host not in LOOPBACK:
        sys.stderr.write(_FAR.format(host=host, port=port))
    sys.stdout.write(f"{len(room.cases)} sessions to read. Open:\n\n  {address}\n\n")
    sys.stdout.write("Ctrl-C closes the room; all that was said is on disk.\n")
    sys.stdout.flush()
    config = uvicorn.Config(
        make_app(room),
        log_level="warning",
        access_log=False,  # addresses hold the token
        server_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=2,
    )
    opening = Timer(_OPEN_AFTER_S, webbrowser.open, [address])
    opening.daemon = True
    if browser:
        opening.start()
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:  # uvicorn raises it again once it has ended in order
        pass
    finally:
        opening.cancel()
        room.close()
    sys.stdout.write(
        f"\nJudgements: {room.rules.output / 'qc'}\nTo measure what was kept, run again with\n\n  "
        f"npsle_app BIDS_DIR {room.rules.output} participant group "
        f"--derivatives reading={room.rules.corrections}\n"
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()  # before the address is printed: who follows it at once is heard
    except OSError as error:
        listening.close()
        msg = f"cannot listen on {host}, port {port}: {error.strerror or error}"
        raise OSError(msg) from error
    return listening


def _refuse(reason: str) -> int:
    sys.stderr.write(f"npsle_review: {reason}\n")
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="npsle_review",
        description="Judge scans and maps of an output folder in your own browser, lesion by "
        "lesion, several readers side by side. Nothing leaves this machine.",
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="output folder of npsle_app")
    parser.add_argument(
        "--order",
        choices=("worst", "random"),
        default="worst",
        help="sessions with the worst checks first, or in random order; default worst",
    )
    parser.add_argument(
        "--seed", type=_whole, default=1, metavar="S", help="seed of random orders; default 1"
    )
    parser.add_argument(
        "--unblinded",
        action="store_true",
        help="show the labels of participants, which may tell their group",
    )
    parser.add_argument(
        "--threshold-sample",
        type=_whole,
        default=10,
        metavar="N",
        help="sessions, drawn at random, in which readers choose a threshold; default 10",
    )
    parser.add_argument(
        "--reading-dir",
        type=Path,
        metavar="DIR",
        help="folder of corrections for the next run; default OUT-reading",
    )
    parser.add_argument(
        "--port", type=_port, default=0, metavar="P", help="port; default one that is free"
    )
    parser.add_argument(
        "--no-browser",
        action="store_true",
        help="print the address and open nothing: for a container or a tunnel",
    )
    parser.add_argument(
        "--host",
        default=LOOPBACK[0],
        help="address to listen on; another than 127.0.0.1 is for containers alone, whose port is "
        "published as -p 127.0.0.1:8000:8000",
    )
    return parser


def _whole(text: str) -> int:
    if not text.isdecimal():
        msg = f"expected a whole number, got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _port(text: str) -> int:
    value = _whole(text)
    if value > 65535:
        msg = f"expected a port up to 65535, got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


if __name__ == "__main__":
    sys.exit(main())
