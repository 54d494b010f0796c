"""A hard population seen through six systems, with its truth: made for measuring identity, from 100 to millions of records.

One population of persons, households and companies is drawn from a seed; each of six systems sees a part of it in its own columns,
with errors of its own making (``bench.noise``). Values are text as a source would send it. The rates stand for real life, not for
any engine's taste: ``hub.identity`` knows nothing of them. Normalising and resolving do not belong here.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bench.names import COUNTRIES, LEGAL, MAILBOXES, SHARE, TRADES, Flags, Ints, Pool, Texts, pools
from bench.noise import SYSTEMS, Noise, record_fields

Rng = np.random.Generator

COMPANIES, EMPLOYED = 0.07, 0.12  # of entities; of persons
HOUSEHOLD, NAMESAKE, SHARED_LINE, SHARED_MAILBOX = 0.075, 0.20, 0.30, 0.15
AREA_CODES = ("212", "305", "312", "404", "415", "503", "512", "602", "617", "702", "713", "808", "901")
PER_ENTITY = sum(s.coverage / (1 - s.repeat) for s in SYSTEMS)


def population(records: int, seed: int, *, countries: Sequence[str] = COUNTRIES, noise: float = 1.0) -> pd.DataFrame:
    """``records`` party records with their truth, in random order.

    Args:
        countries: where the people live; some of COUNTRIES, in their usual proportions.
        noise: how many times as much noise as usual.

    Returns:
        one row a record: source_system, stream, source_record_id, the canonical party columns as text or None, entity_id.
    """
    return drawn(records, seed, countries=countries, noise=noise)[2]


def drawn(
    records: int, seed: int, *, countries: Sequence[str] = COUNTRIES, noise: float = 1.0
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """A population with what lies behind it: the entities, which system saw which of them, and ``population``."""
    rng = np.random.default_rng(seed)
    world = _world(int(records / PER_ENTITY * 1.1) + 20, seed, countries, rng)
    seen = _sightings(len(world), rng)
    seen = seen.iloc[rng.permutation(len(seen))[:records]].reset_index(drop=True)
    out = record_fields(world, seen, rng, Noise().times(noise))
    return world, seen, _records(seen, (rng.permutation(len(out)) + 1).astype(str), out)


def _records(seen: pd.DataFrame, numbers: Texts, out: pd.DataFrame) -> pd.DataFrame:
    """Puts before and behind the fields of records whose they are."""
    out.insert(0, "source_system", np.array([s.name for s in SYSTEMS], dtype=object)[seen["system"].to_numpy()])
    out.insert(1, "stream", "contacts")
    out.insert(2, "source_record_id", numbers)
    out["entity_id"] = seen["entity"].map("e{}".format)
    return out


def in_chunks(records: int, seed: int, chunk: int) -> Iterator[pd.DataFrame]:
    """Like ``population``, so many records at a time, for sizes of which not all can be in memory; other draws, the same rates."""
    rng = np.random.default_rng(seed)
    world = _world(int(records / PER_ENTITY * 1.1) + 20, seed, COUNTRIES, rng)
    seen = _sightings(len(world), rng)
    seen = seen.iloc[rng.permutation(len(seen))[:records]].reset_index(drop=True)
    numbers = (rng.permutation(records) + 1).astype(str)
    for start in range(0, records, chunk):
        part = seen.iloc[start : start + chunk].reset_index(drop=True)
        yield _records(part, numbers[start : start + chunk], record_fields(world, part, rng, Noise()))


def _sightings(entities: int, rng: Rng) -> pd.DataFrame:
    """Which system holds which entity, once or several times."""
    parts = []
    for index, system in enumerate(SYSTEMS):
        held = np.flatnonzero(rng.random(entities) < system.coverage)
        times = rng.geometric(1 - system.repeat, len(held))
        parts.append(pd.DataFrame({"entity": np.repeat(held, times), "system": index}))
    return pd.concat(parts, ignore_index=True)


def _world(entities: int, seed: int, countries: Sequence[str], rng: Rng) -> pd.DataFrame:
    """One row an entity: who they are, and the two values they have of everything that changes."""
    share = np.array([p if c in countries else 0.0 for c, p in zip(COUNTRIES, SHARE, strict=True)])
    country = np.array(COUNTRIES, dtype=object)[rng.choice(len(COUNTRIES), entities, p=share / share.sum())]
    world = pd.DataFrame({"country": country, "is_company": rng.random(entities) < COMPANIES})
    stock = pools(seed)
    for column, kind in (("given", "given"), ("other_given", "given"), ("family", "family"), ("new_family", "family")):
        world[column] = _drawn(stock, country, kind, rng)
    world["birth"] = np.datetime64("1940-01-01", "s") + (rng.integers(0, 24000, entities) * 86400).astype("timedelta64[s]")
    for prefix in ("", "old_"):
        _settle(world, prefix, stock, rng)
    world["phone"], world["phone2"] = _phones(country, rng), _phones(country, rng)
    head, other = _share_households(world, rng)
    world["employer"] = _employers(world["is_company"].to_numpy(), rng)
    _mailboxes(world, rng)
    shared = rng.random(len(head)) < SHARED_MAILBOX
    world.loc[other[shared], "email"] = world["email"].to_numpy()[head[shared]]
    _found_companies(world, rng)
    return world


def _drawn(stock: dict[str, Pool], country: Texts, kind: str, rng: Rng) -> Texts:
    out = np.empty(len(country), dtype=object)
    for code, pool in stock.items():
        at = np.flatnonzero(country == code)
        names, p = (pool.given, pool.given_p) if kind == "given" else (pool.family, pool.family_p)
        out[at] = names[rng.choice(len(names), len(at), p=p)]
    return out


def _settle(world: pd.DataFrame, prefix: str, stock: dict[str, Pool], rng: Rng) -> None:
    """Gives everybody an address. Areas grow more slowly than people; a dozen streets to an area: neighbours are ordinary."""
    n = len(world)
    area = (rng.beta(1.0, 1.6, n) * (150 + int(n**0.9 / 20))).astype(int)
    lane, house = rng.integers(0, 12, n), rng.integers(1, 160, n)
    rows = zip(world["country"], area.tolist(), lane.tolist(), house.tolist(), strict=True)
    street, city, postal = [], [], []
    for code, a, x, h in rows:
        pool = stock[code]
        street.append(_line(code, h, pool.streets[(a * 31 + x * 7) % len(pool.streets)]))
        city.append(pool.cities[a % len(pool.cities)])
        postal.append(_postal(code, a))
    world[prefix + "street"], world[prefix + "city"], world[prefix + "postal"] = street, city, postal


def _postal(country: str, area: int) -> str:
    if country == "GB":
        letters = "abdefghjlnprstuwxyz"
        outward = f"{letters[area % 19]}{letters[area // 19 % 19]}{area % 28 + 1}"
        return f"{outward} {area // 7 % 9 + 1}{letters[area // 3 % 19]}{letters[area % 17]}"
    return f"{(area * 7919 + 10007) % 90000 + 10000:05d}"


def _line(country: str, house: int, street: str) -> str:
    return f"{street} {house}" if country in ("DE", "ES") else f"{house} {street}"


def _phones(country: Texts, rng: Rng) -> Texts:
    shape = {"US": ("+1", 7), "GB": ("+447", 9), "DE": ("+4930", 8), "FR": ("+336", 8), "ES": ("+346", 8)}
    area = np.array(AREA_CODES, dtype=object)[rng.integers(0, len(AREA_CODES), len(country))]
    digits = rng.integers(2_000_000_000, 9_999_999_999, len(country)).astype(str)
    rows = zip(country, area, digits, strict=True)
    return np.array([shape[c][0] + (a if c == "US" else "") + d[: shape[c][1]] for c, a, d in rows], dtype=object)


def _share_households(world: pd.DataFrame, rng: Rng) -> tuple[Ints, Ints]:
    """Pairs under one roof: surname and address, some with one line, some parent and child of one name. Yields heads and others."""
    people = np.flatnonzero(~world["is_company"].to_numpy())
    chosen = rng.permutation(people)[: int(len(people) * HOUSEHOLD) // 2 * 2]
    head, other = chosen[::2], chosen[1::2]
    for column in ("country", "family", "street", "city", "postal"):
        world.loc[other, column] = world[column].to_numpy()[head]
    alike, line = rng.random(len(head)) < NAMESAKE, rng.random(len(head)) < SHARED_LINE
    world.loc[other[alike], "given"] = world["given"].to_numpy()[head[alike]]
    years = (rng.integers(20, 40, len(head)) * 365 * 86400).astype("timedelta64[s]")
    world.loc[other, "birth"] = world["birth"].to_numpy()[head] + years
    world.loc[other[line], "phone"] = world["phone"].to_numpy()[head[line]]
    return head, other


def _employers(is_company: Flags, rng: Rng) -> Ints:
    """Index of the employer of each entity, or -1; a few companies employ many."""
    companies = np.flatnonzero(is_company)
    employed = (rng.random(len(is_company)) < EMPLOYED) & ~is_company
    if not len(companies):
        return np.full(len(is_company), -1)
    return np.where(employed, companies[(rng.beta(0.6, 3.0, len(is_company)) * len(companies)).astype(int)], -1)


def _mailboxes(world: pd.DataFrame, rng: Rng) -> None:
    """Two e-mail addresses a person, each held by nobody else."""
    n = len(world)
    taken: set[str] = set()
    year = (world["birth"].dt.year % 100).tolist()
    for column in ("email", "email2"):
        style, number, box = (
            rng.integers(0, 5, n).tolist(),
            rng.integers(1, 99, n).tolist(),
            rng.integers(0, len(MAILBOXES), n).tolist(),
        )
        rows = zip(world["given"], world["family"], style, number, year, box, strict=True)
        world[column] = [_mailbox(g, f, s, k, y, MAILBOXES[b], taken) for g, f, s, k, y, b in rows]


def _mailbox(given: str, family: str, style: int, number: int, year: int, box: str, taken: set[str]) -> str:
    local = (f"{given}.{family}", f"{given[0]}{family}", f"{given}{family[0]}{year:02d}", f"{family}.{given}", f"{given}{number}")[
        style
    ]
    address, extra = f"{local}@{box}", number
    while address in taken:
        address, extra = f"{local}{extra}@{box}", extra + 7
    taken.add(address)
    return address


def _found_companies(world: pd.DataFrame, rng: Rng) -> None:
    """A name, a legal form and two role mailboxes for every company."""
    n, at = len(world), world["is_company"].to_numpy()
    trade = np.array(TRADES, dtype=object)[rng.integers(0, len(TRADES), n)]
    world["company"] = world["family"] + world["other_given"].str[:2] + " " + trade
    world["legal"] = [LEGAL[c][x] for c, x in zip(world["country"], rng.integers(0, 2, n).tolist(), strict=True)]
    world["tax"] = rng.integers(100_000_000, 999_999_999, n).astype(str)
    domain = world["company"].str.replace(" ", "", regex=False) + np.arange(n).astype(str) + ".firm"
    for column in ("email", "email2"):
        role = np.array(["info@", "billing@", "office@", "sales@"], dtype=object)[rng.integers(0, 4, n)]
        world.loc[at, column] = (role + domain)[at]


def main() -> None:
    """Entry point of ``python -m bench.people``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--countries", default=",".join(COUNTRIES), help="some of them, separated by commas")
    parser.add_argument("--noise", type=float, default=1.0, help="times the usual noise")
    parser.add_argument("--describe", action="store_true", help="print the rates of the population, measured from its data")
    parser.add_argument("--to", type=Path, help="write it into this Parquet file")
    chosen = parser.parse_args()
    like = {"countries": tuple(chosen.countries.split(",")), "noise": chosen.noise}
    if chosen.to:
        population(chosen.records, chosen.seed, **like).to_parquet(chosen.to)
    if chosen.describe:
        from bench.describe import describe

        for what, value in describe(chosen.records, chosen.seed, **like).items():
            print(f"{what:60} {value:,.4g}" if value < 100 else f"{what:60} {value:,.0f}")


if __name__ == "__main__":
    main()
