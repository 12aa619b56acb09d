"""Which preset is taken, and that every preset can be built."""

import dataclasses

import pytest

from deepfake_lesson import presets
from deepfake_lesson.errors import LessonError
from deepfake_lesson.models.autoencoder import AutoencoderConfig
from deepfake_lesson.presets import PRESETS, Preset, compute_dtype, preset, processor_flags


def test_the_argument_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("DEEPFAKE_LESSON_PRESET", "gpu")
    assert preset("quick").name == "quick"
    assert preset().name == "gpu"


def test_without_either_the_machine_decides(monkeypatch):
    monkeypatch.delenv("DEEPFAKE_LESSON_PRESET", raising=False)
    assert preset().name == ("gpu" if presets.has_gpu() else "laptop")


@pytest.mark.parametrize("source", ["preset", "DEEPFAKE_LESSON_PRESET"])
def test_an_unknown_name_is_refused_and_says_where_it_came_from(monkeypatch, source):
    monkeypatch.setenv("DEEPFAKE_LESSON_PRESET", "huge")
    with pytest.raises(LessonError, match=f"^{source}: 'huge' is unknown.*quick, laptop, gpu"):
        preset("huge" if source == "preset" else None)


@pytest.mark.parametrize("chosen", PRESETS.values(), ids=PRESETS)
def test_every_preset_is_a_valid_network_and_a_safe_learning_rate(chosen):
    AutoencoderConfig(chosen.size, chosen.width, chosen.upscale)
    assert chosen.learning_rate < 1e-3  # where Adam diverges
    assert chosen.steps > 0 and chosen.minutes > 0


def test_presets_cannot_be_changed_or_given_unknown_fields():
    with pytest.raises(dataclasses.FrozenInstanceError):
        preset("quick").size = 128
    with pytest.raises(TypeError):
        Preset(**dataclasses.asdict(preset("quick")), epochs=3)


def test_processor_flags_are_read_from_linux(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu avx512_bf16 sse\n\nprocessor\t: 1\n")
    assert processor_flags(cpuinfo) == {"fpu", "avx512_bf16", "sse"}
    assert processor_flags(tmp_path / "absent") == set()


@pytest.mark.parametrize(
    ("gpu", "flags", "dtype"),
    [
        (True, {"amx_bf16"}, "mixed_float16"),
        (False, {"avx2", "avx512_bf16"}, "mixed_bfloat16"),
        (False, {"avx2"}, "float32"),
    ],
)
def test_the_compute_dtype_follows_the_machine(monkeypatch, gpu, flags, dtype):
    monkeypatch.setattr(presets, "has_gpu", lambda: gpu)
    monkeypatch.setattr(presets, "processor_flags", lambda: flags)
    assert compute_dtype() == dtype
