"""Company names: the name without its legal form, by cleanco. parts.sql tells companies from people."""

from __future__ import annotations

import re
from functools import cache

# written without a space, before or after the name
_ATTACHED_FORM = re.compile(r"^(?:株式会社|有限会社|合同会社|주식회사)|(?:株式会社|有限会社|合同会社|주식회사)$")


def without_legal_form(name: str) -> str:
    """A company's name without the legal form at its end (``Acme GmbH & Co. KG`` -> ``Acme``); whole if nothing else is left."""
    from cleanco import basename

    return str(basename(_ATTACHED_FORM.sub("", name).strip())) or name


@cache
def legal_endings() -> frozenset[str]:
    """The last words of all legal forms that cleanco knows, as it compares them: without accents and ``.,-``."""
    from cleanco.clean import prepare_default_terms

    return frozenset(parts[-1] for _, parts in prepare_default_terms() if parts)
