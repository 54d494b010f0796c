"""Leads from the forms of a page: form by form, newest watermark with a look-back.

A lead never changes, and Meta keeps it for 90 days. Each reading asks each form for what was submitted since the newest lead known,
less the look-back; the watermark is never later than the moment the reading began, so that a lead submitted to one form while
another was read comes with the next. A form that may not be read does not stop the others: it keeps the watermark it had, so that
nothing is missing when the right is given back. Where no form may be read, the reading fails.

An answer bears the key of its question, which in a form of another language is a word of that language ("e-mail-adresse"). What the
question asks for is its type, which the form tells; it is put beside the answers where the key does not say it.

Meta's cursors are valid for moments only and never kept: a reading that broke off goes on with the first form not read to its end.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import simplejson

from connectors.ads.meta_api import Graph
from connectors.ads.meta_errors import PermissionRefusedError
from connectors.ads.meta_settings import MetaSettings
from connectors.contract import Checkpoint, Page, Record, Reject
from hub.contract.errors import ProtocolError

log = logging.getLogger(__name__)

Question = dict[str, str]
STREAM = "leads"
# what Meta itself calls a question of a type, where that is not the type in small letters; see also meta.sql
_KEYS = {"PHONE": "phone_number", "PHONE_OTP": "phone_number", "ZIP": "zip_code", "DOB": "date_of_birth"}
PAGE = 500
FIELDS = (
    *("id", "created_time", "form_id", "platform", "is_organic", "partner_name", "retailer_item_id"),
    *("campaign_id", "campaign_name", "adset_id", "adset_name", "ad_id", "ad_name"),
    *("field_data", "custom_disclaimer_responses"),
)


class LeadReader:
    """Reads the leads of one page."""

    def __init__(self, graph: Graph, settings: MetaSettings, source: str) -> None:
        self._graph, self._settings, self._source = graph, settings, source

    def read(self, checkpoint: Checkpoint | None) -> Iterator[Page]:
        """What came since the checkpoint.

        It is {"since": unix seconds, "behind": {form: its own since}} after a whole reading; on the way it also says when that
        began, the newest lead seen, the last form read to its end and which forms were refused.
        """
        kept = dict(checkpoint) if checkpoint and _is_understood(checkpoint) else {}
        resumed = "form" in kept
        since, behind = kept.get("since"), dict(kept.get("behind") or {})
        refused = dict(kept.get("refused") or {})
        begun, seen = (kept["begun"], kept.get("seen")) if resumed else (int(_now().timestamp()), None)
        done: str | None = kept.get("form")
        readable, refusal, on_the_way = resumed, None, resumed
        for form, questions in self._forms().items():
            if done is not None and _order(form) <= _order(done):
                continue
            own = behind.get(form, since)
            try:
                for page, last in self._pages(form, questions, None if own is None else own - 1 - self._settings.lookback_seconds):
                    seen = max([seen or 0, *(int(r.updated_at.timestamp()) for r in page.records if r.updated_at)]) or None
                    done = form if last else done
                    way = {"since": since, "behind": behind, "refused": refused, "begun": begun, "seen": seen, "form": done}
                    if page.records or page.rejects:
                        on_the_way = True
                        yield Page(page.records, way, page.rejects)
                readable = True
            except PermissionRefusedError as error:
                refusal, refused[form], done = error, own, form
                log.warning("%s/%s: form %s may not be read; the others are (%s)", self._source, STREAM, form, error.what)
        if refusal is not None and not readable:
            raise refusal
        # never back, so that a watermark from the future stays one
        newest = since if seen is None else max(since or 0, min(seen, begun))
        finished = {"since": newest, "behind": refused}
        if on_the_way or finished != checkpoint:
            yield Page([], finished)

    def window(self, since: datetime, until: datetime) -> Iterator[Page]:
        """What was submitted in a window of time."""
        for form, questions in self._forms().items():
            for page, _ in self._pages(form, questions, int(since.timestamp()) - 1, until):
                yield page

    def _forms(self) -> dict[str, list[Question]]:
        """The page's forms, by number, with the questions whose keys do not say what they ask for.

        From here on, what belongs to the page is asked with the page's own token.
        """
        page_id = self._settings.page_id
        page = self._graph.get(str(page_id), {"fields": "access_token"}, stream=STREAM)
        token = page.get("access_token")
        self._graph.act_as_page(token if isinstance(token, str) else None)
        found: dict[str, list[Question]] = {}
        for rows, _ in self._graph.edge(f"{page_id}/leadgen_forms", {"fields": "id,questions"}, stream=STREAM, limit=100):
            found |= {str(row["id"]): _questions(row) for row in rows if isinstance(row, dict) and row.get("id")}
        return dict(sorted(found.items(), key=lambda form: _order(form[0])))

    def _pages(
        self, form: str, questions: list[Question], after: int | None, until: datetime | None = None
    ) -> Iterator[tuple[Page, bool]]:
        if after is None and self._settings.start_date is not None:
            after = int(datetime.combine(self._settings.start_date, datetime.min.time(), UTC).timestamp()) - 1
        conditions = [] if after is None else [_condition("GREATER_THAN", after)]
        if until is not None:
            conditions.append(_condition("LESS_THAN", int(until.timestamp())))
        params = {"fields": ",".join(FIELDS), **({"filtering": simplejson.dumps(conditions)} if conditions else {})}
        tests: set[str] | None = None
        for number, (rows, last) in enumerate(self._graph.edge(f"{form}/leads", params, stream=STREAM, limit=PAGE), 1):
            if rows and tests is None:
                tests = self._tests(form)
            yield _page(rows, tests or set(), questions, f"form {form} page {number}"), last

    def _tests(self, form: str) -> set[str]:
        """IDs of the form's test leads, which look like all others where they are listed. At most one is there at a time."""
        try:
            pages = self._graph.edge(f"{form}/test_leads", {"fields": "id"}, stream=STREAM, limit=100)
            return {str(row["id"]) for rows, _ in pages for row in rows if isinstance(row, dict) and row.get("id")}
        except (PermissionRefusedError, ProtocolError) as error:
            log.warning("%s/%s: form %s does not tell its test leads (%s)", self._source, STREAM, form, error.what)
            return set()


def _condition(operator: str, value: int) -> dict[str, Any]:
    return {"field": "time_created", "operator": operator, "value": value}


def _questions(form: Mapping[str, Any]) -> list[Question]:
    """The questions of a form that ask for something Meta knows, and whose key is another word for it."""
    asked = form.get("questions")
    known = [q for q in (asked if isinstance(asked, list) else ()) if isinstance(q, dict) and q.get("type") not in (None, "CUSTOM")]
    pairs = [{"key": str(q.get("key")), "type": str(q["type"])} for q in known]
    return [q for q in pairs if q["key"].lower() != _KEYS.get(q["type"], q["type"].lower())]


def _page(rows: list[Any], tests: set[str], questions: list[Question], where: str) -> Page:
    records: list[Record] = []
    page = Page(records, {})
    for number, row in enumerate(rows, 1):
        if isinstance(row, dict) and isinstance(row.get("id"), str | int) and row["id"] != "":
            key = str(row["id"])
            # what the list does not say, the list of test leads and the form do
            payload = {**row, **({"is_test": True} if key in tests else {}), **({"questions": questions} if questions else {})}
            records.append(Record(key, payload, moment(row.get("created_time"))))
        else:
            page.rejects.append(Reject(simplejson.dumps(row, use_decimal=True), "it has no field id", f"{where} row {number}"))
    return page


def moment(value: Any) -> datetime | None:
    """A time as Meta writes it, 2026-03-01T09:00:00+0000; None if it is none."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _order(form: str) -> tuple[int, str]:
    return len(form), form


def _is_understood(checkpoint: Checkpoint) -> bool:
    """Whether it is one of ours; a damaged one has everything read again."""
    parts = [checkpoint.get(name) or {} for name in ("behind", "refused")]
    if not all(isinstance(part, dict) for part in parts) or not str(checkpoint.get("form") or 0).isdigit():
        return False
    times = [checkpoint.get(name) for name in ("since", "begun", "seen")] + [at for part in parts for at in part.values()]
    return all(at is None or isinstance(at, int) for at in times)


def _now() -> datetime:
    return datetime.now(UTC)
