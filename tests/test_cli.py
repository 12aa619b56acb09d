"""The command line: what it prints, writes and returns."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from deepfake_lesson import cli
from deepfake_lesson.cli import app
from deepfake_lesson.errors import LessonError
from deepfake_lesson.images import write_image
from deepfake_lesson.people import open_person
from deepfake_lesson.provenance import embed_watermark, sign, verify
from deepfake_lesson.video import read_frames

COMMANDS = {
    "studio": ["--seed", "--seconds", "--out"],
    "person new": ["--name", "--basis", "--media", "--expires"],
    "person withdraw": ["--search", "--yes"],
    "extract": [
        "--detector",
        "--want",
        "--refuse",
        "--threshold",
        "--fps",
        "--rotate",
        "--min-sharpness",
        "--jobs",
    ],
    "train": ["--model", "--preset", "--steps", "--minutes", "--fresh"],
    "convert": [
        "--model",
        "--to",
        "--out",
        "--mask",
        "--erosion",
        "--feather",
        "--seamless",
        "--color",
        "--sharpen",
        "--frames",
        "--discard-others",
        "--no-label",
    ],
    "swap": ["--out", "--model", "--preset", "--steps", "--minutes", "--no-label"],
    "train-motion": ["--model", "--preset", "--steps", "--minutes", "--start", "--fresh"],
    "animate": [
        "--out",
        "--model",
        "--relative",
        "--absolute",
        "--adapt-scale",
        "--best-frame",
        "--size",
        "--beside",
        "--no-label",
    ],
    "evaluate": ["--a", "--b", "--truth"],
    "sign": ["--out", "--cert", "--key", "--original", "--use", "--model", "--kind"],
    "verify": ["--trust"],
    "detect": ["--model", "--frames", "--aggregation", "--report", "--detector"],
    "doctor": ["--json"],
}


SCRIPTS = Path(__file__).parents[1] / "data_scripts"


def run(*arguments):
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_examples(command):
    shown = run(*command.split(), "--help")
    assert shown.exit_code == 0
    assert "Examples:" in shown.stdout
    assert f"deepfake-lesson {command}" in shown.stdout
    for option in [*COMMANDS[command], "--json"]:
        assert option in shown.stdout


def test_help_lists_every_command_and_loads_nothing_heavy():
    code = (
        "import json, sys, deepfake_lesson.cli as cli\n"
        "try: cli.app(['--help'])\n"
        "except SystemExit: print(json.dumps(list(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    *shown, modules = ran.stdout.splitlines()
    assert all(command.split()[0] in "\n".join(shown) for command in COMMANDS)
    heavy = {
        "tensorflow",
        "keras",
        "dlib",
        "mtcnn",
        "numba",
        "cv2",
        "c2pa",
        "skimage",
        "matplotlib",
    }
    assert not heavy & set(json.loads(modules))


def test_a_wrong_command_or_option_is_said_without_a_traceback():
    for arguments in (["swop"], ["train", "a"], ["studio", "--seed", "x", "--out", "p"], []):
        shown = run(*arguments)
        assert shown.exit_code == 2
        assert "Traceback" not in shown.output


@pytest.mark.parametrize(
    ("failure", "code", "words"),
    [
        (LessonError("clip.mp4", "is empty", "Choose another."), 2, "clip.mp4: is empty. Choose"),
        (KeyboardInterrupt(), 130, "Stopped"),
        (PermissionError(13, "Permission denied", "models"), 2, "models: Permission denied."),
        (OSError(28, "No space left on device", "out.mp4"), 2, "out.mp4: the disk is full."),
    ],
)
def test_failures_become_one_line_and_an_exit_code(monkeypatch, failure, code, words):
    def fail(*_, **__):
        raise failure

    monkeypatch.setattr("deepfake_lesson.provenance.verify", fail)
    shown = run("verify", "clip.mp4")
    assert shown.exit_code == code
    assert shown.stdout == ""
    assert len(shown.stderr.splitlines()) == 1
    assert words in shown.stderr


def test_steps_and_minutes_exclude_each_other(tmp_path):
    for command in (["train", "--model", "m"], ["swap", "--out", "o.mp4"]):
        shown = run(*command, "a", "b", "--steps", 3, "--minutes", 1)
        assert shown.exit_code == 2
        assert "Leave one of them out" in shown.stderr


def test_a_studio_person_is_filmed_with_consent_and_credential(tmp_path):
    folder = tmp_path / "people" / "p"
    clip = ["--seconds", 0.4, "--fps", 10, "--size", 128]
    shown = run("studio", "--seed", 50, *clip, "--out", folder, "--json")
    assert shown.exit_code == 0, shown.output
    told = json.loads(shown.stdout)
    assert (told["basis"], told["seed"], told["domain"]) == ("synthetic", 50, "synthetic")
    assert open_person(folder).threshold == 0.44
    assert verify(folder / "media" / "clip.mp4").source_type == "algorithmicMedia"

    again = run("studio", "--seed", 51, *clip, "--out", folder)
    assert again.exit_code == 2
    assert "already holds a person" in again.stderr
    assert open_person(folder).seed == 50


def test_a_real_person_is_made_from_media_and_a_consent(tmp_path, carphone):
    write_image(tmp_path / "me.png", np.zeros((8, 8, 3), np.uint8))
    media = ["--media", carphone, "--media", tmp_path / "me.png"]
    consent = ["--name", "A man in a car", "--basis", "public-dataset", "--date", "2026-11-21"]
    folder = tmp_path / "man"
    shown = run("person", "new", folder, *consent, "--scope", "test sequence", *media)
    assert shown.exit_code == 0, shown.output
    person = open_person(folder)
    assert (person.name, person.scope, str(person.date)) == (
        "A man in a car",
        "test sequence",
        "2026-11-21",
    )
    assert sorted(path.name for path in person.media.iterdir()) == [carphone.name, "me.png"]

    refused = run("person", "new", tmp_path / "x", *consent[:-1], "tomorrow", *media)
    assert refused.exit_code == 2
    assert "tomorrow" in refused.stderr
    assert not (tmp_path / "x").exists()


@pytest.fixture
def four_files(tmp_path, monkeypatch):
    """Pictures by verdict: trusted, valid (signed elsewhere), tampered and missing."""
    rng = np.random.default_rng(0)
    paths = {name: tmp_path / f"{name}.png" for name in ("trusted", "valid", "tampered", "missing")}
    for path in paths.values():
        write_image(path, rng.integers(0, 256, (96, 128, 3), np.uint8))
    monkeypatch.setenv("DEEPFAKE_LESSON_HOME", str(tmp_path / "elsewhere"))
    sign(paths["valid"])
    monkeypatch.setenv("DEEPFAKE_LESSON_HOME", str(tmp_path / "here"))
    sign(paths["trusted"], title="A test", model="ab")
    sign(paths["tampered"])
    changed = bytearray(paths["tampered"].read_bytes())
    changed[len(changed) * 9 // 10] ^= 1
    paths["tampered"].write_bytes(changed)
    return paths


@pytest.mark.parametrize(
    ("verdict", "code", "words"),
    [
        ("trusted", 0, "by somebody whom this computer trusts"),
        ("valid", 0, "by somebody whom this computer does not know"),
        ("tampered", 1, "was changed after signing"),
        ("missing", 3, "there is no content credential"),
    ],
)
def test_verify_tells_four_cases_apart(four_files, verdict, code, words):
    shown, told = run("verify", four_files[verdict]), run("verify", four_files[verdict], "--json")
    assert (shown.exit_code, told.exit_code) == (code, code)
    assert f"verdict: {verdict}: " in shown.stdout and words in shown.stdout
    row = json.loads(told.stdout)
    assert row["verdict"] == verdict and row["trusted"] == (verdict == "trusted")
    assert row["watermark"] is None


def test_the_worst_of_several_files_is_the_exit_code(four_files):
    def code(*names):
        return run("verify", *(four_files[name] for name in names)).exit_code

    assert code("trusted", "valid") == 0
    assert code("trusted", "missing") == 3
    assert code("missing", "tampered", "trusted") == 1
    both = run("verify", four_files["trusted"], four_files["missing"], "--json")
    assert [row["state"] for row in json.loads(both.stdout)] == ["valid", "missing"]


def test_whoever_is_given_an_authority_trusts_it(four_files, tmp_path):
    root = tmp_path / "elsewhere" / "authority.pem"
    row = json.loads(run("verify", four_files["valid"], "--trust", root, "--json").stdout)
    assert row["verdict"] == "trusted"


def test_verify_reads_the_watermark_where_the_credential_is_gone(tmp_path):
    flat = np.full((360, 480, 3), 128, np.uint8)
    write_image(tmp_path / "swap.jpg", embed_watermark(flat, "face swap"))
    shown = run("verify", tmp_path / "swap.jpg")
    assert shown.exit_code == 3
    assert "watermark: made with deepfake_lesson: face swap" in shown.stdout


def test_verify_says_where_a_watermark_could_not_be_found(tmp_path):
    """Else a small picture that was marked would look like one that was not."""
    for name, side in (("small", 64), ("large", 256)):
        write_image(tmp_path / f"{name}.png", np.full((side, side, 3), 128, np.uint8))
    assert "note: too small" in run("verify", tmp_path / "small.png").stdout
    assert "note" not in run("verify", tmp_path / "large.png").stdout


def test_a_file_is_signed_and_signed_again_from_the_command_line(four_files, tmp_path):
    path, out = four_files["missing"], tmp_path / "out.png"
    options = ["--original", four_files["valid"], "--model", "ab", "--use", four_files["trusted"]]
    shown = run("sign", path, "--out", out, *options, "--json")
    assert shown.exit_code == 0, shown.output
    assert Path(json.loads(shown.stdout)["authority"]).is_file()
    credential = verify(out)
    assert (credential.verdict, credential.model) == ("trusted", "ab")
    assert credential.ingredients == ("valid.png", "trusted.png")
    assert run("sign", out, "--kind", "trained").exit_code == 0
    assert verify(out).ingredients == ("out.png",)
    assert verify(out).source_type == "trainedAlgorithmicMedia"

    refused = run("sign", out, "--cert", four_files["valid"])
    assert refused.exit_code == 2 and "Give both" in refused.stderr


def test_a_person_is_asked_for_before_it_is_removed(tmp_path):
    write_image(tmp_path / "me.png", np.zeros((8, 8, 3), np.uint8))
    folder = tmp_path / "people" / "me"
    consent = ["--name", "Me", "--basis", "self", "--expires", "2999-01-01"]
    assert run("person", "new", folder, *consent, "--media", tmp_path / "me.png").exit_code == 0
    search = ["--search", tmp_path]
    declined = CliRunner().invoke(
        app, ["person", "withdraw", str(folder), *map(str, search)], input="n\n"
    )
    assert declined.exit_code == 1 and open_person(folder).media.exists()
    done = run("person", "withdraw", folder, *search, "--yes", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["name"] == "Me" and told["removed"] == [str(folder / "media")]
    assert "backups" in "".join(told["unknown"])
    refused = run("extract", folder)
    assert refused.exit_code == 2 and "withdrew the consent" in refused.stderr


def test_the_doctor_reads_to_people_and_machines():
    shown, told = run("doctor"), run("doctor", "--json")
    findings = json.loads(told.stdout)
    assert {"ok"} <= {finding["status"] for finding in findings}
    assert shown.exit_code == told.exit_code
    assert shown.exit_code == any(finding["status"] == "missing" for finding in findings)
    assert all(finding["subject"] in shown.stdout for finding in findings)


def test_results_print_as_plain_json_and_as_lines(capsys):
    result = {"share": np.float32(0.5), "per_frame": np.arange(2), "seconds": {"detect": 1.25}}
    cli._answer(result, as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "share": 0.5,
        "per_frame": [0, 1],
        "seconds": {"detect": 1.25},
    }
    cli._answer({"a": None, "b": 1.23456, "c": {"d": (1, 2)}}, as_json=False)
    assert capsys.readouterr().out == "b: 1.235\nc:\n  d: 1, 2\n"


@pytest.mark.slow
def test_a_withdrawal_finds_the_model_of_motion_that_learnt_from_the_person(tmp_path, film):
    person, model = film(50, tmp_path / "person"), tmp_path / "motion"
    shown = run("train-motion", person, "--model", model, "--preset", "quick", "--steps", 1)
    assert shown.exit_code == 0, shown.output
    shown = run("person", "withdraw", person, "--search", tmp_path, "--yes", "--json")
    assert json.loads(shown.stdout)["models"] == [str(model)] and not model.exists()


@pytest.mark.slow
def test_two_people_in_one_measured_labelled_and_signed_swap_out(tmp_path, film, monkeypatch):
    """Hardly trained: what counts here is that every part of the chain has done its work."""
    monkeypatch.chdir(tmp_path)
    a, b, out = film(50, tmp_path / "a"), film(51, tmp_path / "b"), tmp_path / "out" / "swap.mp4"
    shown = run("swap", a, b, "--out", out, "--preset", "quick", "--steps", 2, "--json")
    assert shown.exit_code == 0, shown.output
    report = json.loads(shown.stdout)
    assert report == json.loads((out.parent / "report.json").read_text())
    assert (report["frames"], report["faces_found"], report["faces_swapped"]) == (12, 12, 12)
    assert report["video"] == {"width": 256, "height": 256, "fps": 10, "audio": True}
    assert {"input", "swap", "ratio"} <= report["truth"].keys()
    assert (tmp_path / "models" / "a_b" / "config.json").is_file()
    assert len(list(a.glob("faces/*.png"))) == 12

    credential = verify(out)
    assert (credential.state, credential.trusted) == ("valid", True)
    assert credential.source_type == "compositeWithTrainedAlgorithmicMedia"
    assert "clip.mp4" in credential.ingredients

    shown = run("evaluate", a / "media" / "clip.mp4", out, "--a", a, "--b", b, "--json")
    assert shown.exit_code == 0, shown.output
    measured = json.loads(shown.stdout)
    assert measured["video"] == report["video"]
    for when in ("before", "after"):
        for who in ("to_a", "to_b"):
            told = report["identity"][when][who]
            assert measured["identity"][when][who] == pytest.approx(told, abs=0.1)


def test_a_picture_is_animated_from_the_command_line(tmp_path, actress, mover):
    """The report on stdout, what may go wrong on stderr; a picture without a face is refused."""
    clip, out = actress.media / "clip.mp4", tmp_path / "out.mp4"
    picture = tmp_path / "face.png"
    write_image(picture, next(read_frames(clip)))
    answer = run("animate", picture, clip, "--out", out, "--model", mover, "--absolute", "--json")
    report = json.loads(answer.stdout)
    assert report["options"]["relative"] is False and report["frames"] == 48
    assert "Note: no consent record" in answer.stderr and verify(out).state == "valid"
    write_image(picture, np.full((64, 64, 3), 90, np.uint8))
    answer = run("animate", picture, clip, "--out", tmp_path / "two.mp4", "--model", mover)
    assert answer.exit_code == 2 and "no face was found" in answer.stderr
    assert not (tmp_path / "two.mp4").exists()


def test_the_script_for_studio_people_films_those_who_are_not_there(tmp_path):
    script = SCRIPTS / "make_studio_people.py"
    clip = ["--seeds", "50", "50", "--seconds", "0.2", "--fps", "10", "--size", "64"]
    subprocess.run([sys.executable, script, tmp_path, *clip], check=True, capture_output=True)
    assert open_person(tmp_path / "studio_50").seed == 50
    assert verify(tmp_path / "studio_50" / "media" / "clip.mp4").state == "valid"


def test_the_script_for_studio_people_says_what_is_wrong(tmp_path):
    script = SCRIPTS / "make_studio_people.py"
    wrong = [sys.executable, script, tmp_path, "--seeds", "50", "--performance", "juggling"]
    shown = subprocess.run(wrong, capture_output=True, text=True)
    assert shown.returncode == 2
    assert "juggling" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert not (tmp_path / "studio_50").exists()
