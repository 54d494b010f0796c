"""What hub.yaml says under ``alerts:``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hub.contract.secret import Secret

Kind = Literal["run_failed", "gate_held", "freshness_missed", "schema_changed", "expiring", "target_failed", "write_back_failed"]
Severity = Literal["warning", "error"]


class ChannelSettings(BaseModel):
    """What all channels have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: str = Field(pattern="^[a-z][a-z0-9_]{0,40}$", description="how it is called in messages and commands")
    only: tuple[Kind, ...] = Field((), description="the kinds of condition it is told of; all without")
    at_least: Severity = Field("warning", description="the least severity it is told of")

    def wants(self, kind: str, severity: str) -> bool:
        """Whether it is told of such a condition."""
        return (not self.only or kind in self.only) and (severity == "error" or self.at_least == "warning")


class WebhookChannel(ChannelSettings):
    """A JSON object by POST, for whatever takes one."""

    type: Literal["webhook"]
    url: Secret = Field(description="where to, as ${ENV_VAR}")
    token: Secret | None = Field(None, description="sent as Authorization: Bearer, as ${ENV_VAR}")


class SlackChannel(ChannelSettings):
    """An incoming webhook of Slack, or of what speaks its format."""

    type: Literal["slack"]
    url: Secret = Field(description="the incoming webhook's URL, as ${ENV_VAR}")


class EmailChannel(ChannelSettings):
    """A mail by SMTP."""

    type: Literal["email"]
    host: str = Field(description="the SMTP server")
    port: int = Field(587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = Field("starttls", description="how the connection is encrypted")
    user: str | None = None
    password: Secret | None = Field(None, description="as ${ENV_VAR}")
    sender: str = Field(alias="from", pattern=r"^\S+@\S+$", description="the sender's address")
    to: tuple[str, ...] = Field(min_length=1, description="the addresses it goes to")

    @field_validator("to", mode="before")
    @classmethod
    def _one_or_more(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("to")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any("@" not in address or len(address.split()) != 1 for address in value):
            raise ValueError("must be addresses of e-mail")
        return value

    @model_validator(mode="after")
    def _credentials(self) -> EmailChannel:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together")
        if self.password is not None and self.security == "none":
            raise ValueError("a password is sent only over starttls or tls")
        return self


Channel = Annotated[WebhookChannel | SlackChannel | EmailChannel, Field(discriminator="type")]
# type of a channel -> its settings that are secrets, besides those that are so by their name
SECRETS: dict[str, frozenset[str]] = {"webhook": frozenset({"url"}), "slack": frozenset({"url"})}


class AlertSettings(BaseModel):
    """Who is told when something is wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    remind_hours: float = Field(24.0, gt=0, description="after so long a condition that goes on is told again")
    channels: tuple[Channel, ...] = Field((), description="where to; each is told of everything unless it says otherwise")

    @field_validator("channels")
    @classmethod
    def _names(cls, value: tuple[Channel, ...]) -> tuple[Channel, ...]:
        names = [channel.name for channel in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two channels are called {twice!r}")
        return value
