"""What every step needs at hand: the configuration, the control store, and how connectors' descriptions meet the warehouse's.

Made once per process by the command line, a Dagster resource or a test; opens nothing before it is asked to.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from connectors.contract import Connector
from connectors.landing import StreamLanding
from connectors.mapping import MappingBlock, parse_mapping
from hub.contract.columns import PARTY
from pipelines.config import HubConfig
from warehouse.control import ControlStore
from warehouse.mapped import SourcePlace

Trigger = Literal["hub sync", "dagster"]


@dataclass
class Hub:
    """One configured hub."""

    config: HubConfig

    def __post_init__(self) -> None:
        # people are in what is written: nobody but the hub's user, and its group to read
        os.umask(os.umask(0o027) | 0o027)

    @cached_property
    def control(self) -> ControlStore:
        """The control store, opened on first use."""
        return ControlStore(self.config.warehouse.control)

    def landing(self, source: str, stream: str) -> StreamLanding:
        """The landing folder of a stream."""
        return StreamLanding(self.config.warehouse.landing, source, stream)

    def place(self, connector: Connector) -> SourcePlace:
        """What staging must know of a source."""
        settings = self.config.sources[connector.name]
        parties = dict.fromkeys(block.stream for block in self.mapping(connector) if block.table == PARTY.name)
        return SourcePlace(connector.name, settings.country, settings.timezone, tuple(parties))

    def mapping(self, connector: Connector) -> tuple[MappingBlock, ...]:
        """The blocks of a connector's mapping."""
        return parse_mapping(connector.mapping())

    def close(self) -> None:
        """Let go of the control store."""
        if "control" in self.__dict__:
            self.control.close()
            del self.__dict__["control"]
