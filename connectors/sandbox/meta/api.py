"""Meta's Graph API: tokens, nodes, edges, reports at once and in their own time, leads, and a few writes.

Versions older than v26.0 are refused as deprecated. A token may come in the Authorization header, in the query or in the form; lead
forms and leads are shown to the page's own token only, which the page gives to a user with a task on it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import re
from collections.abc import Callable
from urllib.parse import parse_qsl

from connectors.sandbox.draw import number_below
from connectors.sandbox.meta import shapes
from connectors.sandbox.meta.answers import Asked, Item, chosen, error, fields_of, not_shown, page, refuse
from connectors.sandbox.meta.books import ACCESS_TOKEN, ACCOUNT_ID, APP_SECRET, PAGE_ID, PAGE_TOKEN, MetaBooks, Node
from connectors.sandbox.meta.report import rows_of
from connectors.sandbox.population import DAY
from connectors.sandbox.shelf import Object
from connectors.sandbox.state import Sandbox
from connectors.sandbox.wire import Answer, Call, VendorError, retry_header

VERSION = 26
LEADS_LIVE = 90 * DAY
_EDGES = {"campaigns": "campaign", "adsets": "adset", "ads": "ad"}
_LEAD_FIELDS = ("id", "created_time", "field_data")
_OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "GREATER_THAN": lambda at, value: at > value,
    "GREATER_THAN_OR_EQUAL": lambda at, value: at >= value,
    "LESS_THAN": lambda at, value: at < value,
}


class MetaApi:
    """The protocol over a sandbox's books."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._books: MetaBooks = sandbox.world.books["meta"]
        self._runs: dict[str, tuple[Asked, Node | None, int]] = {}  # reports being made, and how often they were asked after

    def answer(self, call: Call) -> Answer:
        """Answer a call."""
        try:
            answer = self._answer(call)
        except VendorError as refusal:
            answer = refusal.answer
        usage = {"call_count": 3, "total_cputime": 2, "total_time": 4}
        business = [
            {"type": "ads_insights", **usage, "estimated_time_to_regain_access": 0, "ads_api_access_tier": "standard_access"}
        ]
        headers = {
            "facebook-api-version": f"v{VERSION}.0",
            "x-app-usage": json.dumps(usage),
            "x-business-use-case-usage": json.dumps({ACCOUNT_ID: business}),
        }
        return Answer(answer.body, answer.status, {**headers, **answer.headers})

    def fault(self, status: int, retry_after: float | None) -> Answer:
        """A server error, a throttle or a refusal, in Meta's words."""
        if status == 401:
            return error(401, 190, "Error validating access token: The session has been invalidated.", subcode=460)
        if status == 403:
            return error(403, 200, "(#200) Requires ads_read permission to manage the object")
        if status != 429:
            answer = error(status, 2, "Service temporarily unavailable", transient=True)
            return Answer(answer.body, status, {**answer.headers, **retry_header(retry_after)})
        if retry_after is not None and retry_after >= 60:
            business = [{"type": "ads_insights", "call_count": 100, "estimated_time_to_regain_access": math.ceil(retry_after / 60)}]
            answer = error(400, 80_004, "(#80004) There have been too many calls to this ad-account.", subcode=2_446_079)
            return Answer(answer.body, 400, {"x-business-use-case-usage": json.dumps({ACCOUNT_ID: business})})
        answer = error(400, 17, "(#17) User request limit reached", subcode=2_446_079)
        usage = {"acc_id_util_pct": 100, "reset_time_duration": math.ceil(retry_after or 0)}
        return Answer(answer.body, 400, {"x-ad-account-usage": json.dumps(usage)} if retry_after is not None else {})

    # who asks for what -------------------------------------------------------------------------------------------

    def _answer(self, call: Call) -> Answer:
        match = re.fullmatch(r"/v(\d+)\.0(?:/(.*?))?/?", call.path)
        if match is None or int(match[1]) > VERSION:
            return error(400, 2500, f"Unknown path components: {call.path}")
        if int(match[1]) < VERSION:
            text = (
                f"(#2635) You are calling a deprecated version of the Ads API. Please update to the latest version: v{VERSION}.0."
            )
            return error(400, 2635, text, kind="FacebookApiException")
        form = dict(parse_qsl(call.body.decode(errors="replace"), keep_blank_values=True)) if call.method == "POST" else {}
        asked = Asked(call, match[2].split("/") if match[2] else [], {**dict(call.query), **form})
        as_page = self._authenticate(asked)
        if not asked.parts:
            return self._by_ids(asked)
        key, edge = asked.parts[0], asked.parts[1] if len(asked.parts) == 2 else None
        if len(asked.parts) > 2:
            return error(400, 2500, f"Unknown path components: /{'/'.join(asked.parts[2:])}")
        if edge in ("leadgen_forms", "leads", "test_leads") and not as_page:
            return error(400, 190, "(#190) This method must be called with a Page Access Token")
        return self._edge(asked, key, edge) if edge else self._node(asked, key)

    @staticmethod
    def _authenticate(asked: Asked) -> bool:
        """Whether the page itself asks."""
        token = asked.call.bearer() or asked.param("access_token")
        if not token:
            refuse(104, "An access token is required to request this resource.")
        if token not in (ACCESS_TOKEN, PAGE_TOKEN):
            refuse(190, "Invalid OAuth access token - Cannot parse access token", status=401)
        proof = asked.param("appsecret_proof")
        if proof is not None and proof != hmac.new(APP_SECRET.encode(), token.encode(), hashlib.sha256).hexdigest():
            refuse(100, "Invalid appsecret_proof provided in the API argument", kind="GraphMethodException")
        return token == PAGE_TOKEN

    # nodes -------------------------------------------------------------------------------------------------------

    def _full(self, key: str) -> tuple[Object, str, tuple[str, ...]]:
        """An object with all its fields, its type, and the fields that are shown unasked."""
        node, lead = self._books.nodes.get(key), self._books.leads.get(key)
        if key == f"act_{ACCOUNT_ID}":
            return shapes.account(), "AdAccount", ("account_id", "id")
        if key == PAGE_ID:
            return {"id": PAGE_ID, "name": "Sandbox Goods", "access_token": PAGE_TOKEN}, "Page", ("name", "id")
        if key == "me":
            return {"id": "61550000000000", "name": "Customer Hub"}, "User", ("name", "id")
        if node is not None:
            return shapes.structure(node), shapes.NODE_TYPE[node.kind], ("id",)
        if lead is not None:
            return shapes.lead(lead), "UserLeadGenInfo", _LEAD_FIELDS
        for form in self._books.forms:
            if form["id"] == key:
                return self._form(form), "LeadGenData", ("id", "locale", "name", "status")
        not_shown(key)

    def _node(self, asked: Asked, key: str) -> Answer:
        if asked.call.method != "GET":
            return self._write(asked, key)
        if key in self._runs:
            return self._run(key)
        full, node_type, default = self._full(key)
        return Answer(chosen(full, fields_of(asked, default), node_type))

    def _by_ids(self, asked: Asked) -> Answer:
        keys = [key for key in (asked.param("ids") or "").split(",") if key]
        if not 1 <= len(keys) <= 50:
            return error(400, 100, "(#100) ids must be a list of 1 to 50 objects")
        told = {}
        for key in keys:
            full, node_type, default = self._full(key)
            told[key] = chosen(full, fields_of(asked, default), node_type)
        return Answer(told)

    def _write(self, asked: Asked, key: str) -> Answer:
        write, method = self._sandbox.write, asked.call.method
        if self._books.leads.get(key) is not None and method == "DELETE":
            write("meta.delete_lead", key=key)
        elif key in self._books.nodes:
            status = "DELETED" if method == "DELETE" else asked.param("status")
            if status not in (None, "ACTIVE", "PAUSED", "ARCHIVED", "DELETED"):
                refuse(100, f"(#100) status {status} is not valid")
            try:
                write("meta.update_object", key=key, fields={"name": asked.param("name"), "status": status})
            except ValueError as problem:
                refuse(100, f"(#100) {problem}")
        else:
            not_shown(key)
        return Answer({"success": True})

    # edges -------------------------------------------------------------------------------------------------------

    def _edge(self, asked: Asked, key: str, edge: str) -> Answer:
        form = next((form for form in self._books.forms if form["id"] == key), None)
        scope = self._books.nodes.get(key)
        if key == f"act_{ACCOUNT_ID}" and edge in _EDGES:
            return self._structure(asked, _EDGES[edge])
        if edge == "insights" and key in self._runs:
            return self._finished(asked, key)
        if edge == "insights" and (scope is not None or key == f"act_{ACCOUNT_ID}"):
            return self._insights(asked, scope)
        if key == PAGE_ID and edge == "leadgen_forms":
            forms: list[Item] = [([-int(f["id"])], self._form(f)) for f in reversed(self._books.forms)]
            return self._list(asked, forms, "LeadGenData", ("id", "locale", "name", "status"))
        if form is not None and edge in ("leads", "test_leads"):
            if asked.call.method == "POST" and edge == "test_leads":
                return self._test(asked, key)
            return self._list(asked, self._leads(asked, key, edge), "UserLeadGenInfo", _LEAD_FIELDS)
        not_shown(key)

    def _list(self, asked: Asked, items: list[Item], node_type: str, default: tuple[str, ...]) -> Answer:
        fields = fields_of(asked, default)
        return page(asked, [(place, chosen(full, fields, node_type)) for place, full in items])

    def _structure(self, asked: Asked, kind: str) -> Answer:
        wanted = asked.parsed("effective_status", None)
        for condition in asked.parsed("filtering", []):
            if condition.get("field") in ("effective_status", f"{kind}.effective_status"):
                wanted = condition.get("value")
        if wanted is not None and "DELETED" in wanted:
            refuse(100, "Requesting for deleted objects is not supported in this endpoint.", subcode=1_815_001)
        # neither archived nor deleted ones are listed unasked
        gone = {"DELETED"} if wanted is not None else {"DELETED", "ARCHIVED"}
        nodes = [n for n in self._books.of_kind(kind) if n.effective_status not in gone]
        found = [n for n in nodes if wanted is None or n.effective_status in wanted]
        items = sorted(([-n.created, -int(n.key)], shapes.structure(n)) for n in found)
        return self._list(asked, items, shapes.NODE_TYPE[kind], ("id",))

    def _form(self, form: Object) -> Object:
        ages = [self._sandbox.now() - lead["at"] for lead in self._books.leads if lead["form"] == form["id"]]
        return shapes.form(form, len(ages), sum(age > LEADS_LIVE for age in ages))

    def _leads(self, asked: Asked, form: str, edge: str) -> list[Item]:
        now = self._sandbox.now()
        live = [lead for lead in self._books.leads if lead["form"] == form and now - LEADS_LIVE <= lead["at"] <= now]
        for condition in asked.parsed("filtering", []):
            holds = _OPERATORS.get(condition.get("operator"))
            if condition.get("field") != "time_created" or holds is None:
                refuse(100, f"(#100) Filtering by {condition.get('field')} is not supported")
            live = [lead for lead in live if holds(lead["at"], int(condition["value"]))]
        shown = [lead for lead in live if edge == "leads" or lead["test"]]
        return sorted((([-lead["at"], -int(lead["id"])], shapes.lead(lead)) for lead in shown), key=lambda item: item[0])

    def _test(self, asked: Asked, form: str) -> Answer:
        try:
            made = self._sandbox.write("meta.create_test_lead", form=form, field_data=asked.parsed("field_data", []))
        except ValueError:
            refuse(100, "(#100) There is a test lead for this form already; delete it first")
        return Answer({"id": made["id"]})

    # reports -----------------------------------------------------------------------------------------------------

    def _insights(self, asked: Asked, scope: Node | None) -> Answer:
        if asked.call.method == "POST":
            run = str(6_300_000_000_000 + number_below(self._sandbox.seed, "meta run", len(self._runs), 10**9))
            self._runs[run] = (asked, scope, 0)
            return Answer({"report_run_id": run})
        rows = rows_of(asked, self._books, scope, self._sandbox.now(), at_once=True)
        return page(asked, rows, summary=False)

    def _run(self, run: str) -> Answer:
        asked, scope, times = self._runs[run]
        self._runs[run] = (asked, scope, times + 1)
        status, percent = (("Job Not Started", 0), ("Job Running", 40), ("Job Completed", 100))[min(times, 2)]
        return Answer({"id": run, "account_id": ACCOUNT_ID, "async_status": status, "async_percent_completion": percent})

    def _finished(self, asked: Asked, run: str) -> Answer:
        ordered, scope, times = self._runs[run]
        if times < 3:
            refuse(100, "(#100) The report is not complete yet")
        return page(asked, rows_of(ordered, self._books, scope, self._sandbox.now(), at_once=False), summary=False)
