"""Google Ads' REST protocol: the OAuth token endpoint, and searchStream with its developer token, batches and errors.

Access tokens live 3,600 seconds of world time. A stream is a JSON array of batches; also its errors come in an array. Versions
other than v26 are unknown paths. Source: https://developers.google.com/google-ads/api/rest/overview
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from connectors.sandbox import credentials
from connectors.sandbox.draw import token
from connectors.sandbox.gaql import Parser, QueryError
from connectors.sandbox.google_rows import rows_of
from connectors.sandbox.shelf import Object
from connectors.sandbox.state import Sandbox
from connectors.sandbox.wire import Answer, Call, VendorError, retry_header

VERSION = "v26"
TOKEN_SECONDS = 3_600
# Google sends up to 10,000 rows a batch; smaller ones make sure that clients read more than one
BATCH_ROWS = 1_000
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
_FAILURE = f"type.googleapis.com/google.ads.googleads.{VERSION}.errors.GoogleAdsFailure"
_NO_CREDENTIAL = (
    "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
)


class GoogleAdsApi:
    """The protocol over a sandbox's books."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox, self._books = sandbox, sandbox.world.google
        self._expires: dict[str, int] = {}
        self._requests = 0

    def answer(self, call: Call) -> Answer:
        """Answer a call."""
        if call.path == "/token" and call.method == "POST":
            return self._token(call)
        match = re.fullmatch(rf"/{VERSION}/customers/([^/]+)/googleAds:searchStream", call.path)
        if match is None or call.method != "POST":
            return Answer(b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>", 404, {"content-type": "text/html"})
        self._requests += 1
        try:
            self._authenticate(call, match[1])
            return self._stream(call)
        except VendorError as error:
            return error.answer

    def fault(self, status: int, retry_after: float | None) -> Answer:
        """A server error, a throttle or a refusal, in Google's words."""
        if status == 401:
            return self._failed(401, "authenticationError", "OAUTH_TOKEN_INVALID", "The OAuth token is invalid.")
        if status != 429:
            text = "Internal error encountered."
            error = {"code": status, "message": text, "status": _STATUS.get(status, "INTERNAL")}
            return Answer([{"error": error}], status, retry_header(retry_after))
        answer = self._failed(429, "quotaError", "RESOURCE_EXHAUSTED", "Too many requests. Retry in a few seconds.")
        if retry_after is not None:
            # no header: the wait stands in the body
            details = answer.body[0]["error"]["details"]
            quota = {"rateScope": "DEVELOPER", "rateName": "Requests per minute", "retryDelay": f"{retry_after:.0f}s"}
            details[0]["errors"][0]["details"] = {"quotaErrorDetails": quota}
            details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{retry_after:.0f}s"})
        return answer

    # tokens ------------------------------------------------------------------------------------------------------

    def _token(self, call: Call) -> Answer:
        form = dict(parse_qsl(call.body.decode(errors="replace"), keep_blank_values=True))
        basic = call.basic() or (form.get("client_id"), form.get("client_secret"))
        if basic != (credentials.GOOGLE_ADS_CLIENT_ID, credentials.GOOGLE_ADS_CLIENT_SECRET):
            return Answer({"error": "invalid_client", "error_description": "Unauthorized"}, 401)
        if form.get("grant_type") != "refresh_token":
            text = f"Invalid grant_type: {form.get('grant_type', '')}"
            return Answer({"error": "unsupported_grant_type", "error_description": text}, 400)
        if form.get("refresh_token") != credentials.GOOGLE_ADS_REFRESH_TOKEN:
            return Answer({"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, 400)
        fresh = f"ya29.{token(self._sandbox.seed, 'access token', len(self._expires), 40)}"
        self._expires[fresh] = self._sandbox.now() + TOKEN_SECONDS
        scope = "https://www.googleapis.com/auth/adwords"
        return Answer({"access_token": fresh, "expires_in": TOKEN_SECONDS - 1, "scope": scope, "token_type": "Bearer"})

    def _authenticate(self, call: Call, customer: str) -> None:
        bearer = call.bearer()
        if not bearer:
            text = "Request is missing required authentication credential."
            raise VendorError(self._failed(401, "authenticationError", "NOT_ADS_USER", text, top=_NO_CREDENTIAL))
        if bearer not in self._expires:
            raise VendorError(self._failed(401, "authenticationError", "OAUTH_TOKEN_INVALID", "The OAuth token is invalid."))
        if self._expires[bearer] <= self._sandbox.now():
            raise VendorError(self._failed(401, "authenticationError", "OAUTH_TOKEN_EXPIRED", "The OAuth token has expired."))
        developer = call.headers.get("developer-token")
        if developer is None:
            text = "developer-token parameter is missing."
            raise VendorError(self._failed(400, "requestError", "DEVELOPER_TOKEN_PARAMETER_MISSING", text))
        if developer != credentials.GOOGLE_ADS_DEVELOPER_TOKEN:
            text = "The developer token is not valid."
            raise VendorError(self._failed(401, "authenticationError", "DEVELOPER_TOKEN_INVALID", text, top=_NO_CREDENTIAL))
        self._check_customer(call, customer)

    def _check_customer(self, call: Call, customer: str) -> None:
        manager = call.headers.get("login-customer-id")
        if manager is not None and not re.fullmatch(r"\d{10}", manager):
            text = "The login-customer-id header is invalid."
            raise VendorError(self._failed(400, "headerError", "INVALID_LOGIN_CUSTOMER_ID", text))
        if not re.fullmatch(r"\d{10}", customer):
            raise VendorError(self._failed(400, "requestError", "INVALID_CUSTOMER_ID", f"Invalid customer ID '{customer}'."))
        if customer != self._books.customer_id:
            text = "User doesn't have permission to access customer. Note: If you're accessing a client customer, the manager's "
            text += "customer id must be set in the 'login-customer-id' header."
            top = "The caller does not have permission"
            raise VendorError(self._failed(403, "authorizationError", "USER_PERMISSION_DENIED", text, top=top))

    # queries -----------------------------------------------------------------------------------------------------

    def _stream(self, call: Call) -> Answer:
        try:
            text = call.json()["query"]
        except (ValueError, KeyError, TypeError):
            missing = self._failed(400, "requestError", "REQUIRED_FIELD_MISSING", "The required field was not present.")
            raise VendorError(missing) from None
        try:
            mask, rows = rows_of(Parser(str(text)).query(), self._books, self._sandbox.now())
        except QueryError as error:
            raise VendorError(self._failed(400, "queryError", error.code, error.message)) from None
        return Answer(list(self._batches(mask, rows)), headers={"request-id": self._request_id()})

    def _batches(self, mask: str, rows: list[Object]) -> Iterator[Object]:
        # a stream without rows still has its one batch, without results
        for start in range(0, max(1, len(rows)), BATCH_ROWS):
            batch = rows[start : start + BATCH_ROWS]
            results: dict[str, Any] = {"results": batch} if batch else {}
            yield {**results, "fieldMask": mask, "requestId": self._request_id(), "queryResourceConsumption": str(len(batch) + 100)}

    def _request_id(self) -> str:
        return token(self._sandbox.seed, "google request", self._requests, 22)

    def _failed(self, status: int, family: str, code: str, message: str, top: str | None = None) -> Answer:
        """An error answer that carries a GoogleAdsFailure."""
        tops = {400: "Request contains an invalid argument.", 429: "Resource has been exhausted (e.g. check quota)."}
        failure = {
            "@type": _FAILURE,
            "errors": [{"errorCode": {family: code}, "message": message}],
            "requestId": self._request_id(),
        }
        default = "Request had invalid authentication credentials."
        error = {"code": status, "message": top or tops.get(status, default), "status": _STATUS[status], "details": [failure]}
        return Answer([{"error": error}], status, {"request-id": self._request_id()})
