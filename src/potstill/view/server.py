"""The server of the viewer: lists, single responses, searches and labels as JSON, for one page on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import PurePath
from typing import Any, TypeVar

from aiohttp import web

from potstill.errors import DataError, PotstillError
from potstill.verify.steps.people import Saying, saying_of
from potstill.view import files
from potstill.view.agreeing import checks_against_people
from potstill.view.comparing import compared, parties
from potstill.view.details import STEPS, as_json
from potstill.view.guard import HEADERS, REPORT_POLICY, Guard
from potstill.view.index import query_of
from potstill.view.labels import LONGEST_COMMENT, SHAPES, exported, imported
from potstill.view.queue import ORDERS, ordered
from potstill.view.room import Viewer
from potstill.view.texts import Hit

BODY = 64_000_000
"""Bytes of what a page may send: a file of labels."""
HITS = 200
"""Hits of one answer to a search; the page asks on."""
T = TypeVar("T")


def application(room: Viewer, guard: Guard) -> web.Application:
    """Return the server of a room; `guard.port` is set by whoever binds it."""
    app = web.Application(middlewares=[guard.check], client_max_size=BODY)
    pages = _Pages(room, guard)
    get = {
        "/": pages.shell, "/favicon.ico": pages.icon, "/static/{name}": pages.static, "/temml/{name}": pages.temml,
        "/report/{run}": pages.report, "/api/about": pages.about, "/api/list": pages.list, "/api/search": pages.search,
        "/api/response/{key}": pages.response, "/api/sent/{key}": pages.sent, "/api/trained/{key}": pages.trained,
        "/api/problem/{number}": pages.problem, "/api/parties": pages.parties, "/api/compare": pages.compare,
        "/api/queue": pages.queue, "/api/people": pages.people, "/api/agreement": pages.agreement,
        "/api/export": pages.export,
    }  # fmt: skip
    app.add_routes([web.get(path, _telling(answer), allow_head=False) for path, answer in get.items()])
    post = {"/api/session": pages.session, "/api/label": pages.label, "/api/import": pages.imports}
    app.add_routes([web.post(path, _telling(answer)) for path, answer in post.items()])
    return app


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _telling(answer: Answer) -> Answer:
    """Let a mistake be a line that the page shows."""

    async def told(request: web.Request) -> web.StreamResponse:
        try:
            return await answer(request)
        except DataError as error:
            return _json({"error": str(error)}, 400)
        except PotstillError as error:
            return _json({"error": str(error)}, 500)

    return told


async def _apart(work: Callable[[], T]) -> T:
    """Do what reads files or takes a while beside the loop, so that no page waits for another's."""
    return await asyncio.get_running_loop().run_in_executor(None, work)


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=as_json(value), status=status, content_type="application/json", charset="utf-8")


def _whole(request: web.Request, name: str, default: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise DataError(f"{name} is {text[:40]!r}, which is no whole number")
    return min(int(text), most)


class _Pages:
    """Each method answers one path."""

    def __init__(self, room: Viewer, guard: Guard) -> None:
        self.room, self.guard = room, guard

    async def shell(self, request: web.Request) -> web.StreamResponse:
        """The page; it holds no data."""
        del request
        return web.Response(body=files.static("index.html"), content_type="text/html", charset="utf-8")

    async def icon(self, request: web.Request) -> web.StreamResponse:
        """Nothing: browsers ask for it by themselves."""
        del request
        return web.Response(status=204)

    async def static(self, request: web.Request) -> web.StreamResponse:
        return self._file(request, files.static)

    async def temml(self, request: web.Request) -> web.StreamResponse:
        return self._file(request, files.temml)

    def _file(self, request: web.Request, read: Callable[[str], bytes]) -> web.StreamResponse:
        name = request.match_info["name"]
        try:
            body = read(name)
        except KeyError:
            raise web.HTTPNotFound from None
        return web.Response(body=body, content_type=files.TYPES[PurePath(name).suffix])

    async def report(self, request: web.Request) -> web.StreamResponse:
        """The report of a run, with links into the viewer before it; it has styles of its own and no script."""
        if not self.guard.holds(request.cookies.get(self.guard.cookie)):
            raise web.HTTPForbidden
        try:
            page = await _apart(lambda: self.room.report(request.match_info["run"]))
        except KeyError:
            raise web.HTTPNotFound from None
        reply = web.Response(body=page, content_type="text/html", charset="utf-8")
        reply.headers["Content-Security-Policy"] = REPORT_POLICY
        return reply

    async def session(self, request: web.Request) -> web.StreamResponse:
        """Take the token of the link, once, for a cookie that no script reads and no other page sends."""
        if not self.guard.holds((await _body(request)).get("token")):
            return _json({"error": "this is not the token of this server: open the link that it printed last"}, 403)
        reply = _json({"session": True})
        reply.set_cookie(self.guard.cookie, self.guard.token, httponly=True, samesite="Strict", path="/")
        return reply

    async def about(self, request: web.Request) -> web.StreamResponse:
        del request
        return _json(await _apart(self.room.about))

    async def list(self, request: web.Request) -> web.StreamResponse:
        query = query_of(_lists(request))
        return _json(await _apart(lambda: self.room.page(query)))

    async def search(self, request: web.Request) -> web.StreamResponse:
        """Stream what is found, a line each: a hit with its row of the list, or how far the search is."""
        asked = _lists(request)
        words, pattern = asked.pop("q", [""])[-1], asked.pop("regex", [""])[-1] == "1"
        query = replace(query_of(asked), sort="")  # part after part, whatever order the list has
        numbers = await _apart(lambda: self.room.index.chosen(query))
        found = await _apart(lambda: self._first(words, numbers, pattern))
        reply = web.StreamResponse(headers={**HEADERS, "Content-Type": "application/x-ndjson; charset=utf-8"})
        await reply.prepare(request)
        await reply.write(as_json({"total": len(numbers)}) + b"\n")
        # Whoever begins another search leaves this one.
        with contextlib.suppress(ConnectionResetError):
            await self._stream(reply, found)
        return reply

    async def _stream(self, reply: web.StreamResponse, found: Iterator[Hit | int]) -> None:
        done = hits = 0
        while hits < HITS:
            batch = await _apart(partial(_some, found, HITS - hits))
            if not batch:
                break
            shown = await _apart(partial(self.room.hits, batch))
            hits, done = hits + len(shown), done + sum(one for one in batch if isinstance(one, int))
            lines = [as_json({"hit": hit}) for hit in shown] + [as_json({"looked": done}), b""]
            await reply.write(b"\n".join(lines))
        await reply.write(as_json({"done": True, "looked": done, "all": hits < HITS}) + b"\n")
        await reply.write_eof()

    def _first(self, words: str, numbers: Any, pattern: bool) -> Iterator[Hit | int]:  # noqa: ANN401 - Arrow's
        """Begin a search; a mistake in what is asked is raised here, before anything is sent."""
        from itertools import chain

        found = self.room.texts.search(words, numbers, pattern=pattern)
        first = next(found, None)
        return found if first is None else chain([first], found)

    async def response(self, request: web.Request) -> web.StreamResponse:
        key, begin = request.match_info["key"], _whole(request, "begin", 0, 10**8)
        count = _whole(request, "count", STEPS, 500)
        return _json(await _apart(lambda: self.room.response(key, begin, count)))

    async def sent(self, request: web.Request) -> web.StreamResponse:
        index, key = self.room.index, request.match_info["key"]
        return _json(await _apart(lambda: self.room.details.sent(index.find(key))))

    async def trained(self, request: web.Request) -> web.StreamResponse:
        index, key = self.room.index, request.match_info["key"]
        return _json(await _apart(lambda: self.room.details.trained(index.find(key))))

    async def problem(self, request: web.Request) -> web.StreamResponse:
        number = request.match_info["number"]
        if not number.isascii() or not number.isdigit() or len(number) > 9:
            raise DataError(f"there is no problem {number[:40]!r} here")
        return _json(await _apart(lambda: self.room.problem(int(number))))

    async def parties(self, request: web.Request) -> web.StreamResponse:
        del request
        return _json(await _apart(lambda: parties(self.room.index)))

    async def compare(self, request: web.Request) -> web.StreamResponse:
        one, other = request.query.get("one", ""), request.query.get("other", "")
        return _json(await _apart(lambda: compared(self.room.index, one, other)))

    async def queue(self, request: web.Request) -> web.StreamResponse:
        asked = _lists(request)
        by = asked.pop("by", ["uncertain"])[-1]
        labeller, seed = asked.pop("labeller", [""])[-1], _whole(request, "seed", 0, 10**9)
        asked.pop("seed", None)
        query = query_of(asked)
        if by not in ORDERS:
            raise DataError(f"there is no queue {by[:40]!r}: {', '.join(ORDERS)}")
        room = self.room
        found = await _apart(
            lambda: ordered(
                room.index, room.details, room.sayings(), query, by=by, labeller=labeller, seed=seed, count=query.limit
            )
        )
        return _json({"rows": found})

    async def label(self, request: web.Request) -> web.StreamResponse:
        """Save one saying; the reply comes when it is on the disk."""
        body = await _body(request)
        saved = await _apart(lambda: self._save(body))
        return _json({"saved": saved.at})

    def _save(self, body: dict[str, Any]) -> Saying:
        if len(str(body.get("comment", ""))) > LONGEST_COMMENT:
            raise DataError(f"a comment has at most {LONGEST_COMMENT} characters")
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        known = ("kind", "labeller", "seconds", "solution", "ratings", "outcome", "gold", "comment", "skipped",
                 "flagged", "adjudicated", "finish")  # fmt: skip
        said = {name: body[name] for name in known if name in body}
        steps = self.room.labelled_steps(said.get("kind"), said.get("solution"), said.get("ratings"))
        about = self.room.about_response(said.get("solution"))
        gold = said.get("gold") if said.get("kind") == "gold" else about["gold"]
        row = {**said, "schema": 1, "at": now, "steps": steps, "problem_key": about["problem_key"],
               "question": about["question"], "gold": gold}  # fmt: skip
        saying = saying_of(row, "this label")
        self.room.labels(about["run"]).save(saying)
        return saying

    async def people(self, request: web.Request) -> web.StreamResponse:
        del request
        return _json(await _apart(self.room.people))

    async def agreement(self, request: web.Request) -> web.StreamResponse:
        del request
        return _json(await _apart(lambda: checks_against_people(self.room)))

    async def export(self, request: web.Request) -> web.StreamResponse:
        shape = request.query.get("shape", SHAPES[0])
        rows = await _apart(lambda: [as_json(row) + b"\n" for row in exported(self.room.counting(), shape)])
        reply = web.Response(body=b"".join(rows), content_type="application/x-ndjson", charset="utf-8")
        reply.headers["Content-Disposition"] = f'attachment; filename="labels-{shape}.jsonl"'
        return reply

    async def imports(self, request: web.Request) -> web.StreamResponse:
        """Take a file of labels as those of a person; all of it or nothing."""
        body = await _body(request)
        text, labeller = body.get("text"), body.get("labeller")
        if not isinstance(text, str) or not isinstance(labeller, str):
            raise DataError("an import needs the text of a file and the name of a labeller")
        return _json({"imported": await _apart(lambda: self._import(text, labeller))})

    def _import(self, text: str, labeller: str) -> int:
        rows = []
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    row = None
                if not isinstance(row, dict):
                    raise DataError(f"line {number} is no JSON object")
                rows.append((f"line {number}", row))
        return self.room.labels(self.room.sources[0].name).save_all(imported(rows, labeller))


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise DataError("the request is no JSON object")
    return body


def _lists(request: web.Request) -> dict[str, list[str]]:
    return {name: request.query.getall(name) for name in dict.fromkeys(request.query)}


def _some(found: Iterator[Hit | int], most: int) -> list[Hit | int]:
    """Return what a search finds in the next part, at most so many hits; nothing at its end."""
    batch: list[Hit | int] = []
    for one in found:
        batch.append(one)
        if isinstance(one, int) or len(batch) >= most:
            return batch
    return batch
