"""What people really give to a program: a fault ends in one clear line and leaves nothing behind.

All of it goes through the command line. Exit code 2 and a message for what cannot work; for odd but
sound input, a result as good as any.
"""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image
from typer.testing import CliRunner

from deepfake_lesson.cli import app
from deepfake_lesson.files import folder_lock
from deepfake_lesson.images import read_image, write_image
from deepfake_lesson.provenance import verify
from deepfake_lesson.studio.recipe import Recipe
from deepfake_lesson.video import probe, read_frames

A, B = 50, 51  # reserved for tests


def run(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments])


def refused(ran, *words):
    """Exit code 2 and, last on stderr, one line that holds all the words."""
    assert ran.exit_code == 2, ran.output
    message = ran.stderr.strip().splitlines()[-1]
    assert message.startswith("deepfake-lesson: ")
    assert message.endswith(".")
    for word in words:
        assert str(word) in message
    assert "Traceback" not in ran.stderr
    return True


def files_in(folder):
    """Everything in a folder with its size, but for the empty lock files."""
    return {
        path.relative_to(folder): path.stat().st_size
        for path in Path(folder).rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def ffmpeg(*arguments):
    subprocess.run([get_ffmpeg_exe(), "-v", "error", *map(str, arguments)], check=True)


@pytest.fixture(scope="module")
def people(film, tmp_path_factory):
    """Two people with extracted faces."""
    folder = tmp_path_factory.mktemp("people")
    pair = film(A, folder / "a"), film(B, folder / "b")
    for person in pair:
        ran = run("extract", person)
        assert ran.exit_code == 0, ran.output
    return pair


@pytest.fixture(scope="module")
def model(people, tmp_path_factory):
    """A model that has seen hardly anything, but works."""
    folder = tmp_path_factory.mktemp("models") / "ab"
    ran = run("train", *people, "--model", folder, "--preset", "quick", "--steps", 2)
    assert ran.exit_code == 0, ran.output
    return folder


@pytest.fixture(scope="module")
def portrait(people):
    """A frame in which a is seen."""
    return next(iter(read_frames(people[0] / "media" / "clip.mp4")))


# Media that are none


def not_media(folder):
    """Files that pretend, with a word of the message for each."""
    clip = folder / "whole.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64:d=2", "-pix_fmt", "yuv420p", clip)
    contents = {
        "notes.txt": b"only text",
        "text.mp4": b"only text" * 100,
        "text.png": b"only text" * 100,
        "empty.mp4": b"",
        "empty.png": b"",
        "cut.mp4": clip.read_bytes()[: clip.stat().st_size // 2],
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64", "-frames:v", 0, folder / "no_frames.mp4")
    return [*contents, "no_frames.mp4"]


def test_what_is_no_picture_or_video_never_becomes_a_persons(tmp_path):
    for name in [*not_media(tmp_path), "nowhere.mp4"]:
        before = files_in(tmp_path)
        ran = run(
            *["person", "new", tmp_path / "p", "--name", "Ada", "--basis", "self"],
            *["--media", tmp_path / name],
        )
        assert refused(ran, name)
        assert files_in(tmp_path) == before


def test_what_is_no_picture_or_video_is_not_converted(tmp_path, model):
    (tmp_path / "in").mkdir()
    for name in [*not_media(tmp_path / "in"), "nowhere.mp4"]:
        ran = run("convert", tmp_path / "in" / name, "--model", model, "--out", tmp_path / "o.mp4")
        assert refused(ran, name)
        assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_broken_clip_in_a_persons_folder_is_named(tmp_path, film):
    person = film(A, tmp_path / "p")
    clip = person / "media" / "clip.mp4"
    clip.write_bytes(clip.read_bytes()[:1000])
    assert refused(run("extract", person), "clip.mp4")
    assert not list(person.glob("faces/*.png"))


def test_an_output_that_could_not_be_marked_is_refused_before_the_work(tmp_path, people, model):
    clip = people[0] / "media" / "clip.mp4"
    for name in ("out.xyz", "out", "out.mkv"):
        out = tmp_path / name
        assert refused(run("convert", clip, "--model", model, "--out", out), name)
        assert refused(run("swap", *people, "--model", tmp_path / "m", "--out", out), name)
    assert not list(tmp_path.iterdir())


# Odd, but sound


def converted(source, model, out):
    """Convert something; the report, after a look at what always holds."""
    ran = run("convert", source, "--model", model, "--out", out, "--json")
    assert ran.exit_code == 0, ran.output
    report = json.loads(ran.stdout)
    assert report["faces_swapped"] >= 1
    assert verify(out).state == "valid"
    assert json.loads((out.parent / "report.json").read_text()) == report
    return report


def test_odd_sizes_come_out_as_they_went_in(tmp_path, people, model):
    ffmpeg(
        *["-i", people[0] / "media" / "clip.mp4", "-vf", "scale=225:225,crop=203:225"],
        *["-c:v", "png", tmp_path / "odd.mov"],
    )
    report = converted(tmp_path / "odd.mov", model, tmp_path / "out.mp4")
    assert (report["video"]["width"], report["video"]["height"]) == (203, 225)
    assert probe(tmp_path / "out.mp4").width == 203


def test_a_variable_frame_rate_keeps_its_length(tmp_path, people, model):
    """Frames 4 to 7 are missing: their time is filled, so that sound would stay in step."""
    odd, clip = tmp_path / "vfr.mp4", people[0] / "media" / "clip.mp4"
    gap = ["-vf", "select='not(between(n,4,7))'", "-fps_mode", "vfr"]
    ffmpeg("-i", clip, "-an", *gap, "-bf", 0, odd)
    converted(odd, model, tmp_path / "out.mp4")
    assert probe(tmp_path / "out.mp4").seconds == pytest.approx(1.2, abs=0.16)


def odd_pictures(portrait, folder):
    """The same portrait in every usual disguise."""
    height, width = portrait.shape[:2]
    cv2.imwrite(str(folder / "deep.png"), portrait[..., ::-1].astype(np.uint16) * 257)
    cv2.imwrite(str(folder / "grey.png"), cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY))
    opaque = np.full((height, width, 1), 255, np.uint8)
    Image.fromarray(np.concatenate([portrait, opaque], axis=2)).save(folder / "rgba.png")
    lying = Image.fromarray(np.ascontiguousarray(np.rot90(portrait)))
    lying.save(folder / "exif.jpg", exif=_orientation(6), quality=95)
    return [folder / name for name in ("deep.png", "grey.png", "rgba.png", "exif.jpg")]


def _orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def test_pictures_of_every_kind_are_swapped_upright(tmp_path, model, portrait):
    for path in odd_pictures(portrait, tmp_path):
        out = tmp_path / "out" / f"{path.stem}.png"
        converted(path, model, out)
        swapped, original = read_image(out).astype(int), read_image(path).astype(int)
        assert swapped.shape == portrait.shape, path
        assert np.abs(swapped[:20] - original[:20]).mean() < 1, "the top is untouched"
        shutil.rmtree(out.parent)


def test_a_12_megapixel_picture_takes_seconds(tmp_path, model, portrait):
    write_image(tmp_path / "large.jpg", cv2.resize(portrait, (3464, 3464)))
    started = time.monotonic()
    converted(tmp_path / "large.jpg", model, tmp_path / "out.jpg")
    assert time.monotonic() - started < 30
    assert read_image(tmp_path / "out.jpg").shape == (3464, 3464, 3)


# Faces: none, many, the wrong one


def test_no_face_is_said(tmp_path, model, people):
    write_image(tmp_path / "wall.png", np.full((256, 256, 3), 127, np.uint8))
    ran = run("convert", tmp_path / "wall.png", "--model", model, "--out", tmp_path / "out.png")
    assert refused(ran, "wall.png", "no face")
    assert [path.name for path in tmp_path.iterdir()] == ["wall.png"]


def test_a_person_without_a_face_is_said(tmp_path):
    write_image(tmp_path / "wall.png", np.full((256, 256, 3), 127, np.uint8))
    new = ["person", "new", tmp_path / "p", "--name", "Wall", "--basis", "self"]
    assert run(*new, "--media", tmp_path / "wall.png").exit_code == 0
    assert refused(run("extract", tmp_path / "p"), "no face")


def test_the_wrong_person_only_is_said(tmp_path, people, model):
    clip = people[1] / "media" / "clip.mp4"
    ran = run("convert", clip, "--model", model, "--to", "b", "--out", tmp_path / "out.mp4")
    assert refused(ran, "clip.mp4", "none of them")
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def crowd(portrait, tmp_path_factory):
    """Five people in a row, a in the middle."""
    others = [next(Recipe(seed, size=256).frames()).image for seed in (B, 52, 53, 54)]
    path = tmp_path_factory.mktemp("crowd") / "crowd.png"
    write_image(path, np.hstack([*others[:2], portrait, *others[2:]]))
    return path


def test_of_five_faces_only_the_wanted_one_is_swapped(tmp_path, crowd, model):
    report = converted(crowd, model, tmp_path / "out.png")
    assert report["faces_found"] == 5
    assert report["faces_swapped"] == 1
    change = np.abs(read_image(tmp_path / "out.png").astype(int) - read_image(crowd))
    changed = change > 16  # more than the watermark
    columns = np.flatnonzero(changed[: int(0.85 * 256)].any(axis=(0, 2)))
    assert columns.min() >= 2 * 256
    assert columns.max() < 3 * 256


def test_of_five_faces_only_the_wanted_one_is_kept(tmp_path, crowd, people):
    new = ["person", "new", tmp_path / "p", "--name", "A", "--basis", "synthetic"]
    assert run(*new, "--media", crowd).exit_code == 0
    reference = tmp_path / "reference.png"
    frames = list(read_frames(people[0] / "media" / "clip.mp4"))
    write_image(reference, frames[-1])
    ran = run("extract", tmp_path / "p", "--want", reference, "--json")
    assert ran.exit_code == 0, ran.output
    report = json.loads(ran.stdout)
    assert (report["faces_found"], report["kept"]) == (5, 1)
    assert len(list((tmp_path / "p" / "faces").glob("*.png"))) == 1


# Consent


def commands_on(person, other, folder):
    """Every command that opens a person's folder."""
    clip = other / "media" / "clip.mp4"
    return [
        ["extract", person],
        ["train", person, other, "--model", folder / "m", "--preset", "quick", "--steps", 1],
        ["train", other, person, "--model", folder / "m", "--preset", "quick", "--steps", 1],
        ["swap", person, other, "--model", folder / "m", "--out", folder / "out.mp4"],
        ["swap", other, person, "--model", folder / "m", "--out", folder / "out.mp4"],
        ["evaluate", clip, clip, "--a", person, "--b", other],
        ["evaluate", clip, clip, "--a", other, "--b", person],
    ]


RECORD = '[consent]\nname = "Ada"\nbasis = "BASIS"\nscope = "class"\ndate = 2026-11-21\n'


@pytest.mark.parametrize(
    ("record", "word"),
    [
        (None, "no consent record"),
        ("[consent", "cannot be read"),
        ("", "no basis"),
        (RECORD.replace("BASIS", "fame"), "fame"),
        (RECORD.replace("BASIS", "self").replace("2026-11-21", '""'), "no date"),
    ],
)
def test_no_command_opens_a_person_without_consent(tmp_path, people, record, word):
    person = tmp_path / "p"
    shutil.copytree(people[0], person)
    (person / "consent.toml").unlink()
    if record is not None:
        (person / "consent.toml").write_text(record)
    before = files_in(tmp_path)
    for command in commands_on(person, people[1], tmp_path):
        assert refused(run(*command), word)
        assert files_in(tmp_path) == before


# Models


@pytest.mark.parametrize("damage", ["gone", "version", "config", "weights", "empty"])
def test_a_broken_model_folder_is_refused(tmp_path, people, model, damage):
    folder = tmp_path / "ab"
    shutil.copytree(model, folder)
    config = folder / "config.json"
    if damage == "gone":
        shutil.rmtree(folder)
    elif damage == "version":
        settings = json.loads(config.read_text())
        config.write_text(json.dumps(settings | {"format": 999}))
    elif damage == "config":
        config.write_text(config.read_text()[:40])
    elif damage == "weights":
        for path in folder.rglob("*.weights.h5"):
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        for path in folder.rglob("*.weights.h5"):
            path.unlink()
    before = files_in(tmp_path)
    clip = people[0] / "media" / "clip.mp4"
    out = tmp_path / "out.mp4"
    assert refused(run("convert", clip, "--model", folder, "--out", out), folder)
    assert files_in(tmp_path) == before


def test_two_trainings_on_one_folder_do_not_meet(tmp_path, people, model):
    folder = tmp_path / "ab"
    shutil.copytree(model, folder)
    before = files_in(folder)
    with folder_lock(folder, "a training"):
        ran = run("train", *people, "--model", folder, "--preset", "quick", "--steps", 4)
        assert refused(ran, folder, "already running")
    assert files_in(folder) == before


def test_a_model_of_other_people_is_not_trained_on(tmp_path, people, model):
    folder = tmp_path / "ab"
    shutil.copytree(model, folder)
    before = files_in(folder)
    swapped = people[1], people[0]
    ran = run("train", *swapped, "--model", folder, "--preset", "quick", "--steps", 4)
    assert refused(ran, folder, "--fresh")
    assert files_in(folder) == before


# The disk


def drafts_in(folder):
    return [path for path in Path(folder).rglob("*") if "draft" in path.name]


@pytest.mark.parametrize("free", [20_000, 100_000])
def test_a_full_disk_stops_the_camera(small_disk, free):
    """With 20 kB the clip does not fit, with 100 kB it does, but not its signed copy."""
    (small_disk / "filler").write_bytes(b"x" * (2**20 - free))
    person = small_disk / "p"
    ran = run("studio", "--seed", A, "--seconds", 1.2, "--fps", 10, "--size", 256, "--out", person)
    assert refused(ran, "disk is full")
    assert not (person / "consent.toml").exists()
    assert not drafts_in(small_disk)


def test_a_full_disk_stops_the_extraction_which_goes_on_later(tmp_path, small_disk, film):
    person = film(A, tmp_path / "p")
    (small_disk / "faces").mkdir()
    (person / "faces").symlink_to(small_disk / "faces")
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 700_000)
    assert refused(run("extract", person), "disk is full")
    assert not drafts_in(small_disk)
    filler.unlink()
    (person / "faces").unlink()
    shutil.copytree(small_disk / "faces", person / "faces")
    assert run("extract", person).exit_code == 0
    assert len(list(person.glob("faces/*.png"))) >= 11


def test_a_full_disk_stops_the_training_and_leaves_no_half_model(small_disk, people):
    folder = small_disk / "ab"
    ran = run("train", *people, "--model", folder, "--preset", "quick", "--steps", 2)
    assert refused(ran, "disk is full")
    assert not drafts_in(small_disk)
    clip = people[0] / "media" / "clip.mp4"
    assert refused(run("convert", clip, "--model", folder, "--out", "out.mp4"), folder)


def test_a_full_disk_stops_the_conversion(small_disk, people, model):
    (small_disk / "filler").write_bytes(b"x" * 990_000)
    before = files_in(small_disk)
    clip = people[0] / "media" / "clip.mp4"
    ran = run("convert", clip, "--model", model, "--out", small_disk / "out.mp4")
    assert refused(ran, "disk is full")
    assert files_in(small_disk) == before


def test_a_folder_that_cannot_be_written_is_named(tmp_path, people, model):
    (tmp_path / "file").write_text("in the way")
    clip = people[0] / "media" / "clip.mp4"
    out = tmp_path / "file" / "out.mp4"
    assert refused(run("convert", clip, "--model", model, "--out", out), tmp_path / "file")
    assert refused(run("studio", "--seed", A, "--out", tmp_path / "file" / "p"), "file")


# Killed


def start(*arguments):
    """The same command in a process of its own."""
    command = [sys.executable, "-m", "deepfake_lesson.cli", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def wait_for(happened, process, seconds=120):
    deadline = time.monotonic() + seconds
    while not happened():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
def test_an_extraction_survives_kill_9(tmp_path, film):
    """Killed in the middle and run again, it has every face once, as if nothing had happened."""
    person, other = film(A, tmp_path / "killed"), film(A, tmp_path / "whole")
    for folder in (person, other):
        for number in range(4):
            shutil.copy(folder / "media" / "clip.mp4", folder / "media" / f"clip{number}.mp4")
    lines = person / "faces" / "alignments.jsonl"
    process = start("extract", person)
    wait_for(lambda: lines.exists() and lines.read_bytes().count(b"\n") >= 5, process)
    process.kill()
    process.communicate()
    killed_at = lines.read_bytes().count(b"\n")
    assert run("extract", person).exit_code == 0
    assert run("extract", other).exit_code == 0

    def faces(folder):
        names = sorted(path.name for path in folder.glob("faces/*.png"))
        rows = (folder / "faces" / "alignments.jsonl").read_text().splitlines()
        return names, sorted(rows)

    assert faces(person) == faces(other)
    assert 5 <= killed_at < len(faces(other)[1])
    assert not drafts_in(person)


@pytest.mark.slow
def test_a_training_survives_ctrl_c_and_kill_9(tmp_path, people):
    folder = tmp_path / "ab"
    command = ["train", *people, "--model", folder, "--preset", "quick", "--steps", 100_000]
    history = folder / "history.csv"

    process = start(*command)
    wait_for(lambda: (folder / "preview" / "000032.png").exists(), process)
    process.send_signal(2)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    after_ctrl_c = history.read_text()
    steps = int(after_ctrl_c.splitlines()[-1].split(",")[0])
    assert steps >= 30

    process = start(*command)
    power_of_two = 64 if steps < 64 else 2 ** (steps.bit_length())
    wait_for(lambda: (folder / "preview" / f"{power_of_two:06d}.png").exists(), process)
    process.kill()
    process.communicate()

    goal = power_of_two + 20
    ran = run(*command[:-1], goal, "--json")
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["step"] == goal
    rows = [int(line.split(",")[0]) for line in history.read_text().splitlines()[1:]]
    assert rows == sorted(set(rows))
    assert history.read_text().startswith(after_ctrl_c)
    assert not drafts_in(folder)
