"""Who may speak to the room: this machine's own browser, with the token that was printed.

The room answers on loopback, where every page of the reader's browser and every program of the
machine can knock. Four things keep them out: a token that only the printed address holds, kept
in a cookie that no other site can use; a `Host` that is this machine's, so that a name which an
attacker points here is of no use (DNS rebinding); an `Origin` that is the room's own on whatever
changes anything; and what browsers themselves say of a request's origin (`Sec-Fetch-Site`).
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "npsle_review"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
MOST_BYTES = 64 * 2**10
_SAFE = ("GET", "HEAD")
_OWN_SITES = (None, "same-origin", "none")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; "
    "script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Gate:
    """An ASGI application that lets through to another what comes from the reader's browser."""

    app: ASGIApp
    token: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse, one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no sockets here
            return
        headers = Headers(scope=scope)
        if refusal := _refuse(scope["method"], headers):
            await _answer(scope, receive, send, status=403, text=refusal)
            return
        if self._is_invited(scope):
            await self._let_in(scope, receive, send)
            return
        if not self._is_known(headers):
            text = "open the address that npsle_review printed: its token is missing or wrong"
            await _answer(scope, receive, send, status=403, text=text)
            return
        await self.app(scope, receive, _with_headers(send))

    def _is_invited(self, scope: Scope) -> bool:
        """Tell whether the address holds the token, as it was printed."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        at_door = scope["path"] == "/" and scope["method"] == "GET"
        return at_door and len(given) == 1 and _same(given[0], self.token)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Keep the token in a cookie, and take it out of the address and its history."""
        response = RedirectResponse("/", status_code=303, headers=_HEADERS)
        name = cookie_name(Headers(scope=scope), COOKIE)
        response.set_cookie(name, self.token, httponly=True, samesite="strict", path="/")
        await response(scope, receive, send)

    def _is_known(self, headers: Headers) -> bool:
        return any(_same(one, self.token) for one in read_cookies(headers, COOKIE))


def cookie_name(headers: Headers, name: str) -> str:
    """Add the port to the name of a cookie: browsers send those of one host to all its ports."""
    return f"{name}_{headers.get('host', '').rpartition(':')[2]}"


def read_cookies(headers: Headers, plain_name: str) -> Iterator[str]:
    """List the values of a cookie of this port; nothing of what cannot be read."""
    name = cookie_name(headers, plain_name)
    for text in headers.getlist("cookie"):
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(text)
        except CookieError:
            continue
        if name in jar:
            yield jar[name].value


def _refuse(method: str, headers: Headers) -> str:
    """Say why a request is not the room's own; empty if it is."""
    host = headers.get("host", "")
    if len(headers.getlist("host")) != 1 or _host_name(host) not in LOOPBACK:
        return "this room answers to 127.0.0.1 and localhost alone"
    if headers.get("sec-fetch-site") not in _OWN_SITES:
        return "another site asks: open the room's own address"
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        return "another site asks: open the room's own address"
    if method in _SAFE:
        return ""
    if method != "POST" or origin is None:
        return "only the room's own page may change anything"
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return "expected JSON"
    length = headers.get("content-length", "")
    if not length.isdecimal() or len(length) > len(str(MOST_BYTES)) or int(length) > MOST_BYTES:
        return f"expected at most {MOST_BYTES} bytes, their number told"
    return ""


def _host_name(host: str) -> str | None:
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # a port that is none is an error of its own
    except ValueError:
        return None
    plain = parts.username is None and not parts.path and not parts.query
    return parts.hostname if plain else None


def _same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            told = {name for name, _ in message["headers"]}
            more = [
                (name.lower().encode(), value.encode())
                for name, value in {**_HEADERS, "Cache-Control": "no-store"}.items()
            ]
            message["headers"] = [*message["headers"], *(one for one in more if one[0] not in told)]
        await send(message)

    return sending


async def _answer(scope: Scope, receive: Receive, send: Send, *, status: int, text: str) -> None:
    response = JSONResponse({"error": text}, status_code=status, headers=_HEADERS)
    await response(scope, receive, send)
