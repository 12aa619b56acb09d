# %% [markdown]
# # 11 · Detect what was made
#
# **Time** 90 minutes, of which the computer needs two · **Hardware** any laptop · **Download** none
#
# You have made fakes for ten chapters. Now change sides: can a program tell what was filmed from
# what was made? It can, astonishingly well, as long as you test it on what it knows. This chapter
# is about the rest.
#
# You will be able to
#
# - measure by hand what gives a fake away, and say where each such cue fails,
# - train a detector, and test it so that the number means something,
# - read a cross-manipulation matrix, a calibration curve and an error rate at a real base rate,
# - explain why a detector that never saw a fake may know more of them than one that saw thousands,
# - fool a detector with noise that nobody sees, and say what helps against it,
# - write down in one honest paragraph what a score does and does not show.
#
# > **Rule of this chapter.** A score is a hint, never a verdict. Do not publish what a detector
# > says of a person without that person's answer, a second method and a look at the source. Whoever
# > calls a true recording fake does harm too.

# %% tags=["setup"]
# The set-up cell: `make chapters` puts it in.

# %% [markdown]
# ## 1 · You and a machine
#
# With the package come some hundred faces from a labelled set: filmed people of the studio and
# fakes by every maker that this course has, each made as in its chapter, cut and compressed alike.
# Nobody in the *test* half is in the *train* half. `copy` is the oldest trick: somebody else's
# filmed face laid over, with nothing learnt.

# %%
# NBVAL_CHECK_OUTPUT
from collections import Counter

import numpy as np

from deepfake_lesson.detection.sample import read_sample

train, test = read_sample("train"), read_sample("test")
for name, crops in (("train", train), ("test", test)):
    kinds = dict(Counter(crops.makers.tolist()))
    print(name, len(crops), "faces of", len(set(crops.videos)), "videos:", kinds)

# %% [markdown]
# Sixteen of the test faces. You played this in chapter 01 with larger pictures; here they are as
# small as a detector gets them. **Predict** your accuracy, then press *real* or *fake*.

# %% alt="Sixteen numbered faces, some filmed and some made"
from deepfake_lesson.images import fit
from deepfake_lesson.quiz import Quiz, confusion, score

MAKERS = ["copy", "swap", "pix2pix", "motion"]


def some(crops, maker: str, count: int) -> np.ndarray:
    """Rows of `count` faces of a maker, evenly spread."""
    rows = crops.rows_of[maker]
    return rows[np.linspace(0, len(rows) - 1, count).astype(int)]


asked = np.concatenate([some(test, "real", 8), *(some(test, maker, 2) for maker in MAKERS)])
asked = np.random.default_rng(11).permutation(asked)
quiz = Quiz([fit(test.images[k], 256) for k in asked], test.labels[asked] == 1)
quiz

# %% [markdown]
# Your rival is the detector that comes with the package. It has learnt from other studio people
# (how, you will see in section 5). Above one half it says *fake*.

# %% alt="Tables of hits, misses, false alarms and correct rejections of the detector, and of you"
from deepfake_lesson.detection.detect import SHIPPED, detect
from deepfake_lesson.detection.training import load_detector

rival = load_detector(SHIPPED)
p_fake = rival.p_fake(test.images)
players = {"detector": p_fake[asked] > 0.5}
if quiz.done:
    players["you"] = quiz.answers
scores = {name: score(quiz.is_fake, said) for name, said in players.items()}
confusion(scores)

# %% alt="The sixteen faces with their kind and the detector's p_fake under each"
from deepfake_lesson import plots

words = [f"{test.makers[k]}: {p_fake[k]:.2f}" for k in asked]
plots.gallery(test.images[asked], words, columns=8, size=116)

# %% [markdown]
# Hardly better than a coin? These are single small frames, and one half is a strict threshold for
# it. Section 6 asks it for whole videos, and there it does better.
#
# Under each face stands what made it and **[p_fake](glossary.md#deepfake-detector)**, 0 for filmed
# and 1 for made. The field is not agreed on which end is which (MesoNet's authors call a *real*
# face 1), and scores have been read backwards more than once. In this course it is always p_fake.
#
# ## 2 · A cue that can be argued about
#
# Before you trust a network, look for something that you can name. Two ideas:
#
# - A **seam**: what was pasted has another colour and another sharpness than what is around it.
#   Compare a rim just inside the face's outline with one just outside.
# - **Fine detail**: a network that was told to be right on average paints softly, and one that
#   enlarges small maps leaves a pattern. Both show in the power spectrum: how much of the picture
#   is in slow waves and how much in fast ones (Durall and others 2020).
#
# **Predict:** for which of the four makers does which cue work?

# %% alt="Curves of power over spatial frequency, one for filmed faces and one for each maker"
import matplotlib.pyplot as plt

from deepfake_lesson.detection.cues import boundary_gaps, power_spectrum

spectra = {
    maker: np.mean([power_spectrum(test.images[k]) for k in rows], axis=0)
    for maker, rows in test.rows_of.items()
}
figure, axes = plt.subplots()
colors = ("black", "#0072b2", "#d55e00", "#009e73", "#cc79a7")
for maker, color in zip(["real", *MAKERS], colors, strict=True):
    axes.plot(np.arange(1, 65), spectra[maker] - spectra["real"], color=color, label=maker)
axes.set(xlabel="periods in the face's picture", ylabel="decades of power\nmore than real")
axes.legend(ncols=5, loc="lower left")
plt.show()

# %% [markdown]
# Each line is a maker's mean spectrum, less that of filmed faces (black, so at 0). Below 0 there is
# less of such waves than in a filmed face. Now one number a face, and how well it alone tells real
# from fake: its **[AUC](glossary.md#area-under-the-curve)**, the share of all pairs of one fake and
# one real face in which the fake has the higher value. One half is guessing; 0 would be as good as
# 1, the other way round.

# %%
from deepfake_lesson.detection.evaluation import auc


def detail(image: np.ndarray) -> float:
    """Decades of power in the fastest quarter of all waves, little where it is soft."""
    return -float(power_spectrum(image)[48:].mean())


faces = zip(test.images, test.points, strict=True)
color_gap, sharpness = np.transpose([boundary_gaps(*each) for each in faces])
cues = {
    "lost detail": [detail(image) for image in test.images],
    "colour gap": color_gap,
    "softer inside": -sharpness,
}
print(f"{'AUC of faces':16}" + "".join(f"{maker:>10}" for maker in MAKERS))
for name, values in cues.items():
    values, cells = np.nan_to_num(values), []
    for maker in MAKERS:
        rows = np.concatenate([test.rows_of["real"], test.rows_of[maker]])
        cells.append(auc(test.labels[rows], values[rows]))
    print(f"{name:16}" + "".join(f"{cell:10.2f}" for cell in cells))

# %% [markdown]
# No cue works everywhere, and each has an easy cure: sharpen, match the colours, blend more softly.
# Chapters 06 and 07 did just that. Other cues have come and gone the same way. In 2018 fakes hardly
# blinked (Li, Chang and Lyu); a few months later they did. **Which cue would you cure first if you
# made fakes?**
#
# ## 3 · A network, and one maker
#
# MesoNet (Afchar and others 2018) was among the first networks for the purpose. It is tiny, 28,073
# numbers, on purpose: it can learn how a surface looks, hardly who somebody is. We train it for
# half a minute on filmed faces and on the fakes of a single maker, animated pictures. To be judged
# it gets other people.

# %% alt="Test faces, filmed above and fake below, each with the network's p_fake"
from deepfake_lesson.detection.training import DetectorConfig, train_detector

KNOWN = "motion"


def of(crops, *makers: str):
    """The faces of these makers, and the filmed ones."""
    return crops.where(np.isin(crops.makers, ["real", *makers]))


folder = lesson.WORK / "chapter_11"
config = DetectorConfig("meso4", batch_size=16, learning_rate=2e-3, light=0.2, wear=0)
report = train_detector(
    of(train, KNOWN), of(test, KNOWN), folder / "mesonet", config, minutes=0.5, fresh=True,
    watch=plots.live(),
)  # fmt: skip
mesonet = load_detector(folder / "mesonet")
print(f"{report.step} steps of {config.batch_size} faces")

# %% [markdown]
# ## 4 · The fall
#
# **Predict:** it has seen only animated pictures. What will it say to re-enactments, to swaps, to
# copies? We ask for each maker's test videos. A video's score is the mean of its faces'.

# %%
from deepfake_lesson.detection.evaluation import cross_manipulation, scores_by_maker
from deepfake_lesson.detection.figures import matrix_figure

big = test.resized(config.size)
found = {f"MesoNet: {KNOWN}": scores_by_maker(mesonet.p_fake(big.images), test.videos, test.makers)}
names, matrix = cross_manipulation(found, MAKERS)
for maker, value in zip(MAKERS, matrix[0], strict=True):
    print(f"{maker:8} {value:.2f}")

# %% [markdown]
# A network learns what lowers its loss, and the cheapest thing that separates *these* fakes from
# filmed faces is that they lack fine detail as a whole, as section 2 has shown. Re-enactments have
# that in common and are caught with them. Copies and swaps keep the film's own pixels but for the
# face: next to them it nearly guesses. So it is with the field's best networks and largest sets.
# Video AUC in percent, as Li and others (2020) report:
#
# | detector | on the set it knows (FaceForensics++) | on one that it does not (Celeb-DF) |
# |---|---|---|
# | MesoNet | 84.7 | 54.8 |
# | Xception, lightly compressed | 99.7 | 65.3 |
#
# And in 2025 open detectors lost about half of their AUC for video when they were asked about fakes
# that had really gone round in 2024 (Chandra and others). When somebody tells you a detector's
# accuracy, ask: *on whose fakes?*
#
# ## 5 · Learn the seam, not the maker
#
# Shiohara and Yamasaki (2022) throw the fakes away. Whatever the maker, somewhere a face was put
# into a frame. So: take a **filmed** face. Make a copy with slightly other colours or sharpness,
# move it by a hair, and blend it into the original through a soft, wobbly mask. The result is the
# same person in the same picture, and the only thing wrong with it is a seam.

# %% alt="Three rows: a filmed face, the face blended into itself, the mask, and where the two meet"
from deepfake_lesson.detection.self_blended import boundary, self_blended_pair

rng, shown = np.random.default_rng(2), []
for k in some(train, "real", 3):
    target, blended, mask = self_blended_pair(train.images[k], train.points[k], rng)
    shown += [target, blended, mask, boundary(mask)]
plots.gallery(shown, ["real", "self-blended", "mask", "boundary"] * 3, columns=4, size=190)

# %% [markdown]
# A network that must tell the first column from the second cannot use who it is, how it is lit or
# what the camera does: both columns have that in common. It has to find the seam. Ours was asked
# for both, to say *fake* and to **paint the boundary**, the last column (Li and others 2020 call it
# the Face X-ray). Here is the whole recipe of a pair, as it stands in the package:

# %%
from deepfake_lesson.detection import self_blended

lesson.show(self_blended.self_blended_pair)

# %% [markdown]
# **Break it:** what does a network learn if the jitter is left out, so that both copies are the
# same? And if only the fake half is saved as a JPEG?
#
# Seams are faint, and to find them takes more than MesoNet and half a minute: the package's
# detector is a larger network ([EfficientNet-Lite](glossary.md#backbone), 0.7 million numbers) that
# knew photographs already. What its training looked like, from its own notes:

# %% alt="AUC on other people's self-blended faces, rising over the minutes of training"
history = np.genfromtxt(SHIPPED / "history.csv", delimiter=",", names=True)
figure, axes = plt.subplots()
axes.plot(history["seconds"] / 60, history["held_out_auc"], color=plots.COLORS["blue"])
axes.set(xlabel="minutes of training", ylabel="AUC, other people's\nself-blended faces")
axes.set_ylim(0.45, 1.02)
plt.show()

# %% [markdown]
# ## 6 · The recovery
#
# **Predict:** this detector has never seen a fake by any maker. For which of the four does it work,
# and for which can it not? Think of what each of them paints.

# %% alt="A table as a picture: detectors down, makers across, AUC in each field"
found["self-blended"] = scores_by_maker(p_fake, test.videos, test.makers)
names, matrix = cross_manipulation(found, MAKERS)
plots.Picture(matrix_figure(names, MAKERS, matrix))

# %% [markdown]
# Copies and swaps are pasted into a frame and have a seam, and of a swap the face is softer than
# the hair beside it. A re-enactment (`pix2pix`) is painted as a whole, and yet it is caught: soft
# and sharp places lie side by side there too. The hardest is animation (`motion`): most of its
# pixels are filmed ones that were moved. And none of this is promised for a maker of next year. The
# whole matrix, with a detector for each maker and more faces, stands in
# [benchmarks/detection.md](../benchmarks/detection.md).
#
# Frames of one video are much alike; so count **videos**, not frames, when you say how sure you
# are. The interval says between which values the AUC would lie in 95 of 100 such tests with other
# videos.

# %%
from deepfake_lesson.detection.evaluation import evaluate_scores

report = evaluate_scores(test.labels, p_fake, test.videos)
low, high = report["video"]["interval"]
print(f"frame AUC {report['frame']['auc']:.2f}")
print(f"video AUC {report['video']['auc']:.2f}, 95 % interval {low:.2f} to {high:.2f}")
print(f"equal error rate {report['video']['eer']:.0%}")
print(f"average precision {report['video']['ap']:.2f}")

# %% [markdown]
# Three more ways to fool yourself, none of which shows in the number:
#
# - **The same people in both halves.** Then a network may know faces, not fakes. Split by person.
# - **Another crop in training than in use.** A tight crop hides the seam. Ours is always the square
#   round the landmarks, 1.3 times as wide; a figure without its crop, the number of frames and how
#   they were averaged cannot be compared with any other.
# - **Files that give the answer away.** If only the fakes were saved twice, a network learns to see
#   JPEG. In our set both go the same way to the last encoder.
#
# ## 7 · What is a score worth?
#
# *Calibrated* is a detector of whose scores you can say: of all that it calls 70 % fake, 70 % are.
# On the line is right; below it, too sure of a fake; above it, not sure enough.

# %% alt="A reliability diagram: the share of fakes over p_fake, beside the diagonal"
from deepfake_lesson.detection.evaluation import reliability
from deepfake_lesson.detection.figures import calibration_figure

diagram = reliability(test.labels, p_fake)
print(f"expected calibration error {diagram.error:.2f}")
plots.Picture(calibration_figure({"faces of the test half": diagram}))

# %% [markdown]
# Four of five faces in our set are fakes, and a calibrated score holds only where the mix is the
# same. On the web nearly all is real: the [base
# rate](glossary.md#base-rate) is low. Say a very good detector finds 95 % of all fakes and calls
# 5 % of all real videos fake. **Predict before you run:** one video of a thousand is a fake. The
# alarm goes. How likely is it one?

# %%
# NBVAL_CHECK_OUTPUT
hit_rate, false_alarm_rate = 0.95, 0.05
for prevalence in (0.5, 0.1, 0.01, 0.001):
    alarms = hit_rate * prevalence + false_alarm_rate * (1 - prevalence)
    share = hit_rate * prevalence / alarms
    print(f"one fake of {1 / prevalence:5.0f}: {share:6.1%} of the alarms are fakes")

# %% [markdown]
# ## 8 · Attack and defence
#
# The cheapest attack is the daily life of a file. Each curve takes one thing further.

# %% alt="Four small diagrams: AUC over JPEG quality, size, blur and noise"
from deepfake_lesson.detection.wear import WEARS, worn

few = np.concatenate([some(test, maker, 16) for maker in ("real", "copy", "swap")])
figure, every = plt.subplots(1, 4, figsize=(11, 3), sharey=True)
for axes, (name, (_, levels)) in zip(every, WEARS.items(), strict=True):
    values = []
    for level in levels:
        faces = np.stack([worn(image, name, level) for image in test.images[few]])
        values.append(auc(test.labels[few], rival.p_fake(faces)))
    axes.plot(range(len(levels)), values, "o-", color=plots.COLORS["blue"])
    axes.axhline(0.5, color="#888888", linestyle="--", linewidth=1)
    axes.set(xlabel=name, ylim=(0.3, 1.03))
    axes.set_xticks(range(len(levels)), [f"{level:g}" for level in levels])
every[0].set_ylabel("AUC, copies and swaps")
plt.show()

# %% [markdown]
# The next attack is aimed. Who has the detector can ask it for each pixel: *which way would you
# rather have it?* and go there by a few grey levels of 255: [adversarial
# noise](glossary.md#adversarial-noise) (Goodfellow, Shlens and Szegedy 2015). **Predict:** how many
# levels does it take until the detector calls fakes real?

# %% alt="A fake face, the same with invisible noise, and that noise made eighty times stronger"
from deepfake_lesson.detection.adversarial import evade

fakes = test.images[np.concatenate([some(test, maker, 12) for maker in ("copy", "swap")])]
for levels in (0, 1, 2):
    caught = rival.p_fake(evade(rival.network, fakes, levels, steps=2)) > 0.5
    print(f"{levels} grey levels: {caught.mean():4.0%} of the fakes called fake")
best = fakes[np.argmax(rival.p_fake(fakes))]
noisy = evade(rival.network, best[None], 1, steps=2)[0]
amplified = np.clip(128 + 80 * (noisy.astype(int) - best), 0, 255).astype(np.uint8)
two = rival.p_fake(np.stack([best, noisy]))
words = [f"p_fake {two[0]:.2f}", f"p_fake {two[1]:.2f}", "noise x 80"]
plots.gallery([best, noisy, amplified], words, size=256)

# %% [markdown]
# The two faces look the same to you. What helps? The noise is fitted to the pixels as they are, so
# change them a little before you look: save as a JPEG, scale down and up. It costs some accuracy on
# honest files, and an attacker who knows it fits the noise to that as well.

# %%
from deepfake_lesson.detection.wear import jpeg, resize

noisy = evade(rival.network, fakes, 1, steps=2)
for name, prepare in (
    ("as it comes", lambda image: image),
    ("JPEG 60", lambda image: jpeg(image, 60)),
    ("three quarters and back", lambda image: resize(image, 0.75)),
):
    honest, attacked = (
        (rival.p_fake(np.stack([prepare(image) for image in faces])) > 0.5).mean()
        for faces in (fakes, noisy)
    )
    print(f"{name:24} honest fakes caught {honest:4.0%}, attacked ones {attacked:4.0%}")

# %% [markdown]
# This is the arms race in small: every detector that can be asked is a teacher for the next fake.
# Chapter 08's discriminator *is* such a detector, and the generator trained against it until it
# lost. Whoever sells a detector keeps it behind a counter for this reason too. Vendors advertise
# figures in the high nineties; what you need to know is on whose fakes, at which compression, at
# which base rate, and who measured.
#
# ## 9 · Where it looks, and what you may say
#
# **[Grad-CAM](glossary.md#saliency-map)** asks which places of the last maps raised the score. It
# says *where*, not *why*, and no finer than those maps are.

# %% alt="Four faces, each beside the same face with bright places where the detector found a fake"
from deepfake_lesson.detection.saliency import grad_cam, overlay
from deepfake_lesson.images import to_float

pictures, words = [], []
for maker in MAKERS:
    rows = test.rows_of[maker]
    k = rows[np.argmax(p_fake[rows])]
    heat = grad_cam(rival.network, to_float(test.images[k]))
    pictures += [test.images[k], overlay(test.images[k], heat)]
    words += [maker, f"p_fake {p_fake[k]:.2f}"]
plots.gallery(pictures, words, columns=4, size=190)

# %% [markdown]
# Now a clip, as you would get it. We animate one picture (chapter 10) with the package's motion
# model and ask for a report; `deepfake-lesson detect clip.mp4 --report report.html` does the same.

# %% alt="A line: p_fake of the face over the seconds of the clip"
from deepfake_lesson.animation.animate import AnimateOptions, animate
from deepfake_lesson.detection.report import timeline, write_report

driver = lesson.studio_person(34, "talk", seconds=1, size=320, fps=12, take=1)
other = lesson.studio_person(35, "talk", seconds=1, size=320, fps=12, take=1)
fake = folder / "animated.mp4"
plain = AnimateOptions(label=False)  # the detector never saw a label; the credential stays
animate(other.media / "clip.mp4", driver.media / "clip.mp4", fake, options=plain)
report = detect(fake, rival, frames=12)
write_report(report, folder / "report.html")
for line in report.words:
    print("-", line)
plots.Picture(timeline(report))

# %% [markdown]
# And faces of other worlds: the astronaut of chapter 02, a photograph; and a studio person before a
# perfect camera, without grain, blur or a phone's compression. Our detector has seen studio people
# before phones and webcams only. A detector that is asked about what it does not know should say
# so, and not only return a number. **Predict:** will it?

# %%
from skimage.data import astronaut

from deepfake_lesson.images import write_image
from deepfake_lesson.video import read_frames

write_image(folder / "astronaut.png", astronaut())
clean = lesson.studio_person(35, "talk", seconds=1, size=320, fps=12)
write_image(folder / "clean.png", next(read_frames(clean.media / "clip.mp4")))
for name in ("astronaut", "clean"):
    report = detect(folder / f"{name}.png", rival)
    face = report.faces[0]
    print(
        f"{name}: {report.verdict}, p_fake {face.p_fake:.2f}; strangeness {face.strangeness:.2f}, "
        f"and known faces lie below {face.threshold:.2f}"
    )

# %% [markdown]
# Neither was made by any of our four makers. An alarm for strange faces is better than none, and it
# is no guarantee: it looks at what the network looks at, and what that never learnt to see it
# cannot miss. Whoever uses a detector tries it first on **real** files of the kind in question.

# %% [markdown]
# ## Exercises
#
# ### 1 · AUC by hand
#
# Count it as section 2 defines it: over all pairs of one fake and one real score, the share in
# which the fake is higher; a tie counts one half.


# %% nbgrader={"solution": true, "grade_id": "auc_by_hand"}
import numpy as np


def auc_by_hand(real: list[float], fake: list[float]) -> float:
    """Share of pairs in which the fake scores above the real one; ties count one half."""
    ### BEGIN SOLUTION
    real, fake = np.asarray(real), np.asarray(fake)[:, None]
    return float(((fake > real) + 0.5 * (fake == real)).mean())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_auc_by_hand", "points": 3}
from deepfake_lesson.exercises import chapter_11 as check

check.auc_by_hand(auc_by_hand)
### BEGIN HIDDEN TESTS
assert (answer := check.auc_by_hand(auc_by_hand)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 2 · A cue of your own
#
# The share of a picture's power that lies in fast waves. `spectrum` are **decades** of power (so
# 10 to the spectrum is the power) of 1, 2, 3 ... periods. Return the power of the upper half of the
# entries over that of all.


# %% nbgrader={"solution": true, "grade_id": "fast_share"}
import numpy as np


def fast_share(spectrum: np.ndarray) -> float:
    """Share of the power (0..1) in the upper half of a spectrum (N,) in decades, N even."""
    ### BEGIN SOLUTION
    power = 10.0**spectrum
    return float(power[len(power) // 2 :].sum() / power.sum())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_fast_share", "points": 2}
from deepfake_lesson.exercises import chapter_11 as check

check.fast_share(fast_share)
### BEGIN HIDDEN TESTS
assert (answer := check.fast_share(fast_share)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 3 · A seam
#
# Blend `source` over `target` through `mask`, and return also the boundary `4 m (1 - m)`. All are
# float; the pictures (H, W, 3), the mask (H, W).


# %% nbgrader={"solution": true, "grade_id": "blend"}
import numpy as np


def blend(target: np.ndarray, source: np.ndarray, mask: np.ndarray) -> tuple:
    """The blended picture (H, W, 3), the source where the mask is 1, and the boundary (H, W)."""
    ### BEGIN SOLUTION
    blended = target + mask[..., None] * (source - target)
    return blended, 4 * mask * (1 - mask)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_blend", "points": 3}
from deepfake_lesson.exercises import chapter_11 as check

check.blend(blend)
### BEGIN HIDDEN TESTS
assert (answer := check.blend(blend)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 4 · How likely is it a fake?
#
# Section 7 as a function: the share of the alarms that are fakes. **Think about it:** a platform
# looks at a million videos a day, of which one in ten thousand is a fake. How many false alarms
# does a rate of 1 % bring, and who looks at them?


# %% nbgrader={"solution": true, "grade_id": "fakes_among_alarms"}
def fakes_among_alarms(hit_rate: float, false_alarm_rate: float, prevalence: float) -> float:
    """Share (0..1) of all alarms that are fakes; prevalence is the share of fakes in all videos."""
    ### BEGIN SOLUTION
    hits = hit_rate * prevalence
    return hits / (hits + false_alarm_rate * (1 - prevalence))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_fakes_among_alarms", "points": 2}
from deepfake_lesson.exercises import chapter_11 as check

check.fakes_among_alarms(fakes_among_alarms)
### BEGIN HIDDEN TESTS
assert (answer := check.fakes_among_alarms(fakes_among_alarms)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 5 · One step against a detector
#
# You have the slope of p_fake for each value of a picture (how much it rises when the value rises).
# Move every value by `levels` so that p_fake falls, and stay a picture: whole numbers from 0 to
# 255.


# %% nbgrader={"solution": true, "grade_id": "step_against"}
import numpy as np


def step_against(image: np.ndarray, slope: np.ndarray, levels: int) -> np.ndarray:
    """The picture (H, W, 3) uint8 moved by at most `levels` a value against the slope, uint8."""
    ### BEGIN SOLUTION
    moved = image.astype(int) - levels * np.sign(slope).astype(int)
    return np.clip(moved, 0, 255).astype(np.uint8)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_step_against", "points": 3}
from deepfake_lesson.exercises import chapter_11 as check

check.step_against(step_against)
### BEGIN HIDDEN TESTS
assert (answer := check.step_against(step_against)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 6 · One honest paragraph
#
# An editor sends you the animated clip of section 9 and asks: *is it real?* Open
# `work/chapter_11/report.html` and answer in at most eight sentences: what was asked of which
# detector, what it said and how much that varied, what it has been tested on, what it cannot see,
# what else you looked at, and what the editor should do next. No verdict without a reason.

# %% [markdown] nbgrader={"solution": true, "grade": true, "grade_id": "report", "points": 5}
# (One answer of many.) I looked at 12 frames of the clip with the course's detector, which learnt
# from studio people by self-blended images. It gives the face the p_fake that the report shows,
# with the interval beside it over the frames; that says how much its frames differ, not how often
# it errs. It was tested on people that it had not seen, and there it finds pasted faces far better
# than pictures that were painted as a whole, as an animated picture is. So a low score would not
# clear this clip, and a high one alone would not convict it. The file carries a content credential
# of deepfake_lesson and a watermark that say it was made, which weighs more than any score. I would
# ask the sender where the clip comes from and for the original file, and look for the still picture
# that it may have been made from. Until then: do not publish it as a recording, and do not call
# anybody a forger.

# %% [markdown]
# ## Summary
#
# - Cues can be named and argued about; each works on some makers, and each can be cured.
# - A detector trained on one maker learns that maker. Test on fakes and people that it never saw.
# - Self-blended images teach the seam without a single fake. What has no seam is another matter.
# - Frame AUC flatters; count videos, give intervals, say crop, frames and aggregation.
# - At a low base rate most alarms of a good detector are false.
# - One grey level, fitted to the detector, is enough against it.
# - A score is a hint. *No face* and *out of domain* are answers too.
#
# ## References
#
# - Darius Afchar, Vincent Nozick, Junichi Yamagishi, Isao Echizen (2018), [MesoNet: a Compact
#   Facial Video Forgery Detection Network](https://arxiv.org/abs/1809.00888).
# - Nuria Chandra and others (2025), [Deepfake-Eval-2024](https://arxiv.org/abs/2503.02857).
# - Ricard Durall, Margret Keuper, Janis Keuper (2020), [Watch your
#   Up-Convolution](https://arxiv.org/abs/2003.01826).
# - Ian Goodfellow, Jonathon Shlens, Christian Szegedy (2015), [Explaining and Harnessing
#   Adversarial Examples](https://arxiv.org/abs/1412.6572).
# - Lingzhi Li and others (2020), [Face X-ray for More General Face Forgery
#   Detection](https://arxiv.org/abs/1912.13458).
# - Yuezun Li, Ming-Ching Chang, Siwei Lyu (2018), [In Ictu
#   Oculi](https://arxiv.org/abs/1806.02877).
# - Yuezun Li, Xin Yang, Pu Sun, Honggang Qi, Siwei Lyu (2020), [Celeb-DF: A Large-scale Challenging
#   Dataset for DeepFake Forensics](https://arxiv.org/abs/1909.12962).
# - Ramprasaath Selvaraju and others (2017), [Grad-CAM](https://arxiv.org/abs/1610.02391).
# - Kaede Shiohara, Toshihiko Yamasaki (2022), [Detecting Deepfakes with Self-Blended
#   Images](https://arxiv.org/abs/2204.08376).
# - Mingxing Tan, Quoc Le (2019), [EfficientNet](https://arxiv.org/abs/1905.11946).
#
# **Next:** chapter 12 turns the question round. Instead of asking a picture whether it was made,
# the maker says so, in a way that can be checked.
