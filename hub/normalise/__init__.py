"""Raw value -> match key, display value, status: e-mail, phone, names, companies, addresses, countries.

Pure functions of the value and its region, run over distinct values; nothing here compares two records.
"""

from hub.normalise.consents import normalise_consents
from hub.normalise.emails import normalise_email
from hub.normalise.parties import normalise_parties
from hub.normalise.phones import normalise_phone
from hub.normalise.store import NORMALISER_VERSION
from hub.normalise.values import Normalised

__all__ = ["NORMALISER_VERSION", "Normalised", "normalise_consents", "normalise_email", "normalise_parties", "normalise_phone"]
