# %% [markdown]
# # 04 · Build a face dataset
#
# **Time** 60 minutes, of which the computer needs one · **Hardware** any laptop · **Download** none
#
# A film shows two people, and one of them agreed. How do you get clean, aligned faces of that one
# person out of it, and of nobody else?
#
# You will be able to
#
# - take frames from a video at the rate you want,
# - align a face by a similarity transform, and say why that matters,
# - choose the threshold that keeps one person's faces and refuses another's,
# - set blurred faces aside,
# - judge whether a dataset is good enough to train on.
#
# > **Rule of this chapter.** Consent comes first. Anna and Ben do not exist. Of a person who does,
# > you touch no picture before there is a consent record.

# %% tags=["setup"]
# The set-up cell: `make chapters` puts it in.

# %% [markdown]
# ## 1 · Consent first
#
# Two cameras filmed an interview: Anna on the left answers, Ben on the right asks. We put the two
# films side by side. In the last half second the cameras lose focus, as cameras do.

# %%
import cv2
import numpy as np

from deepfake_lesson import plots
from deepfake_lesson.video import VideoWriter, probe, read_frames

anna_film = lesson.studio_person(23, "conversation", seconds=4, fps=12)
ben_film = lesson.studio_person(20, "talk", seconds=4, fps=12)
interview = lesson.WORK / "04" / "interview.mp4"

films = (read_frames(person.media / "clip.mp4") for person in (anna_film, ben_film))
with VideoWriter(interview, fps=12, size=(512, 256)) as writer:
    for number, pair in enumerate(zip(*films, strict=True)):
        blur = max(0.01, 0.5 * (number - 40))
        writer.write(cv2.GaussianBlur(np.hstack(pair), (0, 0), blur))

plots.video(interview, width=512)

# %% [markdown]
# The clip shows a dark-haired woman on the left who talks and nods, and a bearded man on the right.
#
# Anna agreed to have her face used for teaching. Ben was not asked. So Anna gets a **person's
# folder**: her media, later her faces, and the record of her consent.

# %%
import shutil

from deepfake_lesson.people import create_person, open_person

folder = lesson.WORK / "04" / "anna"
shutil.rmtree(folder, ignore_errors=True)  # whatever an earlier run of this chapter left
anna = create_person(folder, "Anna, who does not exist", "synthetic", media=[interview])
print((anna.folder / "consent.toml").read_text())

# %% [markdown]
# *Basis* says why you may: the person does not exist, is you, agreed in writing, or is in a public
# dataset with that licence. *Scope* says for what. Every tool of this course reads the record
# before it reads a picture.
#
# **Predict:** what does the same tool say about a folder full of Ben's pictures without a record?

# %%
# NBVAL_CHECK_OUTPUT
from deepfake_lesson.errors import ConsentError

stranger = lesson.WORK / "04" / "ben"
stranger.mkdir(parents=True, exist_ok=True)
try:
    open_person(stranger)
except ConsentError as refusal:
    print(refusal.problem)
    print(refusal.remedy.split(":")[0])

# %% [markdown]
# No record, no work. A program cannot make anybody honest, but it can make sure that nobody
# *forgets* to ask.
#
# ## 2 · Frames from a video
#
# A video is a row of pictures. `probe` asks the file how many, without reading it through.

# %%
# NBVAL_CHECK_OUTPUT
info = probe(interview)
print(f"{info.width} x {info.height} pixels, {info.frames} frames at {info.fps} a second")

# %% [markdown]
# Two frames that follow each other are nearly the same picture. For a long film you take fewer:
# `read_frames(path, fps=2)` lets ffmpeg pick two a second, whatever the film's own rate is.

# %% alt="Eight frames of the interview, half a second apart; in the last one both are blurred"
few = list(read_frames(interview, fps=2))
plots.gallery(few, [f"{number / 2:.1f} s" for number in range(len(few))], columns=4, size=240)

# %% [markdown]
# Both people move a little from picture to picture. That is what you want from a dataset: each
# picture adds something. How different are neighbours, measured?

# %%
frames = list(read_frames(interview))
sharp = np.array(frames[:40], np.float32)  # before the focus is lost
for step in (1, 3, 6):
    change = np.abs(sharp[step:] - sharp[:-step]).mean()
    print(f"{step} frames apart ({step / 12:.2f} s): values differ by {change:.1f} of 255")

# %% [markdown]
# ## 3 · Find and align
#
# Chapter 03 found faces and their 68 landmarks. Here is frame 5 with both faces.

# %% alt="The interview's frame with the 68 landmarks drawn on Anna in green and on Ben in orange"
from deepfake_lesson.extraction import find_faces
from deepfake_lesson.landmarks import draw_landmarks

left, right = (found.face for found in find_faces(frames[5]))
drawn = draw_landmarks(frames[5], left.landmarks)
plots.gallery([draw_landmarks(drawn, right.landmarks, color=(255, 170, 0))])

# %% [markdown]
# A network that learns faces should not have to learn *where* in the picture the face is, how
# large, and how tilted. We take that away: every face is moved onto the same **mean face**, by a
# **similarity transform**, which may shift, turn and scale, and nothing else. It has four
# unknowns; 51 landmarks (all but the jaw) say what they should be, and least squares settles the
# differences.

# %%
from deepfake_lesson.landmarks import similarity_transform

lesson.show(similarity_transform)

# %% [markdown]
# A harder picture than the interview: Anna farther away, with her head leaning.
# **Predict:** her face has to end in a picture of 256 pixels, upright. Will the scale be more or
# less than 1, and the turn about 0, 20 or 90 degrees?

# %%
from deepfake_lesson.landmarks import alignment_matrix, matrix_scale
from deepfake_lesson.studio import Camera, Identity, Pose, render

leaning = Pose(yaw=6, roll=20)
snapshot = render(Identity.sample(23), {"AU12": 0.8}, leaning, camera=Camera(scale=0.55)).image
face = find_faces(snapshot)[0].face
matrix = alignment_matrix(face.landmarks)
angle = np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))
print(f"scale {matrix_scale(matrix):.2f}, turn {angle:.0f} degrees, shift {matrix[:, 2].round()}")

# %% alt="Anna leaning, with landmarks; the mean face; her points moved onto it; the aligned face"
from deepfake_lesson.landmarks import MEAN_FACE, transform_points, warp

blank = np.full((256, 256, 3), 255, np.uint8)
mean_face = draw_landmarks(blank, MEAN_FACE * 256 - 0.5, color=(230, 159, 0), thickness=2)
moved = transform_points(face.landmarks, matrix)
both = draw_landmarks(mean_face, moved, color=(0, 114, 178), thickness=2)
steps = [draw_landmarks(snapshot, face.landmarks), mean_face, both, warp(snapshot, matrix, 256)]
plots.gallery(steps, ["1  found", "2  the mean face", "3  moved onto it", "4  aligned"])

# %% [markdown]
# Anna's points (blue) do not cover the mean face (orange) exactly: her face is hers. Only size,
# place and tilt are gone. A freer transform could cover it exactly, by squeezing, and with the
# squeeze her identity would go.
#
# ### Why bother?
#
# An old trick shows it: lay all pictures over each other and look at the average (Galton did so
# with photographic plates in 1878). We average Anna's 48 frames as they are, cut out by the
# detector's box, and aligned. Then the same with twelve people in front of twelve cameras.
#
# **Predict:** will you recognise Anna in any of the three averages?

# %%
from deepfake_lesson.studio import sample_camera

rng = np.random.default_rng(4)
crowd = []
for seed in range(20, 32):
    pose = Pose(*rng.normal(0, (8, 4, 8)))
    frame = render(Identity.sample(seed), pose=pose, camera=sample_camera(rng))
    crowd.append(frame.image)


# %%
def cut_out(image, box):
    """The square of the detector, 256 pixels wide."""
    corners = np.reshape(box, (2, 2))
    return warp(image, similarity_transform(corners, np.array([[0, 0], [255, 255]])), 256)


def averages(images):
    """The mean picture: of all as they are, cut out by their boxes, and aligned."""
    faces = [find_faces(image)[0].face for image in images]
    pairs = list(zip(images, faces, strict=True))
    boxes = [cut_out(image, face.box) for image, face in pairs]
    aligned = [warp(image, alignment_matrix(face.landmarks), 256) for image, face in pairs]
    return [np.mean(stack, axis=0) / 255 for stack in (images, boxes, aligned)]


# %% alt="Average faces: fog as they are, soft when cut out by boxes, crisp when aligned"
labels = [f"{who}, {how}" for who in ("Anna", "12 people") for how in ("as is", "box", "aligned")]
plots.gallery(averages([f[:, :256] for f in frames]) + averages(crowd), labels, columns=3)

# %% [markdown]
# As they are, the pictures average to fog. The detector's box helps a little: it jumps from frame
# to frame and knows no tilt. Aligned, 48 Annas give one clear Anna, and twelve people give a
# portrait of nobody. A network that is trained on aligned faces starts from the right column.
#
# ## 4 · Whose face is it?
#
# Both people are in every frame. To tell them apart we ask for one picture of the wanted person,
# and, if we have one, of the other.

# %% alt="Two portraits before grey: Anna, the wanted person, and Ben, to be refused"
from deepfake_lesson.images import write_image

portraits = [render(Identity.sample(seed)) for seed in (23, 20)]
want, refuse = lesson.WORK / "04" / "want.png", lesson.WORK / "04" / "refuse.png"
for path, portrait in zip((want, refuse), portraits, strict=True):
    write_image(path, portrait.image)
plots.gallery([portrait.image for portrait in portraits], ["want: Anna", "refuse: Ben"])

# %% [markdown]
# A network turns each face into 128 numbers, its **embedding**; pictures of one person lie close
# together. How close? We measure the distance of every face in the film to Anna's portrait. (About
# 8 seconds.)

# %%
from deepfake_lesson.identity import distance, embed

wanted, unwanted = (embed(portrait.image, portrait.landmarks) for portrait in portraits)
found = [find_faces(frame) for frame in frames]
of_anna = [embed(f, faces[0].face.landmarks) for f, faces in zip(frames, found, strict=True)]
of_ben = [embed(f, faces[-1].face.landmarks) for f, faces in zip(frames, found, strict=True)]
to_anna, to_ben = distance(of_anna, wanted), distance(of_ben, wanted)
print(f"Anna's faces: {to_anna.min():.2f} to {to_anna.max():.2f} from her portrait")
print(f"Ben's faces:  {to_ben.min():.2f} to {to_ben.max():.2f}")

# %% [markdown]
# Where would you draw the line? Nearly every tutorial takes **0.6**, which suits photographs of
# real people. **Predict:** how many of Ben's 48 faces pass as Anna at 0.6? Then move the slider to
# a better place.

# %% alt="Distances to Anna's portrait: hers small, Ben's larger, all of both below 0.6"
import matplotlib.pyplot as plt

from deepfake_lesson import widgets


def judge(threshold):
    """Both histograms, the threshold, and how many faces of each pass it."""
    figure, axes = plt.subplots()
    rows = (("Anna", to_anna, "blue"), ("Ben", to_ben, "orange"))
    for name, distances, color in rows:
        label = f"{name}: {(distances <= threshold).sum()} of {len(distances)} pass"
        axes.hist(distances, np.arange(0, 0.8, 0.02), color=plots.COLORS[color], label=label)
    axes.axvline(threshold, color="black", linestyle="--")
    axes.set(xlabel="distance to Anna's portrait", ylabel="faces")
    axes.legend(loc="upper left")
    return figure


widgets.explore(judge, threshold=(0.1, 0.75, 0.01, 0.6))

# %% [markdown]
# At 0.6 every face of Ben passes as Anna's. The studio's people share one skull template and one
# renderer, so they are more alike than real strangers are, and the threshold has to be smaller.
# A threshold belongs to a *kind* of picture; that is why it stands in each person's record. For
# studio people it is 0.44.

# %%
for threshold in (0.2, 0.44, 0.6):
    kept, let_in = (to_anna <= threshold).sum(), (to_ben <= threshold).sum()
    print(f"threshold {threshold:.2f}: keeps {kept} of 48 Annas, lets in {let_in} of 48 Bens")

# %% [markdown]
# Anna's own long tail to the right is the blurred end of the film: without edges, a face loses its
# identity. And there is a second safeguard: a face that is nearer to a **refused** picture is out,
# whatever the threshold says.

# %%
from deepfake_lesson.identity import FaceFilter

careless = FaceFilter([wanted], threshold=0.6)
careful = FaceFilter([wanted], [unwanted], threshold=0.6)
for name, who in (("want only", careless), ("want and refuse", careful)):
    kept, let_in = sum(map(who.accepts, of_anna)), sum(map(who.accepts, of_ben))
    print(f"{name}: {kept} of 48 Annas, {let_in} of 48 Bens")

# %% [markdown]
# ## 5 · Blurred faces, tilted frames
#
# A blurred face teaches a network to paint blur. We need a number for it. The **Laplacian**
# compares each pixel with its neighbours: it is large at edges, zero on smooth cheeks. Its
# variance, divided by the variance of the picture itself so that a dark face is not taken for a
# blurred one, is the **sharpness**.

# %%
from deepfake_lesson.extraction import MIN_SHARPNESS, sharpness

lesson.show(sharpness)

# %% alt="Anna's face five times, more and more blurred; the sharpness falls below the limit"
blurs = (0, 1, 2, 3, 4)
soft = [cv2.GaussianBlur(frames[5], (0, 0), blur) if blur else frames[5] for blur in blurs]
soft = [warp(image, alignment_matrix(left.landmarks), 256) for image in soft]
labels = [f"blur {b} px: {sharpness(face):.0f}" for b, face in zip(blurs, soft, strict=True)]
plots.gallery(soft, labels, size=176)

# %% [markdown]
# The number falls fast where the eye begins to complain. Below the limit a face is set aside, not
# deleted: you decide. What does it say about the film?

# %% alt="Sharpness over the frames: 30 to 60, then a fall below the limit of 8 in the last four"
matrices = [alignment_matrix(faces[0].face.landmarks) for faces in found]
annas = [warp(frame, matrix, 256) for frame, matrix in zip(frames, matrices, strict=True)]
figure, axes = plt.subplots(figsize=(8, 3))
axes.plot([sharpness(anna_face) for anna_face in annas], "o-")
axes.axhline(MIN_SHARPNESS, color=plots.COLORS["red"], linestyle="--")
axes.text(0, MIN_SHARPNESS + 2, f"limit {MIN_SHARPNESS:g}", color=plots.COLORS["red"])
axes.set(xlabel="frame", ylabel="sharpness", ylim=(0, None))
plt.show()

# %% [markdown]
# The curve wanders between 30 and 60 as Anna moves her mouth and head, and falls off a cliff where
# the focus is lost.
#
# The detector knows upright faces only. Somebody held the phone the wrong way? With `rotate=True` a
# frame without a face is turned and searched again; the alignment puts the face upright by itself.

# %% alt="Anna lying on her side, the same with landmarks, and her aligned face, which is upright"
lying = np.ascontiguousarray(np.rot90(frames[5][:, :256]))
turned = find_faces(lying, rotate=True)[0].face
print(f"as it is: {len(find_faces(lying))} faces; she leans by {turned.rotation} degrees")
upright = warp(lying, alignment_matrix(turned.landmarks), 256)
shown = draw_landmarks(lying, turned.landmarks)
plots.gallery([lying, shown, upright], ["the frame", "found by rotation", "aligned"])

# %% [markdown]
# ## 6 · All in one
#
# One call does it all: read, find, compare, align, measure, store. (About 8 seconds.)

# %%
from deepfake_lesson.extraction import create_face_dataset

report = create_face_dataset(anna, want=[want], refuse=[refuse])
print(f"{report.frames} frames, {report.faces_found} faces found")
print(f"{report.refused} refused, {report.blurred} blurred, {report.kept} kept")
for stage, seconds in report.seconds.items():
    print(f"  {stage:<9} {seconds:4.1f} s")

# %% [markdown]
# All of Ben's faces were refused: they are counted and stored nowhere. Most of the time went into
# asking who it is. A **contact sheet** lets you check by eye, which you always should:

# %% alt="Contact sheet: 44 aligned faces of Anna, then four blurred ones framed in red"
from deepfake_lesson.images import read_image

plots.gallery([read_image(anna.folder / "contact_sheet.png")], size=940)

# %% [markdown]
# Every cell shows Anna with her sharpness and her distance to the portrait; the red frames at the
# end are the blurred faces, which lie in a folder of their own. No Ben.
#
# **Predict:** the same call once more, and again after one new picture came in. How long will each
# take?

# %%
import time

for new in (None, "portrait.png"):
    if new:
        write_image(anna.media / new, portraits[0].image)
    start = time.perf_counter()
    report = create_face_dataset(anna, want=[want], refuse=[refuse])
    seconds = time.perf_counter() - start
    print(f"{report.frames} new frames, {report.kept} new faces, {seconds:.1f} s")

# %% [markdown]
# Only what is new is looked at. With hours of film that is the difference between a coffee and a
# night.
#
# Everything that was found out about a face is stored once, as a line of `alignments.jsonl`. Nobody
# has to detect it again: neither the training, nor, in chapter 06, the way back into the frame.

# %%
from dataclasses import asdict

from deepfake_lesson.dataset import load_alignments

row = load_alignments(anna)[0]
for name, value in asdict(row).items():
    shape = f"array {value.shape}" if isinstance(value, np.ndarray) else ""
    text = np.round(value, 1) if name == "box" else shape or value
    print(f"{name:<18} {text}")

# %% [markdown]
# ## 7 · What makes a good set
#
# A decoder can paint what it has seen. 5,000 pictures of somebody who looks straight into the
# camera are one picture 5,000 times. You want **500 to 5,000 faces** with every angle, light and
# expression that the target video will ask for.
#
# Here are two films of Anna of the same length. In one she waits; in the other she does what a
# director asks for in a screen test. **Predict:** how do the clouds of head poses differ?

# %%
from deepfake_lesson.landmarks import head_pose, mouth_aspect_ratio

poses, mouths, looks = {}, {}, {}
for performance in ("rest", "screen_test"):
    person = lesson.studio_person(23, performance, seconds=4, fps=12)
    create_face_dataset(person)
    rows = load_alignments(person)
    poses[performance] = np.array([head_pose(row.landmarks, (256, 256)) for row in rows])
    mouths[performance] = [mouth_aspect_ratio(row.landmarks) for row in rows]
    looks[performance] = [read_image(person.faces / row.file) for row in rows[::8]]

# %% alt="Yaw against pitch: a small spot of dots at rest, a wide cloud in the screen test"
figure, both_axes = plt.subplots(1, 2, figsize=(9, 4), sharex=True, sharey=True)
for axes, name in zip(both_axes, poses, strict=True):
    yaw, pitch, _ = poses[name].T
    dots = axes.scatter(
        yaw, pitch, c=mouths[name], cmap="viridis", vmin=0, vmax=0.3, s=60, zorder=3
    )
    axes.set(title=f"{name}: {len(yaw)} faces", xlabel="yaw (degrees)", xlim=(-35, 35))
both_axes[0].set(ylabel="pitch (degrees)", ylim=(-25, 25))
figure.colorbar(dots, label="mouth opening")
plt.show()

# %% alt="Two rows of Anna's faces: at rest all alike, in the screen test turned and moving"
plots.gallery(looks["rest"] + looks["screen_test"], columns=len(looks["rest"]), size=140)

# %% [markdown]
# Each dot is a face: where the head points, and (colour) how far the mouth is open. Look at the
# spread, not at the middle: an average head stands in for Anna's, which puts all her pitches about
# ten degrees too low. A simple score is the number of cells, ten degrees wide and high, that the
# set has visited.

# %%
for name, angles in poses.items():
    cells = {tuple(cell) for cell in np.floor(angles[:, :2] / 10).astype(int)}
    print(f"{name:<12} {len(angles)} faces in {len(cells)} cells of 10 x 10 degrees")

# %% [markdown]
# The same number of pictures, and several times the knowledge. When you film yourself: turn your
# head slowly in a figure of eight while you speak, once by the window and once under the lamp.
#
# ## 8 · Break it: blue people
#
# OpenCV reads pictures as blue, green, red; nearly everything else as red, green, blue. A classic
# chapter's code read the reference in one order and the film in the other.
#
# **Predict:** the network gets Anna with a blue face. Does it stop with an error? Does the distance
# to her portrait grow, and by how much: hardly, a little, or beyond Ben's?

# %% alt="Anna's face in the right colours and, with red and blue exchanged, with bluish skin"
bgr = [np.ascontiguousarray(frame[..., ::-1]) for frame in frames]
of_blue_anna = [embed(f, faces[0].face.landmarks) for f, faces in zip(bgr, found, strict=True)]
to_blue_anna = distance(of_blue_anna, wanted)
grown = (to_blue_anna > to_anna).sum()
print(f"mean distance {to_anna.mean():.3f} in RGB, {to_blue_anna.mean():.3f} in BGR")
print(f"{grown} of 48 faces moved away, {(to_blue_anna > 0.44).sum()} of them beyond 0.44")
plots.gallery([annas[5], annas[5][..., ::-1]], ["RGB", "read as BGR"])

# %% [markdown]
# **Explain.** No error, no warning: the shapes are right, the numbers are between 0 and 255, and
# the network looks at form more than at colour. Every face moves a little away, and the margin that
# the threshold needs shrinks. Such a quiet fault is the dangerous kind. In a harder film some faces
# are lost; somebody loosens the threshold until it works again, and at 0.6 Ben is in. In this
# package a picture is RGB from the moment it is read.
#
# ## Exercises
#
# Each depends on the set-up cell only; you may begin here.
#
# ### 1 · Which are blurred?
#
# Six aligned faces, numbered from 0. Trust your eyes.

# %% alt="Six numbered aligned faces of three people; some are out of focus and one is dark"
from deepfake_lesson import plots
from deepfake_lesson.exercises import chapter_04 as check

plots.gallery(check.line_up(), [str(number) for number in range(6)], columns=3, size=200)


# %% nbgrader={"solution": true, "grade_id": "blurred_faces"}
def blurred_faces() -> set[int]:
    """The numbers of the faces that are out of focus, such as {0, 5}."""
    ### BEGIN SOLUTION
    return {1, 3}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_blurred_faces", "points": 1}
from deepfake_lesson.exercises import chapter_04 as check

check.blurred_faces(blurred_faces)
### BEGIN HIDDEN TESTS
assert (answer := check.blurred_faces(blurred_faces)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 2 · Which frames?
#
# A clip shows `fps` frames a second; frame `i` is on the screen from `i / fps` seconds until the
# next one comes. You want `wanted` pictures a second: at 0, at `1 / wanted`, at `2 / wanted`
# seconds and so on, as long as the clip lasts. Which frames do you see? No frame twice.


# %% nbgrader={"solution": true, "grade_id": "frame_numbers"}
import math


def frame_numbers(frames: int, fps: int, wanted: int) -> list[int]:
    """The numbers (from 0) of the frames to take from a clip of `frames` frames, in order."""
    ### BEGIN SOLUTION
    moments = range(math.ceil(frames * wanted / fps))
    return sorted({moment * fps // wanted for moment in moments})
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_frame_numbers", "points": 2}
from deepfake_lesson.exercises import chapter_04 as check

check.frame_numbers(frame_numbers)
### BEGIN HIDDEN TESTS
assert (answer := check.frame_numbers(frame_numbers)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 3 · Align by the eyes
#
# Two points fix a similarity transform exactly. Bring the two eyes to where you want them.
#
# A way without trigonometry: take (x, y) as the complex number x + iy. Multiplying by one complex
# number turns and scales: `z -> turn * z + shift`. Find `turn` from the line between the eyes, then
# `shift`. As a matrix, `turn` is `[[real, -imag], [imag, real]]`.

# %% nbgrader={"solution": true, "grade_id": "eyes_onto"}
import numpy as np

Point = tuple[float, float]


def eyes_onto(left: Point, right: Point, target_left: Point, target_right: Point) -> np.ndarray:
    """The (2, 3) matrix of the similarity transform that brings left and right to the targets."""
    ### BEGIN SOLUTION
    points = (left, right, target_left, target_right)
    left, right, target_left, target_right = (complex(*point) for point in points)
    turn = (target_right - target_left) / (right - left)
    shift = target_left - turn * left
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_eyes_onto", "points": 3}
from deepfake_lesson.exercises import chapter_04 as check

check.eyes_onto(eyes_onto)
### BEGIN HIDDEN TESTS
assert (answer := check.eyes_onto(eyes_onto)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 4 · The best threshold
#
# You have distances of the wanted person's faces (`same`) and of somebody else's (`other`). A face
# is accepted if its distance is at most the threshold. Find the threshold that judges most faces
# rightly, also where the two overlap.

# %% nbgrader={"solution": true, "grade_id": "best_threshold"}
import numpy as np


def best_threshold(same: np.ndarray, other: np.ndarray) -> float:
    """The threshold at which most of `same` (N,) are accepted and most of `other` (M,) are not."""
    ### BEGIN SOLUTION
    candidates = np.concatenate([same, other])
    rightly = [(same <= limit).sum() + (other > limit).sum() for limit in candidates]
    return candidates[np.argmax(rightly)]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_best_threshold", "points": 2}
from deepfake_lesson.exercises import chapter_04 as check

check.best_threshold(best_threshold)
### BEGIN HIDDEN TESTS
assert (answer := check.best_threshold(best_threshold)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 5 · Your own face filter
#
# A face is accepted if it is within the threshold of the nearest wanted picture, and no unwanted
# picture is nearer. There may be no unwanted picture at all.

# %% nbgrader={"solution": true, "grade_id": "is_wanted"}
import numpy as np


def is_wanted(
    embedding: np.ndarray, wanted: np.ndarray, unwanted: np.ndarray, threshold: float
) -> bool:
    """Whether to keep a face.

    embedding: (128,), the face. wanted: (N, 128), at least one. unwanted: (M, 128), M may be 0.
    """
    ### BEGIN SOLUTION
    to_wanted = np.linalg.norm(wanted - embedding, axis=1).min()
    to_unwanted = np.linalg.norm(unwanted - embedding, axis=1).min(initial=np.inf)
    return bool(to_wanted <= threshold and to_wanted < to_unwanted)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_is_wanted", "points": 2}
from deepfake_lesson.exercises import chapter_04 as check

check.is_wanted(is_wanted)
### BEGIN HIDDEN TESTS
assert (answer := check.is_wanted(is_wanted)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ## Summary
#
# - Consent is a file that the tools insist on; people who did not agree are counted and not stored.
# - Neighbouring frames hardly differ; you chose how many a second to take.
# - A similarity transform takes away place, size and tilt, and leaves the identity: the average of
#   unaligned faces is fog, that of aligned faces a person.
# - The usual threshold of 0.6 let all of Ben's 48 faces in; 0.44 none. You read it off a histogram.
# - Blur is measured relative to contrast; tilted frames are turned and searched again.
# - As many faces can cover few poses or many: film a screen test, not a passport picture.
# - BGR instead of RGB raises no error. It costs a little everywhere, and then somebody loosens the
#   threshold.
#
# ## References
#
# - José Luis Pech-Pacheco and others (2000),
#   [Diatom Autofocusing in Brightfield Microscopy](https://doi.org/10.1109/ICPR.2000.903548).
# - Davis King (2017), [High Quality Face Recognition with Deep Metric
#   Learning](http://blog.dlib.net/2017/02/high-quality-face-recognition-with-deep.html).
# - Francis Galton (1878), [Composite
#   Portraits](https://en.wikisource.org/wiki/Popular_Science_Monthly/Volume_13/August_1878/Composite_Portraits).
# - Shinji Umeyama (1991), [Least-Squares Estimation of Transformation Parameters Between Two Point
#   Patterns](https://doi.org/10.1109/34.88573).
#
# **Next:** chapter 05 trains an autoencoder on such faces, and swaps them.
