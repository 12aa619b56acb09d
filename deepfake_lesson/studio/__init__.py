"""The studio: people who do not exist, in front of a camera that knows the truth."""

from .expression import ACTION_UNITS, deform, sample_expression
from .people import RESERVED_SEEDS, Identity, Look

__all__ = ["ACTION_UNITS", "RESERVED_SEEDS", "Identity", "Look", "deform", "sample_expression"]
