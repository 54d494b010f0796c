"""The ``identity:`` section of hub.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Probability = Annotated[float, Field(gt=0.0, lt=1.0)]
Identifier = Literal["tax_id", "birth_date", "email", "phone"]

# How linkage is run, not what it finds: a change of these makes no new load and leaves the state of the live one as good as it was.
NOT_DECIDING = ("engine", "spark")


class SparkSettings(BaseModel):
    """Where ``engine: spark`` runs.

    Attributes:
        master: ``local[*]``, ``spark://host:7077``, ``yarn`` and the like; null takes it from Spark's own configuration.
        exchange: folder through which the hub and the executors hand each other Parquet; all must see it under one path. Beside the
            warehouse by default, which does for ``local``.
        config: Spark's own properties; ``${ENV_VAR}`` in a value is put in when Spark starts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    master: str | None = "local[*]"
    exchange: Path | None = None
    config: dict[str, bool | int | float | str] = Field(default_factory=dict)

    @field_validator("config")
    @classmethod
    def _known_to_spark(cls, config: dict[str, bool | int | float | str]) -> dict[str, bool | int | float | str]:
        for name in config:
            if not name.startswith("spark."):
                raise ValueError(f"{name!r} is no property of Spark: their names begin with 'spark.'")
            if name == "spark.master":
                raise ValueError("'spark.master' has a setting of its own, identity.spark.master")
        return config


class IdentitySettings(BaseModel):
    """How records become customers.

    Attributes:
        match_threshold: posterior probability at which two records may be one customer.
        name_only_margin: bits that a pair must have beyond the threshold if the name is all that both records have in common:
            two namesakes made one are harder to mend than one person left as two customers.
        max_cluster_size: most distinct records (sets of match keys) of one customer; a join beyond it goes to review.
        max_block_size: most distinct records that may share a value and still be compared through it; a value held by more is no
            evidence of identity and is reported.
        loose_pairs_per_record: most pairs that one loose blocking rule may bring, per record, when a model is made; its largest
            blocks go first.
        review_floor: posterior below the threshold from which a pair is shown to the steward.
        max_review_tasks: most tasks of one kind; the likeliest are kept.
        unique: identifiers of which a customer has one; records with two different values are never one customer, unless a steward
            says so. None by default: people mistype, and a company may have several tax IDs.
        blocked_values: e-mail and phone match keys that never link, beside those that the normaliser knows and those found by
            frequency.
        min_training_pairs: candidate pairs from which the model is learnt; below, documented defaults hold.
        label_weight: how many pairs of the data one counts as whose class is known, from a decision or from an ID that two systems
            share, when a model is learnt.
        sample_pairs: random pairs that show the model what strangers look like.
        max_component_share: a new model that chains a greater share of all records together is refused.
        engine: what a linkage of all records runs on: DuckDB in this process, or Apache Spark; both find the same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    match_threshold: Probability = 0.5
    name_only_margin: float = Field(0.7, ge=0.0)
    max_cluster_size: int = Field(50, ge=2)
    max_block_size: int = Field(60, ge=2)
    loose_pairs_per_record: float = Field(1.5, ge=0.0)
    review_floor: Probability = 0.1
    max_review_tasks: int = Field(500, ge=0)
    unique: tuple[Identifier, ...] = ()
    blocked_values: tuple[str, ...] = ()
    min_training_pairs: int = Field(30, ge=1)
    label_weight: float = Field(1.0, ge=0.0)
    sample_pairs: int = Field(300_000, ge=1_000)
    max_component_share: Probability = 0.3
    engine: Literal["duckdb", "spark"] = "duckdb"
    spark: SparkSettings = Field(default_factory=SparkSettings)

    def placed(self, root: Path, beside: Path) -> IdentitySettings:
        """The same with an absolute exchange folder: relative to ``root`` if one is named, else one within ``beside``."""
        exchange = root / self.spark.exchange if self.spark.exchange else beside / "exchange"
        return self.model_copy(update={"spark": self.spark.model_copy(update={"exchange": exchange})})
