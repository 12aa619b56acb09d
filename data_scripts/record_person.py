"""Turn a video of somebody who agreed into a person's folder, and ask for the consent on the way.

    python data_scripts/record_person.py clip.mp4 people/ada         # a given video
    python data_scripts/record_person.py people/me --camera          # 20 s from the camera

Nothing is recorded or copied before every question is answered; the answers become consent.toml.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deepfake_lesson.camera import camera_input, record_camera
from deepfake_lesson.errors import ConsentError, LessonError
from deepfake_lesson.people import DEFAULT_SCOPE, create_person
from deepfake_lesson.video import VideoInfo, probe

QUESTIONS = (
    "Is this a video of you, or has the person in it agreed in writing?",
    "Does the person know that the face will be put on others, and others' on this one?",
    "Can the person have everything deleted at any time, and know whom to ask?",
)


@dataclass(frozen=True)
class Consent:
    """What was answered; `basis` and `scope` as in the consent record."""

    name: str
    basis: str
    scope: str


def main() -> None:
    wishes = parse_arguments()
    try:
        if (wishes.folder / "consent.toml").exists():
            raise ConsentError(wishes.folder, "already holds a person", "Choose another folder.")
        if wishes.video:
            add_video(wishes.video, wishes.folder)
        else:
            camera = camera_input(wishes.camera or None, wishes.input_format)
            add_recording(camera, wishes.seconds, wishes.folder)
    except LessonError as error:
        print(f"record_person: {error}", file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, EOFError):
        print("\nStopped. Nothing was copied.", file=sys.stderr)
        sys.exit(130)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video", type=Path, nargs="?", help="a video with one person in it")
    parser.add_argument("folder", type=Path, help="the person's folder, to be made")
    parser.add_argument("--camera", nargs="?", const="", metavar="DEVICE", help="record now")
    parser.add_argument("--seconds", type=float, default=20, help="length of the recording [20]")
    parser.add_argument("--input-format", help="ffmpeg's name for the kind of camera [the usual]")
    wishes = parser.parse_args()
    if (wishes.video is None) == (wishes.camera is None):
        parser.error("give either a video or --camera (after the folder)")
    if not 1 <= wishes.seconds <= 600:
        parser.error("--seconds is from 1 to 600")
    return wishes


def add_video(video: Path, folder: Path) -> None:
    """Ask, then copy."""
    print(f"{video}: {described(probe(video))}")
    create(folder, ask_for_consent(), video)


def add_recording(camera: list[str], seconds: float, folder: Path) -> None:
    """Ask, then record."""
    consent = ask_for_consent()
    input(f"The camera will record for {seconds:g} s, without sound. Press Enter to start.")
    with tempfile.TemporaryDirectory() as temporary:
        clip = Path(temporary, "camera.mp4")
        print("Recording ...", flush=True)
        print(f"Recorded {described(record_camera(camera, seconds, clip))}.")
        create(folder, consent, clip)


def ask_for_consent() -> Consent:
    """Put the questions; exits without a trace when one is answered with no."""
    for question in QUESTIONS:
        if not is_yes(question):
            sys.exit("Then this video is not used. Nothing was copied.")
    basis = "self" if is_yes("Are you the person in the video?") else "written"
    while not (name := input("Name or pseudonym: ").strip()):
        print("A pseudonym will do.")
    scope = input(f"What was agreed to [{DEFAULT_SCOPE}]: ").strip() or DEFAULT_SCOPE
    return Consent(name, basis, scope)


def is_yes(question: str) -> bool:
    return input(f"{question} [yes/no] ").strip().lower() in ("y", "yes")


def create(folder: Path, consent: Consent, clip: Path) -> None:
    person = create_person(folder, consent.name, consent.basis, consent.scope, [clip])
    print(f"{person.folder} is ready: deepfake-lesson extract {person.folder}")


def described(info: VideoInfo) -> str:
    return f"{info.seconds:.1f} s, {info.width}x{info.height}, {float(info.fps):.3g} fps"


if __name__ == "__main__":
    main()
