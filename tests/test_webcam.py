"""The camera's Python half, without a browser."""

import base64
import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from PIL import Image

from deepfake_lesson import webcam
from deepfake_lesson.errors import LessonError, MediaError
from deepfake_lesson.plots import Picture
from deepfake_lesson.video import VideoWriter, read_frames

VIEW = "application/vnd.jupyter.widget-view+json"


def inverted(frame: np.ndarray) -> SimpleNamespace:
    """Something to see in each of the three pictures."""
    times = {"find": 2.0, "paint": 3.0}
    return SimpleNamespace(
        original=frame, drawing=frame // 2, result=255 - frame, milliseconds=times
    )


def decoded(file: str | bytes) -> np.ndarray:
    data = base64.b64decode(file) if isinstance(file, str) else file
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other).mean())


@pytest.fixture(scope="module")
def clip(film, tmp_path_factory):
    return film(51, tmp_path_factory.mktemp("clip") / "person") / "media" / "clip.mp4"


@pytest.fixture(scope="module")
def frame(clip) -> np.ndarray:
    return next(read_frames(clip))


@pytest.fixture
def ask(monkeypatch):
    """`ask(camera, asked, *files)`: what the browser gets for a message, and the files with it."""

    def answer(camera: webcam.Webcam, asked: str, *files: bytes) -> tuple[dict, list[bytes]]:
        sent = []
        monkeypatch.setattr(camera.view, "send", lambda *message: sent.append(message))
        message = {"asked": asked, "view": 7, "number": 3}
        camera.view._handle_custom_msg(message, [memoryview(file) for file in files])
        ((content, answered),) = sent
        assert {name: content[name] for name in message} == message
        return content, answered

    return answer


def test_a_picture_comes_back_as_drawing_and_result_with_the_time_of_each_stage(ask, frame):
    content, files = ask(webcam.Webcam(inverted), "picture", Picture(frame).jpeg())
    drawing, result = map(decoded, files)
    assert difference(drawing, frame // 2) < 5 and difference(result, 255 - frame) < 5
    assert content["kind"] == "result"
    assert list(content["stages"]) == ["read JPEG", "find", "paint", "write JPEG"]
    assert content["stages"]["paint"] == 3 and content["stages"]["read JPEG"] > 0


def test_a_saved_notebook_has_the_three_pictures_of_a_frame_of_the_clip(clip):
    camera = webcam.Webcam(inverted, clip)
    data, _ = DisplayFormatter().format(camera)
    assert set(data) == {"text/plain", VIEW, "image/jpeg"}
    assert data[VIEW]["model_id"] == camera.view.model_id
    assert data["text/plain"] == "webcam: find 2.0 ms, paint 3.0 ms"
    middle = list(read_frames(clip))[6]
    saved = decoded(data["image/jpeg"])
    for number, picture in enumerate((middle, middle // 2, 255 - middle)):
        left = 4 + number * 324  # they are 320 pixels wide with 4 between them
        shown = Image.fromarray(saved[4:324, left : left + 320]).resize((256, 256))
        assert difference(np.asarray(shown), picture) < 8


def test_the_browser_gets_the_still_and_the_clip_when_it_asks(ask, clip):
    camera = webcam.Webcam(inverted, clip)
    content, files = ask(camera, "still")
    middle = list(read_frames(clip))[6]
    assert [
        difference(decoded(file), wanted) < 5
        for file, wanted in zip(files, (middle, middle // 2, 255 - middle), strict=True)
    ] == [True] * 3
    assert content["stages"] == {"find": 2, "paint": 3}
    assert ask(camera, "clip")[1] == [clip.read_bytes()]


def test_a_frame_at_one_second_of_a_long_clip_is_taken(tmp_path):
    greys = [np.full((32, 32, 3), 5 * number, np.uint8) for number in range(40)]
    with VideoWriter(tmp_path / "grey.mp4", 10, (32, 32)) as writer:
        for grey in greys:
            writer.write(grey)
    seen = []

    def look(frame):
        seen.append(int(frame.mean()))
        return inverted(frame)

    webcam.Webcam(look, tmp_path / "grey.mp4")
    assert seen == pytest.approx([45, 50], abs=2)


def test_a_clip_of_one_frame_is_enough(tmp_path):
    with VideoWriter(tmp_path / "one.mp4", 10, (32, 32)) as writer:
        writer.write(np.zeros((32, 32, 3), np.uint8))
    assert webcam.Webcam(inverted, tmp_path / "one.mp4").still.image.shape[1] == 3 * 324 + 4


def test_without_a_clip_there_is_a_camera_and_no_still_picture():
    camera = webcam.Webcam(inverted)
    data, _ = DisplayFormatter().format(camera)
    assert set(data) == {"text/plain", VIEW} and data["text/plain"] == "webcam"
    assert camera.still is None and camera.milliseconds == {} and not camera.view.has_clip


def test_no_picture_is_in_what_a_notebook_saves_of_the_widget(ask, clip, frame):
    camera = webcam.Webcam(inverted, clip)
    ask(camera, "picture", Picture(frame).jpeg())
    state = camera.view.get_state()
    assert not any(isinstance(value, bytes | memoryview) for value in state.values())
    assert len(str(state)) < 30_000


def test_milliseconds_are_the_median_of_what_came_back(ask, frame):
    times = iter((10, 1, 4))

    def slower(frame):
        result = inverted(frame)
        result.milliseconds = {"find": next(times)}
        return result

    camera = webcam.Webcam(slower)
    for _ in range(3):
        ask(camera, "picture", Picture(frame).jpeg())
    assert camera.milliseconds["find"] == 4


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("more than\n<3> faces"), "ValueError: more than <3> faces"),
        (
            LessonError("the picture", "it is dark", "Put on a lamp."),
            "the picture: it is dark. Put on a lamp.",
        ),
    ],
)
def test_a_mistake_in_the_function_is_sent_in_words_and_the_next_picture_works(
    ask, frame, error, words
):
    errors = [error]

    def fails_once(frame):
        if errors:
            raise errors.pop()
        return inverted(frame)

    camera = webcam.Webcam(fails_once)
    content, files = ask(camera, "picture", Picture(frame).jpeg())
    assert (content["kind"], content["text"], files) == ("mistake", words, [])
    assert ask(camera, "picture", Picture(frame).jpeg())[0]["kind"] == "result"


def test_a_function_that_returns_something_else_is_told(ask, frame):
    content, _ = ask(webcam.Webcam(lambda frame: frame), "picture", Picture(frame).jpeg())
    assert content["kind"] == "mistake" and "milliseconds" in content["text"]


def test_a_mistake_with_the_clip_is_one_of_the_cell(clip):
    with pytest.raises(ZeroDivisionError):
        webcam.Webcam(lambda frame: 1 / 0, clip)


def test_a_size_that_is_not_offered_is_named():
    with pytest.raises(LessonError, match=r"size 500.*640"):
        webcam.Webcam(inverted, size=500)


def test_a_clip_that_is_none_or_too_large_is_named(tmp_path, clip, monkeypatch):
    with pytest.raises(MediaError, match="no such file"):
        webcam.Webcam(inverted, tmp_path / "gone.mp4")
    monkeypatch.setattr(webcam, "LARGEST_CLIP", 1e3)
    with pytest.raises(LessonError, match="shorter or smaller"):
        webcam.Webcam(inverted, clip)


def test_it_knows_when_pictures_leave_the_machine(monkeypatch):
    for name in webcam.ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
    assert webcam.Webcam(inverted).view.place == "here"
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22")
    assert webcam.Webcam(inverted).view.place == "elsewhere"
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())
    monkeypatch.setattr(webcam.anywidget.widget, "in_colab", lambda: False)  # it would load it
    assert webcam.Webcam(inverted).view.place == "colab"
