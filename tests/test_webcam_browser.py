"""The camera in a notebook: JupyterLab in a real browser, whose camera plays a studio clip."""

import base64
import io
import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import chromium_page
from imageio_ffmpeg import get_ffmpeg_exe
from lab import Lab, running_lab
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from deepfake_lesson.detectors import detect_faces
from deepfake_lesson.identity import distance, embed
from deepfake_lesson.people import Person
from deepfake_lesson.reenactment import train_reenactment
from deepfake_lesson.video import read_frames

pytestmark = pytest.mark.slow

SECONDS = 20  # that the camera runs
LEAST_RATE = 8  # results in a second
SHAPE = "scale=-2:480,pad=560:480:80:0:red,pad=640:480:0:0:blue"  # as a camera has it
ASKS_NOBODY = "--use-fake-ui-for-media-stream"
FAKE_CAMERA = "--use-fake-device-for-media-stream"
# All streams that the page is given are kept, so that a test can ask whether they are live.
SPY = """
window.streams = [];
const ask = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
if (ask) navigator.mediaDevices.getUserMedia = async (wish) => {
  window.streams.push(await ask(wish));
  return window.streams.at(-1);
};
"""
IN_USE = """
() => {
  navigator.mediaDevices.getUserMedia = async () => {
    throw new DOMException("Could not start video source", "NotReadableError");
  };
}
"""
TRACKS = "window.streams.flatMap(s => s.getTracks()).map(track => track.readyState)"
COUNT = """
canvas => {
  const count = { results: 0 };
  const drawn = (changes) => (count.results += changes.length);
  new MutationObserver(drawn).observe(canvas, { attributeFilter: ["width"] });
  return count;
}
"""
PIXELS = "canvas => canvas.toDataURL('image/png').split(',')[1]"
TRACING = """
import time
from types import SimpleNamespace

import numpy as np
from deepfake_lesson import detectors, landmarks
from deepfake_lesson.errors import NoFaceError

def process(frame):
    start = time.perf_counter()
    faces = detectors.detect_faces(frame, smallest=0.25)
    if not faces:
        raise NoFaceError("the picture", "there is no face in it", "Come nearer.")
    found = time.perf_counter()
    drawing = landmarks.draw_landmarks(np.zeros_like(frame), faces[0].landmarks)
    times = {"find": 1000 * (found - start), "draw": 1000 * (time.perf_counter() - found)}
    return SimpleNamespace(original=frame, drawing=drawing, result=frame, milliseconds=times)
"""
LIVE = """
from deepfake_lesson.reenactment.live import LivePipeline, load_target

process = LivePipeline(load_target({model!r})).process
"""
FAULTY = """
from deepfake_lesson.errors import LessonError

pictures = 0
def process(frame, draw=process):
    global pictures
    pictures += 1
    if 5 <= pictures < 15:
        raise LessonError("the cell", "it has had enough", "Wait a little.")
    if pictures == 20:
        time.sleep(5)
    return draw(frame)
"""
SHOW = "from deepfake_lesson import webcam\n\nwebcam.Webcam(process, clip={clip!r})"
Show = Callable[..., AbstractContextManager[Page]]


@dataclass(frozen=True)
class Pipeline:
    """Code that defines `process`, and the person whose face must come back."""

    code: str
    target: Person


@pytest.fixture(scope="module")
def clip(film, tmp_path_factory) -> Path:
    """A studio person who talks."""
    return film(50, tmp_path_factory.mktemp("driver") / "person") / "media" / "clip.mp4"


@pytest.fixture(scope="module")
def pipeline(actress, tmp_path_factory) -> Pipeline:
    """A re-enactment of somebody else than who is before the camera, after a short training."""
    folder = tmp_path_factory.mktemp("reenactment") / "model"
    train_reenactment(actress, folder, "quick", steps=400, progress=False)
    return Pipeline(LIVE.format(model=str(folder)), actress)


@pytest.fixture(scope="module")
def camera(clip, tmp_path_factory) -> tuple[str, ...]:
    """Flags with which the browser's camera plays the clip, red at its left and blue at its right.

    The page gets it unasked.
    """
    path = tmp_path_factory.mktemp("camera") / "clip.mjpeg"
    command = [get_ffmpeg_exe(), "-v", "error", "-i", clip, "-vf", SHAPE, "-q:v", "3", path]
    subprocess.run(command, check=True)
    return ASKS_NOBODY, FAKE_CAMERA, f"--use-file-for-fake-video-capture={path}"


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    folders = (tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("folder"))
    with running_lab(*folders, **{"ServerApp.allow_remote_access": True}) as lab:
        yield lab


@pytest.fixture
def show(lab, clip, request) -> Show:
    """`show(*flags, code)`: the cell's widget in a browser of these flags, as it comes."""

    @contextmanager
    def shown(*flags: str, code: str = TRACING, host: str = "127.0.0.1") -> Iterator[Page]:
        name = re.sub(r"\W+", "_", request.node.name)
        notebook = lab.write(name, code, SHOW.format(clip=str(clip)))
        with chromium_page(height=1100, flags=flags) as page:
            page.add_init_script(SPY)
            lab.run(page, notebook, host)
            page.get_by_text("Milliseconds for this picture").wait_for(timeout=120_000)
            yield page

    return shown


def test_results_of_the_target_come_back_until_the_camera_is_stopped(show, camera, pipeline):
    with show(*camera, code=pipeline.code) as page:
        assert state(page).text_content() == ""
        start(page)
        expect(state(page)).to_have_text("The camera is on.")
        count = page.evaluate_handle(COUNT, canvas(page, "result").element_handle())
        page.wait_for_timeout(1000 * SECONDS)
        rate = count.evaluate("count => count.results") / SECONDS
        result = pixels(page, "result")
        photograph(page, "webcam")
        assert page.evaluate(TRACKS) == ["live"]
        button(page).click()
        expect(state(page)).to_have_text("Stopped.")
        expect(button(page)).to_have_text("Start camera")
        assert page.evaluate(TRACKS) == ["ended"]
    print(f"\n{rate:.1f} results a second")
    assert rate >= LEAST_RATE
    target = pipeline.target
    identity = face(next(read_frames(target.folder / "media" / "clip.mp4")))
    assert distance(face(result), identity) <= target.threshold


@pytest.mark.parametrize(
    ("flag", "words"),
    [(FAKE_CAMERA, "The camera was refused."), (ASKS_NOBODY, "No camera was found.")],
    ids=["refused", "missing"],
)
def test_without_a_camera_it_says_why_and_the_clip_is_offered(show, flag, words):
    with show(flag) as page:
        start(page)
        expect(state(page)).to_contain_text(words)
        expect(state(page)).to_contain_text("choose the recorded clip")
        photograph(page, "refused")
        widget(page).get_by_label("Source").select_option("recorded clip")
        start(page)
        expect(state(page)).to_have_text("The clip is playing.")
        expect(caption(page)).to_contain_text("results a second")
        assert pixels(page, "result").shape == (256, 256, 3)


def test_a_page_without_https_says_so_and_plays_the_clip(show, camera):
    name = "lab.example"
    with show(*camera, f"--host-resolver-rules=MAP {name} 127.0.0.1", host=name) as page:
        expect(state(page)).to_contain_text("this one came from lab.example without")
        expect(widget(page)).to_contain_text("Pictures leave this machine")
        start(page)
        expect(state(page)).to_have_text("The clip is playing.")


@pytest.mark.parametrize("close", ["output", "notebook"])
def test_closing_releases_the_camera(show, camera, close):
    with show(*camera) as page:
        start(page)
        expect(state(page)).to_have_text("The camera is on.")
        if close == "output":
            page.get_by_role("menuitem", name="Edit", exact=True).click()
            page.get_by_role("menuitem", name="Clear Outputs of All Cells").click()
        else:
            page.locator(".jp-mod-current .lm-TabBar-tabCloseIcon").click()
            page.get_by_role("button", name="Discard").click()
        expect(widget(page)).to_have_count(0)
        page.wait_for_function(f"{TRACKS}.every(state => state === 'ended')")


def test_mirror_and_size_are_those_of_the_picture_that_python_gets(show, camera):
    """The camera's picture is red at its left and blue at its right."""
    with show(*camera) as page:
        widget(page).get_by_label("Size").select_option("320 pixels")
        start(page)
        expect(caption(page)).to_contain_text("results a second")
        for name in ("original", "result"):
            picture = pixels(page, name).astype(int)
            assert picture.shape == (240, 320, 3)
            assert is_blue(picture[120, 10]) and is_red(picture[120, -10])
        widget(page).get_by_label("Mirror").uncheck()
        page.wait_for_timeout(1000)
        picture = pixels(page, "result").astype(int)
        assert is_red(picture[120, 10]) and is_blue(picture[120, -10])


def test_a_mistake_is_shown_in_words_until_a_result_comes(show, camera):
    with show(*camera, code=TRACING + FAULTY) as page:
        start(page)
        expect(state(page)).to_have_text(
            "No result for this picture: the cell: it has had enough. Wait a little."
        )
        assert pixels(page, "original").any() and not pixels(page, "result").any()
        photograph(page, "mistake")
        expect(state(page)).to_have_text("The camera is on.")
        expect(state(page)).to_contain_text("Python does not answer yet", timeout=15_000)
        expect(state(page)).to_have_text("The camera is on.")


def test_a_camera_that_is_taken_away_or_that_another_program_uses_is_told(show, camera):
    """The browser takes it, as when the reader withdraws the permission, and then gives none."""
    with show(*camera[1:]) as page:
        page.context.grant_permissions(["camera"])
        start(page)
        expect(state(page)).to_have_text("The camera is on.")
        page.context.clear_permissions()
        expect(state(page)).to_contain_text("The camera is gone")
        page.evaluate(IN_USE)  # no flag of the browser makes a camera that cannot be opened
        start(page)
        expect(state(page)).to_contain_text("The camera cannot be opened.")


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_it_can_be_read_and_worked_by_keyboard_in_both_themes(lab, show, camera, theme):
    use_theme(lab, theme)
    with show(*camera) as page:
        for key in ("Enter", "Space"):
            button(page).focus()
            page.keyboard.press(key)
            expect(button(page)).to_have_text("Stop camera")
            page.keyboard.press(key)
            expect(button(page)).to_have_text("Start camera")
        start(page)
        expect(caption(page)).to_contain_text("results a second")
        photograph(page, theme.lower())
        found = Axe().run(page, context=".lesson-webcam").response["violations"]
        assert [violation["id"] for violation in found] == []


def widget(page: Page) -> Locator:
    return page.locator(".lesson-webcam")


def button(page: Page) -> Locator:
    return widget(page).get_by_role("button")


def state(page: Page) -> Locator:
    """The line that says what goes on, which is read aloud."""
    return widget(page).get_by_role("status")


def caption(page: Page) -> Locator:
    """What stands above the table of milliseconds."""
    return widget(page).locator("caption")


def start(page: Page) -> None:
    expect(button(page)).to_contain_text("Start")
    button(page).click()


def canvas(page: Page, name: str) -> Locator:
    return widget(page).get_by_role("img", name=f"The {name}")


def pixels(page: Page, name: str) -> np.ndarray:
    """The picture "original", "landmarks" or "result" as it is shown, RGB uint8 (H, W, 3)."""
    file = base64.b64decode(canvas(page, name).evaluate(PIXELS))
    return np.array(Image.open(io.BytesIO(file)).convert("RGB"))


def face(picture: np.ndarray) -> np.ndarray:
    """Whose face it is: the embedding of the only one."""
    (found,) = detect_faces(picture)
    return embed(picture, found.landmarks)


def is_red(pixel: np.ndarray) -> bool:
    return pixel[0] > 150 and pixel[1:].max() < 80


def is_blue(pixel: np.ndarray) -> bool:
    return pixel[2] > 150 and pixel[:2].max() < 80


def use_theme(lab: Lab, theme: str) -> None:
    """Set the theme of JupyterLab, as its menu does; pages that are opened from now on have it."""
    address = lab.address("lab/api/settings/@jupyterlab/apputils-extension:themes")
    settings = json.dumps({"raw": json.dumps({"theme": f"JupyterLab {theme}"})})
    request = urllib.request.Request(address, settings.encode(), method="PUT")
    urllib.request.urlopen(request).close()


def photograph(page: Page, name: str) -> None:
    """A picture of the widget, where SCREENSHOTS=folder asks for it."""
    if folder := os.environ.get("SCREENSHOTS"):
        widget(page).screenshot(path=Path(folder, f"{name}.png"))
