"""Names, streets and places of five countries for the generated population: real heads, invented tails, skewed as in life.

Only the raw stuff is here; who bears which name and where it is misspelt is the affair of ``bench.people``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Texts = npt.NDArray[np.object_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


_GIVEN = {
    "US": "james mary robert patricia john jennifer michael linda david elizabeth william barbara richard susan joseph jessica "
    "thomas sarah charles karen christopher lisa daniel nancy matthew betty anthony sandra mark margaret donald ashley "
    "steven kimberly andrew emily paul donna joshua michelle kenneth carol kevin amanda brian melissa timothy deborah "
    "ronald stephanie edward rebecca",
    "GB": "oliver olivia george amelia harry isla jack ava jacob emily noah sophia charlie grace thomas poppy william ella james "
    "lily alfred evie joshua mia archie jessica henry freya samuel alice edward florence alexander daisy robert phoebe "
    "peter katherine margaret susan david christine andrew janet stephen helen",
    "DE": "peter ursula wolfgang monika michael petra klaus elisabeth werner sabine thomas renate manfred helga helmut karin "
    "juergen brigitte heinz ingrid gerhard erika andreas andrea hans christa josef claudia guenter susanne dieter gisela "
    "horst birgit walter",
    "FR": "jean marie pierre nathalie michel isabelle andre sylvie philippe catherine rene martine louis christine alain "
    "francoise jacques valerie bernard sandrine marcel veronique daniel nicole roger stephanie robert sophie paul celine "
    "claude chantal christian",
    "ES": "antonio maria jose carmen manuel josefa francisco isabel david ana juan laura javier pilar daniel dolores carlos "
    "teresa jesus rosa alejandro cristina miguel angeles rafael antonia pedro lucia pablo marta angel francisca sergio "
    "elena",
}
_FAMILY = {
    "US": "smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson anderson "
    "thomas taylor moore jackson martin lee perez thompson white harris sanchez clark ramirez lewis robinson walker young "
    "allen king wright scott torres nguyen hill flores green adams nelson baker hall rivera campbell mitchell carter "
    "roberts",
    "GB": "smith jones taylor brown williams wilson johnson davies patel robinson wright thompson evans walker white roberts "
    "green hall wood jackson clarke khan clark harrison scott cooper ward moore hughes lewis edwards baker turner hill cook "
    "ali shaw parker",
    "DE": "mueller schmidt schneider fischer weber meyer wagner becker schulz hoffmann schaefer koch bauer richter klein wolf "
    "schroeder neumann schwarz zimmermann braun krueger hofmann hartmann lange schmitt werner krause meier lehmann",
    "FR": "martin bernard thomas petit robert richard durand dubois moreau laurent simon michel lefebvre leroy roux david "
    "bertrand morel fournier girard bonnet dupont lambert fontaine rousseau vincent muller lefevre faure andre",
    "ES": "garcia rodriguez gonzalez fernandez lopez martinez sanchez perez gomez martin jimenez ruiz hernandez diaz moreno "
    "alvarez munoz romero alonso gutierrez navarro torres dominguez vazquez ramos gil ramirez serrano blanco molina",
}
_SYLLABLES = {
    "US": "ba ker ford son ley win ton har mor gan wes bro den cal hoo ver lan dal stan ric kel",
    "GB": "wick ham ton ley by thorpe worth field ash brad hol mar pen tre wyn der bur nor shel dun",
    "DE": "berg stein bach mann hei ler kra aus ner feld brand roth kauf eich horn lich schu ber ger wal",
    "FR": "mont beau vil lier rou sel cha ron bel mar del tour gau tier val rey nar din lau ret",
    "ES": "mon te ro val ver de car ba san ti lla cor tes mo ra ri ve gar do pal",
}
_STREETS = {
    "US": ("{} street", "{} avenue", "{} road", "{} drive", "{} lane"),
    "GB": ("{} road", "{} street", "{} close", "{} gardens", "{} lane"),
    "DE": ("{}strasse", "{}weg", "{}allee", "am {}", "{}platz"),
    "FR": ("rue {}", "avenue {}", "boulevard {}", "place {}", "allee {}"),
    "ES": ("calle {}", "avenida {}", "plaza {}", "paseo {}", "camino {}"),
}
COUNTRIES = tuple(_GIVEN)
SHARE = (0.45, 0.20, 0.15, 0.10, 0.10)
LEGAL = {"US": ("inc", "llc"), "GB": ("ltd", "plc"), "DE": ("gmbh", "ag"), "FR": ("sarl", "sas"), "ES": ("sl", "sa")}
TRADES = (
    "logistics",
    "foods",
    "systems",
    "consulting",
    "electric",
    "textiles",
    "media",
    "motors",
    "pharma",
    "tools",
    "travel",
    "energy",
    "design",
    "print",
    "paper",
    "garden",
)
MAILBOXES = ("postbox.mail", "mailhaus.mail", "quickmail.mail", "netpost.mail", "bluemail.mail", "webbrief.mail")


@dataclass(frozen=True)
class Pool:
    """Names and words of one country, the common ones first, with the probability of each name."""

    given: Texts
    given_p: npt.NDArray[np.float64]
    family: Texts
    family_p: npt.NDArray[np.float64]
    streets: Texts
    cities: Texts


def pools(seed: int, surnames: int = 5000, forenames: int = 700) -> dict[str, Pool]:
    """The pools of all countries, made from a seed."""
    return {c: _pool(c, np.random.default_rng([seed, i, 77]), surnames, forenames) for i, c in enumerate(COUNTRIES)}


def _pool(country: str, rng: np.random.Generator, surnames: int, forenames: int) -> Pool:
    given = _with_tail(_GIVEN[country], _invent(country, rng, forenames, 2))
    family = _with_tail(_FAMILY[country], _invent(country, rng, surnames, 3))
    words = _invent(country, rng, 1500, 2)
    kinds = _STREETS[country]
    streets = np.array([kinds[i % len(kinds)].format(w) for i, w in enumerate(words)], dtype=object)
    return Pool(given, _zipf(len(given), 5.0, 1.0), family, _zipf(len(family), 10.0, 0.9), streets, _invent(country, rng, 400, 3))


def _with_tail(head: str, tail: Texts) -> Texts:
    return np.array(list(dict.fromkeys([*head.split(), *tail])), dtype=object)


def _invent(country: str, rng: np.random.Generator, count: int, most: int) -> Texts:
    syllables = np.array(_SYLLABLES[country].split(), dtype=object)
    rows = syllables[rng.integers(0, len(syllables), (3 * count, most + 1))]
    length = rng.integers(2, most + 2, 3 * count)
    words = dict.fromkeys("".join(row[:n]) for row, n in zip(rows, length, strict=True))
    return np.array(list(words)[:count], dtype=object)


def _zipf(count: int, shift: float, power: float) -> npt.NDArray[np.float64]:
    p = 1.0 / (np.arange(count) + shift + 1.0) ** power
    return np.asarray(p / p.sum(), dtype=np.float64)
