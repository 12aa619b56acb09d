# %% [markdown]
# # 06 · Blend and make a video
#
# **Time** 60 minutes, of which the computer needs one and a half · **Hardware** any laptop ·
# **Download** none
#
# A network paints a square with a face in it. How does this square become part of a film, so that
# nobody sees where it begins?
#
# You will be able to
#
# - put a painted face back where it was cut out, and say what happens if the two roads differ,
# - choose mask, erosion and feather, and prove the choice with a curve,
# - match colours in three ways, and say when gradients are the better glue,
# - swap one person among several, frame by frame, and keep the sound,
# - tell trembling from motion, and calm it without delay.
#
# > **Rule of this chapter.** Only people who do not exist, or who agreed in writing. What leaves
# > your computer carries the visible label and the content credential, always.

# %% tags=["setup"]
# The set-up cell: `make chapters` puts it in.

# %% [markdown]
# ## 1 · A perfect face to practise with
#
# If a swap looks wrong, is it the network or the blend? To see the blend alone, we take a face
# without any fault: the studio films two people in the same moment, in the same light. The right
# picture is the **truth**, what the swap ought to show. We cut his crop out of *her* picture and
# call it generated.

# %% alt="A tanned man, a pale woman in the same pose and light, and the square crop of her face"
from deepfake_lesson import plots
from deepfake_lesson.landmarks import alignment_matrix, compose, model_matrix, warp
from deepfake_lesson.studio import Identity, Moment, Pose, Scene, render_pair

he, she, moment = Identity.sample(29), Identity.sample(32), Moment({"AU12": 0.5}, Pose(yaw=8))
original, truth = render_pair(he, she, moment, Scene.sample(5), size=384)

SIZE = 256  # pixels of the crop
matrix = compose(alignment_matrix(original.landmarks), model_matrix(SIZE))
generated = warp(truth.image, matrix, SIZE)
faces = [original.image, truth.image, generated]
plots.gallery(faces, ["original", "truth", "generated"], size=230)

# %% [markdown]
# The same pose, the same light, another face. Their skins differ much, and her face is wider than
# his: a hard pair, chosen so that every fault of a blend can be seen.
#
# The way back is short. `paste` turns the matrix round, draws the face into the frame, and mixes
# the two pictures by the mask: `frame + alpha * (face - frame)`, the *over* of Porter and Duff.

# %%
from deepfake_lesson import blending

lesson.show(blending.paste)

# %% [markdown]
# ### Something to break: two roads instead of one
#
# The classic code cut its training faces out as the middle 220 of 256 pixels, but pasted with the
# middle 160. Here is a crop of any coverage. **What will you see** when a face is cut out at 160
# and pasted as if it were 220? And the other way round?

# %% alt="Three pasted faces: one fits, one is far too large, one is a head inside the head"
import numpy as np

from deepfake_lesson.blending import face_mask, paste
from deepfake_lesson.landmarks import matrix_scale


def crop_matrix(pixels: int) -> np.ndarray:
    """(2, 3), frame pixels to a crop of the middle `pixels` of the 256 px aligned face."""
    scale, corner = SIZE / pixels, (256 - pixels) / 2 - 0.5
    middle = np.array([[scale, 0, -0.5 - scale * corner], [0, scale, -0.5 - scale * corner]])
    return compose(alignment_matrix(original.landmarks), middle)


def cut_and_paste(cut: int, put: int) -> np.ndarray:
    """Her face cut out with one coverage and pasted with another."""
    mask = face_mask(original.landmarks, original.image.shape, erosion=-12, feather=10)
    return paste(original.image, warp(truth.image, crop_matrix(cut), SIZE), crop_matrix(put), mask)


pairs = [(220, 220), (160, 220), (220, 160)]
names = [f"cut {cut}, pasted as {put}" for cut, put in pairs]
plots.gallery([cut_and_paste(*pair) for pair in pairs], names, size=230)

# %%
# NBVAL_CHECK_OUTPUT
print(f"too large by {matrix_scale(crop_matrix(160)) / matrix_scale(crop_matrix(220)):.3f}")

# %% [markdown]
# One number in two places, and the face is a third too large or a head inside a head. No error
# message, and each half of the code looks right. In this course there is one matrix for cutting and
# pasting, and the mask is drawn in the frame, not in the crop.
#
# ## 2 · Masks: where the new face ends
#
# A mask is a picture of weights: 0 keeps the frame, 1 takes the new face. Three outlines are usual:
# the square that the network sees (`rect`), the convex hull of the 68 landmarks (`facehull`), and
# what lies in both.

# %% alt="Square, landmark hull and both: as yellow outlines, as white shapes and as blended faces"
KINDS = ["rect", "facehull", "facehullandrect"]


def blended(
    mask="facehull", erosion=0, feather=0, color="none", sharpen=0, seamless=False, opacity=None
):
    """Her face on him with these settings, RGB uint8."""
    alpha = face_mask(original.landmarks, original.image.shape, mask, erosion, feather)
    skin = warp(face_mask(original.landmarks, original.image.shape), matrix, SIZE)
    face = blending.match_color(generated, warp(original.image, matrix, SIZE), skin, color)
    face = blending.sharpen(face, sharpen)
    return paste(original.image, face, matrix, alpha, opacity, seamless)


masks = [face_mask(original.landmarks, original.image.shape, kind) for kind in KINDS]
lines = [plots.outlined(original.image, mask) for mask in masks]
faces = [blended(kind) for kind in KINDS]
plots.gallery(lines + masks + faces, KINDS * 3, columns=3, size=190)

# %% [markdown]
# The square brings her hair along. The hull stops at the brows and at the jaw: a cut of brightness
# runs across the forehead, and *his* brows look out above it. The two faces are mixed, not swapped.
#
# **Erosion** moves the edge inwards; a negative value dilates, that is, moves it outwards.
# **Feather** replaces the cut by a ramp that rises from the edge to the inside. Both are percent of
# the face's width, so they mean the same in a small and in a large picture. A hull can grow beyond
# the crop; there nothing was painted, and it is cut off. With `facehullandrect` it ends softly.

# %% alt="Hulls eroded by 10 down to dilated by 20 percent, and feathers from hard to very soft"
erosions, feathers = [10, 0, -10, -20], [0, 10, 20, 30]
outlines = [face_mask(original.landmarks, original.image.shape, erosion=e) for e in erosions]
upper = [plots.outlined(blended(erosion=e), o) for e, o in zip(erosions, outlines, strict=True)]
lower = [blended(erosion=-10, feather=f) for f in feathers]
names = [f"erosion {e}" for e in erosions] + [f"erosion -10, feather {f}" for f in feathers]
plots.gallery(upper + lower, names, columns=4, size=180)

# %% [markdown]
# A profile shows what the eye sees. We go up from the nose over the forehead, one pixel after the
# other, along the yellow line, and plot the weight and what becomes of the blue in the picture, in
# which the two skins differ most.

# %% alt="His face and hers on him, with a yellow line from the nose up over the forehead"
column, bottom = np.rint(original.landmarks[27]).astype(int)
rows = np.arange(bottom, bottom - 80, -1)
lined = [original.image.copy(), blended(erosion=-5)]
for picture in lined:
    picture[rows, column - 1 : column + 1] = (240, 228, 66)
plots.gallery(lined, ["original", "hers on him"], size=230)

# %% alt="Weight and blue along that line: a step for feather 0, gentler ramps for 10 and 20"
import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
for feather in (0, 10, 20):
    alpha = face_mask(original.landmarks, original.image.shape, erosion=-5, feather=feather)
    blue = blended(erosion=-5, feather=feather)[rows, column - 4 : column + 5, 2].mean(axis=1)
    left.plot(bottom - rows, alpha[rows, column], label=f"feather {feather}")
    right.plot(bottom - rows, blue, label=f"feather {feather}")
left.set(xlabel="pixels above the nose", title="weight of the new face")
right.set(xlabel="pixels above the nose", title="blue (0 to 255)")
left.legend()
plt.show()

# %% [markdown]
# With and without feather the curve begins with her colour and ends with his. But the eye looks for
# edges, and a change that is spread over many pixels can hardly be found. Move the controls
# yourself. **Before you do: which erosion
# and which feather will hide his brows and her hair at once?**

# %% alt="The blended face, with controls for mask, erosion, feather, colour and sharpening"
from deepfake_lesson import widgets

widgets.explore(
    blended,
    mask=["facehullandrect", "facehull", "rect"],
    erosion=(-30, 15, 1, -12),
    feather=(0, 30, 1, 10),
    color=["none", "mean", "histogram", "transfer"],
    sharpen=(0.0, 3.0, 0.1, 0.0),
    seamless=False,
)

# %% [markdown]
# ### Something to break: a name in the wrong case
#
# The classic code chose the mask like this. **Predict: what does it draw for `facehull`?**


# %%
# NBVAL_CHECK_OUTPUT
def classic_mask(kind: str) -> np.ndarray:
    """The fault, kept: compares with 'FaceHull', while its users pass 'facehull'."""
    mask = np.zeros(original.image.shape[:2], np.float32)
    if kind == "FaceHull":
        mask = face_mask(original.landmarks, mask.shape)
    return mask


swapped = paste(original.image, generated, matrix, classic_mask("facehull"))
print("pixels in the mask:", int(classic_mask("facehull").sum()))
print("pixels that were swapped:", int((swapped != original.image).any(axis=-1).sum()))

# %% [markdown]
# Nothing, and nobody is told. Hours of training went into a video that is the original. A program
# should refuse what it does not know:

# %%
# NBVAL_CHECK_OUTPUT
from deepfake_lesson.errors import LessonError

try:
    face_mask(original.landmarks, original.image.shape, "FaceHull")
except LessonError as error:
    print(error)

# %% [markdown]
# ## 3 · Where is the best edge?
#
# Two things go wrong at an edge. Too far in, parts of *his* face are **left over**. Too far out,
# her hair and neck are **spilled** over his. With the truth at hand both can be counted: the wanted
# picture shows her wherever one of the two faces is, and him everywhere else.

# %%
wanted = original.face_mask | truth.face_mask
ideal = np.where(wanted[..., None], truth.image, original.image)


def errors(erosion: float, feather: float) -> tuple[float, float]:
    """Left over and spilled: mean error in the faces and around them, in percent of white."""
    picture = blended("facehullandrect", erosion, feather)
    difference = np.abs(picture.astype(float) - ideal).mean(axis=-1) / 2.55
    share = difference / wanted.sum()
    return share[wanted].sum(), share[~wanted].sum()


erosions, feathers = np.arange(-30, 16, 2.5), (0, 10, 20)
table = {f: np.array([errors(e, f) for e in erosions]) for f in feathers}

# %% alt="Left over rises with erosion and spilled falls: their sum is lowest outside of the hull"
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
left.plot(erosions, table[10], label=["left over", "spilled"])
left.plot(erosions, table[10].sum(axis=1), "k--", label="sum")
left.set(title="feather 10", ylabel="error (percent of white)")
best = {}
for feather, values in table.items():
    total = values.sum(axis=1)
    best[feather] = erosions[total.argmin()]
    (line,) = right.plot(erosions, total, label=f"feather {feather}")
    right.plot(best[feather], total.min(), "o", color=line.get_color(), markersize=9)
right.set(title="sum")
for axes in (left, right):
    axes.set(xlabel="erosion (percent of the face's width)")
    axes.legend()
plt.show()
for feather, erosion in best.items():
    total = table[feather].sum(axis=1)
    there, inside = total.min(), total[erosions == 5][0]
    print(
        f"feather {feather:2}: {there:.2f} % at erosion {erosion:5.1f}, {inside:.2f} % at erosion 5"
    )

# %% [markdown]
# There is a best place, and it is *outside* the hull: inside, the outline of his face stays and the
# swap is half a swap. The wider the feather, the further out the edge has to start, by about half
# of the feather, because the ramp climbs inwards and reaches one half only there.
#
# **Think:** the smallest error of all belongs to feather 0. Why do we feather nevertheless? Because
# this measure adds up pixels and does not see edges; you do. A number is an argument, no verdict.
#
# ### A mask that looks
#
# No erosion is right all the way round. A hull knows points, not pixels: it cannot tell her cheek
# from the garden beside it, or his cheek from a ball that he holds before it. A small network can
# (an encoder as in chapter 05, with a way back up: a **U-Net**). For every pixel of a crop it
# answers two questions: is this a *head*, and does something *cover* the face here, be it hair,
# glasses or a hand? **Which answer do we need of which picture: hers, that is painted, or his, that
# is there?**

# %% alt="Her crop, her head, his crop with a red ball, the ball, and what of her may be seen"
import cv2

from deepfake_lesson.conversion import opacity
from deepfake_lesson.models.segmentation import MAPS, segment

ball = [int(value) for value in original.landmarks[3] + (26, 4)]
with_ball = cv2.circle(original.image.copy(), ball, 26, (190, 40, 30), -1, cv2.LINE_AA)
his = warp(with_ball, matrix, SIZE)
head = segment(generated[None])[0, ..., MAPS.index("head")]
cover = segment(his[None])[0, ..., MAPS.index("cover")]
seen = opacity(his[None], generated[None])[0]
shown = [generated, head, his, cover, seen]
names = ["hers", "a head", "his", "covered", "hers to be seen"]
plots.gallery(shown, names, size=150)

# %% [markdown]
# Of hers, what is a head; of his, what covers. The one times the opposite of the other is how much
# of her may be seen. Multiplied with the hull's mask it keeps garden, neck and ball as they are.

# %% alt="Her face hides most of a red ball; with the network the ball is whole, before her face"
wide = face_mask(original.landmarks, with_ball.shape, "facehullandrect", -20, 10)
faces = [paste(with_ball, generated, matrix, wide, visible) for visible in (None, seen)]
plots.gallery([with_ball, *faces], ["original", "hull", "hull and network"], size=250)

# %% [markdown]
# The network never saw either of them: it learnt from 400 other studio people, whose every pixel
# the studio can name, and from coloured shapes laid over their faces. To it hair is head, and so
# her hair still comes along where the edge is too wide. It errs most with thin glasses.
#
# ## 4 · Colour
#
# The step across the forehead is a step of colour. Three classic remedies look at the pixels under
# the mask, before and after, and move one distribution onto the other.

# %%
lesson.show(blending.match_color)

# %% alt="The blended face four times: pale without matching, tanned with each of three methods"
COLORS = ["none", "mean", "histogram", "transfer"]
matched = [blended("facehullandrect", -12, 10, color) for color in COLORS]
plots.gallery(matched, COLORS, size=220)

# %% [markdown]
# Is a picture without a step also the better swap? Measure both: the **step** on the forehead, mean
# colour just inside the edge against just outside, and the **error** against the truth.

# %%
from deepfake_lesson.metrics import truth_error
from deepfake_lesson.studio import Part

above_brows = np.arange(original.image.shape[0])[:, None] < original.landmarks[17:27, 1].min()
forehead = (original.parts == Part.SKIN) & (truth.parts == Part.SKIN) & above_brows


def ring(inner: float, outer: float) -> np.ndarray:
    """The forehead between two dilations of the hull, (H, W) bool."""
    points, shape = original.landmarks, original.parts.shape
    larger, smaller = (face_mask(points, shape, erosion=erosion) for erosion in (outer, inner))
    return (larger > smaller) & forehead


def step(picture: np.ndarray) -> float:
    """Difference of mean colour across the edge of the mask, in grey levels."""
    inside, outside = picture[ring(-4, -7)].mean(axis=0), picture[ring(-11, -14)].mean(axis=0)
    return float(np.abs(inside - outside).mean())


print(f"{'':10} step at the edge   error against the truth")
for name, picture in zip(["original", *COLORS], [original.image, *matched], strict=True):
    error = truth_error(picture, truth.image, truth.face_mask)
    print(f"{name:10} {step(picture):16.1f}   {100 * error:21.2f} %")

# %% [markdown]
# Matching makes the step smaller and the error larger: the truth has *her* skin, and we have just
# painted it over. The two numbers want different things. For a film that shall convince, the step
# decides; for an honest comparison of networks, leave the colours alone. That is why `convert` has
# `color="none"` unless you ask for more.
#
# ### Poisson: paste the slopes, not the colours
#
# Pérez, Gangnet and Blake keep only the *differences between neighbours* of the new face and solve
# for the picture that has these differences and, along the edge, exactly the frame's colours. The
# step vanishes by construction. **What happens when the edge runs over something that is not
# skin?**

# %% alt="Four seamless clones: tanned on the hull, pale and greenish where the edge leaves skin"
settings = [("facehull", 0), ("facehullandrect", -8), ("facehullandrect", -12), ("rect", 0)]
clones = [blended(kind, erosion, 10, seamless=True) for kind, erosion in settings]
plots.gallery(clones, [f"{kind}, erosion {erosion}" for kind, erosion in settings], size=220)

# %% [markdown]
# On the hull the edge lies on skin all the way, and the face comes out in his light and tan. A few
# percent further out it crosses hair and garden, and their colours **bleed** inwards: a pale, green
# face. Poisson wants an edge on skin; a feathered alpha wants an edge outside of the face.
#
# ### Something to break: the middle of what?
#
# OpenCV's `seamlessClone` asks for a centre. It puts the middle of the **mask's bounding box**
# there; the classic code gave it the middle of the **crop**. **Predict** what a turned head shows.

# %% alt="A turned head twice: the face fits; the face is shifted and hangs over the head's edge"
from deepfake_lesson.landmarks import invert_matrix, transform_points

turned, target = render_pair(he, she, Moment({}, Pose(yaw=25)), Scene.sample(5), size=384)
mask = (face_mask(turned.landmarks, (384, 384)) * 255).astype(np.uint8)
x, y, width, height = cv2.boundingRect(mask)
mask_center = (x + width // 2, y + height // 2)

to_crop = compose(alignment_matrix(turned.landmarks), model_matrix(SIZE))
crop_center = transform_points(np.full(2, (SIZE - 1) / 2), invert_matrix(to_crop))
crop_center = tuple(int(value) for value in np.rint(crop_center))

shifted = [
    cv2.seamlessClone(target.image, turned.image, mask.copy(), center, cv2.NORMAL_CLONE)
    for center in (mask_center, crop_center)
]
plots.gallery(shifted, ["middle of the mask", "middle of the crop"], size=300)

# %%
print(f"the face is {np.subtract(crop_center, mask_center)[0]} pixels beside its place")

# %% [markdown]
# In a frontal picture the two middles nearly agree, and so nobody noticed. The more the head turns,
# the more they differ. (The `copy()` is no ornament: OpenCV writes into the mask that it is given.)
#
# ## 5 · Sharpening
#
# Networks trained on a mean error paint softly. An unsharp mask adds back what a blur takes away:
# `image + amount * (image - blur(image))`. It makes edges steeper; it knows no detail that is not
# there. We soften the perfect face and look for the best amount.

# %% alt="Error against the amount of sharpening: it falls to a minimum and rises again"
soft = cv2.GaussianBlur(generated, (0, 0), 1.3)
inside = warp(truth.face_mask.astype(np.float32), matrix, SIZE) > 0.5
amounts = np.linspace(0, 5, 11)
error = [100 * truth_error(blending.sharpen(soft, a), generated, inside) for a in amounts]
sharpest = amounts[np.argmin(error)]

plt.figure(figsize=(6.5, 3))
plt.plot(amounts, error, "o-")
plt.xlabel("amount")
plt.ylabel("error (percent of white)")
plt.show()

# %% alt="Her eyes four times: soft, sharpened by the best amount, harsh and grainy, and the truth"
eyes = [blending.sharpen(soft, amount)[10:80, 30:230] for amount in (0, sharpest, 5)]
names = ["amount 0", f"amount {sharpest:g}, the best", "amount 5", "truth"]
plots.gallery([*eyes, generated[10:80, 30:230]], names, columns=2, size=330)

# %% [markdown]
# A little brings the error down, much of it draws halos round eyes and lips and makes grain out of
# skin. The best amount belongs to the softness of *your* network: measure it again when you train
# another.
#
# ## 6 · Who is swapped
#
# Now a real network. Its people are others: in the film is a woman with strong brows, and she gets
# the face of the man from above. Two clips are filmed, their faces cut out (chapter 04), and 300
# steps of training follow from the shipped weights (chapter 05). This takes about 40 s.

# %%
from deepfake_lesson.extraction import create_face_dataset
from deepfake_lesson.training import train

a, b = (lesson.studio_person(seed, "conversation") for seed in (30, 29))
for person in (a, b):
    create_face_dataset(person, fps=12.5, progress=False)
model = lesson.WORK / "models" / "chapter_06"
training = train(a, b, model, preset="quick", fresh=True, progress=False)
print(f"{training.step} steps, loss {training.loss:.3f}")

# %% [markdown]
# In most videos there is more than one face. The classic code swapped whichever came last. Here a
# face is swapped only if its embedding (chapter 03) is near enough to the wanted person's. Two
# people stand in one room:

# %% alt="Two people before and after: the left one has another face, the right one his own"
from deepfake_lesson.conversion import ConvertOptions, Swapper
from deepfake_lesson.studio import render

scene = Scene.sample([0, 1])  # the room of the clips
halves = scene.background[:, :48], scene.background[:, 48:]


def side_by_side(*seeds: int) -> np.ndarray:
    """Two people in front of one background, RGB uint8."""
    shots = [
        render(Identity.sample(seed), {"AU12": 0.4}, Pose(yaw), scene.light, background=half)
        for seed, yaw, half in zip(seeds, (10, -10), halves, strict=True)
    ]
    return np.concatenate([shot.image for shot in shots], axis=1)


two = side_by_side(30, 31)
swapper = Swapper.load(model, to="b")
swapped, found, count = swapper.swap_frame(two)
plots.gallery([two, swapped], ["before", f"{found} faces found, {count} swapped"], size=400)

# %%
# NBVAL_CHECK_OUTPUT
print("the other person is untouched:", np.array_equal(two[:, 256:], swapped[:, 256:]))

# %% [markdown]
# Where the mask is zero not one bit changes. But what is *near enough*? Beside her stands now
# somebody who looks a little like her. **Predict** what the usual limit does, and a stricter one.

# %% alt="She beside another woman with short hair, swapped with the usual and a stricter limit"
two = side_by_side(30, 33)
results, names = [], []
for limit in (swapper.source.threshold, 0.3):
    careful = Swapper(swapper.model, "b", ConvertOptions(threshold=limit))
    swapped, _, count = careful.swap_frame(two)
    results.append(swapped)
    names.append(f"limit {limit:g}: {count} swapped")
plots.gallery(results, names, size=400)

# %%
for face in sorted(swapper.tracker().find(two), key=lambda face: face.box[0]):
    print(f"face at x = {face.box[0]:3.0f}: {face.identity_distance:.2f} from the wanted person")

# %% [markdown]
# A limit has two ways to fail: too wide, it takes a stranger; too narrow, it loses the wanted
# person in bad light, and the old face flashes through. Look at the distances of *your* people
# before you convert, and set `threshold` between them.
#
# ## 7 · A video with sound
#
# `convert` does it all: decode, find, generate, blend, measure, label, encode, sign. Its stages
# work at the same time, each on later frames than the next. The sound is copied, not encoded again.
# This takes about 12 s for two seconds of film, most of which goes into measuring.

# %%
from deepfake_lesson.conversion import convert

lesson.show(ConvertOptions)

# %% alt="A talking woman with the man's face, and a label that says AI-generated face swap"
clip = lesson.studio_person(30, "talk", seconds=2).media / "clip.mp4"
out = lesson.WORK / "chapter_06" / "swap.mp4"
report = convert(clip, model, "b", out)
plots.video(out)

# %% alt="Five moments in three rows: the woman, the swap, and the truth with the man in her place"
from deepfake_lesson.studio import Recipe
from deepfake_lesson.video import read_frames

recipe = Recipe.load(clip.with_suffix(".json"))
before, after = list(read_frames(clip)), list(read_frames(out))
perfect = [frame.image for frame in recipe.frames(seed=29)]
shown = np.linspace(0, len(before) - 1, 5).astype(int)
strips = [film[number] for film in (before, after, perfect) for number in shown]
names = [f"{name} {number}" for name in ("original", "swap", "truth") for number in shown]
plots.gallery(strips, names, columns=5, size=140)

# %% [markdown]
# Beside the video lie `contact_sheet.png`, such a strip, and `report.json`. What you cannot see at
# a glance is in the report:

# %%
identity, truth_report = report["identity"], report["truth"]
nothing, swap = truth_report["input"], truth_report["swap"]
rows = {
    "identity distance to her": (identity["before"]["to_a"], identity["after"]["to_a"]),
    "identity distance to him": (identity["before"]["to_b"], identity["after"]["to_b"]),
    "error against the truth": (nothing["error"], swap["error"]),
    "structural similarity": (nothing["ssim"], swap["ssim"]),
    "jitter": (report["jitter"]["before"], report["jitter"]["after"]),
}
print(f"{'':26} before    after")
for name, (was, now) in rows.items():
    print(f"{name:26} {was:6.3f}   {now:6.3f}")
print(f"\nframes nearer to him than to her: {100 * identity['share_nearer_b']:.0f} %")
print(f"the swap is {truth_report['ratio']:.1f} times nearer to the truth than the original")

# %% [markdown]
# Read it so: the distances have changed places, so the face is the other person's for a machine.
# The error against the truth says how well that person is painted. The jitter has grown, and
# section 8 asks why.
#
# ### Some frames only
#
# `frames="20-27"` swaps a stretch, both ends included; the other frames pass untouched, or, with
# `discard_others`, are left out together with their sound.

# %%
part = lesson.WORK / "chapter_06" / "part.mp4"
some = convert(clip, model, "b", part, ConvertOptions(frames="20-27", discard_others=True))

# %%
# NBVAL_CHECK_OUTPUT
from deepfake_lesson.video import probe

info = probe(part)
print(f"{info.frames} frames, {float(info.frames / info.fps):.2f} s, sound: {info.audio}")

# %% [markdown]
# ### What the file says about itself
#
# The label in the corner is for people. The content credential inside the file is for machines; it
# is signed, and names the original. **Predict:** we change a single byte in the middle of the
# file, which no player would notice. What does the check say?

# %%
# NBVAL_CHECK_OUTPUT
from deepfake_lesson import provenance

credential = provenance.verify(out)
print(credential.state, "·", credential.source_type, "· made from", *credential.ingredients)

content = bytearray(out.read_bytes())
content[len(content) // 2] ^= 1
changed = out.with_name("changed.mp4")
changed.write_bytes(content)
print(provenance.verify(changed).state)

# %% [markdown]
# ## 8 · Jitter
#
# The network sees every frame for the first time, and so does the landmark detector. A point that
# errs by half a pixel, now left, now right, moves the crop, the painted face and the mask with it.
# In a still picture that is nothing; in a film it trembles. Here is the same clip with the truth
# about every point.

# %% alt="Sideways error of the crop's middle by frame: jagged if raw, smooth for a window of 2"
from deepfake_lesson.tracking import steady

tracker = swapper.tracker()
tracked = [(frame, tracker.find(frame)) for frame in before]
true = np.stack([frame.landmarks for frame in recipe.frames()])


def path(radius: int) -> np.ndarray:
    """Landmarks (frames, 68, 2), averaged over `radius` frames on either side."""
    return np.stack([landmarks[0] for _, _, landmarks in steady(iter(tracked), radius)])


def middle(landmarks: np.ndarray) -> np.ndarray:
    """The middle of the crop in each frame, (frames, 2), pixels."""
    ways_back = [invert_matrix(alignment_matrix(points)) for points in landmarks]
    return np.stack([transform_points(np.full(2, 127.5), way) for way in ways_back])


for radius, name in ((0, "raw"), (2, "2 frames on either side"), (5, "5 frames on either side")):
    plt.plot((middle(path(radius)) - middle(true))[:, 0], label=name)
plt.axhline(0, color="black", linewidth=1)
plt.xlabel("frame")
plt.ylabel("error sideways (pixels)")
plt.legend()
plt.show()

# %% [markdown]
# Tenths of a pixel, but back and forth in every frame: that is what the eye sees. `steady` averages
# each face's points over the neighbouring frames with weights 1 4 6 4 1. It looks as far ahead as
# back, and so nothing lags; it stops at a cut. **What does a longer window cost?**

# %%
from deepfake_lesson import metrics

print(f"{'frames on either side':24} {'jitter':>8} {'error of the middle':>20}")
for radius in (0, 1, 2, 5):
    error = np.linalg.norm(middle(path(radius)) - middle(true), axis=1).mean()
    print(f"{radius:<24} {metrics.jitter(path(radius)):8.4f} {error:17.2f} px")
print(f"{'truth':24} {metrics.jitter(true):8.4f} {0:17.2f} px")

# %% [markdown]
# The first frames of window take most of the trembling away. After that there is little to win, and
# the points leave their true path: a head that turns is drawn as one that turns less.
# Where the jitter falls below the truth's own, the window has begun to eat real motion. `convert`
# uses two frames on either side. The jitter that is left in the report of section 7 comes from the
# network, which paints every frame anew, and from the detector that measures it.
#
# ## Exercises
#
# ### 1 · The way back
#
# A face was cut out with a matrix. Write the matrix that brings it back. (For a (2, 3) matrix
# `[A | t]` a point moves to `A p + t`. Solve for `p`.)

# %% nbgrader={"solution": true, "grade_id": "way_back"}
import numpy as np


def way_back(matrix: np.ndarray) -> np.ndarray:
    """The (2, 3) matrix from crop pixels to frame pixels, for a (2, 3) one from frame to crop."""
    ### BEGIN SOLUTION
    inverse = np.linalg.inv(matrix[:, :2])
    return np.column_stack([inverse, -inverse @ matrix[:, 2]])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_way_back", "points": 2}
from deepfake_lesson.exercises import chapter_06 as check

check.way_back(way_back)
### BEGIN HIDDEN TESTS
assert (answer := check.way_back(way_back)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 2 · Mix two pictures
#
# Alpha 0 keeps the frame, 1 takes the face, a half takes the mean. Both pictures are uint8, which
# cannot hold a negative difference; the result is uint8 again.

# %% nbgrader={"solution": true, "grade_id": "mix"}
import numpy as np


def mix(frame: np.ndarray, face: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Frame and face (H, W, 3) uint8 mixed by alpha (H, W) in [0, 1], as uint8, rounded."""
    ### BEGIN SOLUTION
    weight = alpha[..., None]
    return np.rint((1 - weight) * frame + weight * face).astype(np.uint8)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_mix", "points": 2}
from deepfake_lesson.exercises import chapter_06 as check

check.mix(mix)
### BEGIN HIDDEN TESTS
assert (answer := check.mix(mix)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 3 · Match the mean colour
#
# Shift each channel of the face so that its mean *under the mask* is the original's. Apply the
# shift to the whole picture, and keep the values between 0 and 255.

# %% nbgrader={"solution": true, "grade_id": "match_mean"}
import numpy as np


def match_mean(face: np.ndarray, original: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The face in the original's mean colour; both (H, W, 3) uint8, inside (H, W) bool."""
    ### BEGIN SOLUTION
    shift = original[inside].mean(axis=0) - face[inside].mean(axis=0)
    return np.clip(np.rint(face + shift), 0, 255).astype(np.uint8)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_match_mean", "points": 2}
from deepfake_lesson.exercises import chapter_06 as check

check.match_mean(match_mean)
### BEGIN HIDDEN TESTS
assert (answer := check.match_mean(match_mean)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 4 · Dilate a mask
#
# A pixel is in the result if there is a mask pixel at most `pixels` rows and at most `pixels`
# columns away. What is beyond the border is empty.

# %% nbgrader={"solution": true, "grade_id": "dilate"}
import numpy as np


def dilate(mask: np.ndarray, pixels: int) -> np.ndarray:
    """A bool mask (H, W) grown by `pixels` to all sides and corners."""
    ### BEGIN SOLUTION
    height, width = mask.shape
    padded = np.pad(mask, pixels)
    shifts = range(2 * pixels + 1)
    moved = [padded[y : y + height, x : x + width] for y in shifts for x in shifts]
    return np.any(moved, axis=0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_dilate", "points": 2}
from deepfake_lesson.exercises import chapter_06 as check

check.dilate(dilate)
### BEGIN HIDDEN TESTS
assert (answer := check.dilate(dilate)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 5 · Read the curve
#
# You have the two curves of section 3: for each erosion what was left over and what was spilled.
# Which erosion do you choose?

# %% nbgrader={"solution": true, "grade_id": "best_erosion"}
import numpy as np


def best_erosion(erosions: np.ndarray, left_over: np.ndarray, spilled: np.ndarray) -> float:
    """The erosion at which both errors together are smallest; three arrays of equal length."""
    ### BEGIN SOLUTION
    return float(erosions[np.argmin(left_over + spilled)])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_best_erosion", "points": 1}
from deepfake_lesson.exercises import chapter_06 as check

check.best_erosion(best_erosion)
### BEGIN HIDDEN TESTS
assert (answer := check.best_erosion(best_erosion)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 6 · Count the frames
#
# `frames="10-50"` means frames 10 to 50, both included, counted from 0. The video may end before.


# %% nbgrader={"solution": true, "grade_id": "frames_swapped"}
def frames_swapped(first: int, last: int, total: int) -> int:
    """How many frames of a video of `total` frames are swapped, from `first` to `last`."""
    ### BEGIN SOLUTION
    return max(0, min(last, total - 1) - first + 1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_frames_swapped", "points": 1}
from deepfake_lesson.exercises import chapter_06 as check

check.frames_swapped(frames_swapped)
### BEGIN HIDDEN TESTS
assert (answer := check.frames_swapped(frames_swapped)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ## Summary
#
# - One matrix cuts out and pastes back. Two that differ draw a face that is too large or too small.
# - The best edge lies a little outside the landmarks' hull, further out for a wider feather; you
#   have the curve, and the erosions that it chose for you.
# - A segmentation network sees what a hull cannot: where the painted head ends, and what hangs over
#   the face in the film.
# - Matching colours takes the step away and moves the picture away from the truth. Poisson cloning
#   needs an edge that lies on skin, or the surroundings bleed in.
# - A face is swapped if its embedding says so, not because it came last.
# - A video trembles because each frame is looked at alone. A symmetric window calms the landmarks
#   without delay; too long a one leaves the true path.
# - Silent faults cost most: an unknown name must be an error.
#
# ## References
#
# - Thomas Porter, Tom Duff (1984),
#   [Compositing Digital Images](https://doi.org/10.1145/800031.808606).
# - Erik Reinhard, Michael Ashikhmin, Bruce Gooch, Peter Shirley (2001),
#   [Color Transfer between Images](https://doi.org/10.1109/38.946629).
# - Patrick Pérez, Michel Gangnet, Andrew Blake (2003),
#   [Poisson Image Editing](https://doi.org/10.1145/882262.882269).
# - Olaf Ronneberger, Philipp Fischer, Thomas Brox (2015),
#   [U-Net: Convolutional Networks for Biomedical Image
#   Segmentation](https://arxiv.org/abs/1505.04597).
# - Coalition for Content Provenance and Authenticity,
#   [C2PA specifications](https://spec.c2pa.org).
#
# **Next:** the blend is as good as it gets, but the face is still soft. Chapter 07 makes the
# network paint sharper.
