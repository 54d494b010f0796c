"""The ``identity:`` section of hub.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(gt=0.0, lt=1.0)]
Identifier = Literal["tax_id", "birth_date", "email", "phone"]


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
