"""Writing to Shopify's customers: metafields, 25 of them with each call.

Each is set on condition that it still holds what was read just before (``compareDigest``), so that nothing is overwritten that
came in between. One call is all or none: where Shopify names the metafield that it does not take, its customer is left out and the
others are set with the next call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.ecommerce.shopify_api import DeniedError, ShopifyApi
from connectors.writeback import Change, Refused, Standing, Text, ValueKind, Writer, Written
from hub.contract.errors import CredentialsError, ProtocolError

AT_ONCE = 25  # Shopify's maximum for metafieldsSet
_STREAM = "customers"
_TYPES: dict[ValueKind, str] = {
    "text": "single_line_text_field",
    "integer": "number_integer",
    "decimal": "number_decimal",
    "boolean": "boolean",
    "date": "date",
    "time": "date_time",
}


class ShopifyWriter(Writer):
    """Writes metafields of customers."""

    reads = writes = 50  # a query may cost 1,000 points, and a customer with its metafields costs some ten

    def __init__(self, api: ShopifyApi, kinds: Mapping[str, ValueKind]) -> None:
        super().__init__(kinds)
        self._api = api

    def read(self, records: Sequence[str]) -> Mapping[str, Standing]:
        """See `Writer`."""
        variables = {"ids": [_gid(record) for record in records], "keys": list(self.kinds), "first": len(self.kinds)}
        nodes = self._api.ask("metafields", variables, _STREAM).get("nodes")
        if not isinstance(nodes, list):
            raise self._broken("the answer has no list of customers")
        return {_number(node["id"]): self._standing(node) for node in nodes if node}

    @staticmethod
    def _standing(node: Mapping[str, Any]) -> Standing:
        # asked for by keys, each comes back with its namespace in its key
        held = {
            f"{field['namespace']}.{field['key'].removeprefix(field['namespace'] + '.')}": field
            for field in node["metafields"]["nodes"]
        }
        return Standing({name: field["value"] for name, field in held.items()}, _time(node["updatedAt"]), held)

    def write(self, changes: Sequence[Change]) -> Mapping[str, Written | Refused]:
        """See `Writer`."""
        answers: dict[str, Written | Refused] = {}
        try:
            for pack in _packs(changes):
                answers |= self._set(pack)
            emptied = [c for c in changes if None in c.fields.values() and not isinstance(answers.get(c.record), Refused)]
            return answers | (self._empty(emptied) if emptied else {})
        except DeniedError as error:
            remedy = "grant the app the scope write_customers, then renew access_token; or take write_back out of hub.yaml"
            raise CredentialsError(error.what, source=error.source, stream=_STREAM, remedy=remedy) from error

    def _set(self, todo: dict[str, Change]) -> dict[str, Written | Refused]:
        answers: dict[str, Written | Refused] = {}
        while todo:
            inputs = [field for change in todo.values() for field in self._inputs(change)]
            done = self._api.ask("set_metafields", {"metafields": inputs}, _STREAM).get("metafieldsSet") or {}
            errors = done.get("userErrors") or []
            if not errors:
                return answers | self._taken(todo, done.get("metafields") or [])
            for record, code in self._blamed(inputs, errors, todo):
                answers[record] = Refused(f"Shopify refuses the metafield ({code})", again=code == "STALE_OBJECT")
                todo.pop(record, None)
        return answers

    def _inputs(self, change: Change) -> list[dict[str, Any]]:
        inputs = []
        for name, text in change.fields.items():
            if text is None:
                continue
            held = change.standing.marks.get(name) or {}
            namespace, _, key = name.partition(".")
            inputs.append(
                {
                    "ownerId": _gid(change.record),
                    "namespace": namespace,
                    "key": key,
                    "type": held.get("type") or _TYPES[self.kinds[name]],
                    "value": text,
                    "compareDigest": held.get("compareDigest"),  # null: only if it is not there yet
                }
            )
        return inputs

    def _blamed(
        self, inputs: Sequence[Mapping[str, Any]], errors: Sequence[Mapping[str, Any]], todo: Mapping[str, Change]
    ) -> list[tuple[str, str]]:
        """The records that errors are about; all of them where Shopify does not say."""
        found = []
        for error in errors:
            place = error.get("elementIndex")
            path = error.get("field") or []
            if place is None:
                place = next((int(step) for step in path if str(step).isdigit()), None)
            code = str(error.get("code") or "no code")
            if place is None or not 0 <= place < len(inputs):
                return [(record, code) for record in todo]
            found.append((_number(inputs[place]["ownerId"]), code))
        return found

    @staticmethod
    def _taken(todo: Mapping[str, Change], metafields: Sequence[Mapping[str, Any]]) -> dict[str, Written | Refused]:
        fields: dict[str, dict[str, Text]] = {record: {} for record in todo}
        times: dict[str, datetime | None] = {}
        for field in metafields:
            record = _number(field["owner"]["id"])
            fields[record][f"{field['namespace']}.{field['key']}"] = field["value"]
            times[record] = _time(field["owner"]["updatedAt"])
        return {record: Written(held, times.get(record)) for record, held in fields.items()}

    def _empty(self, changes: Sequence[Change]) -> dict[str, Written | Refused]:
        """Take metafields away; the time that this gave their customers must be asked for."""
        gone = [
            {"ownerId": _gid(change.record), "namespace": name.partition(".")[0], "key": name.partition(".")[2]}
            for change in changes
            for name, text in change.fields.items()
            if text is None
        ]
        done = self._api.ask("delete_metafields", {"metafields": gone}, _STREAM).get("metafieldsDelete") or {}
        if done.get("userErrors"):
            return {change.record: Refused("Shopify does not take the metafield away") for change in changes}
        standing = self.read([change.record for change in changes])
        return {
            change.record: Written(standing[change.record].fields, standing[change.record].updated_at)
            for change in changes
            if change.record in standing
        }

    def _broken(self, what: str) -> ProtocolError:
        return ProtocolError(
            what, source=self._api.name, stream=_STREAM, remedy="run hub writeback again, and report it if it stays"
        )


def _packs(changes: Sequence[Change]) -> Iterator[dict[str, Change]]:
    """Changes that one call takes, those of a customer together."""
    pack: dict[str, Change] = {}
    size = 0
    for change in changes:
        own = sum(text is not None for text in change.fields.values())
        if not own:
            continue
        if pack and size + own > AT_ONCE:
            yield pack
            pack, size = {}, 0
        pack[change.record] = change
        size += own
    if pack:
        yield pack


def _gid(record: str) -> str:
    return f"gid://shopify/Customer/{record}"


def _number(gid: str) -> str:
    return gid.rpartition("/")[2]


def _time(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
