"""Every size, step count and width in one place, for three kinds of machine.

A preset is chosen by argument, else by the environment variable DEEPFAKE_LESSON_PRESET, else by
what the machine has: "gpu" with a graphics card, "laptop" without. "quick" is for a first look and
for the automatic run of the chapters.
"""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from deepfake_lesson.errors import LessonError

VARIABLE = "DEEPFAKE_LESSON_PRESET"


@dataclass(frozen=True)
class Preset:
    """How large the networks are and how long they train.

    Of the face swap: size: side of the model's pictures in pixels. width: factor on the classic
    number of filters. upscale: "shuffle" or "resize". batch_size: pictures of each person in a
    step. steps: the most steps a model gets in all. minutes: the most time one call of training
    takes. reenactment, motion: the same of pix2pix and of first order motion.
    """

    name: str
    size: int
    width: float
    upscale: str
    batch_size: int
    learning_rate: float
    steps: int
    minutes: float
    reenactment: "ReenactmentPreset"
    motion: "MotionPreset"


@dataclass(frozen=True)
class ReenactmentPreset:
    """size: side of the pictures in pixels. filters: of the generator's first layer, 64 in the
    paper; critic_filters: of the discriminator's. steps, minutes: as for the face swap.
    """

    size: int
    filters: int
    critic_filters: int
    steps: int
    minutes: float


@dataclass(frozen=True)
class MotionPreset:
    """size: side of the pictures in pixels. filters: of all three networks' largest size, and
    most_filters of their smallest. steps, minutes: as for the face swap.
    """

    size: int
    filters: int
    most_filters: int
    steps: int
    minutes: float


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            *("quick", 128, 0.25, "shuffle", 16, 5e-4),
            steps=300,
            minutes=0.5,
            reenactment=ReenactmentPreset(128, 16, 16, steps=300, minutes=0.5),
            motion=MotionPreset(64, 16, 128, steps=300, minutes=0.5),
        ),
        Preset(
            *("laptop", 128, 0.25, "shuffle", 16, 5e-4),
            steps=20_000,
            minutes=4.0,
            reenactment=ReenactmentPreset(256, 16, 16, steps=60_000, minutes=10.0),
            motion=MotionPreset(128, 16, 128, steps=60_000, minutes=10.0),
        ),
        Preset(
            *("gpu", 128, 1.0, "shuffle", 64, 5e-5),
            steps=50_000,
            minutes=60.0,
            reenactment=ReenactmentPreset(256, 64, 64, steps=80_000, minutes=60.0),
            motion=MotionPreset(256, 64, 1024, steps=100_000, minutes=60.0),
        ),
    )
}


def preset(name: str | None = None) -> Preset:
    """The preset of that name, else the environment's, else the machine's.

    >>> preset("quick").size
    128
    """
    source = "preset" if name else VARIABLE
    name = name or os.environ.get(VARIABLE) or ("gpu" if has_gpu() else "laptop")
    if name not in PRESETS:
        raise LessonError(source, f"'{name}' is unknown", f"Use one of {', '.join(PRESETS)}.")
    return PRESETS[name]


def compute_dtype() -> str:
    """The Keras dtype policy in which this machine trains fastest; weights stay float32.

    float16 halves the work of graphics cards, but its smallest number is 6e-8, so that the loss has
    to be scaled up (Micikevicius et al. 2018, "Mixed Precision Training"); bfloat16 has float32's
    range and needs nothing.
    """
    if has_gpu():
        return "mixed_float16"
    return "mixed_bfloat16" if processor_flags() & {"avx512_bf16", "amx_bf16"} else "float32"


@cache
def has_gpu() -> bool:
    """Whether Keras finds a graphics card."""
    from deepfake_lesson.models import keras

    return bool(keras.distribution.list_devices("gpu"))


def processor_flags(cpuinfo: str | Path = "/proc/cpuinfo") -> set[str]:
    """What the processor can do, in Linux's words; empty where the system does not tell."""
    try:
        lines = Path(cpuinfo).read_text().splitlines()
    except OSError:
        return set()
    flags = [line.split(":", 1)[1] for line in lines if line.startswith("flags")]
    return set(flags[0].split()) if flags else set()
