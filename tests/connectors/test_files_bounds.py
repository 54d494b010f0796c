"""A files source reads what its path names, and shows its credentials to the storage that they are for, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.contract.errors import CredentialsError, SourceDataError
from tests.connectors.files_kit import contacts, ids, pages, write
from tests.loopback import Reply, Request, serve

HEAD = "id,name,email\n"
SECRET = "key-7f3a"


@pytest.mark.parametrize("pattern", ["in/contacts-*.csv", "in/**/*.csv", "in/contacts-1.csv"])
def test_a_link_that_leads_out_of_the_folder_is_an_error_that_shows_nothing_of_what_it_leads_to(
    tmp_path: Path, pattern: str
) -> None:
    folder, outside = tmp_path / "in", write(tmp_path / "passwd.csv", HEAD + "root,x,/bin/sh\n")
    folder.mkdir()
    (folder / "contacts-1.csv").symlink_to(outside)
    with pytest.raises(
        SourceDataError, match=r"crm/contacts field path: a link leads out of its folder in in/contacts-1\.csv"
    ) as error:
        pages(contacts(tmp_path, pattern))
    assert "root" not in str(error.value)
    assert ids(pages(contacts(tmp_path, pattern, links=True))) == ["root"]


def test_a_folder_that_is_reached_by_a_link_leads_out_too_and_one_within_does_not(tmp_path: Path) -> None:
    (tmp_path / "in" / "old").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    write(tmp_path / "other" / "c.csv", HEAD + "9,x,\n")
    write(tmp_path / "in" / "old" / "a.csv", HEAD + "1,Jane,\n")
    (tmp_path / "in" / "latest.csv").symlink_to(tmp_path / "in" / "old" / "a.csv")
    assert ids(pages(contacts(tmp_path, "in/*.csv"))) == ["1"]
    (tmp_path / "in" / "away").symlink_to(tmp_path / "other")
    with pytest.raises(SourceDataError, match="leads out of its folder"):
        pages(contacts(tmp_path, "in/*/*.csv"))
    (tmp_path / "drop").symlink_to(tmp_path / "other")  # the folder itself may be one: hub.yaml names it
    assert ids(pages(contacts(tmp_path, "drop/*.csv"))) == ["9"]


def test_a_storage_that_sends_us_to_another_host_does_not_get_our_credentials_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_KEY", SECRET)
    storage = {"client_kwargs": {"headers": {"x-api-key": "${STORAGE_KEY}"}}}
    with serve(lambda request: Reply((HEAD + "1,Jane,\n").encode())) as other:

        def answer(request: Request) -> Reply:
            if request.path.endswith("/moved.csv"):
                return Reply(status=302, headers={"location": "/exports/here.csv"})
            if request.path.endswith("/here.csv"):
                return Reply((HEAD + "2,Joe,\n").encode())
            return Reply(status=302, headers={"location": f"{other.base_url}/stolen.csv"})

        with serve(answer) as server:
            assert ids(pages(contacts(tmp_path, f"{server.base_url}/exports/moved.csv", storage))) == ["2"]
            assert server.requests[-1].headers["x-api-key"] == SECRET
            with pytest.raises(CredentialsError, match="sends us on to another host") as error:
                pages(contacts(tmp_path, f"{server.base_url}/exports/away.csv", storage))
            assert SECRET not in str(error.value)
            assert other.requests == []
            # where there is nothing to be kept, a storage may send on: signed addresses often do
            assert ids(pages(contacts(tmp_path, f"{server.base_url}/exports/away.csv"))) == ["1"]


def test_a_listing_that_links_to_another_host_is_not_followed_there(tmp_path: Path) -> None:
    with serve(lambda request: Reply((HEAD + "6,Eve,\n").encode())) as other:
        page = f'<a href="contacts-1.csv">one</a> <a href="{other.base_url}/exports/contacts-2.csv">two</a>'

        def answer(request: Request) -> Reply:
            if request.path.endswith(".csv"):
                return Reply((HEAD + "1,Jane,\n").encode())
            return Reply(page.encode(), headers={"content-type": "text/html"})

        with serve(answer) as server:
            assert ids(pages(contacts(tmp_path, f"{server.base_url}/exports/contacts-*.csv"))) == ["1"]
        assert other.requests == []
