"""Training a re-enactment: what the folder holds, how it goes on, what is measured and refused."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import keras
import numpy as np
import pytest

from deepfake_lesson import presets
from deepfake_lesson.checkpoints import write_config
from deepfake_lesson.errors import ConsentError, LessonError, ModelError
from deepfake_lesson.images import fit, read_image
from deepfake_lesson.landmarks import head_outline
from deepfake_lesson.models.pix2pix import Pix2pix, Pix2pixConfig, to_network
from deepfake_lesson.people import Person, create_person
from deepfake_lesson.reenactment import training
from deepfake_lesson.reenactment.conditions import draw_condition
from deepfake_lesson.reenactment.pairs import GAP, flip_pair, load_pairs
from deepfake_lesson.reenactment.training import (
    PREVIEW_ROWS,
    SHOWN,
    ReenactmentConfig,
    adversarial,
    base_weights,
    drawn,
    load_reenactment,
    measure,
    paint,
    pair_batch,
    preview_sheet,
    save_base_weights,
    starting_model,
    train_reenactment,
)

NETWORK = Pix2pixConfig(size=64, filters=4, critic_filters=4)
CONFIG = ReenactmentConfig(NETWORK, batch_size=2, learning_rate=1e-3, seed=5)
STEPS = 32
TIMES = ("seconds", "pictures_per_second")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, actress):
    """A model after 32 steps, the report, and the previews that were shown."""
    folder, shown = tmp_path_factory.mktemp("model"), []
    options = {"config": CONFIG, "progress": False, "watch": shown.append}
    return folder, train_reenactment(actress, folder, steps=STEPS, **options), shown


@pytest.fixture(scope="module")
def pairs(actress):
    return load_pairs(actress).resized(64)


@pytest.fixture
def model_copy(tmp_path, trained):
    """A copy of the model to be damaged."""
    return shutil.copytree(trained[0], tmp_path / "copy", ignore=shutil.ignore_patterns(".lock"))


def with_pairs_of(person: Person, folder: Path, name: str) -> Person:
    """Another person, who has the same pairs."""
    other = create_person(folder, name, "synthetic")
    shutil.copytree(person.folder / "pairs", folder / "pairs")
    return other


def history(folder: Path) -> list[dict[str, float]]:
    with (folder / "history.csv").open() as lines:
        return [{name: float(cell) for name, cell in row.items()} for row in csv.DictReader(lines)]


# What a model folder holds


def test_a_model_knows_whom_it_paints_and_how_the_pictures_were_cut(trained, actress, pairs):
    folder, report, _ = trained
    assert (report.step, report.steps, report.reason) == (STEPS, STEPS, "steps")
    model = load_reenactment(folder)
    assert (model.config, model.size) == (replace(CONFIG, from_base=False), 64)
    assert (model.target.name, model.target.seed) == (actress.name, actress.seed)
    assert (model.target.domain, model.target.threshold) == (actress.domain, actress.threshold)
    assert model.target.embedding.shape == (128,)
    np.testing.assert_allclose(model.target_mean, pairs.mean, rtol=1e-6)
    assert (model.framing, model.square, model.recipe) == (
        pairs.framing,
        pairs.square,
        json.loads(json.dumps(pairs.recipe)),
    )


def test_it_paints_uint8_pictures_in_the_order_of_the_drawings(trained, pairs):
    model = load_reenactment(trained[0])
    drawings = drawn(pairs.some(10), model.config)
    painted = model.predict(drawings)
    assert painted.shape == (10, 64, 64, 3) and painted.dtype == np.uint8
    alone = model.predict(drawings[-1:])[0]
    assert np.abs(painted[-1].astype(int) - alone).max() <= 1
    np.testing.assert_array_equal(drawings[0], model.draw(pairs.landmarks[0], pairs.pupils[0]))


def test_previews_come_with_every_epoch_and_the_newest_stays(trained):
    folder, _, shown = trained
    names = sorted(path.name for path in (folder / "preview").iterdir())
    assert names == ["000032.png", "latest.png", "loss.png"]
    np.testing.assert_array_equal(read_image(folder / "preview" / "latest.png"), shown[-1])
    assert len(shown) >= STEPS // epoch_of(48) + 2, "every epoch, step 32 and the end"


def epoch_of(count: int) -> int:
    """Steps in which `count` pairs, less those held out and the gap before, are seen once."""
    return (count - round(CONFIG.held_out * count) - GAP) // CONFIG.batch_size


def test_a_preview_has_a_row_of_drawings_of_paintings_and_of_photographs(trained, pairs):
    model, some = load_reenactment(trained[0]), pairs.some(SHOWN)
    sheet = preview_sheet(model.generator, some, model.config)
    height, width = (side // count for side, count in zip(sheet.shape, (3, SHOWN), strict=False))
    drawings = drawn(some, model.config)
    rows = drawings, paint(model.generator, drawings), some.images
    assert len(rows) == len(PREVIEW_ROWS)
    for row, images in enumerate(rows):
        for column in range(1, SHOWN):  # the first carries the row's name
            cell = sheet[row * height :, column * width :][:height, :width]
            found, expected = (p[48:-48, 48:-48].mean() for p in (cell, fit(images[column], 192)))
            assert found == pytest.approx(expected, abs=5)


def test_the_losses_fall_and_the_scores_of_held_out_pairs_stand_beside_them(trained):
    rows = history(trained[0])
    assert list(rows[0]) == [
        *("step", "seconds", "loss", "discriminator_loss", "generator_loss", "l1_loss"),
        *("pictures_per_second", "ssim", "ssim_face", "landmarks"),
    ]
    assert [row["step"] for row in rows] == [10, 20, 30]
    assert rows[-1]["l1_loss"] < 0.8 * rows[0]["l1_loss"]
    assert rows[-1]["ssim"] > rows[0]["ssim"]
    assert len({row["ssim"] for row in rows}) > 1, "measured anew every epoch"


def test_a_perfect_painter_gets_perfect_scores(pairs):
    some = pairs.some(3)

    class Perfect:
        def predict_on_batch(self, drawings):
            return to_network(some.images)

    scores = measure(Perfect(), some, CONFIG)
    assert scores["ssim"] == scores["ssim_face"] == 1
    assert scores["landmarks"] < 0.1


# What it learns from


def test_a_batch_is_a_function_of_its_number(pairs):
    first, again, other = (pair_batch(step, pairs, CONFIG) for step in (3, 3, 4))
    for one, two in zip(first, again, strict=True):
        assert one.shape[:3] == (2, 64, 64) and one.dtype == np.float32
        np.testing.assert_array_equal(one, two)
    for pictures, others in zip(first[:2], other[:2], strict=True):
        assert pictures.shape[3:] == (3,) and -1 <= pictures.min() < pictures.max() <= 1
        assert not np.array_equal(pictures, others)


def test_eyes_and_mouth_count_more_only_where_they_are_asked_to(pairs):
    still = replace(CONFIG, shake=0.0, batch_size=4)
    plain, weighted = (
        pair_batch(0, pairs, replace(still, features=factor))[2] for factor in (1.0, 5.0)
    )
    np.testing.assert_array_equal(plain, 1.0)
    np.testing.assert_allclose(weighted.mean((1, 2)), 1.0, rtol=1e-5)
    chosen = np.random.default_rng((still.seed, 0)).integers(len(pairs), size=4)
    for weight, k in zip(weighted, chosen, strict=True):
        lips = pairs.landmarks[k, 48:].round().astype(int)
        assert weight[lips[:, 1], lips[:, 0]].min() > 3 * weight[:2].max()


def test_drawings_belong_to_their_photographs(pairs):
    still = replace(CONFIG, shake=0.0, batch_size=8)
    for drawing, photograph in zip(*pair_batch(0, pairs, still)[:2], strict=True):
        errors = [np.abs(to_network(image) - photograph).max() for image in pairs.images]
        k = int(np.argmin(errors))
        assert errors[k] == 0
        expected = still.draw(pairs.landmarks[k], pairs.pupils[k])
        np.testing.assert_array_equal(drawing, to_network(expected))


def test_a_flipped_batch_is_the_mirror_of_the_pairs(pairs):
    straight = replace(CONFIG, shake=0.0, batch_size=4)
    mirrored = flip_pair(pairs.images, pairs.landmarks, pairs.pupils)
    mirror = replace(pairs, images=mirrored[0], landmarks=mirrored[1], pupils=mirrored[2])
    flipped = pair_batch(0, pairs, replace(straight, flip=1.0))
    for one, other in zip(flipped, pair_batch(0, mirror, straight), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_shaking_moves_the_lines_a_little(pairs):
    still, shaken = (
        pair_batch(0, pairs, replace(CONFIG, shake=shake))[0] for shake in (0.0, 0.005)
    )
    assert 0 < np.abs(still - shaken).mean() < 0.05


def test_lines_are_as_thick_as_at_256_pixels_and_pupils_can_be_left_out():
    points = np.random.default_rng(0).uniform(20, 230, (68, 2))
    pupils = points[:2]
    config = ReenactmentConfig(Pix2pixConfig(256), thickness=4, pupils=False)
    np.testing.assert_array_equal(config.draw(points, pupils), draw_condition(points, 256, 4))
    large = replace(config, pix2pix=Pix2pixConfig(512), pupils=True)
    expected = draw_condition(points, 512, 8, pupils)
    np.testing.assert_array_equal(large.draw(points, pupils), expected)
    head = draw_condition(points, 512, 8, pupils, head_outline(points))
    np.testing.assert_array_equal(replace(large, outline=True).draw(points, pupils), head)


# Going on


def assert_same_model(one: Path, other: Path) -> None:
    weights = [load_reenactment(folder).generator.get_weights() for folder in (one, other)]
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_training_in_two_calls_is_the_training_in_one(tmp_path, trained, actress):
    train_reenactment(actress, tmp_path, steps=20, config=CONFIG, progress=False)
    report = train_reenactment(actress.folder, tmp_path, steps=STEPS, progress=False)
    assert report.steps == STEPS - 20
    assert_same_model(tmp_path, trained[0])
    for resumed, whole in zip(history(tmp_path), history(trained[0]), strict=True):
        for name in TIMES:
            del resumed[name], whole[name]
        assert resumed == pytest.approx(whole, rel=1e-4)


@pytest.mark.slow
def test_kill_9_loses_nothing_that_was_saved(tmp_path, actress):
    script = (
        f"import sys; sys.path[:0] = [{str(Path(__file__).parent)!r}]; "
        "from test_reenactment_training import CONFIG, train_reenactment; "
        f"train_reenactment({str(actress.folder)!r}, {str(tmp_path / 'killed')!r}, steps=10**6, "
        "config=CONFIG, checkpoint_seconds=0, progress=False)"
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    folder, deadline = tmp_path / "killed", time.monotonic() + 120
    while not list(folder.glob("generator-00000[3-9].weights.h5")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.003)
    process.send_signal(signal.SIGKILL)
    process.wait()
    saved = train_reenactment(actress, folder, steps=1, progress=False).step
    assert saved >= 2
    train_reenactment(actress, folder, steps=saved + 4, progress=False)
    train_reenactment(actress, tmp_path / "whole", steps=saved + 4, config=CONFIG, progress=False)
    assert_same_model(folder, tmp_path / "whole")


def test_float16_scales_its_loss_and_still_learns(monkeypatch, pairs):
    monkeypatch.setattr(presets, "compute_dtype", lambda: "mixed_float16")
    small = replace(CONFIG, pix2pix=Pix2pixConfig(32, 2, critic_filters=2), from_base=False)
    model = starting_model(small)
    trainee = adversarial(model, small)
    assert isinstance(trainee.optimizers["optimizer"], keras.optimizers.LossScaleOptimizer)
    before = model.get_weights()
    batch = pair_batch(0, pairs.resized(32), small)
    for _ in range(15):  # the first ones overflow: the scale has to come down
        losses = trainee.step(batch)
    assert all(np.isfinite(loss) for loss in losses.values())
    moved = [np.abs(a - b).max() for a, b in zip(before, model.get_weights(), strict=True)]
    assert 0 < max(moved) < 30 * small.learning_rate


# Base weights


@pytest.fixture
def base(tmp_path, monkeypatch):
    """A model whose weights are where the package looks for its own."""
    monkeypatch.setattr(training, "WEIGHTS", tmp_path / "weights")
    model = Pix2pix(NETWORK, seed=70)
    save_base_weights(tmp_path / "weights", model)
    return model


def test_a_new_model_starts_from_the_base_weights_unless_they_are_declined(base):
    start, scratch = starting_model(CONFIG), starting_model(replace(CONFIG, from_base=False))
    for loaded, saved in zip(start.get_weights(), base.get_weights(), strict=True):
        np.testing.assert_allclose(loaded, saved, rtol=1e-3, atol=1e-6)
    for found, expected in zip(
        scratch.get_weights(), Pix2pix(NETWORK, CONFIG.seed).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_base_weights_are_kept_in_half_precision_and_fit_one_network_only(base):
    folder = base_weights(NETWORK)
    count = base.generator.count_params()
    assert (folder / "generator.weights.h5").stat().st_size < 2.2 * count + 150_000
    for other in ({"filters": 8}, {"upscale": "resize"}, {"size": 32}):
        assert base_weights(replace(NETWORK, **other)) is None


def test_base_weights_without_gan_serve_without_the_discriminator(base):
    model = starting_model(replace(CONFIG, pix2pix=replace(NETWORK, gan=0.0)))
    np.testing.assert_allclose(
        model.generator.get_weights()[0], base.generator.get_weights()[0], rtol=1e-3, atol=1e-6
    )


def test_a_base_generator_serves_beside_a_critic_of_another_width(base):
    model = starting_model(replace(CONFIG, pix2pix=replace(NETWORK, critic_filters=8)))
    np.testing.assert_allclose(
        model.generator.get_weights()[0], base.generator.get_weights()[0], rtol=1e-3, atol=1e-6
    )


def test_damaged_base_weights_are_named(base):
    path = base_weights(NETWORK) / "generator.weights.h5"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ModelError, match=r"generator.weights.h5: the file is cut off"):
        starting_model(CONFIG)


# What is refused


def test_another_person_is_refused(tmp_path, trained, actress):
    other = with_pairs_of(actress, tmp_path / "ben", "Ben")
    with pytest.raises(ModelError, match=rf"was trained on {actress.name}, not Ben.*--fresh"):
        train_reenactment(other, trained[0], steps=50, progress=False)


def test_another_network_is_refused_when_it_is_asked_for(trained, actress):
    with pytest.raises(ModelError, match=r"another network.*--fresh"):
        train_reenactment(actress, trained[0], "quick", steps=50, progress=False)


def test_a_model_of_another_kind_is_refused(tmp_path, actress):
    write_config(tmp_path, "face swap", {"training": {}})
    with pytest.raises(ModelError, match="kind 'face swap', not 're-enactment'"):
        train_reenactment(actress, tmp_path, steps=1, config=CONFIG, progress=False)
    with pytest.raises(ModelError, match="kind 'face swap'"):
        load_reenactment(tmp_path)


def test_a_person_without_consent_is_refused(tmp_path):
    with pytest.raises(ConsentError):
        train_reenactment(tmp_path / "nobody", tmp_path / "model", steps=1)
    assert not (tmp_path / "model").exists()


def test_a_person_without_pairs_is_told_how_to_make_them(tmp_path):
    person = create_person(tmp_path / "eve", "Eve", "synthetic")
    with pytest.raises(LessonError, match=r"no pairs.*deepfake-lesson pairs"):
        train_reenactment(person, tmp_path / "model", steps=1, progress=False)
    assert not (tmp_path / "model").exists()


def test_too_few_pairs_are_refused_with_what_is_needed(tmp_path, actress):
    person = with_pairs_of(actress, tmp_path / "eve", "Eve")
    rows = person.folder / "pairs" / "pairs.jsonl"
    rows.write_text("".join(rows.read_text().splitlines(keepends=True)[:39]))
    with pytest.raises(LessonError, match=r"39 frames.*at least 40"):
        train_reenactment(person, tmp_path / "model", steps=1, progress=False)
    assert not (tmp_path / "model").exists()


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no model"):
        load_reenactment(tmp_path / "absent")


@pytest.mark.parametrize(
    "change",
    [
        lambda settings: settings.pop("target"),
        lambda settings: settings.pop("square"),
        lambda settings: settings["training"].update(magic=1),
        lambda settings: settings["training"].pop("pix2pix"),
    ],
)
def test_settings_of_something_else_are_refused(model_copy, change):
    path = model_copy / "config.json"
    settings = json.loads(path.read_text())
    change(settings)
    path.write_text(json.dumps(settings))
    with pytest.raises(ModelError, match="not those of a re-enactment"):
        load_reenactment(model_copy)


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_a_network_that_was_cut_off_is_named(model_copy, actress, name):
    (path,) = model_copy.glob(f"{name}-*.weights.h5")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ModelError, match=rf"{path.name}: the file is cut off"):
        train_reenactment(actress, model_copy, steps=50, progress=False)


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"learning_rate": 0.0}])
def test_a_wrong_config_says_what_is_wrong(wrong):
    with pytest.raises(LessonError, match=next(iter(wrong))):
        ReenactmentConfig(**wrong)


def test_every_preset_makes_a_config_that_survives_json():
    for preset in presets.PRESETS.values():
        config = ReenactmentConfig.from_preset(preset)
        assert config == ReenactmentConfig.from_dict(json.loads(json.dumps(asdict(config))))
