"""A headless Chromium that loads one page and says what it thinks of it."""

import base64
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import websocket

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
)


class Page:
    """A loaded page; `complaints` are exceptions and console errors, `requests` are URLs."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        self._socket = socket
        self._numbers = count(1)
        self.complaints: list[str] = []
        self.requests: list[str] = []

    def load(self, place: Path | str) -> None:
        """Load a file, or an address, which may lead on to another."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        self._call("Page.navigate", url=place.as_uri() if isinstance(place, Path) else place)
        deadline = time.monotonic() + 60
        while self.evaluate("document.readyState") != "complete" or not self._moved(place):
            assert time.monotonic() < deadline, f"{place} did not load in a minute"
            time.sleep(0.05)
        self.evaluate("Promise.allSettled([...document.images].map((i) => i.decode()))")

    def evaluate(self, script: str) -> Any:
        answer = self._call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def picture(
        self, path: Path, *, width: int = 1400, height: int = 2000, dark: bool = False
    ) -> None:
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._call("Emulation.setEmulatedMedia", features=scheme)
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot")["data"]))

    def print_pages(self) -> int:
        """Print the page on A4 and count the sheets."""
        answer = self._call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)
        pdf = base64.b64decode(answer["data"])
        return len(re.findall(rb"/Type\s*/Page\b", pdf))

    def press(self, key: str, *, text: str = "") -> None:
        """Press a key of the keyboard; with `text` it writes, too."""
        told = {"key": key, "text": text} if text else {"key": key}
        self._call("Input.dispatchKeyEvent", type="keyDown", **told)
        self._call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def wait_for(self, script: str, *, seconds: float = 60) -> None:
        """Wait until a script says something true."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(script):
            assert time.monotonic() < deadline, f"{script} did not come true"
            time.sleep(0.05)

    def _moved(self, place: Path | str) -> bool:
        here = str(self.evaluate("location.href"))
        return here == place.as_uri() if isinstance(place, Path) else here != "about:blank"

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            self._note(message)
            if message.get("id") == number:
                assert "error" not in message, message["error"]
                result: dict[str, Any] = message["result"]
                return result

    def _note(self, message: dict[str, Any]) -> None:
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Runtime.exceptionThrown" or (
            method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning")
        ):
            self.complaints.append(json.dumps(parameters))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
            self.complaints.append(json.dumps(parameters["args"]))


@contextmanager
def open_page(place: Path | str, *, profile: Path) -> Iterator[Page]:
    """Load a page in a Chromium of its own; skip the test where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs Chromium to render the page")
    command = [program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        try:
            socket = websocket.create_connection(_address(profile), timeout=60)
            page = Page(socket)
            page.load(place)
            yield page
            socket.close()
        finally:
            process.terminate()


def _address(profile: Path) -> str:
    note = profile / "DevToolsActivePort"
    deadline = time.monotonic() + 60
    while not (note.is_file() and note.read_text().count("\n")):
        assert time.monotonic() < deadline, "Chromium did not start in a minute"
        time.sleep(0.05)
    port = note.read_text().splitlines()[0]
    with urlopen(f"http://127.0.0.1:{port}/json/list", timeout=30) as answer:
        pages = [target for target in json.load(answer) if target["type"] == "page"]
    return str(pages[0]["webSocketDebuggerUrl"])
