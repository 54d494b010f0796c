"""The HTTP application: the vendors under their prefixes, and the sandbox's own controls under ``/_sandbox``.

Imported only when serving: it needs starlette and graphql-core.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from connectors.sandbox.faults import Fault, Faults
from connectors.sandbox.google_api import GoogleAdsApi
from connectors.sandbox.shopify_api import ShopifyApi
from connectors.sandbox.state import Sandbox
from connectors.sandbox.stripe_api import StripeApi
from connectors.sandbox.systems import systems
from connectors.sandbox.wire import Answer, Call, VendorApi
from connectors.sandbox.zendesk_api import ZendeskApi

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True)
class Strictness:
    """Which of the vendors' rate limits are enforced; none by default, so that a demo does not wait.

    Attributes:
        zendesk_exports_per_minute: 10 at Zendesk, 30 with an add-on.
        shopify_throttled: the leaky bucket of points.
    """

    zendesk_exports_per_minute: int | None = None
    shopify_throttled: bool = False


def build_app(sandbox: Sandbox, strictness: Strictness) -> Starlette:
    """The application over a sandbox; puts the sandbox down when it shuts down."""
    faults = Faults()
    vendors: dict[str, VendorApi] = {
        "stripe": StripeApi(sandbox),
        "zendesk": ZendeskApi(sandbox, strictness.zendesk_exports_per_minute),
        "shopify": ShopifyApi(sandbox, strictness.shopify_throttled),
        "google_ads": GoogleAdsApi(sandbox),
        **{system.name: system.api(sandbox) for system in systems()},
    }

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        sandbox.close()

    mounts = [Route(f"/{name}{{path:path}}", _vendor(name, api, faults), methods=METHODS) for name, api in vendors.items()]
    return Starlette(routes=[*_controls(sandbox, faults), *mounts], lifespan=lifespan)


# Everything runs in the event loop, one request after the other: the world needs no locks.


def _vendor(name: str, api: VendorApi, faults: Faults) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        path = request.path_params["path"]
        call = Call(
            request.method,
            path,
            tuple(request.query_params.multi_items()),
            dict(request.headers),
            await request.body(),
            f"{request.url.scheme}://{request.url.netloc}/{name}",
        )
        fault = faults.due(name, path, request.method)
        if fault is not None and fault.status is not None:
            if fault.after:
                api.answer(call)
            return _response(api.fault(fault.status, fault.retry_after))
        if fault is not None and fault.repeat_page:
            again = faults.last_page(name, _question(call))
            if again is not None:
                return Response(again, media_type="application/json")
        response = _response(api.answer(call))
        if fault is not None and fault.hang is not None:
            await asyncio.sleep(fault.hang)
        content = bytes(response.body)
        if fault is not None and fault.truncate:
            return Response(content[: len(content) // 2], response.status_code, media_type="application/json")
        if response.status_code == 200:
            faults.served(name, _question(call), content)
        return response

    return endpoint


def _question(call: Call) -> str:
    """What is asked apart from the page: the path, and the query where that travels in the body."""
    try:
        return f"{call.path} {json.loads(call.body)['query']}"
    except (ValueError, TypeError, KeyError):
        return call.path


def _response(answer: Answer) -> Response:
    if answer.body is None:
        return Response(status_code=answer.status, headers=answer.headers)
    if isinstance(answer.body, bytes):
        return Response(answer.body, answer.status, answer.headers)
    content = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, answer.status, answer.headers, media_type="application/json")


def _controls(sandbox: Sandbox, faults: Faults) -> list[Route]:
    async def state(request: Request) -> Response:
        return JSONResponse(sandbox.state())

    async def truth(request: Request) -> Response:
        return PlainTextResponse(sandbox.truth_csv(), media_type="text/csv; charset=utf-8")

    async def advance(request: Request) -> Response:
        return await _told(request, {"days": 1}, lambda given: sandbox.advance(given["days"]))

    async def clock(request: Request) -> Response:
        return await _told(request, {"advance_seconds": 0}, lambda given: sandbox.push_clock(given["advance_seconds"]))

    async def set_fault(request: Request) -> Response:
        try:
            faults.add(Fault.parse(json.loads(await request.body())))
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return Response(status_code=204)

    async def clear_faults(request: Request) -> Response:
        faults.clear()
        return Response(status_code=204)

    return [
        Route("/_sandbox/state", state),
        Route("/_sandbox/truth.csv", truth),
        Route("/_sandbox/advance", advance, methods=["POST"]),
        Route("/_sandbox/clock", clock, methods=["POST"]),
        Route("/_sandbox/faults", set_fault, methods=["POST"]),
        Route("/_sandbox/faults", clear_faults, methods=["DELETE"]),
    ]


async def _told(request: Request, defaults: dict[str, int], act: Callable[[dict[str, int]], dict[str, Any]]) -> Response:
    """Do as a control's JSON body says; whole numbers, not negative, under the names of the defaults."""
    body = await request.body()
    try:
        given = {**defaults, **(json.loads(body) if body else {})}
    except (ValueError, TypeError):
        given = {}
    if set(given) != set(defaults) or not all(type(value) is int and value >= 0 for value in given.values()):
        return JSONResponse({"error": f"expected a JSON object with {', '.join(defaults)} as whole numbers"}, 400)
    return JSONResponse(act(given))
