"""Who plays in a story: names, places, lines and mailboxes of several countries, drawn from a seed and never twice.

Every variant of a story so has values of its own, and another seed makes stories that nobody has tuned anything to.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from bench.names import pools
from tests.hub.identity.scenarios import Fields

GIVEN = {
    "GB": "Alice Ben Chloe Daniel Edith Frederick Gemma Hugh Iris Jack Katherine Liam Margaret Nigel Olive Peter Rosemary "
    "Simon Tessa William Gordon Helen Walter Deborah",
    "DE": "Anja Bernd Carsten Doris Egon Frauke Gerhard Heike Ingo Jutta Kai Lena Moritz Nadine Otto Petra Ruth Stefan "
    "Tanja Uwe Friedrich Sabine Volker Ursula",
    "FR": "Aline Bruno Colette Didier Elise Franck Gisele Hugo Ines Jules Karine Laurent Manon Noel Odile Pascal Rachel "
    "Sylvain Thibault Virginie Etienne Camille Mathieu Solange",
    "ES": "Amparo Bernardo Carmen Diego Esther Fernando Gloria Hector Irene Joaquin Lourdes Marcos Natalia Oscar Pilar "
    "Ramon Soledad Tomas Veronica Xavier Leonor Ignacio Rocio Emilio",
    "US": "Amber Bradley Cindy Derek Erin Frank Gina Henry Ivy Jason Kelly Logan Megan Nicholas Olivia Preston Rachel Scott "
    "Tiffany Wesley Jennifer Robert Susan Kevin",
    "SE": "Anders Birgitta Cecilia David Elsa Fredrik Gunilla Henrik Ingrid Johan Karin Lars Malin Nils Olof Pernilla "
    "Rickard Sofia Torbjorn Viktoria",
    "IT": "Alessia Bruno Caterina Davide Elena Fabio Giulia Ivan Lorenzo Marta Nicola Ornella Paolo Riccardo Serena Tiziana "
    "Umberto Valentina Giuseppe Chiara",
}
FAMILY = {
    "GB": "Smith Jones Brown Walker Applegarth Brackenbury Crowhurst Dunwoody Entwistle Featherstone Gathercole "
    "Hollingworth Jarrold Kettlewell Lowther Micklethwaite Ollerenshaw Pettigrew Ravenscroft Tattersall",
    "DE": "Schmidt Weber Becker Krause Hallmackenreuther Ostermann Tannhuber Wollenweber Reichardt Oppermann Lilienthal "
    "Siebenrock Kallweit Brinkhaus Dornseif Engelbrecht Fassbender Gellert Hohlfeld Zwingmann",
    "FR": "Martin Bernard Dubois Moreau Delacourt Beauregard Chastain Fontanel Guillemot Lachaume Perrin Quesnel Roussel "
    "Verdier Vasseur Marchandise Pelletier Charbonnier Escoffier Thibodeau",
    "ES": "Garcia Lopez Sanchez Romero Santamaria Montesinos Benavides Otero Ibarra Quintanilla Valdivia Carrasco Escudero "
    "Figueroa Olivares Pedraza Saavedra Trujillo Zamorano Arizmendi",
    "US": "Johnson Miller Lee Davis Kowalczyk Vanderpool Brubaker Castellano Hathaway Lindholm Mcallister Okafor Pennington "
    "Rosenthal Sorensen Trevino Underwood Whitlock Yarborough Zimmerman",
    "SE": "Andersson Nilsson Lindqvist Bergfalk Ekstrand Forsberg Hallgren Isaksson Kjellberg Lagerlof Nyberg Sandstrom "
    "Tornblad Wikander Osterlund Rosengren",
    "IT": "Rossi Ferrari Esposito Marchetti Bassi Colombini Donati Fabbri Grimaldi Lombardo Montanari Pellegrini Ricciardi "
    "Santoro Tagliabue Vitali",
}
STREETS = {
    "GB": "{} Orchard Mews|{} Quarry Bank|{} Larchfield Road|{} Canal Street|{} Heron Close|{} Castle View",
    "DE": "Lindenweg {}|Hafenstr. {}|Eichenallee {}|Am Wall {}|Goethestraße {}|Marktgasse {}",
    "FR": "{} rue des Tilleuls|{} quai Perrache|{} rue du Moulin|{} avenue Foch|{} place Bellecour|{} rue Thiers",
    "ES": "Calle de la Palma {}|Avenida del Puerto {}|Calle Mayor {}|Paseo de Gracia {}|Calle Serrano {}|Plaza Nueva {}",
    "US": "{} Juniper Ridge Road|{} Willow Creek Drive|{} Gold Avenue|{} Elm Street|{} Lakeview Court|{} Madison Avenue",
    "SE": "Storgatan {}|Kungsgatan {}|Drottninggatan {}|Skolgatan {}|Nygatan {}|Parkgatan {}",
    "IT": "Via Garibaldi {}|Corso Cavour {}|Via Roma {}|Via Mazzini {}|Viale Trento {}|Via Dante {}",
}
TOWNS = {
    "GB": "Totnes TQ9 5EE|Malvern WR14 2AA|Leeds LS11 5PU|Whitby YO21 3DD|Penrith CA11 7GG|Truro TR1 1EE|Derby DE1 1DD",
    "DE": "Marburg 35037|Kassel 34117|Celle 29221|Bremen 28195|Gotha 99867|Hamburg 22763|Passau 94032",
    "FR": "Nantes 44000|Lyon 69002|Rennes 35000|Lille 59000|Angers 49000|Dijon 21000|Nancy 54000",
    "ES": "Zaragoza 50003|Gijon 33201|Madrid 28013|Cadiz 11005|Burgos 09003|Murcia 30001|Toledo 45001",
    "US": "Boise 83702|Dayton 45402|Albuquerque 87102|Portland 97205|Savannah 31401|Duluth 55802|Topeka 66603",
    "SE": "Umea 90325|Falun 79131|Kalmar 39231|Visby 62156|Lund 22222|Borlange 78431",
    "IT": "Parma 43121|Perugia 06121|Padova 35121|Lecce 73100|Trieste 34121|Ancona 60121",
}
LINES = {
    "GB": "+44 7400 {:06d}",
    "DE": "+49 1512 {:07d}",
    "FR": "+33 6 12 {:06d}",
    "ES": "+34 612 {:06d}",
    "US": "+1 505 6{:06d}",
    "SE": "+46 70 2{:06d}",
    "IT": "+39 347 5{:06d}",
}
FORMS = {"GB": "Ltd", "DE": "GmbH", "FR": "SARL", "ES": "SL", "US": "Inc", "SE": "AB", "IT": "Srl"}
TAX = {
    "GB": "GB{:09d}",
    "DE": "DE{:09d}",
    "FR": "FR{:011d}",
    "ES": "ESB{:08d}",
    "US": "{:09d}",
    "SE": "SE{:010d}01",
    "IT": "IT{:011d}",
}
COUNTRIES = tuple(GIVEN)
TRADES = (
    *("Logistics", "Catering", "Marine", "Optics", "Textiles", "Consulting"),
    *("Software", "Foods", "Printing", "Ceramics", "Motors"),
)
SYLLABLES = (
    *("bel", "cor", "dan", "fer", "gal", "hur", "jas", "kel", "lom"),
    *("mar", "nor", "pel", "quin", "ros", "sal", "tor", "ul", "vin"),
)


class Cast:
    """Draws what a story needs. Whatever would tell one customer from another is handed out once."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.country = "GB"
        self._pools, self._taken = pools(seed + 1000), set[str]()  # other names than those of a population

    def moves(self, *countries: str) -> str:
        """What follows happens in one of these countries, or in any."""
        self.country = self.random.choice(countries or COUNTRIES)
        return self.country

    def given(self, unlike: Sequence[str] = ()) -> str:
        """A given name; others may have it. Unlike: with another beginning and end, for names that cannot be one misspelt."""
        while True:
            drawn = self.random.choice(GIVEN[self.country].split())
            if all(drawn[0] != name[0] and drawn[-3:] != name[-3:] for name in unlike):
                return drawn

    def family(self) -> str:
        """A family name; others may have it. Half of them are rare."""
        pool = self._pools.get(self.country)
        if pool is not None and self.random.random() < 0.5:
            return str(self.random.choice(pool.family)).title()
        return self.random.choice(FAMILY[self.country].split())

    def name(self) -> str:
        """A full name that nobody else has."""
        return self._once(lambda: f"{self.given()} {self.family()}")

    def names(self, count: int) -> list[str]:
        """So many full names; some people share a given name or a surname, none both."""
        return [self.name() for _ in range(count)]

    def home(self) -> Fields:
        """An address: a house where nobody else lives."""
        street = self.random.choice(STREETS[self.country].split("|"))
        town = self.random.choice(TOWNS[self.country].split("|"))
        line = self._once(lambda: street.format(self.random.randint(2, 180)) + "|" + town)
        city, _, postal = town.partition(" ")
        return {"address_line1": line.partition("|")[0], "city": city, "postal_code": postal, "country": self.country}

    def phone(self) -> str:
        """A number that nobody else has."""
        return self._once(lambda: LINES[self.country].format(self.random.randint(100_000, 999_998)))

    def mailbox(self, user: str = "") -> str:
        """A mailbox that nobody else has."""
        return self._once(lambda: f"{user or self._word()}{self.random.randint(10, 99)}@{self._word()}.net")

    def domain(self) -> str:
        """A domain that nobody else has."""
        return self._once(lambda: f"{self._word()}{self._word()}.com")

    def birth(self, earliest: int = 1940, latest: int = 1999) -> str:
        """A birth date; never the first of a month."""
        return f"{self.random.randint(earliest, latest)}-{self.random.randint(1, 12):02d}-{self.random.randint(2, 28):02d}"

    def firm(self) -> str:
        """A company's name without legal form."""
        return self._once(
            lambda: f"{self._word().title()}{self.random.choice(('', ' ' + self.family()))} {self.random.choice(TRADES)}"
        )

    def form(self) -> str:
        """The usual legal form of the country."""
        return FORMS[self.country]

    def tax(self) -> str:
        """A tax ID that nobody else has."""
        return self._once(lambda: TAX[self.country].format(self.random.randint(10_000_000, 99_999_999)))

    def some(self, *fields: Fields) -> Fields:
        """All of these fields, or all but one group of them."""
        kept = list(fields)
        if len(kept) > 1 and self.random.random() < 0.5:
            kept.pop(self.random.randrange(len(kept)))
        return {name: value for group in kept for name, value in group.items()}

    def _word(self) -> str:
        return "".join(self.random.choices(SYLLABLES, k=3))

    def _once(self, draw: Callable[[], str]) -> str:
        while (drawn := draw()).lower() in self._taken:
            pass
        self._taken.add(drawn.lower())
        return drawn
