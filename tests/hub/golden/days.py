"""Days of a small hub for tests: what sources, stewards and the linkage change; loads are published, held or gone back to.

A change is a word and a few numbers, so that a test may draw them; every number means something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from hub.contract.columns import TABLES as STAGING
from hub.golden import TABLES, GoldenSettings, ReportingSettings, Suppressions, SurvivorshipSettings, build_golden
from hub.golden.suppression import identifier_hmac
from tests.hub.golden.helpers import fact, rates
from tests.hub.parties import T0, stage_parties, warehouse

Change = tuple[str, int, int, int]
SUPPRESSIONS, SECRET = "staging.suppression_given", b"of this hub"
OVERRIDES = "staging.override_given"  # beside staging, so that a copy of the warehouse has it
PARTIES = tuple(f"{source}:contacts:{n}" for n in range(4) for source in ("shop", "bill", "help"))
CUSTOMERS = tuple(f"c_{n}" for n in range(6))
SEGMENTS = {"silent": "recency_days > 3", "german": "country_code = 'DE' AND invoices >= 0", "top": "r_score >= 4"}
_TRUST = {"shop": {"max": 0.9, "half_life_days": 2}, "bill": {"max": 0.8, "min": 0.3, "half_life_days": 9}, "*": {"max": 0.5}}
_EMAILS = ("ann@example.com", "bob@acme.example", "info@acme.example", None)
_ATTRIBUTES = ("email", "name", "address", "tax_id")
_STATUS = ("paid", "cancelled", "open", "refunded")
_CURRENCIES = ("EUR", "GBP", "USD")
_STREAMS = {"customer_order": ("orders", "orders2"), "invoice": ("invoices",), "payment": ("payments",)}


def settings() -> GoldenSettings:
    """Settings under which every kind of change can show."""
    survivorship = SurvivorshipSettings(
        default=["verified", "trust", "frequency", "recency"],
        fields={"tax_id": [{"follow": "email"}, "recency"]},
        trust=_TRUST,
    )
    reporting = ReportingSettings(base_currency="EUR", rates="rates.csv", max_age_days=30, invoice_sales=("shop",))
    return GoldenSettings(
        ("shop", "bill", "help", "ads"),
        survivorship,
        reporting,
        SEGMENTS,
        OVERRIDES,
        suppressions=Suppressions(SUPPRESSIONS, SECRET),
    )


class Hub:
    """A hub whose days go by.

    Attributes:
        published: loads that were published, oldest first; each is a catalog.
    """

    def __init__(self) -> None:
        self.con = warehouse()
        self.con.execute("SET threads = 1")  # so few rows are quicker without others
        columns = (
            "override_id, anchor_record_key, attribute, action, value, reason, created_by".replace(",", " VARCHAR,") + " VARCHAR"
        )
        self.con.execute(
            f"CREATE TABLE {OVERRIDES} ({columns}, created_at TIMESTAMP, expires_at TIMESTAMP, revoked_at TIMESTAMP,"
            " revoked_by VARCHAR, revoke_reason VARCHAR)"
        )
        self.con.execute(f"CREATE TABLE {SUPPRESSIONS} (id_hmac VARCHAR, lifted_at TIMESTAMP)")
        self.now, self.published, self.loads, self.quotes = T0, [], 0, 0
        self.live: str | None = None
        for n in range(len(PARTIES)):
            self.change(("party", n, n, n))
            self.change(("owner", n, n // 3, 0))
        for n in range(4):
            for word in (
                "order",
                "line",
                "invoice",
                "payment",
                "refund",
                "ticket",
                "lead",
                "consent",
                "campaign",
                "group",
                "ad",
                "spend",
            ):
                self.change((word, n, n, 2 * n))

    def close(self) -> None:
        self.con.close()

    def change(self, change: Change) -> None:
        """Do what a change says."""
        word, *numbers = change
        _CHANGES[word](self, *numbers)

    def build(self, *, follows: bool = True, database: duckdb.DuckDBPyConnection | None = None) -> None:
        """Build the next load; from scratch unless it may follow the live one."""
        build_golden(
            database or self.con,
            settings(),
            load_id=f"L{self.loads + 1}",
            live=self.live,
            now=self.now,
            rates=_quotes(self.quotes),
            follows=self.live if follows else None,
        )

    def differences(self) -> dict[str, list[Any]]:
        """Rows of the load just built that one built from scratch has not, or the other way round, by table."""
        self.con.execute("ATTACH ':memory:' AS scratch")
        other = self.con.cursor()
        try:
            for schema in ("staging", "identity"):
                self.con.execute(f"CREATE SCHEMA scratch.{schema}")
                names = "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = ?"
                for (name,) in self.con.execute(names, [schema]).fetchall():
                    self.con.execute(f"CREATE TABLE scratch.{schema}.{name} AS FROM {schema}.{name}")
            other.execute("USE scratch")
            self.build(follows=False, database=other)
            return {table: found for table in TABLES if (found := self._differing(table))}
        finally:
            other.close()
            self.con.execute("DETACH scratch")

    def _differing(self, table: str) -> list[Any]:
        pairs = (("here", f"golden.{table}", f"scratch.golden.{table}"), ("there", f"scratch.golden.{table}", f"golden.{table}"))
        return [
            (where, row)
            for where, one, other in pairs
            for row in self.con.execute(f"SELECT * FROM {one} EXCEPT ALL SELECT * FROM {other}").fetchall()
        ]

    def publish(self) -> None:
        """Let the load just built be the live one."""
        self.loads += 1
        self.live = f"L{self.loads}"
        self.con.execute(f"ATTACH ':memory:' AS {self.live}")
        self.con.execute(f"CREATE SCHEMA {self.live}.golden")
        for table in TABLES:
            self.con.execute(f"CREATE TABLE {self.live}.golden.{table} AS FROM golden.{table}")
        self.published.append(self.live)

    def hold(self) -> None:
        """Let the load just built not be published."""
        self.loads += 1

    def go_back(self) -> None:
        """Let the load before the live one be the live one."""
        if self.live is not None and self.published.index(self.live) > 0:
            self.live = self.published[self.published.index(self.live) - 1]


def _quotes(variant: int) -> pa.Table:
    """Rates of 60 days; a variant quotes one day and currency otherwise, or lacks it."""
    rows = []
    for n in range(-30, 30):
        for m, currency in enumerate(("GBP", "USD")):
            odd = variant and n % 3 == variant % 3 and m == variant % 2
            if not (odd and variant > 3):
                rows.append(((T0 + timedelta(days=n)).date(), "EUR", currency, Decimal("1.25") if odd else Decimal("0.80")))
    return rates(rows)


def _party(hub: Hub, n: int, a: int, b: int) -> None:
    key = PARTIES[n % len(PARTIES)]
    hub.con.execute("DELETE FROM staging.party_record WHERE record_key = ?", [key])
    record: dict[str, Any] = {
        "key": key,
        "given_name": ("Ann", "Bob", "Cy")[a % 3],
        "family_name": ("Ash", "Birch")[b % 2],
        "email": _EMAILS[a % 4],
        "phone": ("+4930123456", None, "+442071838750")[b % 3],
        "company_name": ("Acme Tools", None, None)[(a + b) % 3],
        "party_type": "company" if (a, b % 3) == (2, 0) else None,
        "country": ("DE", "GB")[a % 2],
        "city": ("Berlin", "Leeds", None)[b % 3],
        "tax_id": ("DE123456789", None)[b % 2],
        "account_id": ("1", None, None)[(a * b) % 3],
        "email_verified": ("true", None, "false")[n % 3],
        "updated": T0 + timedelta(days=b, hours=a),
        "is_test": "true" if (a, b) == (3, 3) else None,
    }
    stage_parties(hub.con, [record])


def _gone(hub: Hub, n: int, *_: int) -> None:
    """A record is deleted at its source."""
    key = PARTIES[n % len(PARTIES)]
    hub.con.execute("DELETE FROM staging.party_record WHERE record_key = ?", [key])
    hub.con.execute(
        "UPDATE identity.customer_xref SET is_current = false, valid_to = ? WHERE record_key = ? AND is_current", [hub.now, key]
    )


def _owner(hub: Hub, n: int, customer: int, chance: int) -> None:
    """The linkage gives a record to a customer, perhaps one that was never seen."""
    key, id_ = PARTIES[n % len(PARTIES)], CUSTOMERS[customer % len(CUSTOMERS)]
    if not hub.con.execute("SELECT 1 FROM staging.party_record WHERE record_key = ?", [key]).fetchall():
        _party(hub, n, customer, chance)
    _gone_at(hub, key)
    hub.con.execute(
        "INSERT INTO identity.customer_registry SELECT ?, 'active', ?, ?, 0, ?, 'run', NULL"
        " WHERE NOT EXISTS (FROM identity.customer_registry WHERE customer_id = ?)",
        [id_, id_, key, hub.now, id_],
    )
    hub.con.execute(
        "UPDATE identity.customer_registry SET status = 'active', current_customer_id = ? WHERE customer_id = ?", [id_, id_]
    )
    hub.con.execute(
        "INSERT INTO identity.customer_xref VALUES (?, ?, ?, ?, ?, 'probabilistic', ?, ?, NULL, true, 'run')",
        [key, *key.split(":"), id_, 0.9 + chance / 100, hub.now],
    )


def _gone_at(hub: Hub, key: str) -> None:
    hub.con.execute("DELETE FROM identity.customer_xref WHERE record_key = ? AND valid_from = ?", [key, hub.now])
    hub.con.execute(
        "UPDATE identity.customer_xref SET is_current = false, valid_to = ? WHERE record_key = ? AND is_current", [hub.now, key]
    )


def _merge(hub: Hub, one: int, other: int, *_: int) -> None:
    """All records of a customer become another's, and its ID leads there."""
    gone, kept = CUSTOMERS[one % len(CUSTOMERS)], CUSTOMERS[other % len(CUSTOMERS)]
    if gone == kept:
        return
    query = "SELECT record_key FROM identity.customer_xref WHERE is_current AND customer_id = ?"
    for (key,) in hub.con.execute(query, [gone]).fetchall():
        _owner(hub, PARTIES.index(key), CUSTOMERS.index(kept), 1)
    if hub.con.execute(query, [kept]).fetchall():
        hub.con.execute(
            "UPDATE identity.customer_registry SET status = 'merged', current_customer_id = ?"
            " WHERE customer_id = ? OR current_customer_id = ?",
            [kept, gone, gone],
        )
        event = [f"e{hub.loads}{gone}{hub.now}", "merge", kept, gone, f"L{hub.loads + 1}", hub.now]
        hub.con.execute(
            "INSERT OR REPLACE INTO identity.merge_log (event_id, event_type, customer_id, other_customer_id, cause, run_id,"
            " occurred_at) VALUES (?, ?, ?, ?, 'linkage', ?, ?)",
            event,
        )


def _fact(table: str, values: Callable[[int, int, int], dict[str, Any]]) -> Callable[[Hub, int, int, int], None]:
    def change(hub: Hub, n: int, a: int, b: int) -> None:
        said = values(n, a, b)
        source, streams = said.pop("source", "shop"), _STREAMS.get(table, (table,))
        key = f"{source}:{streams[b % len(streams)]}:{n}"
        hub.con.execute(f"DELETE FROM staging.{table} WHERE {STAGING[table].key} = ?", [key])
        owner = (PARTIES[a % len(PARTIES)], PARTIES[b % len(PARTIES)], None, key)[(a + b) % 4]
        fact(hub.con, table, key, None if table.startswith("ad") else owner, **said)

    return change


def _fact_gone(hub: Hub, n: int, a: int, b: int) -> None:
    """A fact is deleted at its source."""
    tables = [name for name in STAGING if name != "party_record"]
    table = tables[a % len(tables)]
    hub.con.execute(f"DELETE FROM staging.{table} WHERE source_record_id = ?", [str(n)])


def _override(hub: Hub, n: int, a: int, b: int) -> None:
    attribute, action = _ATTRIBUTES[a % 4], ("pin", "ignore", "set")[b % 3]
    value = None
    if action == "set":
        value = '{"given_name": "Zoe", "full_name": "Zoe"}' if attribute == "name" else '{"city": "York"}'
        value = value if attribute in ("name", "address") else "zoe@example.com"
    id_ = f"o{hub.con.execute(f'SELECT count(*) FROM {OVERRIDES}').fetchall()[0][0]}"
    expires = hub.now + timedelta(days=a) if b % 2 else None
    row = [id_, PARTIES[n % len(PARTIES)], attribute, action, value, "why", "me", hub.now, expires, None, None, None]
    hub.con.execute(f"INSERT INTO {OVERRIDES} VALUES ({', '.join('?' * len(row))})", row)


def _revoke(hub: Hub, n: int, *_: int) -> None:
    hub.con.execute(f"UPDATE {OVERRIDES} SET revoked_at = ?, revoked_by = 'me' WHERE override_id = ?", [hub.now, f"o{n}"])


def _rate(hub: Hub, n: int, *_: int) -> None:
    hub.quotes = n


def _block(hub: Hub, n: int, *_: int) -> None:
    hub.con.execute("DELETE FROM identity.blocked_value")
    if n % 2:
        hub.con.execute("INSERT INTO identity.blocked_value VALUES ('email', 'bob@acme.example', 9, 'shared')")


def _suppress(hub: Hub, n: int, a: int, *_: int) -> None:
    if a % 2:
        hub.con.execute(f"UPDATE {SUPPRESSIONS} SET lifted_at = ?", [hub.now])
    else:
        listed = identifier_hmac(SECRET, ("ann@example.com", "+4930123456", "bob@acme.example", "zoe@example.com")[n % 4])
        hub.con.execute(f"INSERT INTO {SUPPRESSIONS} VALUES (?, NULL)", [listed])


def _money(n: int, a: int, b: int) -> dict[str, Any]:
    return {"currency": _CURRENCIES[b % 3], "is_test": (a, b) == (4, 4)}


def _order(n: int, a: int, b: int) -> dict[str, Any]:
    url = (None, f"https://shop.example/?utm_id={b}", "https://shop.example/?utm_source=google&utm_campaign=Spring+3", None)[a % 4]
    return _money(n, a, b) | {
        "ordered_at": T0 - timedelta(days=365 - b if a % 2 else b, hours=n),
        "gross_amount": Decimal(10 + a),
        "refund_amount": (None, None, Decimal(b))[a % 3],
        "status": _STATUS[b % 4],
        "landing_url": url,
        "click_id_type": "gclid" if a % 3 == 0 else None,
        "click_id": f"g{b}" if a % 3 == 0 else None,
    }


def _named(n: int, a: int, b: int) -> dict[str, Any]:
    return {"order_id": (str(n), None, str(a))[b % 3], "invoice_id": (None, str(n))[a % 2], "payment_id": (None, str(b))[a % 2]}


_CHANGES: dict[str, Callable[..., None]] = {
    "party": _party,
    "gone": _gone,
    "owner": _owner,
    "merge": _merge,
    "fact_gone": _fact_gone,
    "override": _override,
    "revoke": _revoke,
    "rate": _rate,
    "block": _block,
    "suppress": _suppress,
    "order": _fact("customer_order", _order),
    "line": _fact(
        "order_line", lambda n, a, b: _money(n, a, b) | {"order_id": str(n), "net_amount": Decimal(a), "source_created_at": T0}
    ),
    "invoice": _fact(
        "invoice",
        lambda n, a, b: _money(n, a, b) | {"issued_at": T0 - timedelta(days=a), "status": _STATUS[a % 3], "amount_due": Decimal(b)},
    ),
    "payment": _fact(
        "payment",
        lambda n, a, b: _money(n, a, b) | {"paid_at": T0 - timedelta(days=b), "invoice_id": str(n), "refund_amount": Decimal(a)},
    ),
    "refund": _fact("refund", lambda n, a, b: _money(n, a, b) | _named(n, a, b) | {"amount": Decimal(a), "refunded_at": T0}),
    "ticket": _fact(
        "ticket",
        lambda n, a, b: {
            "status": ("open", "solved")[a % 2],
            "satisfaction": ("good", "bad", None)[b % 3],
            "opened_at": T0 - timedelta(days=b),
        },
    ),
    "consent": _fact(
        "consent",
        lambda n, a, b: {
            "signal": "s",
            "purpose": ("marketing", "marketing", "any", "surveys")[(n + a) % 4],
            "channel": ("email", "sms", "call", "all", "email")[(n + b) % 5],
            "identifier": (_EMAILS[a % 4], "+4930123456", None, "ann@example.com")[b % 4],
            "status": ("granted", "denied", "granted", "pending", "unclear")[(a + b) % 5],
            "captured_at": None if (a, b) == (2, 2) else T0 + timedelta(days=a - b, hours=n),
            "expires_at": T0 + timedelta(days=a) if n == 3 else None,
            "is_kept": False,
        },
    ),
    "lead": _fact(
        "lead",
        lambda n, a, b: {
            "source": "ads",
            "account_id": "a",
            "campaign_id": str(a),
            "ad_group_id": str(b),
            "ad_id": str(n),
            "click_id": f"g{b}",
            "submitted_at": T0 - timedelta(days=a),
        },
    ),
    "campaign": _fact(
        "ad_campaign",
        lambda n, a, b: {
            "source": "ads",
            "campaign_id": str(n),
            "campaign_name": f"Spring {a}",
            "account_id": "a" if b % 3 else None,
        },
    ),
    "group": _fact(
        "ad_group",
        lambda n, a, b: {
            "source": "ads",
            "platform": "google_ads",
            "account_id": "a",
            "campaign_id": str(a),
            "ad_group_id": str(b),
        },
    ),
    "ad": _fact(
        "ad",
        lambda n, a, b: {
            "source": "ads",
            "platform": "google_ads",
            "account_id": "a",
            "campaign_id": str(a) if b % 2 else None,
            "ad_group_id": str(b),
            "ad_id": str(a),
            "landing_url": f"https://shop.example/?utm_source=google&utm_campaign=Spring+{a}",
        },
    ),
    "spend": _fact(
        "ad_spend_daily",
        lambda n, a, b: {
            "source": "ads",
            "campaign_id": str(a),
            "ad_id": str(n),
            "currency": _CURRENCIES[a % 3],
            "spend": Decimal(a),
            "date_day": (T0 - timedelta(days=b)).date(),
        },
    ),
}
WORDS: tuple[str, ...] = tuple(_CHANGES)


def later(hub: Hub, hours: float) -> datetime:
    """Let hours go by."""
    hub.now += timedelta(hours=hours)
    return hub.now


def change_all(hub: Hub, changes: Iterable[Change]) -> None:
    """Do what changes say, in their order."""
    for change in changes:
        hub.change(change)
