"""The studio: people who do not exist, in front of a camera that knows the truth."""

from .camera import Camera, Light, Pose, Scene, sample_camera, sample_light
from .expression import ACTION_UNITS, deform, sample_expression
from .people import RESERVED_SEEDS, Identity, Look
from .performance import TRACKS, Moment, Performance
from .recipe import Recipe, record
from .renderer import Frame, render, render_moment, render_pair, render_performance
from .sound import sound_track
from .textures import Part

__all__ = [
    "ACTION_UNITS",
    "RESERVED_SEEDS",
    "TRACKS",
    "Camera",
    "Frame",
    "Identity",
    "Light",
    "Look",
    "Moment",
    "Part",
    "Performance",
    "Pose",
    "Recipe",
    "Scene",
    "deform",
    "record",
    "render",
    "render_moment",
    "render_pair",
    "render_performance",
    "sample_camera",
    "sample_expression",
    "sample_light",
    "sound_track",
]
