"""The page on the linkage keeps up: every setting is on it, its pictures are small and whole."""

from __future__ import annotations

from xml.etree import ElementTree

from hub.identity import IdentitySettings
from tests.pipelines.world import ROOT

PAGE = (ROOT / "docs" / "identity.md").read_text()


def test_every_setting_of_the_linkage_is_on_the_page() -> None:
    assert [name for name in IdentitySettings.model_fields if f"`{name}`" not in PAGE] == []


def test_the_pictures_are_small_and_say_what_they_show() -> None:
    pictures = sorted((ROOT / "docs" / "images").glob("*.svg"))
    assert len(pictures) == 3
    for picture in pictures:
        assert f"images/{picture.name}" in PAGE
        assert picture.stat().st_size < 60_000
        assert len(list(ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}text"))) > 10
