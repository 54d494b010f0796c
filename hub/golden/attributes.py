"""What survives one by one, and what wins together: the golden attributes and groups, and how each is read from a staged record.

Declarations only. Every text here is an SQL expression over ``p``, a row of staging.party_record.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Member:
    """One golden column.

    Attributes:
        value: what is shown; NULL where the record has nothing to say.
        key: what is compared: two values with one key are the same value, written differently.
        type: SQL type of the value.
    """

    name: str
    value: str
    key: str
    type: str = "VARCHAR"


@dataclass(frozen=True)
class Attribute:
    """An attribute that wins by itself, or a group of them of which one record gives all, so that no address is stitched from two.

    Attributes:
        name: of the attribute or group.
        members: the golden columns; one, of the same name, unless it is a group.
        eligible: whether a record is a candidate at all; placeholders are none.
        quality: how good a value is by itself, an integer, greater is better.
        best: the quality of a value that passed every check.
        status: what is shown of its quality.
        verified: whether the source says that its owner confirmed the value; NULL where it does not say.
        fallback: whether it is used only where there is nothing else, whatever the rules say.
    """

    name: str
    members: tuple[Member, ...]
    eligible: str
    quality: str = "1"
    best: int = 1
    status: str = "'valid'"
    verified: str = "NULL::BOOLEAN"
    fallback: str = "false"

    @property
    def is_group(self) -> bool:
        """Whether several columns win together."""
        return len(self.members) > 1


def _plain(name: str, type_: str = "VARCHAR") -> Member:
    return Member(name, f"p.{name}", f"lower(p.{name}::VARCHAR)", type_)


def _keyed(name: str, key: str) -> Member:
    return Member(name, f"p.{name}", f"coalesce(p.{key}, lower(p.{name}))")


_NAMED = "coalesce(p.given_key, p.family_key) IS NOT NULL"
_WHOLE_NAME = "(p.given_key IS NOT NULL)::INT + (p.family_key IS NOT NULL)::INT + (coalesce(length(p.given_key), 0) > 1)::INT"
_WHOLE_ADDRESS = (
    "(p.street_key IS NOT NULL)::INT + (p.postal_key IS NOT NULL)::INT"
    " + (p.city_key IS NOT NULL)::INT + (p.country_code IS NOT NULL)::INT"
)

ATTRIBUTES: dict[str, Attribute] = {
    attribute.name: attribute
    for attribute in (
        Attribute(
            "email",
            (Member("email", "p.email_norm", "p.email_key"),),
            eligible="p.email_norm IS NOT NULL",
            # that its owner confirmed it is more than a check; a source that does not say so takes no trust from it
            quality="2 * (NOT p.email_is_role)::INT + coalesce(p.email_verified, false)::INT",
            best=2,
            status="CASE WHEN p.email_is_role THEN 'role_mailbox' ELSE p.email_status END",
            verified="p.email_verified",
            fallback="p.email_is_role",
        ),
        Attribute(
            "phone_e164",
            (Member("phone_e164", "p.phone_e164", "p.phone_key"),),
            eligible="p.phone_e164 IS NOT NULL",
            quality="CASE p.phone_status WHEN 'valid' THEN 2 WHEN 'possible' THEN 1 ELSE 0 END",
            best=2,
            status="p.phone_status",
        ),
        Attribute("company_name", (_keyed("company_name", "company_key"),), eligible="p.company_key IS NOT NULL"),
        Attribute("birth_date", (_plain("birth_date", "DATE"),), eligible="p.birth_date IS NOT NULL", status="p.birth_date_status"),
        Attribute("tax_id", (_plain("tax_id"),), eligible="p.tax_id IS NOT NULL"),
        Attribute("locale", (_plain("locale"),), eligible="p.locale IS NOT NULL"),
        Attribute(
            "name",
            (
                # the parts say what is the same name; the whole is for names without parts, such as a company's
                Member(
                    "full_name",
                    "p.full_name",
                    "coalesce(nullif(concat_ws(' ', p.given_key, p.family_key), ''), lower(p.full_name))",
                ),
                _keyed("given_name", "given_key"),
                _keyed("middle_name", "middle_key"),
                _keyed("family_name", "family_key"),
                _plain("name_suffix"),
            ),
            # Guest and the like have no key; a company's name is not a person's, but it is how the company is called
            eligible=f"p.full_name IS NOT NULL AND ({_NAMED} OR p.party_type = 'company')",
            quality=_WHOLE_NAME,
            best=3,
            status=f"CASE WHEN {_WHOLE_NAME} = 3 THEN 'complete' ELSE 'partial' END",
        ),
        Attribute(
            "address",
            (
                _keyed("address_line1", "street_key"),
                _plain("address_line2"),
                _keyed("city", "city_key"),
                _plain("region"),
                _keyed("postal_code", "postal_key"),
                _plain("country_code"),
            ),
            eligible="coalesce(p.address_line1, p.address_line2, p.city, p.region, p.postal_code, p.country_code) IS NOT NULL",
            quality=_WHOLE_ADDRESS,
            best=4,
            status=f"CASE WHEN {_WHOLE_ADDRESS} = 4 THEN 'complete' ELSE 'partial' END",
        ),
    )
}
# column -> the attribute or group that decides it
DECIDED_BY: dict[str, str] = {member.name: a.name for a in ATTRIBUTES.values() for member in a.members}
