"""How Meta's Graph API is asked: tokens, pages, reports. What is asked is in meta.py, what errors mean in meta_errors.py.

Tokens travel in the Authorization header, never in a URL; `paging.next`, which carries one, is read for its cursor only.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

import connectors.http as transport
from connectors.ads.meta_errors import API_VERSION, Answers, TooMuchDataError, at, codes
from connectors.ads.meta_settings import MetaSettings
from connectors.http import HttpSession
from connectors.page_guard import PageGuard
from hub.contract.errors import ProtocolError, SourceUnavailableError

_POLLS = 120
_LONGEST_POLL = 30.0
# edges that Meta answers only to the page itself
_OF_THE_PAGE = ("/leadgen_forms", "/leads", "/test_leads")


class GraphAuth(httpx.Auth):
    """Sends the token, the page's own where only that is taken, and proof of the app's secret if there is one."""

    page_token: str | None = None

    def __init__(self, token: str, app_secret: str | None) -> None:
        self._token, self._app_secret = token, app_secret

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See `httpx.Auth`."""
        token = self._token
        if self.page_token and request.url.path.endswith(_OF_THE_PAGE):
            token = self.page_token
        request.headers["authorization"] = f"Bearer {token}"
        if self._app_secret:
            proof = hmac.new(self._app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
            request.url = request.url.copy_set_param("appsecret_proof", proof)
        yield request


class Graph:
    """One token's view of the graph.

    Args:
        http: the session, opened when first asked for.
    """

    def __init__(self, settings: MetaSettings, source: str, http: Callable[[], HttpSession]) -> None:
        self._settings, self._source, self._http = settings, source, http
        self._answers = Answers(settings, source)
        self._auth: GraphAuth | None = None

    def open_session(self) -> HttpSession:
        """A session with Meta. Secrets are resolved here."""
        settings = self._settings
        secret = settings.app_secret.resolve().strip() if settings.app_secret else None
        self._auth = GraphAuth(settings.access_token.resolve().strip(), secret)
        return HttpSession(
            settings.base_url or "https://graph.facebook.com",
            source=self._source,
            retry=settings.retry,
            auth=self._auth,
            throttle=self._answers.inspect,
            remedy=self._answers.renew(),
        )

    def act_as_page(self, token: str | None) -> None:
        """From now on, ask for what belongs to the page with its own token; only the stream of leads does."""
        self._http()
        assert self._auth is not None
        self._auth.page_token = token

    def get(self, path: str, params: Mapping[str, Any], *, stream: str | None = None, may_ask_less: bool = False) -> dict[str, Any]:
        """An object.

        Raises:
            TooMuchDataError: the answer would be too large, and ``may_ask_less``.
            PermissionRefusedError: we may not see it.
            SourceError: see `HttpSession.request`.
        """
        self._answers.asked.stream, self._answers.asked.may_ask_less = stream, may_ask_less
        return self._object(self._http().get(f"/{API_VERSION}/{path}", stream=stream, params=dict(params)), path, stream)

    def edge(
        self, path: str, params: Mapping[str, Any], *, stream: str, limit: int, by_limit: bool = True
    ) -> Iterator[tuple[list[Any], bool]]:
        """The pages of an edge, each with whether it is the last. An empty page in the middle is none.

        Args:
            by_limit: whether smaller pages are asked for where Meta finds that too much; else it is the caller's to ask for less.

        Raises:
            TooMuchDataError: not ``by_limit``, and Meta finds it too much.
        """
        guard = PageGuard(self._source, stream)
        after: dict[str, str] = {}
        while True:
            try:
                asked = {**params, "limit": limit, **after}
                body = self.get(path, asked, stream=stream, may_ask_less=not by_limit or limit > 1)
            except TooMuchDataError:
                if not by_limit:
                    raise
                limit //= 2
                continue
            rows, following = body.get("data"), self._following(body, path, stream)
            if not isinstance(rows, list):
                raise self._broken("sent a page without data", path, stream)
            yield rows, following is None
            if following is None:
                return
            after = {"after": guard.advance(following)}

    def report(self, path: str, params: Mapping[str, Any], *, stream: str) -> str:
        """Have Meta make a report in its own time; the ID under which its rows are then an edge ``insights``.

        Raises:
            SourceUnavailableError: it could not make it, or not in an hour.
        """
        self._answers.asked.stream, self._answers.asked.may_ask_less = stream, False
        body = self._object(self._http().post(f"/{API_VERSION}/{path}", stream=stream, data=dict(params)), path, stream)
        run = body.get("report_run_id")
        if run is None:
            raise self._broken("began no report", path, stream)
        for attempt in range(_POLLS):
            transport.pause(min(2.0 * 2**attempt, _LONGEST_POLL))
            job = self.get(str(run), {"fields": "async_status,async_percent_completion,error_code,error_subcode"}, stream=stream)
            status = job.get("async_status")
            if status == "Job Completed" and job.get("async_percent_completion") in (100, None):
                return str(run)
            if status in ("Job Failed", "Job Skipped"):
                raise self._no_report(f"Meta could not make the report ({status}{codes(job, prefix='error_')})", stream)
        raise self._no_report("Meta was not done with the report after an hour", stream)

    def _no_report(self, what: str, stream: str) -> SourceUnavailableError:
        return SourceUnavailableError(
            what, source=self._source, stream=stream, remedy="run the sync again later; it goes on where it stopped"
        )

    def _object(self, body: Any, path: str, stream: str | None) -> dict[str, Any]:
        if not isinstance(body, dict):
            raise self._broken("sent no object", path, stream)
        return body

    def _following(self, body: Mapping[str, Any], path: str, stream: str) -> str | None:
        """The cursor of the next page; None where there is none. Cursors stay valid for moments only, so none is ever kept."""
        onward = at(body, "paging", "next")
        if not onward:
            return None
        cursor = at(body, "paging", "cursors", "after") or parse_qs(urlsplit(str(onward)).query).get("after", [None])[0]
        if not cursor:
            raise self._broken("says that there is more, but not from where", path, stream)
        return str(cursor)

    def _broken(self, what: str, path: str, stream: str | None) -> ProtocolError:
        remedy = "run the sync again, and check base_url if it stays"
        return ProtocolError(f"Meta {what} at {path}", source=self._source, stream=stream, remedy=remedy)
