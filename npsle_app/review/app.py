"""The pages and answers of the room, over HTTP."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, get_args

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from npsle_app.review.access import Gate, cookie_name, read_cookies
from npsle_app.review.judgements import REASONS, VERDICTS, Judgement
from npsle_app.review.lesions import DECISIONS, Decision
from npsle_app.review.pictures import Plane
from npsle_app.review.readers import Seat, TakenError
from npsle_app.review.room import Room

SEAT = "npsle_reader"
_PLANES: Mapping[str, Plane] = {plane: plane for plane in get_args(Plane)}
_DECISIONS: Mapping[str | None, Decision | None] = {None: None, **{one: one for one in DECISIONS}}
_KEPT = {"Cache-Control": "private, max-age=3600"}  # keys are new each time the room opens


class RefusedError(Exception):
    """What is answered with an error; the text is for the reader."""

    def __init__(self, text: str, *, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


def make_app(room: Room) -> ASGIApp:
    """Make the application that answers for a room, its gate before it."""
    answers = _Answers(room)
    routes = [
        Route("/", answers.page, methods=["GET"]),
        Route("/room.css", _send_asset("room.css", "text/css"), methods=["GET"]),
        Route("/room.js", _send_asset("room.js", "text/javascript"), methods=["GET"]),
        Route("/queue", answers.queue, methods=["GET"]),
        Route("/case/{key}", answers.case, methods=["GET"]),
        Route("/case/{key}/lesions", answers.lesions, methods=["GET"]),
        Route("/case/{key}/{item}/image", answers.image, methods=["GET"]),
        Route("/favicon.ico", _send_nothing, methods=["GET"]),
        Route("/case/{key}/{item}/{layer}/{plane}/{index:int}.png", answers.slice, methods=["GET"]),
        Route("/case/{key}/{item}/figure/{number:int}/{part:int}", answers.figure, methods=["GET"]),
        *(
            Route(f"/{name}", answers.change(change), methods=["POST"])
            for name, change in _CHANGES.items()
        ),
        Route("/enter", answers.enter, methods=["POST"]),
        Route("/leave", answers.leave, methods=["POST"]),
    ]
    handlers: Mapping[Any, Any] = {RefusedError: _tell}
    app = Starlette(routes=routes, exception_handlers=handlers)
    return Gate(app, room.token)


async def _tell(_request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, RefusedError) else 500
    return JSONResponse({"error": str(error)}, status_code=status)


class _Answers:
    """Answers to requests; what takes time is done beside the loop."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def page(self, request: Request) -> Response:
        seat = self._seat(request)
        text = (
            _environment()
            .get_template("room.html.j2")
            .render(reader=seat.initials if seat else None, verdicts=VERDICTS, reasons=REASONS)
        )
        return HTMLResponse(text)

    async def enter(self, request: Request) -> Response:
        said = await _read(request)
        initials = _text(said, "initials", most=20)
        secret = next(read_cookies(request.headers, SEAT), None)
        try:
            seat = self._room.enter(initials, secret=secret)
        except TakenError as error:
            raise RefusedError(str(error), status=409) from error
        except (ValueError, OSError) as error:
            raise RefusedError(str(error)) from error
        response = JSONResponse({"reader": seat.initials})
        name = cookie_name(request.headers, SEAT)
        response.set_cookie(name, seat.secret, httponly=True, samesite="strict", path="/")
        return response

    async def leave(self, request: Request) -> Response:
        self._room.leave(self._reader(request))
        return JSONResponse({})

    async def queue(self, request: Request) -> Response:
        seat = self._reader(request)
        return JSONResponse(await run_in_threadpool(self._room.describe_queue, seat))

    async def case(self, request: Request) -> Response:
        seat, key = self._reader(request), request.path_params["key"]
        return JSONResponse(await _found(self._room.describe_case, seat, key))

    async def lesions(self, request: Request) -> Response:
        seat, key = self._reader(request), request.path_params["key"]
        return JSONResponse(await _found(self._room.describe_lesions, seat, key))

    async def image(self, request: Request) -> Response:
        self._reader(request)
        asked = request.path_params
        return JSONResponse(await _found(self._room.describe_image, asked["key"], asked["item"]))

    async def slice(self, request: Request) -> Response:
        seat, asked = self._reader(request), request.path_params
        plane = _PLANES.get(asked["plane"])
        if plane is None:
            msg = "there is no such plane"
            raise RefusedError(msg, status=404)
        where = {"plane": plane, "index": asked["index"]}
        paint = self._painter(request, seat)
        kept = asked["layer"] in ("base", "overlay", "cut")
        content = await _found(paint, **where)
        return Response(content, media_type="image/png", headers=_KEPT if kept else None)

    def _painter(self, request: Request, seat: Seat) -> Callable[..., bytes]:
        room, asked, query = self._room, request.path_params, request.query_params
        key, item = asked["key"], asked["item"]
        match asked["layer"]:
            case "base":
                return lambda **where: room.paint(key, item, **where)
            case "overlay":
                return lambda **where: room.paint_overlay(key, item, **where)
            case "lesions":
                current = int(query["now"]) if query.get("now", "").isdecimal() else None
                return lambda **where: room.paint_lesions(seat, key, current=current, **where)
            case "cut":
                threshold = _number(query.get("at", ""))
                return lambda **where: room.paint_cut(key, threshold=threshold, **where)
            case _:
                msg = "there is no such picture"
                raise RefusedError(msg, status=404)

    async def figure(self, request: Request) -> Response:
        self._reader(request)
        asked = request.path_params
        path = await _found(
            self._room.figure, asked["key"], asked["item"],
            number=asked["number"], part=asked["part"],
        )  # fmt: skip
        return FileResponse(path, media_type="image/webp", headers=_KEPT)

    def change(self, change: "_Change") -> Callable[[Request], Any]:
        """Answer what changes a reader's work; all of it happens under one lock."""

        async def answer(request: Request) -> Response:
            seat, said = self._reader(request), await _read(request)
            return JSONResponse(await _found(self._do, change, seat, said))

        return answer

    def _do(self, change: "_Change", seat: Seat, said: dict[str, Any]) -> dict[str, Any]:
        with self._room.lock:
            try:
                return change(self._room, seat, said)
            except (ValueError, OSError) as error:
                raise RefusedError(str(error)) from error

    def _seat(self, request: Request) -> Seat | None:
        return self._room.find(next(read_cookies(request.headers, SEAT), None))

    def _reader(self, request: Request) -> Seat:
        seat = self._seat(request)
        if seat is None:
            msg = "nobody sits here: give your initials. If you had, somebody took them since"
            raise RefusedError(msg, status=401)
        return seat


_Change = Callable[[Room, Seat, dict[str, Any]], dict[str, Any]]


def _judge(room: Room, seat: Seat, said: dict[str, Any]) -> dict[str, Any]:
    verdict, reasons = said.get("verdict"), said.get("reasons", [])
    if not isinstance(reasons, list) or len(reasons) > len(REASONS):
        msg = "reasons are a list"
        raise RefusedError(msg)
    told = Judgement(
        verdict=next((one for one in VERDICTS if one == verdict), verdict),
        reasons=tuple(one for one in REASONS if one in reasons),
        note=" ".join(_text(said, "note", most=20_000).split()),
    )
    case = room.case(_text(said, "case", most=64))
    room.work(seat).judge(case, _text(said, "item", most=64), told)
    return {}


def _decide(room: Room, seat: Seat, said: dict[str, Any]) -> dict[str, Any]:
    key, number = _text(said, "case", most=64), said.get("lesion")
    if not isinstance(number, int) or isinstance(number, bool):
        msg = "a lesion has a whole number"
        raise RefusedError(msg)
    work = room.work(seat)
    work.decide(room.case(key), number, _decision(said))
    lesions = work.open(room.case(key)).lesions
    return {"left": lesions.left_ml if lesions else 0.0}


def _decide_structure(room: Room, seat: Seat, said: dict[str, Any]) -> dict[str, Any]:
    case = room.case(_text(said, "case", most=64))
    room.work(seat).decide_structure(case, _text(said, "name", most=64), _decision(said))
    return {}


def _choose_threshold(room: Room, seat: Seat, said: dict[str, Any]) -> dict[str, Any]:
    told = said.get("threshold")
    threshold = None if told is None else _number(str(told))
    room.work(seat).choose_threshold(room.case(_text(said, "case", most=64)), threshold)
    return {}


def _undo(room: Room, seat: Seat, _said: dict[str, Any]) -> dict[str, Any]:
    return {"case": room.work(seat).undo()}


def _beat(_room: Room, _seat: Seat, _said: dict[str, Any]) -> dict[str, Any]:
    return {}


_CHANGES: Mapping[str, _Change] = {
    "judge": _judge,
    "lesion": _decide,
    "structure": _decide_structure,
    "threshold": _choose_threshold,
    "undo": _undo,
    "beat": _beat,
}


def _decision(said: dict[str, Any]) -> Decision | None:
    told = said.get("decision")
    if not isinstance(told, str | None) or told not in _DECISIONS:
        msg = f"a decision is one of {list(DECISIONS)} or nothing"
        raise RefusedError(msg)
    return _DECISIONS[told]


def _text(said: dict[str, Any], name: str, *, most: int) -> str:
    told = said.get(name, "")
    if not isinstance(told, str) or len(told) > most:
        msg = f"{name} is a text of at most {most} letters"
        raise RefusedError(msg)
    return told


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        msg = "a threshold is a number"
        raise RefusedError(msg) from error
    if not 0 < value < 1:
        msg = "a threshold lies between 0 and 1"
        raise RefusedError(msg)
    return round(value, 4)


async def _read(request: Request) -> dict[str, Any]:
    try:
        content = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        msg = "expected JSON"
        raise RefusedError(msg) from error
    if not isinstance(content, dict):
        msg = "expected an object"
        raise RefusedError(msg)
    return content


async def _found(work: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """Do work beside the loop; what does not exist is 404, what cannot be shown is told."""
    try:
        return await run_in_threadpool(work, *args, **named)
    except (KeyError, IndexError) as error:
        msg = "there is nothing of this name"
        raise RefusedError(msg, status=404) from error
    except (ValueError, OSError) as error:
        raise RefusedError(str(error), status=422) from error


def _send_asset(name: str, kind: str) -> Callable[[Request], Any]:
    async def send(_request: Request) -> Response:
        return Response(_asset(name), media_type=kind)

    return send


async def _send_nothing(_request: Request) -> Response:
    return Response(status_code=204)


@cache
def _asset(name: str) -> bytes:
    return files("npsle_app.review").joinpath("templates", name).read_bytes()


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("npsle_app.review"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
