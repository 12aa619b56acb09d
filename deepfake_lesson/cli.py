"""The command line: each command is a thin layer over a function of the package.

Whatever the user can put right is said in one line on stderr, with exit code 2; Ctrl-C ends with
130. With --json, stdout carries one JSON document and nothing else.
"""

import json
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from deepfake_lesson.errors import LessonError, check_choice
from deepfake_lesson.files import disk_full, is_disk_full


class Commands(TyperGroup):
    """Commands whose failures are messages."""

    def invoke(self, context) -> Any:
        try:
            return super().invoke(context)
        except LessonError as error:
            failure = error
        except KeyboardInterrupt:
            typer.echo("Stopped. What was done so far is kept.", err=True)
            raise typer.Exit(130) from None
        except OSError as error:
            if error.filename is None and not is_disk_full(error):
                raise
            failure = _operating_system_failure(error)
        typer.echo(f"deepfake-lesson: {failure}", err=True)
        raise typer.Exit(2)


def _operating_system_failure(error: OSError) -> LessonError:
    if is_disk_full(error):
        return disk_full(Path(error.filename or "."))
    return LessonError(error.filename, error.strerror, "Check the path and its permissions.")


def _group(summary: str) -> typer.Typer:
    return typer.Typer(
        cls=Commands,
        help=summary,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


app = _group(
    "Make, measure, label and check face swaps, with people who do not exist or who agreed.\n\n"
    "\b\nTwo people in, one swapped and labelled video out:\n"
    "  deepfake-lesson studio --seed 3 --out people/three\n"
    "  deepfake-lesson studio --seed 4 --out people/four\n"
    "  deepfake-lesson swap people/three people/four --out swap.mp4\n"
    "  deepfake-lesson verify swap.mp4"
)
person_app = _group("A real person's folder: consent record and media.")
app.add_typer(person_app, name="person")

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
PersonFolder = Annotated[Path, typer.Argument(metavar="PERSON", help="A person's folder.")]
DriverFolder = Annotated[Path, typer.Argument(metavar="A", help="The person who drives.")]
TargetFolder = Annotated[Path, typer.Argument(metavar="B", help="The person whose face is used.")]
Preset = Annotated[
    str | None, typer.Option(metavar="quick|laptop|gpu", help="How large, how long.")
]
Steps = Annotated[int | None, typer.Option(min=1, help="Train up to this many steps in all.")]
Minutes = Annotated[float | None, typer.Option(min=0.0, help="Train at most this long.")]
Framing = Annotated[str, typer.Option(metavar="face|whole", help="What of a frame is learned.")]
VideoSize = Annotated[int | None, typer.Option(help="Pixels of its side [the model's].")]
NoLabel = Annotated[
    bool, typer.Option("--no-label", help="No visible label; the content credential stays.")
]
DetectorName = Annotated[
    str | None, typer.Option(metavar="hog|cnn|mtcnn|haar", help="How faces are found [hog].")
]
Threshold = Annotated[
    float | None, typer.Option(help="Greatest identity distance [the person's own].")
]


@app.command()
def studio(
    seed: Annotated[int, typer.Option(min=0, help="Which person; each number is another one.")],
    out: Annotated[Path, typer.Option(help="The person's folder, to be made.")],
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="Length of the clip.")] = 4.0,
    performance: Annotated[str, typer.Option(metavar="talk|conversation|screen_test|...")] = "talk",
    fps: Annotated[int, typer.Option(min=1, max=120, help="Frames per second.")] = 25,
    size: Annotated[int, typer.Option(min=64, max=2048, help="Width and height.")] = 512,
    take: Annotated[int, typer.Option(min=0, help="Seed of the scene and the acting.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Film a person who does not exist.

    The folder gets a consent record, a clip with sound and the recipe that renders its truth again.

    \b
    Examples:
      deepfake-lesson studio --seed 3 --seconds 4 --out people/three
      deepfake-lesson studio --seed 8 --performance expressions --take 2 --out people/eight
    """
    from deepfake_lesson.studio.recipe import record

    person = record(seed, out, performance, seconds, fps, size, take, progress=True)
    _answer(person, as_json, f"{out}: {seconds:g} s of {person.name}")


@person_app.command("new")
def person_new(
    folder: PersonFolder,
    name: Annotated[str, typer.Option(help="Name or pseudonym.")],
    basis: Annotated[str, typer.Option(metavar="self|written|public-dataset|synthetic")],
    media: Annotated[list[Path], typer.Option(help="A picture or video; may be repeated.")],
    scope: Annotated[str | None, typer.Option(help="What the person agreed to.")] = None,
    date: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="Day of consent.")] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Its last day [no end].")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a person's folder: consent record and media.

    The media are copied; nothing is written before all of them could be read.

    \b
    Examples:
      deepfake-lesson person new people/me --name "Ada" --basis self --media clip.mp4
      deepfake-lesson person new people/bo --name "Bo" --basis written --date 2026-11-21 \\
          --expires 2027-02-28 --scope "face swap in our seminar" --media bo.mp4 --media bo.jpg
    """
    from deepfake_lesson.people import DEFAULT_SCOPE, create_person

    for path in media:
        _check_media(path)
    consent = {"scope": scope or DEFAULT_SCOPE, "date": date, "expires": expires}
    person = create_person(folder, name, basis, media=media, **consent)
    _answer(person, as_json, f"{folder}: {name}, {len(media)} of media")


@person_app.command("withdraw")
def person_withdraw(
    folder: PersonFolder,
    search: Annotated[
        list[Path] | None, typer.Option(help="Where to look for models; may be repeated [.].")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove what was made from a person who takes the consent back.

    Media, faces and all models that name the person in their config.json go; the consent record
    stays, with the day of the withdrawal. What a program cannot know is listed.

    \b
    Examples:
      deepfake-lesson person withdraw people/bo
      deepfake-lesson person withdraw people/bo --search models --search /data/models --yes
    """
    from deepfake_lesson.people import read_record
    from deepfake_lesson.withdrawal import withdraw

    name = read_record(folder).name
    if not yes:
        typer.confirm(
            f"Remove all media, faces and models of {name} for good?", abort=True, err=True
        )
    _answer(withdraw(folder, tuple(search or (Path("."),))), as_json)


@app.command()
def extract(
    person: PersonFolder,
    detector: DetectorName = None,
    want: Annotated[list[Path] | None, typer.Option(help="A picture of the person.")] = None,
    refuse: Annotated[list[Path] | None, typer.Option(help="A picture of somebody else.")] = None,
    threshold: Threshold = None,
    fps: Annotated[float | None, typer.Option(help="Frames per second to look at.")] = None,
    rotate: Annotated[bool, typer.Option("--rotate", help="Look for turned faces too.")] = False,
    min_sharpness: Annotated[float | None, typer.Option(help="Set blurred faces aside.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes at work.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Find and align the faces in a person's media.

    A second run does only what is new. Blurred faces are set aside, strangers left out.

    \b
    Examples:
      deepfake-lesson extract people/three
      deepfake-lesson extract people/me --want me.jpg --refuse friend.jpg --fps 5 --jobs 2
    """
    from deepfake_lesson.people import open_person

    opened = open_person(person)

    from deepfake_lesson.extraction import create_face_dataset

    report = create_face_dataset(
        opened,
        detector=detector or "hog",
        want=want or (),
        refuse=refuse or (),
        threshold=threshold,
        fps=fps,
        rotate=rotate,
        min_sharpness=min_sharpness,
        jobs=jobs,
    )
    _answer(report, as_json)


@app.command()
def train(
    a: DriverFolder,
    b: TargetFolder,
    model: Annotated[Path, typer.Option(help="The model's folder, made or trained on.")],
    preset: Preset = None,
    steps: Steps = None,
    minutes: Minutes = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train on two people's faces.

    A shared encoder and a decoder for each; goes on where an earlier training of the same folder
    stopped, be it by Ctrl-C or a power cut.

    \b
    Examples:
      deepfake-lesson train people/a people/b --model models/ab
      deepfake-lesson train people/a people/b --model models/ab --preset quick --steps 500
    """
    from deepfake_lesson.people import open_person

    _refuse_both(steps, minutes)
    people = open_person(a), open_person(b)

    from deepfake_lesson import training

    report = training.train(*people, model, preset, steps=steps, minutes=minutes, fresh=fresh)
    _answer(report, as_json)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="Picture, folder or video.")],
    model: Annotated[Path, typer.Option(help="A trained model's folder.")],
    out: Annotated[Path, typer.Option(help="What to write; a folder for a folder.")],
    to: Annotated[str, typer.Option(metavar="a|b", help="Whose face is put on.")] = "b",
    mask: Annotated[str | None, typer.Option(metavar="rect|facehull|facehullandrect")] = None,
    erosion: Annotated[float | None, typer.Option(help="Shrink the mask; negative: grow.")] = None,
    feather: Annotated[float | None, typer.Option(help="Softness of the mask's edge.")] = None,
    no_segment: Annotated[
        bool, typer.Option("--no-segment", help="Paste background and hair over the original too.")
    ] = False,
    seamless: Annotated[bool, typer.Option("--seamless", help="Poisson blending.")] = False,
    color: Annotated[str | None, typer.Option(metavar="none|light|mean|histogram|transfer")] = None,
    sharpen: Annotated[float | None, typer.Option(help="Amount of sharpening.")] = None,
    match_sharpness: Annotated[
        bool, typer.Option("--match-sharpness", help="Sharpen as much as the frame is sharp.")
    ] = False,
    frames: Annotated[str | None, typer.Option(metavar="10-50", help="Swap only in these.")] = None,
    discard_others: Annotated[
        bool, typer.Option("--discard-others", help="Leave all other frames out.")
    ] = False,
    detector: DetectorName = None,
    threshold: Threshold = None,
    no_label: NoLabel = False,
    as_json: AsJson = False,
) -> None:
    """Put a face on a picture, folder or video.

    Every face of the wanted person is swapped in every frame; what has none passes through. The
    result is labelled and signed, report.json is written beside it.

    \b
    Examples:
      deepfake-lesson convert people/a/media/clip.mp4 --model models/ab --to b --out swap.mp4
      deepfake-lesson convert clip.mp4 --model models/ab --to a --frames 10-50 --out part.mp4
    """
    from deepfake_lesson.conversion import ConvertOptions, convert

    chosen = {
        "mask": mask,
        "erosion": erosion,
        "feather": feather,
        "color": color,
        "sharpen": sharpen,
        "frames": frames,
        "detector": detector,
        "threshold": threshold,
    }
    options = ConvertOptions(
        segment=not no_segment,
        seamless=seamless,
        match_sharpness=match_sharpness,
        discard_others=discard_others,
        label=not no_label,
        **{name: value for name, value in chosen.items() if value is not None},
    )
    _answer(convert(source, model, to, out, options, progress=True), as_json)


@app.command()
def swap(
    a: DriverFolder,
    b: TargetFolder,
    out: Annotated[Path, typer.Option(help="The video to be written.")],
    model: Annotated[Path | None, typer.Option(help="The model's folder [models/A_B].")] = None,
    preset: Preset = None,
    steps: Steps = None,
    minutes: Minutes = None,
    detector: DetectorName = None,
    no_label: NoLabel = False,
    as_json: AsJson = False,
) -> None:
    """All in one: b's face on a's clip.

    Extracts both people's faces, trains, converts and reports; what an earlier run has done is
    not done again.

    \b
    Examples:
      deepfake-lesson swap people/a people/b --out out.mp4
      deepfake-lesson swap people/a people/b --out out.mp4 --model models/ab --minutes 10
    """
    from deepfake_lesson.people import open_person
    from deepfake_lesson.provenance import check_signable

    _refuse_both(steps, minutes)
    check_signable(out)
    people = open_person(a), open_person(b)
    clip = _first_video(people[0])
    model = model or Path("models") / f"{people[0].folder.name}_{people[1].folder.name}"

    from deepfake_lesson import conversion, extraction, training

    chosen = {} if detector is None else {"detector": detector}
    options = conversion.ConvertOptions(label=not no_label, **chosen)
    for person in people:
        extraction.create_face_dataset(person, **chosen)
    training.train(*people, model, preset, steps=steps, minutes=minutes)
    _answer(conversion.convert(clip, model, "b", out, options, progress=True), as_json)


@app.command()
def pairs(
    person: PersonFolder,
    framing: Framing = "face",
    size: Annotated[int, typer.Option(help="Pixels of a picture's side.")] = 256,
    fps: Annotated[float | None, typer.Option(help="Pairs per second of a clip.")] = None,
    detector: DetectorName = None,
    as_json: AsJson = False,
) -> None:
    """Make pairs of landmarks and pictures from a person's clips, for a re-enactment.

    A second run does only what is new. Frames without a face are skipped, and named.

    \b
    Examples:
      deepfake-lesson pairs people/three
      deepfake-lesson pairs people/me --framing whole --fps 10
    """
    from deepfake_lesson.people import open_person

    opened = open_person(person)

    from deepfake_lesson.reenactment.pairs import create_pairs

    report = create_pairs(opened, framing, size, fps, detector or "hog")
    _answer(report, as_json)


@app.command("train-reenactment")
def train_reenactment(
    person: PersonFolder,
    model: Annotated[Path, typer.Option(help="The model's folder, made or trained on.")],
    preset: Preset = None,
    steps: Steps = None,
    minutes: Minutes = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train on one person's pairs: from a drawing of landmarks to a picture.

    Makes the pairs if there are none; goes on where an earlier training of the same folder stopped.

    \b
    Examples:
      deepfake-lesson train-reenactment people/three --model models/three
      deepfake-lesson train-reenactment people/three --model models/three --minutes 10
    """
    from deepfake_lesson.people import open_person

    _refuse_both(steps, minutes)
    opened = open_person(person)

    from deepfake_lesson.reenactment.pairs import create_pairs
    from deepfake_lesson.reenactment.training import train_reenactment

    if not (opened.folder / "pairs").exists():
        create_pairs(opened)
    report = train_reenactment(opened, model, preset, steps, minutes, fresh)
    _answer(report, as_json)


@app.command()
def reenact(
    driver: Annotated[Path, typer.Argument(metavar="DRIVER", help="A clip of somebody.")],
    model: Annotated[Path, typer.Option(help="The folder of a trained re-enactment.")],
    out: Annotated[Path, typer.Option(help="The video to be written.")],
    size: VideoSize = None,
    beside: Annotated[
        bool, typer.Option("--beside", help="Show driver and drawing beside the result.")
    ] = False,
    no_adapt: Annotated[
        bool, typer.Option("--no-adapt", help="Keep the driver's own face shape.")
    ] = False,
    detector: DetectorName = None,
    no_label: NoLabel = False,
    as_json: AsJson = False,
) -> None:
    """Let a person do what somebody else does in a clip.

    The result is as long as the clip and has its sound; it is labelled and signed, report.json and
    contact_sheet.png are written beside it. Where no face is seen the last result stays.

    \b
    Examples:
      deepfake-lesson reenact people/four/media/clip.mp4 --model models/three --out out.mp4
      deepfake-lesson reenact clip.mp4 --model models/three --out out.mp4 --beside --size 512
    """
    from deepfake_lesson.reenactment.clips import ReenactOptions, reenact

    options = ReenactOptions(
        size=size,
        adapt=not no_adapt,
        beside=beside,
        label=not no_label,
        detector=detector or "hog",
    )
    _answer(reenact(driver, model, out, options, progress=True), as_json)


@app.command("train-motion")
def train_motion(
    people: Annotated[list[Path], typer.Argument(metavar="PERSON...", help="People's folders.")],
    model: Annotated[Path, typer.Option(help="The model's folder, made or trained on.")],
    preset: Preset = None,
    steps: Steps = None,
    minutes: Minutes = None,
    start: Annotated[Path | None, typer.Option(help="A model to begin with.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train first order motion on clips of many people.

    Every video in a person's media folder is a clip, and every folder with the frames of one; they
    are cut to the face once. Goes on where an earlier training of the same folder stopped.

    \b
    Examples:
      deepfake-lesson train-motion people/* --model models/motion
      deepfake-lesson train-motion people/me --model models/me --start models/motion --minutes 10
    """
    from deepfake_lesson.people import open_person

    _refuse_both(steps, minutes)
    opened = [open_person(person) for person in people]

    from deepfake_lesson import presets
    from deepfake_lesson.animation.clips import person_clips
    from deepfake_lesson.animation.training import train_motion

    size = presets.preset(preset).motion.size
    clips = [clip for person in opened for clip in person_clips(person, size)]
    report = train_motion(
        clips, model, preset, steps, minutes, fresh=fresh, start=start, people=opened
    )
    _answer(report, as_json)


@app.command()
def animate(
    face: Annotated[Path, typer.Argument(metavar="FACE", help="A picture of one person.")],
    driving: Annotated[Path, typer.Argument(metavar="DRIVING", help="A clip of somebody.")],
    out: Annotated[Path, typer.Option(help="The video to be written.")],
    model: Annotated[
        Path | None, typer.Option(help="Model folder or vox-256 checkpoint [the package's own].")
    ] = None,
    relative: Annotated[
        bool, typer.Option("--relative/--absolute", help="Take over motion, or place and shape.")
    ] = True,
    adapt_scale: Annotated[
        bool, typer.Option("--adapt-scale", help="A larger face makes larger motions.")
    ] = False,
    best_frame: Annotated[
        bool, typer.Option("--best-frame", help="Begin with the frame most like the picture.")
    ] = False,
    size: VideoSize = None,
    beside: Annotated[
        bool, typer.Option("--beside", help="Show driver and picture beside the result.")
    ] = False,
    detector: DetectorName = None,
    no_label: NoLabel = False,
    as_json: AsJson = False,
) -> None:
    """Let a picture do what somebody does in a clip.

    Nothing is trained: one picture is enough. The result is as long as the clip and has its sound;
    it is labelled and signed, report.json and contact_sheet.png are written beside it.

    \b
    Examples:
      deepfake-lesson animate face.png people/four/media/clip.mp4 --out out.mp4
      deepfake-lesson animate face.png clip.mp4 --out out.mp4 --best-frame --beside --size 256
      deepfake-lesson animate face.png clip.mp4 --out out.mp4 --model vox-cpk.pth.tar --absolute
    """
    from deepfake_lesson.animation.animate import SHIPPED, AnimateOptions, animate

    options = AnimateOptions(
        relative=relative,
        adapt_scale=adapt_scale,
        best_frame=best_frame,
        size=size,
        beside=beside,
        label=not no_label,
        detector=detector or "hog",
    )
    report = animate(face, driving, out, model or SHIPPED, options, progress=True)
    for warning in report["warnings"]:
        typer.echo(f"Note: {warning}.", err=True)
    _answer(report, as_json)


@app.command()
def live(
    model: Annotated[Path, typer.Option(help="Folder of a face swap or of a re-enactment.")],
    camera: Annotated[int | None, typer.Option(min=0, help="Which camera [0, the first].")] = None,
    clip: Annotated[Path | None, typer.Option(help="A video instead of a camera.")] = None,
    out: Annotated[Path | None, typer.Option(help="A video to write instead of a page.")] = None,
    to: Annotated[str, typer.Option(metavar="a|b", help="Whose face a face swap puts on.")] = "b",
    mirror: Annotated[bool, typer.Option("--mirror", help="As in a mirror.")] = False,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="How long [until Ctrl-C].")] = None,
    as_json: AsJson = False,
) -> None:
    """Swap or re-enact live, before a camera.

    The result is shown on a page that only this computer's browsers can open, or written to a
    video, labelled and signed. Only people who agreed may stand before the camera.

    \b
    Examples:
      deepfake-lesson live --model models/ab --camera 0 --mirror
      deepfake-lesson live --model models/t --clip clip.mp4 --out live.mp4
    """
    if camera is not None and clip is not None:
        raise LessonError("--camera and --clip", "both are given", "Leave one of them out.")

    from deepfake_lesson.checkpoints import model_name
    from deepfake_lesson.reenactment.live import LiveOptions, LivePipeline, load_target
    from deepfake_lesson.reenactment.streams import PageSink, VideoSink, camera_frames, clip_frames

    pipeline = LivePipeline(load_target(model, to), LiveOptions(mirror=mirror))
    source = clip_frames(clip) if clip else camera_frames(camera or 0)
    video = out and VideoSink(out, original=clip, model=model_name(model))
    with video or PageSink() as sink:
        if not out:
            typer.echo(f"Open {sink.address} in a browser. Ctrl-C ends it.", err=True)
        report = pipeline.run(source, sink, seconds)
    _answer(report, as_json, report.table())


@app.command()
def evaluate(
    original: Annotated[Path, typer.Argument(help="The video before.")],
    swapped: Annotated[Path, typer.Argument(help="The video after.")],
    a: Annotated[Path, typer.Option("--a", help="Folder of the person in the original.")],
    b: Annotated[Path, typer.Option("--b", help="Folder of the person put on.")],
    truth: Annotated[Path | None, typer.Option(help="The perfect swap, if there is one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a swap.

    Identity before and after, change of expression and pose, error against the truth.

    \b
    Examples:
      deepfake-lesson evaluate people/a/media/clip.mp4 swap.mp4 --a people/a --b people/b
    """
    from deepfake_lesson.evaluation import evaluate
    from deepfake_lesson.people import open_person

    report = evaluate(original, swapped, open_person(a), open_person(b), truth=truth)
    _answer(report, as_json)


@app.command()
def detect(
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="A video or picture.")],
    model: Annotated[
        Path | None, typer.Option(help="A detector's folder [the package's own].")
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Frames to look at, evenly spread.")] = 32,
    aggregation: Annotated[
        str, typer.Option(metavar="mean|median|max|top_5", help="A face's score from its frames'.")
    ] = "mean",
    report: Annotated[Path | None, typer.Option(help="Write a page (.html) about it.")] = None,
    detector: DetectorName = None,
    as_json: AsJson = False,
) -> None:
    """Say whether the faces in a clip were filmed or made.

    A score for each face and frame, how much it varies, and what it does not mean. Without a face
    there is no verdict. A score is no proof: the exit code is 0 whatever it says.

    \b
    Examples:
      deepfake-lesson detect clip.mp4
      deepfake-lesson detect clip.mp4 --report report.html
      deepfake-lesson detect face.png --model models/detector --json
    """
    if report is not None and report.suffix.lower() not in (".html", ".htm"):
        raise LessonError(report, "is no page", "Choose a name that ends in .html.")

    from deepfake_lesson.detection.detect import SHIPPED, detect
    from deepfake_lesson.detection.report import write_report

    found = detect(clip, model or SHIPPED, frames, aggregation, detector or "hog")
    if report is not None:
        write_report(found, report)
    summary = "\n".join([f"{found.clip}: {found.verdict}", *found.words])
    _answer(found.to_dict(), as_json, summary)


@app.command()
def sign(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A picture or video.")],
    out: Annotated[Path | None, typer.Option(help="What to write [FILE itself].")] = None,
    cert: Annotated[
        Path | None, typer.Option(help="Your certificate (PEM), its issuers after it.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Its private key (PEM).")] = None,
    original: Annotated[Path | None, typer.Option(help="The recording that was altered.")] = None,
    use: Annotated[list[Path] | None, typer.Option(help="Another file it was made of.")] = None,
    model: Annotated[str | None, typer.Option(help="Name of the model that painted it.")] = None,
    kind: Annotated[str, typer.Option(metavar="composite|trained|algorithmic")] = "composite",
    as_json: AsJson = False,
) -> None:
    """Put a content credential into a file.

    Without --cert and --key this computer's own authority signs, made on first use; its
    certificate, for those who shall trust it, is named at the end. What FILE's own credential said
    stays inside as that of its original.

    \b
    Examples:
      deepfake-lesson sign out.mp4 --original clip.mp4 --model models/ab
      deepfake-lesson sign swap.mp4 --cert school.pem --key school.key
    """
    from deepfake_lesson import provenance

    kinds = {
        "composite": provenance.COMPOSITE,
        "trained": provenance.TRAINED,
        "algorithmic": provenance.ALGORITHMIC,
    }
    check_choice("kind", kind, tuple(kinds))
    if original is None and provenance.verify(file) is not None:
        original = file
    signed = provenance.sign(
        file,
        out,
        source_type=kinds[kind],
        original=original,
        inputs=tuple(use or ()),
        model=model,
        certificate=cert,
        key=key,
    )
    row = {"file": signed, "authority": cert or provenance.authority_path()}
    _answer(row, as_json)


@app.command()
def verify(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Pictures or videos.")],
    trust: Annotated[
        list[Path] | None, typer.Option(help="Certificate (PEM) of an authority to be trusted.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the content credentials of files, and look for the watermark.

    The verdict is trusted, valid (unchanged, but nobody knows who signed), tampered, invalid
    (another fault) or missing. The exit code is 0 if all are trusted or valid, 1 if one is tampered
    or invalid, else 3 if one is missing; 2 if a file cannot be read.

    \b
    Examples:
      deepfake-lesson verify swap.mp4
      deepfake-lesson verify build/demo/*.mp4 --json
      deepfake-lesson verify swap.mp4 --trust school.pem
    """
    from deepfake_lesson.provenance import VERDICTS

    rows = [_provenance(path, tuple(trust or ())) for path in files]
    if as_json:
        _print_json(rows if len(rows) > 1 else rows[0])
    else:
        told = [row | {"verdict": f"{row['verdict']}: {VERDICTS[row['verdict']]}"} for row in rows]
        typer.echo("\n\n".join(_lines(row) for row in told))
    verdicts = {row["verdict"] for row in rows}
    if code := 1 if verdicts & {"tampered", "invalid"} else 3 if "missing" in verdicts else 0:
        raise typer.Exit(code)


def _provenance(path: Path, trust: tuple[Path, ...]) -> dict:
    """What a file says about itself, and what its pixels say."""
    from deepfake_lesson import provenance

    credential = provenance.verify(path, trust)
    said = asdict(credential) if credential else {"state": "missing", "trusted": False}
    verdict = credential.verdict if credential else "missing"
    return {"file": path, "verdict": verdict, **said, **_watermark(path, credential)}


def _watermark(path: Path, credential: Any) -> dict:
    """What the watermark says, and a note where it could not be found.

    The watermark is None also for a signed file whose pixels cannot be read.
    """
    from deepfake_lesson.errors import MediaError
    from deepfake_lesson.images import is_image
    from deepfake_lesson.provenance import has_room, read_watermark
    from deepfake_lesson.video import is_video

    said = {"watermark": None, "note": None}
    if not (is_image(path) or is_video(path)):
        return said
    try:
        found, is_large = read_watermark(path), has_room(path)
    except MediaError:
        if credential is None:
            raise
        return said
    if found:
        kind = f": {found.kind}" if found.kind else ""
        return said | {"watermark": f"made with deepfake_lesson{kind}"}
    return said if is_large else said | {"note": "too small to have a watermark found in it"}


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what is installed and what is missing.

    What is missing comes with the command that mends it, and with exit code 1.

    \b
    Examples:
      deepfake-lesson doctor
    """
    from deepfake_lesson import doctor

    findings = doctor.check()
    if as_json:
        _print_json([asdict(finding) for finding in findings])
    else:
        typer.echo(doctor.report(findings))
    if not doctor.is_healthy(findings):
        raise typer.Exit(1)


def _check_media(path: Path) -> None:
    """Raise MediaError unless a file opens as a picture or video."""
    from deepfake_lesson.images import is_image, read_image
    from deepfake_lesson.video import probe

    read_image(path) if is_image(path) else probe(path)


def _first_video(person: Any) -> Path:
    from deepfake_lesson.errors import MediaError
    from deepfake_lesson.video import is_video

    for path in sorted(person.media.glob("*")):
        if is_video(path):
            return path
    raise MediaError(person.media, "there is no video to drive the swap", "Put one there.")


def _refuse_both(steps: int | None, minutes: float | None) -> None:
    if steps is not None and minutes is not None:
        raise LessonError("--steps and --minutes", "both are given", "Leave one of them out.")


def _answer(result: Any, as_json: bool, summary: str | None = None) -> None:
    """Print a result as JSON for a machine, as a summary or a list of its entries for a person."""
    entries = vars(result) if is_dataclass(result) else result
    if as_json:
        _print_json(entries)
    else:
        typer.echo(summary or _lines(entries))


def _print_json(entries: Any) -> None:
    typer.echo(json.dumps(entries, indent=2, default=_plain, ensure_ascii=False))


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays as Python's; paths and dates as text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _lines(entries: dict, indent: str = "") -> str:
    """Entries under each other, nested ones indented; what is empty is left out."""
    lines = []
    for key, value in entries.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}:", _lines(value, indent + "  ")]
        elif value not in (None, (), []):
            lines.append(f"{indent}{key}: {_text(value)}")
    return "\n".join(lines)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
