# %% [markdown]
# # 01 · What is a deepfake?
#
# **Time** 60 minutes, of which the computer needs one · **Hardware** any laptop · **Download** none
#
# What counts as a deepfake, which kinds are there, and would you notice one?
#
# You will be able to
#
# - say where the word comes from, and what happened when,
# - name the kind of a fake by asking whose face it shows and who moves it,
# - draw the three stages by which nearly all of them are made,
# - say how well you tell real from fake, in a number that cannot be flattered,
# - weigh a use or a harm: who agreed, who is deceived, who can still be believed.
#
# > **Rule of this chapter.** Real people are named here only where the news named them. Every
# > picture shows somebody who does not exist.

# %% tags=["setup"]
# The set-up cell: `make chapters` puts it in.

# %% [markdown]
# ## 1 · From the cutting room to the network
#
# Pictures have been retouched as long as there have been pictures. In 1994 a film hero shook hands
# with a president who had been dead for thirty years; in 2015 a film was finished after one of its
# actors had died, with his brothers as doubles and his face from the computer. Both took a studio
# full of specialists. What is new is that a program, a neural **network**, *learns* the face from
# examples, and that anybody can run it.
#
# The word is **deep** learning plus **fake**. At the end of 2017 a user of Reddit who called
# himself *deepfakes* posted pornographic videos in which actresses' faces had been put on other
# women's bodies. Nobody had asked them. In February 2018 the site closed that forum. The word
# stayed.
#
# **Before you run the cell:** how many years lie between the [GAN](glossary.md#gan) of 2014, a new
# way for a network to invent pictures, and the first app for everybody?

# %% alt="A timeline from 1994 to 2025: few events until 2014, and most from the end of 2017 on"
import datetime

import matplotlib.pyplot as plt

from deepfake_lesson import plots

EVENTS = """
1994-07-06 film     Forrest Gump meets President Kennedy
1997-08-03 research Video Rewrite gives a speaker new lips
1999-08-08 research 3D morphable model of faces
2014-06-10 research GAN: two networks compete
2015-04-03 film     Furious 7 is finished without its actor
2016-06-27 research Face2Face: re-enactment, live
2016-11-21 research pix2pix: from drawings to pictures
2017-12-11 public   the press finds Reddit's user deepfakes
2018-01-15 public   FakeApp: everybody can swap faces
2018-02-07 rules    Reddit bans the forum
2018-04-17 use      BuzzFeed warns with a fake Obama
2018-12-12 research StyleGAN: faces of nobody
2018-12-21 rules    a US bill defines "deep fake"
2019-04-09 use      Malaria Must Die: nine languages
2019-05-11 use      Dalí Lives, in a museum
2019-10-07 harm     a count: 96 % of fakes are pornography
2019-12-08 research first order motion model
2020-02-07 use      a campaign in India in new languages
2022-03-16 harm     a fake president surrenders
2022-08-22 research Stable Diffusion: pictures from text
2024-02-04 harm     HK$ 200 million lost in a fake video call
2024-08-01 rules    the EU's AI Act is in force
2025-05-19 rules    Take It Down Act in the US
"""
KINDS = {"film": "black", "research": "blue", "public": "purple", "use": "green", "harm": "red"}
KINDS |= {"rules": "orange"}
events = [line.split(maxsplit=2) for line in EVENTS.strip().splitlines()]
figure, axes = plt.subplots(figsize=(9.6, 7))
for row, (day, kind, words) in enumerate(events):
    color, date = plots.COLORS[KINDS[kind]], datetime.date.fromisoformat(day)
    axes.plot(date, row, "o", color=color, markersize=8)
    side = 1 if date.year < 2010 else -1
    place = {"xytext": (10 * side, 0), "textcoords": "offset points", "va": "center"}
    place["ha"] = "left" if side > 0 else "right"
    axes.annotate(f"{words} ({date.year})", (date, row), fontsize=11, **place)
for kind, color in KINDS.items():
    axes.plot([], [], "o", color=plots.COLORS[color], label=kind)
axes.set(xlim=(datetime.date(1993, 1, 1), datetime.date(2026, 6, 1)), yticks=[])
axes.invert_yaxis()
axes.spines["left"].set_visible(False)
axes.legend(loc="lower left")
plt.show()

# %% [markdown]
# Read it from top to bottom; the dots stand at their true dates (the app's to the month). Three and
# a half years lie between GAN and app, and then a few weeks between the app and the first bans.
#
# **A definition.** A bill in the US Senate of December 2018 called a *deep fake* an audiovisual
# record that was made or altered so that a reasonable observer would take it for an authentic
# record of what somebody really said or did, although it is not. Three parts matter: something is
# *made or altered*, it is about the *speech or conduct* of a person, and it *would deceive*. A
# cartoon is none. **Is a museum's painter who talks to you, under a sign that explains how it was
# made?** Section 6 comes back to this.
#
# This course is about faces in pictures and videos. Voices and texts are faked by networks too, and
# many frauds use all three.
#
# ## 2 · Whose face, and who moves it?
#
# Two people take part in most fakes. The [source](glossary.md#source) drives: it gives movement, or
# the film. The [target](glossary.md#target) is the one whose likeness is faked. The result is what
# you get to see. Here are our two. Neither exists, but each has a picture: he shouts and looks
# aside, she smiles.
#
# The studio can do something that no network can: make the *ideal* fake, by filming the scene that
# the fake pretends to show. So we see what each kind wants, before we see how well it is reached.

# %% alt="The source, a bearded man who shouts, turned aside; the target, a woman who smiles"
from dataclasses import replace

import numpy as np

from deepfake_lesson.studio import Identity, Moment, Pose, Scene, render_moment
from deepfake_lesson.studio.prior import OLD
from deepfake_lesson.studio.shape import sample_residual


def person(seed: int, older: float = 0, **look) -> Identity:
    """Somebody who does not exist, perhaps older (1 is much) or with another `look`."""
    who, bumps = Identity.sample(seed), sample_residual(np.random.default_rng(seed))
    shape = {trait: amount + older * OLD.get(trait, 0) for trait, amount in who.shape.items()}
    return Identity.build(seed, shape, bumps, replace(who.look, **look))


def picture(who: Identity, moment: Moment, scene: Scene) -> np.ndarray:
    """RGB uint8 (192, 192, 3)."""
    return render_moment(who, moment, scene, size=192).image


SOURCE, TARGET = person(20), person(27)
HIS_ROOM, HER_GARDEN = Scene.sample(11), Scene.sample(12)
# Muscles of the face by their numbers (chapter 02): brows, cheeks, mouth; the gaze in degrees.
shout = {"AU1": 0.9, "AU2": 0.9, "AU25": 0.5, "AU26": 0.7, "gaze_x": -24}
shouts = Moment(shout, Pose(yaw=-18, pitch=4))
smiles = Moment({"AU6": 0.6, "AU12": 0.8, "AU25": 0.3}, Pose(yaw=8))
source, target = picture(SOURCE, shouts, HIS_ROOM), picture(TARGET, smiles, HER_GARDEN)
plots.gallery([source, target], ["source: drives", "target: is faked"], size=230)

# %% [markdown]
# To see what a fake changes, we light up the pixels: dark blue where nothing happened, yellow where
# a pixel has changed by 60 of 255 grey levels or more.
#
# ### Replacement: another face in his film
#
# His picture is kept, with his hair, clothes and room. In a **transfer** her face comes as it was
# in her own picture, smile and all. In a **swap** her face does what his did. **Predict:** in which
# of the two results does she shout?


# %% alt="Two rows, transfer and swap: source, target, her face in his picture, changed pixels"
def lit(before: np.ndarray, after: np.ndarray, full: float = 60) -> np.ndarray:
    """A heat map of the change: blue for none, yellow for `full` grey levels or more."""
    change = np.abs(after.astype(float) - before).mean(axis=-1)
    return plt.cm.cividis((change / full).clip(0, 1))[..., :3]


def show(rows: dict) -> plots.Picture:
    """Rows of source, target, result and what changed; name: (source, target, before, after)."""
    shown, labels = [], []
    for name, (driver, face, before, after) in rows.items():
        shown += [driver, face, after, lit(before, after)]
        labels += ["source", "target", name, "changed"]
    return plots.gallery(shown, labels, columns=4, size=170)


his = {name: getattr(SOURCE.look, name) for name in ("hair", "hair_color", "cloth", "neckline")}
her_face_on_him = person(27, **his)
transfer = picture(her_face_on_him, smiles, HIS_ROOM)
swap = picture(her_face_on_him, shouts, HIS_ROOM)
replacement = {"transfer": (source, target, source, transfer)}
replacement["swap"] = (source, target, source, swap)
show(replacement)

# %% [markdown]
# The swap shouts. His head is lit, brightest along its outline and where the beard was, because
# bones and skin are hers now; his room stays dark. Chapters 04 to 07 build this kind.
#
# ### Re-enactment: her own picture moves
#
# Now *her* picture is kept, and he moves it like a puppet: only her **gaze**, only her **mouth**
# (this is how films are dubbed), the whole **expression**, or the **pose** of her head.
# **Predict:** which of the four has to repaint the most, and which the fewest pixels?


# %% alt="Four rows: gaze lights her eyes, mouth her jaw, expression the face, pose all of the head"
PARTS = {"gaze": ["gaze_x"], "mouth": ["AU12", "AU25", "AU26"], "brows": ["AU1", "AU2"]}
PARTS["cheeks"] = ["AU6"]


def driven(*parts: str, pose: Pose = smiles.pose) -> np.ndarray:
    """Her picture with these parts of the face as he moves them, and his pose if it is given."""
    units = {unit for part in parts for unit in PARTS[part]}
    kept = {unit: amount for unit, amount in smiles.expression.items() if unit not in units}
    taken = {unit: amount for unit, amount in shouts.expression.items() if unit in units}
    return picture(TARGET, Moment(kept | taken, pose), HER_GARDEN)


results = {"gaze": driven("gaze"), "mouth": driven("mouth"), "expression": driven(*PARTS)}
results["pose"] = driven(pose=shouts.pose)
reenactment = {name: (source, target, target, result) for name, result in results.items()}
show(reenactment)

# %% [markdown]
# Two spots for the gaze, the lower third of the face for the mouth. A turned head moves everything,
# hair and shadows too, and shows a cheek that no pixel of the old picture knew. Chapters 08 to 10
# build this kind. Combine them yourself:

# %% alt="Her picture driven by his mouth and brows, beside the pixels that have changed"
from deepfake_lesson import widgets


def puppet(gaze: bool, mouth: bool, brows: bool, pose: bool) -> np.ndarray:
    """Her picture with those of his movements, beside what has changed."""
    wanted = {"gaze": gaze, "mouth": mouth, "brows": brows}
    parts = (part for part, is_his in wanted.items() if is_his)
    result = driven(*parts, pose=shouts.pose if pose else smiles.pose)
    return plots.gallery([result, lit(target, result)], ["result", "changed"], size=260).image


widgets.explore(puppet, gaze=False, mouth=True, brows=True, pose=False)

# %% [markdown]
# ### Editing: one trait, nobody else
#
# No source at all. Hair, glasses, age, clothes, a beard: a trait of the target changes, and she
# stays who she is. Phone apps do this as a joke; it also makes disguises.

# %% alt="Long red hair, glasses, and old age put on the same woman; only these pixels are lit"
long_hair = replace(TARGET.look.hair, kind="long", line=0, long=True, length=140)
edits = {
    "hair": person(27, hair=long_hair, hair_color="red"),
    "glasses": person(27, glasses=True),
    "age": person(27, older=1.2, age=1.0, hair_color="grey", bags=1.0, fold=0.7),
}
edited = {name: picture(who, smiles, HER_GARDEN) for name, who in edits.items()}
edited = {"target": target} | edited
shown = [*edited.values(), *(lit(target, result) for result in edited.values())]
plots.gallery(shown, [*edited, "nothing", *3 * ["changed"]], columns=4, size=190)

# %% [markdown]
# ### Full synthesis: nobody
#
# The last kind needs neither: a network, or our studio, invents a person. No picture was changed,
# so there is no heat map; all of it is made.

# %% alt="Four people who do not exist"
nobodies = [picture(Identity.sample(seed), smiles, HER_GARDEN) for seed in (22, 24, 33, 37)]
plots.gallery(nobodies, [f"seed {seed}" for seed in (22, 24, 33, 37)], size=190)

# %% [markdown]
# Put side by side, how much of a picture does each kind have to repaint?

# %% alt="Bars of the mean change: least for gaze and glasses, most for transfer and pose"
pairs = {name: row[2:] for name, row in (replacement | reenactment).items()}
pairs |= {name: (target, edited[name]) for name in edits}
change = {name: np.abs(b.astype(float) - a).mean() / 2.55 for name, (a, b) in pairs.items()}
order = sorted(change, key=change.get)
figure, axes = plt.subplots(figsize=(8, 3.4))
bars = axes.barh(order, [change[name] for name in order], color=plots.COLORS["sky"])
axes.bar_label(bars, fmt="%.2f", padding=4)
axes.set(xlabel="mean change of a pixel (percent of white)")
plt.show()

# %% [markdown]
# A changed gaze costs next to nothing, and yet it makes a person look at somebody else. How much a
# fake *changes* says nothing about how much it *means*.
#
# ### Something to break: two pictures of the same thing
#
# A heat map like this would be a perfect detector, if one had the original. Let us be honest and
# look for the *smallest* changes: yellow is now 8 grey levels. Four times nothing or little was
# faked: the same file twice; the next frame of the camera; the picture saved once as a JPEG; and
# the new gaze, saved as a JPEG. **Predict:** which map is dark? Do you find the gaze in the last?

# %% alt="Four maps: all dark; grain everywhere; JPEG's blocks along edges; the gaze lost in them"
import io

from PIL import Image


def as_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """What is left of a picture after it was saved."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "jpeg", quality=quality)
    return np.array(Image.open(stream))


next_frame = replace(HER_GARDEN, camera=HER_GARDEN.camera.frame(1))
second_looks = {
    "the same file": target,
    "the next frame": picture(TARGET, smiles, next_frame),
    "a JPEG": as_jpeg(target, 60),
    "new gaze, a JPEG": as_jpeg(results["gaze"], 60),
}
maps = [lit(target, other, full=8) for other in second_looks.values()]
plots.gallery(maps, list(second_looks), size=180)

# %% [markdown]
# Only the same file is dark. A camera's grain is new in every frame, and a JPEG touches nearly
# every pixel: the new gaze drowns in it. In the wild there is no original to compare with, and
# every picture was saved many times. A detector has to find the traces of *making*, among those of
# *saving* (chapter 11).
#
# ## 3 · Three stages
#
# However different they look, nearly all face fakes are made in three steps.

# %% alt="A frame is processed into a crop, the crop generates a new face, which is blended back"
import cv2

from deepfake_lesson.landmarks import alignment_matrix, compose, model_matrix, warp

frame = render_moment(SOURCE, shouts, HIS_ROOM, size=192)
crop_matrix = compose(alignment_matrix(frame.landmarks), model_matrix(160))
described = cv2.resize(frame.image, (576, 576), interpolation=cv2.INTER_CUBIC)
for x, y in np.rint(3 * frame.landmarks + 1).astype(int):
    cv2.circle(described, (int(x), int(y)), 6, (240, 228, 66), -1, cv2.LINE_AA)
boxes = {
    "frame": (1.0, 1.0, described, "blue"),
    "process": (2.45, 3.3, "1 process", "black"),
    "crop": (3.9, 1.0, warp(frame.image, crop_matrix, 160), "blue"),
    "generate": (5.35, 3.3, "2 generate", "black"),
    "painted": (6.8, 1.0, warp(swap, crop_matrix, 160), "orange"),
    "blend": (8.25, 3.3, "3 blend", "black"),
    "result": (9.7, 1.0, swap, "orange"),
}
path = ("frame", "process", "crop", "generate", "painted", "blend", "result")
plots.diagram(boxes, [("black", *path)], (10.7, 4))

# %% [markdown]
# 1. **Process**: find the face, describe it (by landmarks, action units or a 3D model), cut it out.
#    Chapters 02 to 04.
# 2. **Generate**: a network turns a representation of the face and of what drives it into a new
#    face. Chapters 05, 07, 08 and 10.
# 3. **Blend**: put the new face back into the frame, in its light and colour. Chapter 06.
#
# Six designs of the second stage return in this course (more words in the
# [glossary](glossary.md)):
#
# | design | learns from | in one sentence |
# |---|---|---|
# | encoder-decoder | pictures | one half describes, the other paints from the description |
# | autoencoder | pictures alone | an encoder-decoder that repaints its own input |
# | VAE | pictures alone | an autoencoder whose descriptions lie in one smooth cloud |
# | GAN | pictures alone | a painter and a critic that learn against each other |
# | pix2pix | pairs | a GAN that is given a drawing and must paint *its* picture |
# | CycleGAN | two piles, no pairs | two GANs; there and back must end where it began |
#
# The face swap of chapter 05 is an autoencoder with two decoders, the re-enactment of chapter 08 is
# pix2pix, and chapter 13 looks at CycleGAN.
#
# ## 4 · Real or fake?
#
# Enough of ideals. Now a network makes the fakes, a small one, trained here for a few seconds: the
# face swap of chapter 05. Two people are filmed, then each gets the other's face. *Real* means: a
# frame as the studio filmed it. This takes about 40 s.

# %%
from deepfake_lesson.conversion import Swapper
from deepfake_lesson.extraction import create_face_dataset
from deepfake_lesson.training import load_model, train
from deepfake_lesson.video import read_frames

SEEDS = {"a": 34, "b": 28}
look = {"size": 256, "seconds": 3, "fps": 12}
a, b = (lesson.studio_person(seed, "screen_test", **look) for seed in SEEDS.values())
for who in (a, b):
    create_face_dataset(who, progress=False)
folder = lesson.WORK / "models" / "01"
quick = {"preset": "quick", "steps": 200, "minutes": 0.3, "progress": False}
report = train(a, b, folder, fresh=True, **quick)
model = load_model(folder)
print(f"{report.steps} steps in {report.seconds:.0f} s")

# %%
HEAD = slice(8, 200), slice(32, 224)  # rows and columns of a frame
real, fake = [], []
for who, other in (("a", "b"), ("b", "a")):
    talk = lesson.studio_person(SEEDS[who], "talk", seconds=2, size=256, fps=8)
    frames = list(read_frames(talk.media / "clip.mp4"))
    tries = map(Swapper(model, to=other).swap_frame, frames[2::4])
    real += [frame[HEAD] for frame in frames[::4]]
    fake += [frame[HEAD] for frame, _, swapped in tries if swapped]
print(f"{len(real)} real frames, {len(fake)} fake ones")

# %% [markdown]
# **Predict:** of 16 pictures, how many will you get right? Write the number down. Then press *real*
# or *fake* for one after the other. Nobody tells you in between whether you were right: you would
# learn these two people by heart, not what gives a fake away. (Where no button can be pressed, as
# on the course's web pages, all pictures stand there with their numbers. Note which ones you take
# for fake, before you scroll on.)

# %% alt="Sixteen numbered pictures of two people talking; half of them have the other's face"
from deepfake_lesson.quiz import Quiz, confusion, score

quiz = Quiz(real + fake, [False] * len(real) + [True] * len(fake), np.random.default_rng(5))
quiz

# %% [markdown]
# Done? Here is the truth.

# %% alt="The sixteen pictures again, each with the word real or fake"
quiz.sheet(reveal=True)

# %% [markdown]
# Look at the fakes once more. What could have given them away: soft brows and lashes, a mouth
# without sharp lips, a colour that changes at the temples, a face that does not fit its hair?
#
# ## 5 · How good were you?
#
# Count in a table: a **hit** is a fake that you called fake, a **miss** a fake that got past you, a
# **false alarm** a real picture that you called fake. Without buttons, write your numbers in the
# first line. Two players who know nothing take part: a coin, and somebody who always says *fake*.

# %% alt="Tables of hits, misses, false alarms and correct rejections, one for each player"
my_fakes = None  # without buttons: the numbers that you take for fake, such as {2, 5, 9}

total = len(quiz.is_fake)
players = {"a coin": np.random.default_rng(3).random(total) < 0.5, "always fake": [True] * total}
mine = quiz.answers
if my_fakes is not None:
    mine = [number in my_fakes for number in range(1, total + 1)]
if len(mine) == total:
    players["you"] = mine
scores = {name: score(quiz.is_fake, said) for name, said in players.items()}
confusion(scores)


# %%
def print_scores(scores: dict) -> None:
    """A line for each player."""
    print(f"{'':22} accuracy   d'   a coin is as good")
    for name, result in scores.items():
        print(f"{name:22} {result.accuracy:8.0%} {result.d_prime:6.2f} {result.by_chance:12.1%}")


print_scores(scores)

# %% [markdown]
# **Accuracy** is the share of right answers, and it can be flattered: if 95 of 100 pictures are
# real, whoever always says *real* is right in 95 % of them. **[d'](glossary.md#d-prime)** (say *d
# prime*) cannot. It compares two rates, hits among the fakes and false alarms among the real ones
# (the formula is in exercise 4). At 0 you guess. Whoever leans to neither side is right in 69 % at
# a d' of 1, in 84 % at 2, in 93 % at 3. (Rates of 0 and 1 would make it infinite; so half an answer
# is added to each count, and 16 right answers of 16 give 3.19.)
#
# The last column asks how often a tossed coin would do at least as well as you. Only if that is
# rare, 5 % or less, have you shown that you see anything.
#
# The picture behind d': everything you look at leaves some *evidence* of fakeness in you, more on
# average if it is fake. A bell curve for each kind says how often which amount comes; d' is the
# distance of the two tops. Its unit is the standard deviation: two thirds of a bell lie less than
# one of it from the top. Above your **threshold** you say *fake*. **Predict, then move:** what does
# a lower threshold do to hits, to false alarms, and to d'?

# %% alt="Two bell curves, real on the left and fake on the right, with a threshold between them"
from statistics import NormalDist


def bells(d_prime: float, threshold: float):
    """The evidence of real and of fake pictures, as a figure."""
    evidence = np.linspace(-3.5, 6, 300)
    figure, axes = plt.subplots(figsize=(8, 3.2))
    for name, middle, color in (("real", 0, "blue"), ("fake", d_prime, "orange")):
        bell = NormalDist(middle)
        height = [bell.pdf(x) for x in evidence]
        rate = 1 - bell.cdf(threshold)
        label = f"{name}: called fake {rate:.0%}"
        axes.plot(evidence, height, color=plots.COLORS[color], label=label)
        said = evidence >= threshold
        axes.fill_between(
            evidence[said], np.array(height)[said], alpha=0.3, color=plots.COLORS[color]
        )
    axes.axvline(threshold, color="black", linestyle="--", label="threshold")
    axes.set(xlabel="evidence of fakeness (standard deviations)", yticks=[])
    axes.legend(loc="upper right")
    return figure


widgets.explore(bells, d_prime=(0.0, 4.0, 0.25, 1.5), threshold=(-2.0, 4.0, 0.25, 0.75))

# %% [markdown]
# With a lower threshold hits rise, and so do false alarms: it trades misses for false alarms. It
# moves along the curves and never moves them: d' stays. A careful person and a trusting one can see
# equally well.
#
# ### A machine of three lines
#
# Chapter 11 trains real detectors, and there you can set your score against theirs. But look at the
# fakes again: they are *soft*. So measure that. `sharpness` finds the face and asks how much its
# brightness jumps from pixel to pixel (the *Laplacian* is a pixel against its neighbours). Whatever
# is below the median is called fake. (The median knows that half of our pictures are fake. In the
# wild nobody knows that.)


# %%
from deepfake_lesson.detectors import detect_faces


def sharpness(image: np.ndarray) -> float:
    """Variance of the Laplacian over the face: small for soft pictures."""
    points = detect_faces(image)[0].landmarks
    (left, top), (right, bottom) = points.min(axis=0).astype(int), points.max(axis=0).astype(int)
    grey = cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())


measured = np.array([sharpness(picture) for picture in quiz.pictures])
limit = np.median(measured)
print_scores({"the machine": score(quiz.is_fake, measured < limit)})

# %% alt="Sharpness of the sixteen pictures: most fake ones below the limit, most real ones above"
colors = [plots.COLORS["orange" if fake else "blue"] for fake in quiz.is_fake]
plt.figure(figsize=(8, 3))
plt.bar(range(1, total + 1), measured, color=colors)
plt.axhline(limit, color="black", linestyle="--")
plt.xlabel("picture (blue: real, orange: fake)")
plt.ylabel("sharpness")
plt.show()

# %% [markdown]
# On these pictures three lines see very well. Is the problem solved? **Something to break:** the
# limit stays as it is, and the same pictures arrive as they do in a chat, made smaller and saved as
# a JPEG; or the faker sharpens the result before sending it, real and fake alike.

# %%
from deepfake_lesson.blending import sharpen
from deepfake_lesson.images import fit


def sent(image: np.ndarray) -> np.ndarray:
    """Smaller, saved, and shown at the old size again."""
    return fit(as_jpeg(fit(image, 96), 60), 192)


arrived = {
    "as they were made": quiz.pictures,
    "sent": [sent(image) for image in quiz.pictures],
    "sharpened": [sharpen(image, 2) for image in quiz.pictures],
}
broken = {
    name: score(quiz.is_fake, [sharpness(image) < limit for image in images])
    for name, images in arrived.items()
}
print_scores(broken)

# %% alt="The machine's tables: right on pictures as made, lost on sent and on sharpened ones"
confusion(broken)

# %% [markdown]
# The machine had not learned what a fake is. It had learned that *these* fakes are softer than
# *these* real pictures. Sent ones are all soft, so all are fake to it; sharpened ones are all
# sharp, so all are real. Detectors fail like this in earnest, and chapter 11 measures how. And you?
# See whether your own d' survives: `Quiz(arrived["sent"], quiz.is_fake, np.random.default_rng(6))`.
#
# ## 6 · What it is good for, and whom it harms
#
# The same three stages stand behind all of these. Ask of each: *who agreed? who is deceived?
# who pays?*
#
# **Uses**
#
# - *April 2015, film.* "Furious 7" is finished without its actor: doubles, and [350 shots by one
#   studio][furious]. Other films make actors younger. (Replacement)
# - *2018, medicine.* [Invented pictures][liver] train doctors' programs where real ones are rare.
#   Games, fashion and advertisements use faces of nobody. (Synthesis)
# - *April 2019, dubbing.* In [Malaria Must Die][malaria] a footballer appeals in nine languages,
#   with the voices of survivors. He took part. (Re-enactment of the mouth)
# - *May 2019, a museum.* [Dalí Lives][dali]: the painter, dead since 1989, greets the visitors. The
#   network learned from more than 6000 frames. (Replacement)
# - *February 2020, an election.* A party in India sends voters its own candidate's speech [in a
#   language that he does not speak][india]. (Re-enactment of the mouth)
#
# **Harms**
#
# - *June 2019, a false identity.* [An expert who does not exist][expert] gathers contacts in
#   Washington, behind an invented face.
# - *October 2019, pornography.* A company counts 14,678 deepfake videos on the web. [96 % are
#   pornography without consent][count].
# - *March 2022, false news.* On a hacked news site [a president seems to call on his soldiers to
#   surrender][president]. He denies it quickly.
# - *February 2024, fraud.* A clerk in Hong Kong [pays out HK$ 200 million][call] after a video call
#   in which, the police say, everybody else was fake.
# - *New Year 2019, a true picture.* In Gabon a president who had been ill speaks on television.
#   Opponents call it a deepfake. A week later soldiers [try a coup][gabon], and name the speech as
#   a reason. No proof of a fake was ever found.
#
# [furious]: https://uproxx.com/movies/furious-7-vfx-paul-walker-scenes/
# [liver]: https://arxiv.org/abs/1803.01229
# [malaria]: https://www.globalcitizen.org/en/content/david-beckham-film-malaria-must-die-global-fund/
# [dali]: https://www.tampabay.com/visual-arts/first-look-salvador-dalxed-comes-back-to-life-in-artificial-intelligence-with-dalxed-lives-20190509/
# [india]: https://www.moneycontrol.com/news/india/deepfakes-of-bjp-delhi-president-manoj-tiwari-circulated-during-delhi-elections-report-4959171.html
# [expert]: https://www.taipeitimes.com/News/editorials/archives/2019/06/18/2003717114
# [count]: https://www.asiaone.com/digital/porn-politics-are-key-targets-deepfakes-study
# [president]: https://www.businessinsider.com/volodymyr-zelenskyy-deepfake-video-surrendering-ukraine-russia-forces-2022-3
# [call]: https://www.businessinsider.com/engineering-giant-arup-target-of-25-million-deepfake-scam-2024-5
# [gabon]: https://www.washingtonpost.com/politics/2020/02/13/how-sick-president-suspect-video-helped-sparked-an-attempted-coup-gabon/
#
# The last one needs no fake at all. Chesney and Citron (2019) call what follows from it the
# **liar's dividend**: the more people know that anything *can* be faked, the cheaper it is to say
# that a true recording *is*. This course adds to that knowledge, and so it must also teach how to
# prove what is true (chapter 12).
#
# **A number to take along.** Say, of 1000 videos that you are shown, 10 are fake. A detector finds
# 9 of these, and raises a false alarm at 1 of 20 real ones. It says *fake* about a video of your
# friend. **Predict:** how likely is it that the video is fake?

# %% alt="1000 dots: 9 fakes found, 1 missed, and about 50 real ones that were called fake"
rng = np.random.default_rng(1)
is_fake = np.arange(1000) < 10
said_fake = np.where(is_fake, np.arange(1000) < 9, rng.random(1000) < 1 / 20)
kinds = {
    "fake, found": (is_fake & said_fake, "red"),
    "fake, missed": (is_fake & ~said_fake, "black"),
    "real, called fake": (~is_fake & said_fake, "orange"),
    "real": (~is_fake & ~said_fake, "sky"),
}
figure, axes = plt.subplots(figsize=(9, 4))
for name, (members, color) in kinds.items():
    row, column = np.divmod(np.flatnonzero(members), 40)
    label = f"{name}: {members.sum()}"
    axes.plot(column, row, "o", color=plots.COLORS[color], markersize=6, label=label)
axes.set_axis_off()
axes.invert_yaxis()
axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# Nine red dots among some fifty orange ones: only about 15 % of the alarms are true, although the
# detector is good, because fakes are rare. Exercise 5 turns this into a formula. An alarm is a
# reason to look closer, never a proof.

# %% [markdown]
# ## Exercises
#
# ### 1 · How much was changed?
#
# The share of pixels that a fake has changed. A pixel counts if at least one of its three channels
# differs by *more than* `level`.

# %% nbgrader={"solution": true, "grade_id": "changed_share"}
import numpy as np


def changed_share(before: np.ndarray, after: np.ndarray, level: int) -> float:
    """Share (0 to 1) of changed pixels of two RGB uint8 pictures (H, W, 3)."""
    ### BEGIN SOLUTION
    difference = np.abs(after.astype(int) - before.astype(int))
    return float((difference > level).any(axis=-1).mean())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_changed_share", "points": 2}
from deepfake_lesson.exercises import chapter_01 as check

check.changed_share(changed_share)
### BEGIN HIDDEN TESTS
assert (answer := check.changed_share(changed_share)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 2 · Name the kind
#
# Think of the picture that was changed: his in the replacements of section 2, hers in re-enactment
# and editing. Whose face does the result show, and whose movement: the picture's `"own"`,
# `"another's"` or `"nobody's"`? Return `"swap"`, `"transfer"`, `"re-enactment"`, `"editing"` or
# `"synthesis"`. (Synthesis has `"nobody's"` for both.)


# %% nbgrader={"solution": true, "grade_id": "name_the_mode"}
def name_the_mode(face: str, movement: str) -> str:
    """The kind of a fake, from whose face and whose movement is seen."""
    ### BEGIN SOLUTION
    if face == "nobody's":
        return "synthesis"
    if face == "own":
        return "editing" if movement == "own" else "re-enactment"
    return "swap" if movement == "own" else "transfer"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_name_the_mode", "points": 2}
from deepfake_lesson.exercises import chapter_01 as check

check.name_the_mode(name_the_mode)
### BEGIN HIDDEN TESTS
assert (answer := check.name_the_mode(name_the_mode)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 3 · Two rates
#
# From the truth and the answers: the hit rate, and the false alarm rate. Both lists hold `True` for
# fake.


# %% nbgrader={"solution": true, "grade_id": "rates"}
def rates(is_fake: list[bool], said_fake: list[bool]) -> tuple[float, float]:
    """Share of the fakes called fake, and share of the real pictures called fake."""
    ### BEGIN SOLUTION
    pairs = list(zip(is_fake, said_fake, strict=True))
    hits, false_alarms = pairs.count((True, True)), pairs.count((False, True))
    return hits / is_fake.count(True), false_alarms / is_fake.count(False)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_rates", "points": 2}
from deepfake_lesson.exercises import chapter_01 as check

check.rates(rates)
### BEGIN HIDDEN TESTS
assert (answer := check.rates(rates)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 4 · d prime
#
# The z-value of the hit rate minus that of the false alarm rate. The z-value of a rate is the point
# of the bell curve below which this share lies; `statistics.NormalDist` knows it as `inv_cdf`.

# %% nbgrader={"solution": true, "grade_id": "d_prime"}
from statistics import NormalDist


def d_prime(hit_rate: float, false_alarm_rate: float) -> float:
    """How far apart fake and real lie, in standard deviations; both rates between 0 and 1."""
    ### BEGIN SOLUTION
    z = NormalDist().inv_cdf
    return z(hit_rate) - z(false_alarm_rate)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_d_prime", "points": 1}
from deepfake_lesson.exercises import chapter_01 as check

check.d_prime(d_prime)
### BEGIN HIDDEN TESTS
assert (answer := check.d_prime(d_prime)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 5 · Of the alarms, how many are true?
#
# Of all pictures a share `fakes` is fake. A detector calls a share `hit_rate` of them fake, and a
# share `false_alarm_rate` of the real ones. What share of all that it calls fake *is* fake?


# %% nbgrader={"solution": true, "grade_id": "really_fake"}
def really_fake(hit_rate: float, false_alarm_rate: float, fakes: float) -> float:
    """Share of the alarms that are true; all three numbers between 0 and 1."""
    ### BEGIN SOLUTION
    true_alarms = hit_rate * fakes
    false_alarms = false_alarm_rate * (1 - fakes)
    return true_alarms / (true_alarms + false_alarms)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_really_fake", "points": 2}
from deepfake_lesson.exercises import chapter_01 as check

check.really_fake(really_fake)
### BEGIN HIDDEN TESTS
assert (answer := check.really_fake(really_fake)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 6 · Four cases
#
# Choose the best answer to each. A wrong one gets a question back.
#
# **museum** · A museum shows a painter who died thirty years ago; he greets the visitors. His heirs
# agreed, and a sign explains how it was made. A visitor films ten seconds and posts them. What is
# the main new risk? (a) None, the heirs agreed. (b) The sign stayed in the museum. (c) His
# expression may be wrong.
#
# **call** · Your chief asks you in a video call to pay a large sum today. What is the best check?
# (a) Look for soft edges and for blinks. (b) Ask for a turn of the head. (c) Hang up, and call back
# on the number that you know.
#
# **minister** · A recording shows a minister who takes money. He says: a deepfake. A detector gives
# it a probability of .3 to be fake. What follows? (a) It is real. (b) It is fake. (c) Neither; ask
# for the original file, for witnesses and for other recordings.
#
# **dubbing** · A doctor lets her appeal be dubbed into eight languages. In one of them she
# recommends a medicine, in a sentence that she never spoke. What is wrong? (a) Nothing, she agreed
# to be dubbed. (b) She agreed to her own words, not to others. (c) The lips might not fit.


# %% nbgrader={"solution": true, "grade_id": "cases"}
def cases() -> dict[str, str]:
    """A letter for each case: {"museum": ..., "call": ..., "minister": ..., "dubbing": ...}."""
    ### BEGIN SOLUTION
    return {"museum": "b", "call": "c", "minister": "c", "dubbing": "b"}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_cases", "points": 4}
from deepfake_lesson.exercises import chapter_01 as check

check.cases(cases)
### BEGIN HIDDEN TESTS
assert (answer := check.cases(cases)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# **To discuss.** Take one case of section 6 and write five sentences: who is source and who is
# target, who agreed to what, who is deceived, what a label would have changed, and what you would
# have done as the platform that showed it.
#
# ## Summary
#
# - Deep learning plus fake: a word of late 2017 for something that film studios had done by
#   hand. What changed is who can do it.
# - Two questions name the kind: whose face, and who moves it? Replacement, re-enactment, editing,
#   synthesis.
# - Process, generate, blend: three stages, and this course builds each of them.
# - Accuracy can be flattered, d' cannot. You have your own; a coin has about 0.
# - A rule that fits today's fakes may be blind tomorrow: yours broke when the pictures were sent.
# - Most alarms about rare things are false, and a true picture can be denied.
#
# ## References
#
# - C. Bregler, M. Covell, M. Slaney (1997), [Video Rewrite: Driving Visual Speech with
#   Audio](https://doi.org/10.1145/258734.258880).
# - I. Goodfellow and others (2014), [Generative Adversarial
#   Networks](https://arxiv.org/abs/1406.2661); D. Kingma, M. Welling (2013), [Auto-Encoding
#   Variational Bayes](https://arxiv.org/abs/1312.6114).
# - J. Thies and others (2016), [Face2Face](https://doi.org/10.1109/CVPR.2016.262); P. Isola and
#   others (2017), [pix2pix](https://arxiv.org/abs/1611.07004); J.-Y. Zhu and others (2017),
#   [CycleGAN](https://arxiv.org/abs/1703.10593); T. Karras and others (2018),
#   [StyleGAN](https://arxiv.org/abs/1812.04948); A. Siarohin and others (2019), [First Order Motion
#   Model](https://arxiv.org/abs/2003.00196).
# - Y. Mirsky, W. Lee (2021), [The Creation and Detection of Deepfakes: A
#   Survey](https://doi.org/10.1145/3425780): the kinds of section 2.
# - US Senate (2018), [Malicious Deep Fake Prohibition Act, S. 3805](https://www.govinfo.gov/content/pkg/BILLS-115s3805is/xml/BILLS-115s3805is.xml):
#   the definition. It did not become law.
# - S. Cole (2018), [Reddit's ban](https://vice.com/en/article/neqb98/reddit-shuts-down-deepfakes);
#   D. Mack (2018), [BuzzFeed's warning](https://www.buzzfeednews.com/article/davidmack/obama-fake-news-jordan-peele-psa-video-buzzfeed).
# - R. Chesney, D. Citron (2019), [Deep Fakes: A Looming Challenge for Privacy, Democracy, and
#   National Security](https://doi.org/10.15779/Z38RV0D15J).
# - M. Hautus (1995), [Corrections for extreme proportions and their biasing effects on estimated
#   values of d'](https://doi.org/10.3758/BF03203619).
#
# **Next:** to change a face, a program first needs words for it. Chapter 02 describes faces by
# muscles, by shapes and by points.
