"""The rows of `bench.ingest`: the same made-up customers for every kind of source, and a server that lists them page by page.

`python -m bench.ingest_rows PORT ROWS` serves them over HTTP twice: as Stripe lists customers (``/v1/customers``, by
``starting_after``) and with a link to the next page (``/rows``), so that each client reads the same in the way it is made for.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = 100
COLUMNS = ("id", "name", "email", "phone", "city", "country", "balance", "updated_at")


def row(number: int) -> dict[str, Any]:
    """One customer with two nested objects."""
    return {
        "id": f"cus_{number:010d}",
        "object": "customer",
        "name": f"Person{number % 9973} Family{number % 7919}",
        "email": f"person{number}@mail{number % 97}.example",
        "phone": f"+49301{number:07d}",
        "created": 1_700_000_000 + number % 10_000_000,
        "balance": number % 1000,
        "currency": "eur",
        "address": {"line1": f"Street {number % 500}", "city": f"City {number % 300}", "postal_code": "10115", "country": "DE"},
        "metadata": {"plan": "pro" if number % 3 else "free", "source": f"campaign-{number % 50}"},
    }


def flat(number: int) -> tuple[Any, ...]:
    """The same customer as a row of `COLUMNS`."""
    made = row(number)
    address = made["address"]
    seen = f"2026-{1 + number % 12:02d}-{1 + number % 28:02d}T{number % 24:02d}:{number % 60:02d}:00+00:00"
    return made["id"], made["name"], made["email"], made["phone"], address["city"], address["country"], number % 100_000 / 100, seen


def flats(rows: int) -> Iterator[tuple[Any, ...]]:
    """The first so many of them."""
    return (flat(number) for number in range(rows))


def main(port: int, rows: int) -> None:
    """Serve until killed. Pages are made once, before the first answer."""
    lists = [json.dumps([row(n) for n in range(start, min(start + PAGE, rows))])[1:-1] for start in range(0, rows, PAGE)]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            body = '{"data":[],"has_more":false}'
            if parts.path in ("/v1/customers", "/rows"):
                after = query.get("starting_after")
                page = int(after.removeprefix("cus_")) // PAGE + 1 if after else int(query.get("page", 0))
                more = page + 1 < len(lists)
                link = f',"next":"http://127.0.0.1:{port}/rows?page={page + 1}"' if more and parts.path == "/rows" else ""
                body = f'{{"object":"list","data":[{lists[page]}],"has_more":{json.dumps(more)}{link}}}'
            content = body.encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            """Say nothing of each request."""

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
