"""Putting faces on pictures, folders and videos.

Most tests use painters whose work is known: one gives back the face that it is shown, so that a
swap must change nothing; one paints everything green, so that it shows where a swap was put.
"""

import json
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from deepfake_lesson import provenance
from deepfake_lesson.blending import face_mask
from deepfake_lesson.checkpoints import model_name
from deepfake_lesson.conversion import ConvertOptions, Swapper, convert
from deepfake_lesson.detectors import detect_faces
from deepfake_lesson.errors import LessonError, MediaError, ModelError, NoFaceError
from deepfake_lesson.files import checksum
from deepfake_lesson.images import fit, list_images, read_image, to_float, write_image
from deepfake_lesson.metrics import sharpness
from deepfake_lesson.studio.people import RESERVED_SEEDS
from deepfake_lesson.training import AutoencoderConfig, Identity, TrainingConfig, train
from deepfake_lesson.video import VideoWriter, probe, read_frames

ANNA, BEN = RESERVED_SEEDS["tests"][:2]
TINY = TrainingConfig(AutoencoderConfig(64, 1 / 16), batch_size=4, learning_rate=1e-4)
GREEN = np.array([0, 255, 0], np.uint8)
ALL_OF_IT = ConvertOptions(segment=False)  # green paint is no head


@pytest.fixture(scope="module")
def model(people, tmp_path_factory):
    """A model folder: Anna is a, Ben is b. It has hardly been trained."""
    folder = tmp_path_factory.mktemp("model") / "ab"
    train(*people, folder, steps=2, config=TINY, progress=False)
    return folder


@pytest.fixture(scope="module")
def clip(people):
    """Anna's clip: 12 frames of 256 x 256 pixels, 10 a second, with sound."""
    return people[0].media / "clip.mp4"


@pytest.fixture(scope="module")
def frame(clip):
    return next(read_frames(clip))


@pytest.fixture(scope="module")
def stranger(people):
    """Ben's first frame."""
    return next(read_frames(people[1].media / "clip.mp4"))


@dataclass
class Mirror:
    """Gives back the face that it is shown."""

    identities: dict
    size: int = 256

    def predict(self, faces, to):
        return to_float(faces)


class GreenPaint(Mirror):
    def predict(self, faces, to):
        return np.broadcast_to(to_float(GREEN), faces.shape)


class BlueLight(Mirror):
    def predict(self, faces, to):
        return to_float(faces)[..., ::-1] / 2


@dataclass
class Blur(Mirror):
    size: int = 96

    def predict(self, faces, to):
        return np.stack([cv2.GaussianBlur(face, (0, 0), 0.9) for face in to_float(faces)])


@pytest.fixture(scope="module")
def identities(people):
    return {who: Identity.of(person) for who, person in zip("ab", people, strict=True)}


def green(image):
    """How green each pixel is, 0 to 1: what the green painter left of the picture."""
    return np.clip(1 - np.abs(image.astype(int) - GREEN).mean(-1) / 60, 0, 1)


class TestOptions:
    @pytest.mark.parametrize(
        "values",
        [
            {"mask": "FaceHull"},
            {"color": "avg"},
            {"detector": "yolo"},
            {"erosion": 60},
            {"feather": -1},
            {"sharpen": 9},
            {"calm": -1},
            {"threshold": 3.0},
            {"frames": "50-10"},
            {"frames": "ten"},
            {"frames": "-5"},
            {"frames": ""},
        ],
    )
    def test_a_wrong_value_is_refused(self, values):
        with pytest.raises(LessonError):
            ConvertOptions(**values)

    def test_an_unknown_name_is_refused(self):
        with pytest.raises(TypeError, match="smooth_mask"):
            ConvertOptions(smooth_mask=True)

    @pytest.mark.parametrize(
        "frames, inside, outside",
        [("10-50", (10, 50), (9, 51)), ("7", (7,), (6, 8)), ("3-", (3, 10**6), (2,))],
    )
    def test_frames_include_both_ends(self, frames, inside, outside):
        span = ConvertOptions(frames=frames).span
        assert all(number in span for number in inside)
        assert not any(number in span for number in outside)


class TestSwapFrame:
    def test_training_and_pasting_have_one_geometry(self, identities, frame):
        swapped, found, count = Swapper(Mirror(identities)).swap_frame(frame)
        assert (found, count) == (1, 1)
        assert np.abs(swapped.astype(int) - frame).max() <= 12
        assert np.abs(swapped.astype(int) - frame).mean() < 0.3

    def test_the_new_face_covers_the_old_one_and_nothing_else(self, identities, frame):
        landmarks = detect_faces(frame)[0].landmarks
        options = ConvertOptions(mask="facehull", erosion=0, feather=4, segment=False)
        swapped, *_ = Swapper(GreenPaint(identities), options=options).swap_frame(frame)
        assert green(swapped)[face_mask(landmarks, frame.shape, "facehull", 5) > 0].min() > 0.9
        outside = face_mask(landmarks, frame.shape, "facehull", -1) == 0
        assert np.array_equal(swapped[outside], frame[outside])

    @pytest.mark.parametrize("segment, stays", [(True, True), (False, False)])
    def test_a_hand_in_front_stays_in_front(self, identities, frame, segment, stays):
        points, hand = detect_faces(frame)[0].landmarks, frame.copy()
        x, y = points[3].astype(int)  # from the jaw half across the cheek
        covered = slice(y - 20, y + 30), slice(x - 10, x + 35)
        hand[covered] = (170, 60, 40)
        swapper = Swapper(BlueLight(identities), options=ConvertOptions(segment=segment))
        painted = zip(*swapper.generate(swapper.crops(hand, [points])), strict=True)
        swapped, _ = swapper.blend(hand, [points], painted)
        change = np.abs(swapped[covered].astype(int) - hand[covered]).mean()
        assert (change < 8) == stays
        assert np.abs(swapped.astype(int) - hand).max() > 60

    def test_every_face_of_the_person_is_swapped_and_no_other(self, identities, frame, stranger):
        crowd = np.hstack([frame, stranger, frame])
        swapped, found, count = Swapper(GreenPaint(identities), options=ALL_OF_IT).swap_frame(crowd)
        assert (found, count) == (3, 2)
        thirds = np.array_split(green(swapped), 3, axis=1)
        assert [bool(third.max() > 0.9) for third in thirds] == [True, False, True]
        assert np.array_equal(swapped[:, 256:512], stranger)

    def test_the_other_way_round_it_is_the_other_person(self, identities, frame, stranger):
        crowd = np.hstack([frame, stranger])
        swapped, *_ = Swapper(GreenPaint(identities), "a", ALL_OF_IT).swap_frame(crowd)
        assert np.array_equal(swapped[:, :256], frame)
        assert green(swapped[:, 256:]).max() > 0.9

    def test_without_a_wanted_face_the_frame_is_the_very_same(self, identities, frame, stranger):
        swapper = Swapper(GreenPaint(identities))
        for picture, faces in ((stranger, 1), (np.full_like(frame, 90), 0)):
            swapped, found, count = swapper.swap_frame(picture)
            assert swapped is picture and (found, count) == (faces, 0)

    def test_threshold_decides_who_is_wanted(self, identities, frame):
        nobody = Swapper(GreenPaint(identities), options=ConvertOptions(threshold=0.0))
        assert nobody.swap_frame(frame)[1:] == (1, 0)

    @pytest.mark.parametrize("color", ["mean", "histogram", "transfer"])
    def test_colour_follows_the_frame(self, identities, frame, color):
        swapper = Swapper(BlueLight(identities), options=ConvertOptions(color=color))
        swapped, *_ = swapper.swap_frame(frame)
        inside = face_mask(detect_faces(frame)[0].landmarks, frame.shape, erosion=8) > 0
        difference = swapped[inside].mean(0) - frame[inside].mean(0)
        assert np.abs(difference).max() < 12

    def test_seamless_and_sharpen_change_the_face_only(self, identities, frame):
        options = ConvertOptions(seamless=True, sharpen=1.0)
        swapped, *_ = Swapper(Mirror(identities), options=options).swap_frame(frame)
        outside = face_mask(detect_faces(frame)[0].landmarks, frame.shape, erosion=-13) == 0
        assert np.array_equal(swapped[outside], frame[outside])
        assert not np.array_equal(swapped, frame)

    def test_a_soft_face_gets_the_sharpness_of_the_one_it_replaces(self, identities, frame):
        mask = face_mask(detect_faces(frame)[0].landmarks, frame.shape, erosion=5) > 0
        found = {}
        for matched in (False, True):
            options = ConvertOptions(match_sharpness=matched, sharpen=0, segment=False)
            swapped, *_ = Swapper(Blur(identities), options=options).swap_frame(frame)
            found[matched] = sharpness(swapped, frame, mask)
        assert found[False] < 0.7 and found[False] + 0.15 < found[True] < 1.2

    def test_color_and_sharpness_go_with_the_frames_before(self, identities, frame):
        points, asked = detect_faces(frame)[0].landmarks, {}

        def calmed(name, value):
            asked[name] = value
            return value

        options = ConvertOptions(match_sharpness=True, color="transfer")
        swapper = Swapper(Blur(identities), options=options)
        painted = zip(*swapper.generate(swapper.crops(frame, [points])), strict=True)
        swapper.blend(frame, [points], painted, calmed)
        assert asked["color 0"].shape == (2, 3) and asked["sharpen 0"] > 0

    def test_nobody_is_called_c(self, identities):
        with pytest.raises(LessonError, match="a, b"):
            Swapper(Mirror(identities), to="c")


@pytest.fixture(scope="module")
def converted(model, clip, tmp_path_factory):
    """Anna's clip with Ben's face in frames 3 to 8, and the report."""
    out = tmp_path_factory.mktemp("converted") / "swap.mp4"
    return out, convert(clip, model, "b", out, ConvertOptions(frames="3-8"))


class TestVideo:
    def test_size_rate_length_and_sound_are_those_of_the_original(self, converted, clip):
        before, after = probe(clip), probe(converted[0])
        assert (after.width, after.height, after.fps) == (before.width, before.height, before.fps)
        assert after.audio and len(list(read_frames(converted[0]))) == 12

    def test_only_the_chosen_frames_are_changed(self, converted, clip):
        out, report = converted
        frames = zip(read_frames(clip), read_frames(out), strict=True)
        change = [np.abs(a.astype(int) - b)[40:200, 60:200].mean() for a, b in frames]
        assert report["frames"] == 12 and report["faces_swapped"] == 6
        assert min(change[3:9]) > 3 * max(change[:3] + change[9:])

    def test_the_video_is_labelled_and_signed(self, converted, clip):
        credential = provenance.verify(converted[0])
        assert credential.state == "valid" and credential.source_type == provenance.COMPOSITE
        assert provenance.read_watermark(converted[0]).kind == "face swap"
        labelled = provenance.label_frame(np.zeros((256, 256, 3), np.uint8)).any(-1)
        for before, after in zip(read_frames(clip), read_frames(converted[0]), strict=True):
            assert np.abs(before.astype(int) - after)[labelled].mean() > 20

    def test_video_and_contact_sheet_name_the_model_and_the_clip(self, converted, model, clip):
        for path in (converted[0], converted[0].parent / "contact_sheet.png"):
            credential = provenance.verify(path)
            assert credential.model == model_name(model)
            assert credential.hashes == (checksum(clip),)

    def test_the_report_has_what_it_must_have(self, converted):
        out, report = converted
        assert json.loads((out.parent / "report.json").read_text()) == report
        assert {"decode", "detect", "generate", "blend", "encode", "total"} <= set(
            report["seconds"]
        )
        assert report["video"] == {"width": 256, "height": 256, "fps": 10.0, "audio": True}
        identity, truth = report["identity"], report["truth"]
        assert identity["before"]["to_a"] < 0.44 < identity["before"]["to_b"]
        assert 0 <= identity["share_nearer_b"] <= 1
        assert truth["ratio"] == pytest.approx(truth["input"]["error"] / truth["swap"]["error"])
        assert report["outside_mask"] == 0

    def test_the_contact_sheet_is_signed(self, converted):
        sheet = converted[0].parent / "contact_sheet.png"
        assert read_image(sheet).shape[1] > 3 * 256
        assert provenance.verify(sheet).state == "valid"

    def test_discarded_frames_go_with_their_sound(self, model, clip, tmp_path):
        options = ConvertOptions(frames="2-6", discard_others=True, label=False)
        report = convert(clip, model, "b", tmp_path / "part.mp4", options)
        info = probe(tmp_path / "part.mp4")
        assert len(list(read_frames(tmp_path / "part.mp4"))) == 5
        assert info.audio and abs(info.seconds - 0.5) < 0.15
        assert report["faces_swapped"] == 5

    def test_without_a_label_credential_and_watermark_stay(self, model, clip, tmp_path):
        options = ConvertOptions(frames="0-1", label=False)
        convert(clip, model, "b", tmp_path / "swap.mp4", options)
        assert provenance.verify(tmp_path / "swap.mp4").state == "valid"
        assert provenance.read_watermark(tmp_path / "swap.mp4").kind == "face swap"
        before, after = next(read_frames(clip)), next(read_frames(tmp_path / "swap.mp4"))
        assert np.abs(before.astype(int) - after)[-20:].mean() < 5

    def test_odd_sizes_are_kept(self, model, clip, tmp_path):
        odd = tmp_path / "odd.mp4"
        with VideoWriter(odd, 10, (255, 253)) as writer:
            for frame in read_frames(clip):
                writer.write(frame[:253, :255])
        convert(odd, model, "b", tmp_path / "swap.mp4", ConvertOptions(frames="0-2"))
        info = probe(tmp_path / "swap.mp4")
        assert (info.width, info.height, info.audio) == (255, 253, False)


class TestPictures:
    def test_a_picture(self, model, frame, tmp_path):
        write_image(tmp_path / "anna.png", frame)
        report = convert(tmp_path / "anna.png", model, "b", tmp_path / "out" / "swap.png")
        swapped = read_image(tmp_path / "out" / "swap.png")
        assert swapped.shape == frame.shape and not np.array_equal(swapped, frame)
        assert provenance.verify(tmp_path / "out" / "swap.png").state == "valid"
        assert report["faces_swapped"] == 1 and report["video"]["fps"] is None

    def test_the_generated_face_has_a_label_of_its_own(self, model, frame, tmp_path):
        """Who crops to the face keeps it."""
        write_image(tmp_path / "anna.png", frame)
        for name, label in (("with", True), ("without", False)):
            options = ConvertOptions(label=label)
            convert(tmp_path / "anna.png", model, "b", tmp_path / name / "swap.png", options)
        pictures = [read_image(tmp_path / name / "swap.png") for name in ("with", "without")]
        points = detect_faces(frame)[0].landmarks
        (left, top), (right, bottom) = points.min(0).astype(int), points.max(0).astype(int)
        faces = [picture[top:bottom, left:right].astype(int) for picture in pictures]
        changed = (np.abs(faces[0] - faces[1]) > 20).any(-1)
        assert 0.005 < changed.mean() < 0.1

    def test_a_folder(self, model, frame, stranger, tmp_path):
        for name, picture in (("1.png", frame), ("2.jpg", stranger), ("3.bmp", frame)):
            write_image(tmp_path / "in" / name, picture)
        (tmp_path / "in" / "notes.txt").write_text("not a picture")
        report = convert(tmp_path / "in", model, "b", tmp_path / "out")
        names = [path.name for path in list_images(tmp_path / "out")]
        assert names == ["1.png", "2.jpg", "3.bmp.png", "contact_sheet.png"]
        untouched = (tmp_path / "in" / "2.jpg").read_bytes()
        assert (tmp_path / "out" / "2.jpg").read_bytes() == untouched
        third = provenance.verify(tmp_path / "out" / "3.bmp.png")
        assert (third.state, third.model) == ("valid", model_name(model))
        assert third.ingredients == ("3.bmp",)
        assert report["watermark"] is True
        sheet = provenance.verify(tmp_path / "out" / "contact_sheet.png")
        assert sheet.ingredients == ("1.png", "3.bmp"), "what it shows, and nothing else"
        assert (report["frames"], report["faces_swapped"]) == (3, 2)

    def test_of_a_folder_with_a_small_picture_not_all_have_a_watermark(
        self, model, frame, tmp_path
    ):
        write_image(tmp_path / "in" / "1.png", frame)
        write_image(tmp_path / "in" / "2.png", np.ascontiguousarray(fit(frame, 112)))
        report = convert(tmp_path / "in", model, "b", tmp_path / "out")
        assert report["faces_swapped"] == 2 and report["watermark"] is False


class TestErrors:
    """Each leaves no file behind."""

    def refuse(self, error, match, tmp_path, source, model, out="out/swap.mp4", **options):
        with pytest.raises(error, match=match):
            convert(source, model, "b", tmp_path / out, ConvertOptions(**options))
        left = [path for path in tmp_path.rglob("*") if path.is_file() and path != source]
        assert left == []

    def test_no_face(self, model, tmp_path):
        wall = tmp_path / "wall.png"
        write_image(wall, np.full((200, 200, 3), 120, np.uint8))
        self.refuse(NoFaceError, "no face", tmp_path, wall, model, "wall2.png")

    def test_only_another_person(self, model, people, tmp_path):
        ben = people[1].media / "clip.mp4"
        self.refuse(NoFaceError, "none of them is", tmp_path, ben, model)

    def test_frames_that_the_video_does_not_have(self, model, clip, tmp_path):
        self.refuse(LessonError, "only 12 frames", tmp_path, clip, model, frames="500-600")

    def test_no_media(self, model, tmp_path):
        text = tmp_path / "text.mp4"
        text.write_text("no video at all")
        self.refuse(MediaError, "text.mp4", tmp_path, text, model)

    def test_nothing_there(self, model, tmp_path):
        self.refuse(MediaError, "no such", tmp_path, tmp_path / "none.mp4", model)

    def test_an_out_of_another_kind(self, model, clip, tmp_path):
        self.refuse(MediaError, "swap.png", tmp_path, clip, model, "swap.png")
        self.refuse(MediaError, "credential", tmp_path, clip, model, "swap.bmp")

    def test_the_original_is_never_replaced(self, model, clip):
        before = clip.read_bytes()
        with pytest.raises(MediaError, match="original"):
            convert(clip, model, "b", clip)
        assert clip.read_bytes() == before

    def test_no_model(self, clip, tmp_path):
        self.refuse(ModelError, "no model", tmp_path, clip, tmp_path / "nothing")
