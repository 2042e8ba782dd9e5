"""Addresses that must never be mailed again. A suppression outlives its subscriber."""

from enum import StrEnum


class SuppressionReason(StrEnum):
    """Why an address is suppressed."""

    HARD_BOUNCE = "hard_bounce"
    COMPLAINT = "complaint"
    ERASURE = "erasure"
    OPERATOR = "operator"
