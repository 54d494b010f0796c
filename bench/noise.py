"""What systems do to the people they hold: columns they lack, second and old values, nicknames, junk and typing errors.

``bench.people`` says who there is; this module says how one record of one system shows them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from bench.names import Floats, Ints, Texts

Rng = np.random.Generator


@dataclass(frozen=True)
class System:
    """One system: the share of entities it holds, the chance of one more record of the same entity, how often a field is filled."""

    name: str
    coverage: float
    repeat: float
    email: float
    phone: float
    address: float  # postal code and city
    street: float  # of the records with an address
    birth: float
    company: float  # the company of a person who has one
    typos: float  # per field


SYSTEMS = (
    System("crm", 0.55, 0.06, 0.70, 0.60, 0.80, 0.95, 0.50, 0.90, 0.05),
    System("invoicing", 0.48, 0.04, 0.80, 0.35, 0.90, 0.95, 0.00, 0.90, 0.03),
    System("shop", 0.45, 0.30, 0.92, 0.55, 0.90, 0.95, 0.05, 0.20, 0.05),
    System("tickets", 0.35, 0.12, 0.92, 0.25, 0.00, 0.00, 0.00, 0.30, 0.05),
    System("ads_a", 0.25, 0.10, 0.85, 0.55, 0.50, 0.00, 0.00, 0.10, 0.08),
    System("ads_b", 0.20, 0.10, 0.65, 0.70, 0.50, 0.00, 0.00, 0.10, 0.08),
)
NOTHING = np.array([None], dtype=object)  # an empty value, for np.where
PLACEHOLDERS = ("kasse@kasse.mail", "noemail@shop.mail", "x@x.mail")
PLACEHOLDER_PHONES = ("+12125550000", "+12125551111")


@dataclass(frozen=True)
class Noise:
    """How often a record shows something else than what is so today; shares of the records that have such a value.

    Attributes:
        work_phone, work_email: of an employed person's records, with the switchboard, with the company's role mailbox.
        placeholder: records whose e-mail, or phone, is a placeholder that no list of junk knows.
        typos: times the systems' own rate.
    """

    second_email: float = 0.22
    second_phone: float = 0.15
    old_address: float = 0.13
    nickname: float = 0.10
    initial: float = 0.02
    swapped: float = 0.01
    new_surname: float = 0.03
    no_given: float = 0.02
    work_phone: float = 0.20
    work_email: float = 0.10
    placeholder: float = 0.004
    typos: float = 1.0

    def times(self, factor: float) -> Noise:
        """All of it that many times as often, but no share beyond .9."""
        rates = {f.name: min(getattr(self, f.name) * factor, 0.9) for f in fields(self) if f.name != "typos"}
        return Noise(**rates, typos=self.typos * factor)


def record_fields(world: pd.DataFrame, seen: pd.DataFrame, rng: Rng, noise: Noise) -> pd.DataFrame:
    """The canonical party columns of every sighting, as text.

    Args:
        world: the entities of ``bench.people``.
        seen: columns entity and system (index into SYSTEMS), one row a record.
    """
    them = world.iloc[seen["entity"].to_numpy()].reset_index(drop=True)
    rate = {
        f: np.array([getattr(s, f) for s in SYSTEMS])[seen["system"].to_numpy()] for f in System.__dataclass_fields__ if f != "name"
    }
    out = pd.DataFrame(index=them.index)
    out["given_name"], out["family_name"] = _names(them, noise, rng)
    _company(out, world, them, rate["company"], rng)
    _contact(out, world, them, noise, rng)
    _place(out, them, noise, rng)
    out["birth_date"] = them["birth"].dt.strftime("%Y-%m-%d")
    out.loc[them["is_company"], "birth_date"] = None
    _leave_out(out, rate, rng)
    for column in (
        "given_name",
        "family_name",
        "company_name",
        "email",
        "phone",
        "address_line1",
        "city",
        "postal_code",
        "birth_date",
    ):
        out[column] = misspelt(out[column].to_numpy(dtype=object), rate["typos"] * noise.typos, rng)
    _placeholders(out, noise, rng)
    out["country"] = them["country"]
    return out


def _names(them: pd.DataFrame, noise: Noise, rng: Rng) -> tuple[Texts, Texts]:
    n = len(them)
    given, family = them["given"].to_numpy(dtype=object), them["family"].to_numpy(dtype=object)
    dice = rng.random((5, n))
    short = nicknames_of(given, rng)
    given = np.where((dice[0] < noise.nickname) & (short != None), short, given)  # noqa: E711 - elementwise
    given = np.where(dice[1] < noise.initial, np.array([g[:1] for g in given], dtype=object), given)
    family = np.where(dice[2] < noise.new_surname, them["new_family"].to_numpy(dtype=object), family)
    swapped = dice[3] < noise.swapped
    given, family = np.where(swapped, family, given), np.where(swapped, given, family)
    given = np.where(dice[4] < noise.no_given, NOTHING, given)
    firm = them["is_company"].to_numpy()
    return np.where(firm, NOTHING, given), np.where(firm, NOTHING, family)


def nicknames_of(given: Texts, rng: Rng) -> Texts:
    """A nickname of each name, or None where the library ``nicknames`` knows none."""
    from nicknames import NickNamer

    namer = NickNamer()
    known = {name: sorted(namer.nicknames_of(name)) for name in set(given.tolist())}
    pick = rng.random(len(given))
    return np.array(
        [known[g][int(p * len(known[g]))] if known[g] else None for g, p in zip(given, pick, strict=True)], dtype=object
    )


def _company(out: pd.DataFrame, world: pd.DataFrame, them: pd.DataFrame, filled: Floats, rng: Rng) -> None:
    employer = them["employer"].to_numpy()
    names, legal = world["company"].to_numpy(dtype=object), world["legal"].to_numpy(dtype=object)
    own = np.where(rng.random(len(them)) < 0.6, them["company"] + " " + them["legal"], them["company"])
    of_person = np.where(rng.random(len(them)) < 0.6, names[employer] + " " + legal[employer], names[employer])
    of_person = np.where((employer >= 0) & (rng.random(len(them)) < filled), of_person, NOTHING)
    out["company_name"] = np.where(them["is_company"], own, of_person)
    tax = np.where(them["is_company"] & (rng.random(len(them)) < filled * 0.5), them["tax"], NOTHING)
    out["tax_id"] = tax


def _contact(out: pd.DataFrame, world: pd.DataFrame, them: pd.DataFrame, noise: Noise, rng: Rng) -> None:
    n, employer = len(them), them["employer"].to_numpy()
    email = np.where(rng.random(n) < noise.second_email, them["email2"], them["email"])
    at_work = (employer >= 0) & (rng.random(n) < noise.work_email)
    out["email"] = np.where(at_work, world["email"].to_numpy(dtype=object)[employer], email)
    phone = np.where(rng.random(n) < noise.second_phone, them["phone2"], them["phone"])
    at_work = (employer >= 0) & (rng.random(n) < noise.work_phone)
    out["phone"] = np.where(at_work, world["phone"].to_numpy(dtype=object)[employer], phone)


def _place(out: pd.DataFrame, them: pd.DataFrame, noise: Noise, rng: Rng) -> None:
    old = rng.random(len(them)) < noise.old_address
    for column, field in (("address_line1", "street"), ("city", "city"), ("postal_code", "postal")):
        out[column] = np.where(old, them["old_" + field], them[field])


def _leave_out(out: pd.DataFrame, rate: dict[str, Floats], rng: Rng) -> None:
    n = len(out)
    place = rng.random(n) < rate["address"]
    keep = {
        "email": rng.random(n) < rate["email"],
        "phone": rng.random(n) < rate["phone"],
        "address_line1": place & (rng.random(n) < rate["street"]),
        "city": place & (rng.random(n) < 0.95),
        "postal_code": place & (rng.random(n) < 0.97),
        "birth_date": rng.random(n) < rate["birth"],
    }
    for column, kept in keep.items():
        out[column] = np.where(kept, out[column], NOTHING)


def _placeholders(out: pd.DataFrame, noise: Noise, rng: Rng) -> None:
    for column, values in (("email", PLACEHOLDERS), ("phone", PLACEHOLDER_PHONES)):
        at = rng.random(len(out)) < noise.placeholder
        out[column] = np.where(at, np.array(values, dtype=object)[rng.integers(0, len(values), len(out))], out[column])


def misspelt(values: Texts, rate: Floats, rng: Rng) -> Texts:
    """One slip of the keyboard in a share of the values: a letter or digit lost, doubled, replaced, or two swapped."""
    out = values.copy()
    filled = np.array([v is not None for v in values])
    hit: Ints = np.flatnonzero(filled & (rng.random(len(values)) < rate))
    kind, place, letter = rng.integers(0, 4, len(hit)), rng.random(len(hit)), rng.integers(0, 26, len(hit))
    for i, k, p, x in zip(hit.tolist(), kind.tolist(), place.tolist(), letter.tolist(), strict=True):
        out[i] = _slip(values[i], k, p, x)
    return out


def _slip(text: str, kind: int, place: float, letter: int) -> str:
    alive = [j for j, c in enumerate(text) if c.isalnum()]
    if len(alive) < 3:
        return text
    j = alive[1 + int(place * (len(alive) - 1))]
    new = str(letter % 10) if text[j].isdigit() else chr(97 + letter)
    if kind == 0 and text[j].isalpha():
        return text[:j] + text[j + 1 :]
    if kind == 1 and text[j].isalpha():
        return text[:j] + text[j] + text[j:]
    if kind == 2 and text[j - 1].isalnum():
        return text[: j - 1] + text[j] + text[j - 1] + text[j + 1 :]
    return text[:j] + new + text[j + 1 :]
