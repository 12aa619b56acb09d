# %% [markdown]
# # 05 · Train the face swap autoencoder
#
# **Time** 75 minutes, of which the computer needs one and a half · **Hardware** any laptop ·
# **Download** none
#
# Nobody ever shows the network a swapped face. So how does it learn to make one?
#
# You will be able to
#
# - draw the two autoencoders with their one encoder, and say why they swap,
# - read the network from top to bottom and count its weights by hand,
# - say what warp and loss are for, and what goes wrong without them,
# - train a swap, go on with it another day, and know when to stop,
# - measure it against the truth, and look into its code.
#
# > **Rule of this chapter.** Only people who do not exist, or who agreed in writing. Whatever you
# > show to others says that it is AI-generated.

# %% tags=["setup"]
# The set-up cell: `make chapters` puts it in.

# %% [markdown]
# ## 1 · One encoder, two decoders
#
# An **autoencoder** is a network that paints its own input. The **encoder** presses a picture into
# a few numbers, the **code**; the **decoder** makes a picture of them again. We train two: one for
# person *a*, one for person *b*. They share the encoder.

# %% alt="Warped faces of a and b go through one encoder to their own decoder and come out straight"
import numpy as np

from deepfake_lesson import plots
from deepfake_lesson.augment import random_warp
from deepfake_lesson.landmarks import alignment_matrix, model_matrix, warp
from deepfake_lesson.studio import Identity, Moment, Pose, Scene, render_pair

A, B, SCENE = Identity.sample(31), Identity.sample(20), Scene.sample([0, 1])


def aligned(frame) -> np.ndarray:
    """The aligned face (256, 256, 3) of a studio frame."""
    return warp(frame.image, alignment_matrix(frame.landmarks), 256)


smile, call = Moment({"AU12": 1.0, "AU25": 0.5}), Moment({"AU26": 0.9}, Pose(yaw=14))
a_smiles, b_smiles = map(aligned, render_pair(A, B, smile, SCENE))
a_calls, b_calls = map(aligned, render_pair(A, B, call, SCENE))
rng = np.random.default_rng(1)
(a_in, a_out), (b_in, b_out) = (random_warp(face, rng, 160, 7) for face in (a_calls, b_smiles))
boxes = {
    "a in": (1.0, 3.1, a_in, "blue"),
    "b in": (1.0, 1.0, b_in, "orange"),
    "encoder": (4.0, 2.05, "one\nencoder", "green"),
    "decoder a": (6.7, 3.1, "decoder a", "blue"),
    "decoder b": (6.7, 1.0, "decoder b", "orange"),
    "a out": (9.4, 3.1, a_out, "blue"),
    "b out": (9.4, 1.0, b_out, "orange"),
}
paths = [
    ("blue", "a in", "encoder", "decoder a", "a out"),
    ("orange", "b in", "encoder", "decoder b", "b out"),
]
plots.diagram(boxes, paths, (10.4, 4.1))

# %% [markdown]
# Training: faces of *a* go the blue way, faces of *b* the orange one. Each face comes in a little
# distorted, and the decoder has to paint it straight. That is all.
#
# The encoder does not know whose face comes, and both decoders have to live on its code. What helps
# both is what both have in common: where the head looks, how far the mouth is open, where the light
# stands. What only *a* has, his skin, his nose, decoder *a* can learn by heart.
#
# **Predict:** we show *a* to the encoder, and give the code to decoder **b**. What comes out?


# %% alt="A face of a, mouth open, goes through encoder and decoder b; b comes out, mouth open"
def crop(face: np.ndarray, size: int = 160) -> np.ndarray:
    """What a network of this size sees of an aligned face: (size, size, 3) uint8."""
    return warp(face, model_matrix(size), size)


boxes = {
    "a in": (1.0, 1.0, crop(a_calls), "blue"),
    "encoder": (4.0, 1.0, "one\nencoder", "green"),
    "decoder b": (6.7, 1.0, "decoder b", "orange"),
    "b out": (9.4, 1.0, crop(b_calls), "orange"),
}
paths = [("blue", "a in", "encoder"), ("orange", "encoder", "decoder b", "b out")]
plots.diagram(boxes, paths, (10.4, 2.0))

# %% [markdown]
# *b*, doing what *a* does. Only the crossing in the middle is new, and it was never trained. The
# face on the right is what it *ought* to be: the studio films two people in the same moment, so the
# perfect swap, the **truth**, is known. We shall measure against it.
#
# ## 2 · Build it
#
# The network is a function that reads from top to bottom. This is the encoder of the classic
# recipe (Reddit, 2017) as it stands in the package, and the two blocks of which both halves are
# made.

# %%
from deepfake_lesson.models import layers
from deepfake_lesson.models.autoencoder import AutoencoderConfig, build_decoder, build_encoder

lesson.show(build_encoder)

# %%
lesson.show(layers.downscale)

# %%
lesson.show(layers.upscale)

# %% [markdown]
# Built at full width, with the shape of what comes out of every layer and the number of its
# weights. **Before you look:** in which layers are most of the weights?

# %%
# NBVAL_CHECK_OUTPUT
classic = AutoencoderConfig(size=64, width=1.0)
encoder, decoder = build_encoder(classic), build_decoder(classic)


def table(model) -> None:
    """Print every layer with the shape of its output and its number of weights."""
    for layer in model.layers:
        shape = " x ".join(map(str, layer.output.shape[1:]))
        print(f"{type(layer).__name__:12}{shape:>18}{layer.count_params():>14,}")
    print(f"{model.name:12}{'':18}{model.count_params():>14,}\n")


table(encoder)
table(decoder)

# %% [markdown]
# Three quarters of the encoder's weights sit in three layers at its end: two **dense** ones, and
# the convolution that opens the code again. A decoder is small beside it: it has to know only one
# face.
#
# **Why dense layers?** A convolution sees a small window. We light up a single pixel near the
# corner, and look which places of the features notice it.

# %% alt="Maps: one pixel reaches 4 of 16 places by convolutions, and all 64 after the dense layers"
import matplotlib.pyplot as plt

from deepfake_lesson.models import keras

after_convolutions, last = encoder.layers[8].output, encoder.output
inside = keras.Model(encoder.input, [after_convolutions, last])
one_pixel = np.zeros((1, 64, 64, 3), np.float32)
one_pixel[0, 4, 4] = 1
reached = [np.abs(np.asarray(features)[0]).max(-1) > 0 for features in inside(one_pixel)]
_, axes = plt.subplots(1, 2, figsize=(7, 3.4))
for ax, places, name in zip(
    axes, reached, ("by convolutions", "after the dense layers"), strict=True
):
    ax.pcolormesh(places[::-1], cmap="cividis", vmin=0, vmax=1, edgecolors="white", linewidth=2)
    ax.set_title(f"{name}: {places.sum()} of {places.size}", fontsize=13)
    ax.set_aspect("equal")
    ax.axis("off")

# %% [markdown]
# Yellow places notice the pixel. The dense layers mix everything with everything: only so can the
# code say "the head looks to the left" in one place, whatever the pixels were.
#
# **What is a pixel shuffle?** To grow a picture, `upscale` computes four times as many channels and
# folds them into space: four numbers of one coarse pixel become a block of 2 x 2 fine ones.

# %%
# NBVAL_CHECK_OUTPUT
coarse = np.arange(16, dtype="float32").reshape(1, 2, 2, 4)  # 2 x 2 pixels of 4 channels
fine = np.asarray(layers.PixelShuffle()(coarse))
print("channels of the first pixel:", coarse[0, 0, 0])
print("4 x 4 pixels of one channel:")
print(fine[0, :, :, 0])

# %% alt="Four channels of 2 by 2 numbers in four colours, and the 4 by 4 picture made of them"
_, axes = plt.subplots(1, 5, figsize=(10, 3.2), width_ratios=[2, 2, 2, 2, 4])
tints = [plots.COLORS[name] for name in ("sky", "orange", "green", "purple")]
squares = [coarse[0, :, :, channel] for channel in range(4)] + [fine[0, :, :, 0]]
names = [f"channel {channel}" for channel in range(4)] + ["shuffled"]
for ax, square, name in zip(axes, squares, names, strict=True):
    for (row, column), number in np.ndenumerate(square):
        look = {"facecolor": tints[int(number) % 4], "edgecolor": "white", "linewidth": 2}
        ax.add_patch(plt.Rectangle((column, row), 1, 1, **look))
        ax.text(column + 0.5, row + 0.5, f"{number:.0f}", ha="center", va="center")
    ax.set(xlim=(0, len(square)), ylim=(len(square), 0), aspect="equal")
    ax.set_title(name, fontsize=13)
    ax.axis("off")

# %% [markdown]
# Each colour is a channel. In the shuffled picture every 2 x 2 block holds all four. The other way
# to grow is plain: repeat every pixel, then convolve. It needs wider decoders for the same result,
# and knows no checkerboards (Odena et al. 2016).

# %%
# NBVAL_CHECK_OUTPUT
plain = AutoencoderConfig(size=64, width=1.0, upscale="resize")
print(f"{'':10}{'shuffle':>12}{'plain':>12}")
for name, build in (("encoder", build_encoder), ("decoder", build_decoder)):
    counts = [build(config).count_params() for config in (classic, plain)]
    print(f"{name:10}{counts[0]:>12,}{counts[1]:>12,}")

# %% [markdown]
# ## 3 · The pictures it learns from
#
# Two people in front of a camera, each for three seconds. `create_face_dataset` is chapter 04 in
# one line. *a* is filmed once more, saying something else: with this clip we test, and nobody
# trains on it.

# %% alt="Aligned faces in many poses: a, bald and clean-shaven, above b, with hair and a beard"
from deepfake_lesson.dataset import load_alignments, load_faces
from deepfake_lesson.extraction import create_face_dataset

a = lesson.studio_person(31, "screen_test", seconds=3, size=256, fps=12)
b = lesson.studio_person(20, "screen_test", seconds=3, size=256, fps=12)
test = lesson.studio_person(31, "talk", seconds=2, size=256, fps=12)
for person in (a, b, test):
    create_face_dataset(person, progress=False)
faces_a, faces_b = load_faces(a), load_faces(b)
print(f"{len(faces_a)} faces of a, {len(faces_b)} of b")
plots.gallery([*faces_a[2::4][:7], *faces_b[2::4][:7]], columns=7, size=120)

# %% [markdown]
# Both play the same scene here, but nobody tells the network which frames belong together: they are
# drawn at random.
#
# A few dozen pictures can be learned by heart. So every picture is made anew each time it is used.
# First `random_transform` turns, zooms, shifts and mirrors it (at most 10 degrees, 5 % and 5 %, a
# mirror image in 4 of 10). Then `random_warp` shakes a grid of 5 x 5 points.

# %%
lesson.show(random_warp)

# %% [markdown]
# Move the strength. `sigma` is how far the points of the grid wander, in pixels of the aligned
# face; the classic value is 5. **From which sigma on would you no longer know him?**

# %% alt="The shaken grid on a face, the input warped by it, and the target, only turned a little"
import cv2

from deepfake_lesson import widgets
from deepfake_lesson.augment import GRID
from deepfake_lesson.landmarks import ALIGNED_SIZE, MODEL_COVERAGE


def with_grid(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The picture with lines through the points (5, 5, 2)."""
    lines = np.rint([*points, *points.swapaxes(0, 1)]).astype(np.int32)
    return cv2.polylines(picture.copy(), list(lines), False, (255, 255, 255), 2, cv2.LINE_AA)


def show_warp(sigma: float, seed: int) -> np.ndarray:
    """The grid as it is shaken, the warped input and its target."""
    size, face = 256, faces_a[14]
    warped, target = random_warp(face, np.random.default_rng(seed), size, sigma)
    scale = size / (MODEL_COVERAGE * ALIGNED_SIZE)
    shake = np.random.default_rng(seed).normal(0, sigma * scale, (GRID, GRID, 2))
    points = np.stack(np.meshgrid(*2 * [np.linspace(0, size, GRID)]), -1)
    pictures = [with_grid(crop(face, size), points + shake), with_grid(warped, points), target]
    return plots.gallery(pictures, ["the shaken grid", "input: pulled straight", "target"]).image


widgets.explore(show_warp, sigma=(0, 20, 1, 8), seed=(0, 9, 1, 4))

# %% [markdown]
# The input follows the shaken grid. The target follows only the turn and shift that are nearest to
# it, so that both stay in register. The decoder learns: *whatever comes in, paint a as he really
# is*. And *b*'s face is, to decoder *a*, just another face that is not quite *a*. Section 7 puts
# this explanation to the test.
#
# Here is all of it together, with `random_light`, which changes input and target alike:

# %% alt="Six training pairs: inputs crooked, targets straight; in the last three other light too"
from deepfake_lesson.augment import Augmentation, training_pair

rng = np.random.default_rng(8)
kinds = 3 * [Augmentation()] + 3 * [Augmentation(light=1.0)]
pairs = [training_pair(faces_a[14], rng, 128, kind) for kind in kinds]
labels = 3 * ["input"] + 3 * ["input, light"] + 3 * ["target"] + 3 * ["target, light"]
plots.gallery([*(p[0] for p in pairs), *(p[1] for p in pairs)], labels, columns=6)

# %% [markdown]
# ## 4 · What it is blamed for
#
# Training makes a number small, the **loss**. The classic choice is the mean absolute error (MAE):
# how far each value is from the target, on average. Three spoilt faces with exactly the same MAE.
# **Which one would you give back?**

# %% alt="A face made brighter, blurred and grainy: equal MAE, but very different maps of DSSIM"
from deepfake_lesson.images import to_float
from deepfake_lesson.models.losses import dssim_map

face = to_float(crop(faces_b[22], 128))
blurred = cv2.GaussianBlur(face, (0, 0), 3)
grain = np.random.default_rng(0).normal(size=face.shape)
spoilt = {"brighter": face + 0.5, "blurred": blurred, "grainy": face + 0.2 * grain}
wanted = np.abs(blurred - face).mean()


def scaled(picture: np.ndarray) -> np.ndarray:
    """The picture with its difference to the face made so large that the MAE is `wanted`."""
    difference = picture - face
    return (face + difference * wanted / np.abs(difference).mean()).astype("float32")


equal = {"the face": face} | {name: scaled(picture) for name, picture in spoilt.items()}
maps = {name: np.asarray(dssim_map(face[None], p[None]))[0] for name, p in equal.items()}
labels = [f"{name}: MAE {np.abs(equal[name] - face).mean():.3f}" for name in equal]
heat = [plt.cm.cividis(values / 0.5)[..., :3] for values in maps.values()]
labels += [f"DSSIM {values.mean():.3f}" for values in maps.values()]
plots.gallery([*(np.clip(p, 0, 1) for p in equal.values()), *heat], labels, columns=4, size=190)

# %% [markdown]
# Below, where **DSSIM** sees a fault (yellow: much). DSSIM is one minus the structural similarity
# of Wang et al. (2004), halved: it compares brightness, contrast and pattern in small windows. To a
# different brightness it is nearly blind, at blur and grain it cries out. To MAE all three are the
# same. A network that does not know how the next hair lies paints the middle of all possible hairs:
# that costs least MAE, and it is blur.

# %%
from deepfake_lesson.models import losses

lesson.show(losses.painting_loss)

# %% [markdown]
# We train with MAE plus half of DSSIM. In addition, brows, eyes and mouth count four times as much
# as skin (`training.face_weights`): they are small, and they are what we look at.
#
# ## 5 · Train it
#
# From nothing, the classic recipe takes about 10,000 steps of 64 faces, too many for a lesson. We
# start from **base weights** that come with the package. They were trained once, on studio people
# who appear nowhere else: the encoder saw all of them, and a decoder had to paint one and the same
# stand-in, who was filmed in the same moments. Only synthetic people can do that. An encoder like
# that has learned to leave out who somebody is, so what reads the face stays as it is, *frozen*.
# Both decoders start as the stand-in, and become *a* and *b*.

# %%
from deepfake_lesson import presets
from deepfake_lesson.training import TrainingConfig, load_model, starting_network, train

quick = TrainingConfig.from_preset(presets.preset("quick"))
network = starting_network(quick)
print(f"pictures of {quick.autoencoder.size} x {quick.autoencoder.size} pixels")
print(f"width {quick.autoencoder.width:g} of the classic one")
for part in ("encoder", "decoder_a", "decoder_b"):
    half = network.get_layer(part)
    trained = sum(np.prod(weight.shape) for weight in half.trainable_weights)
    print(f"{part:10}{half.count_params():>10,} weights, of which {trained:>7,} are trained")

# %% [markdown]
# Now live. The picture changes while the network learns: four faces of each, painted by their own
# decoder, and by the other one. The third column, *a as b*, is the swap.

# %% alt="Preview: faces of a, painted by a, painted as b; faces of b, painted by b, painted as a"
folder = lesson.WORK / "models" / "05"
quietly = {"preset": "quick", "progress": False}
report = train(a, b, folder, steps=200, minutes=0.4, fresh=True, watch=plots.live(), **quietly)
print(f"{report.steps} steps, {report.seconds:.0f} s, loss {report.loss:.3f}")

# %% [markdown]
# Stopped? Nothing is lost. A model is a folder, and the same call goes on where it was, with the
# optimiser's memory and the very pictures that would have come next.

# %%
report = train(a, b, folder, steps=300, minutes=0.3, **quietly)
print(f"step {report.step}, {report.steps} of them in this call, loss {report.loss:.3f}")

# %% alt="Both losses against steps: they fall fast, then slowly, and go on after the break"
history = np.genfromtxt(folder / "history.csv", delimiter=",", names=True)
_, ax = plt.subplots()
for who, color in (("a", "blue"), ("b", "orange")):
    ax.plot(history["step"], history[f"decoder_{who}_loss"], color=plots.COLORS[color], label=who)
ax.axvline(report.step - report.steps, color="grey", ls=":", label="taken up again")
ax.set(xlabel="steps", ylabel="loss", yscale="log")
ax.legend()
plt.show()

# %% [markdown]
# And this is how the swap came about. Step 0 is the network before training:

# %% alt="A face of a as b, and one of b as a, from step 0 to 256: one stand-in turns into two"
from deepfake_lesson.images import read_image
from deepfake_lesson.models.autoencoder import paint_faces

lines, labels = [], ["filmed", "step 0"]
for faces, other in ((faces_a, "b"), (faces_b, "a")):
    face = crop(faces[-1], quick.autoencoder.size)
    lines.append([face, paint_faces(network, face[None], other)[0]])
for path in sorted((folder / "preview").glob("0*.png")):
    sheet = read_image(path)[-132:-4]  # its last row of faces: 128 pixels each, 4 between them
    lines[0].append(sheet[:, 2 * 132 + 4 : 3 * 132])  # a as b
    lines[1].append(sheet[:, 5 * 132 + 4 : 6 * 132])  # b as a
    labels.append(f"step {int(path.stem)}")
plots.gallery(lines[0] + lines[1], 2 * labels, columns=len(labels), size=128)

# %% [markdown]
# **When to stop?** The rule of the classic recipe: at an MAE of about .02 a swap is good, at .05 it
# is blurry. The loss above is another number, so we compute the MAE of each one's own picture. The
# better rule: look at *a as b*. When teeth and lids no longer get sharper, more steps will not
# help; more faces may.

# %%
model = load_model(folder)


def crops(faces: np.ndarray, size: int = model.size) -> np.ndarray:
    """What the model sees of aligned faces: (N, size, size, 3), float32 in [0, 1]."""
    return to_float(np.stack([crop(face, size) for face in faces]))


for who, faces in (("a", faces_a), ("b", faces_b)):
    pictures = crops(faces)
    print(f"{who} by {who}: MAE {np.abs(model.predict(pictures, to=who) - pictures).mean():.3f}")

# %% [markdown]
# ## 6 · Measure the swap
#
# `Swapper` finds the face in a frame, cuts it out, lets the model paint it, and blends it in
# (chapter 06). The test clip is new to the model. The truth is filmed by the studio: *b* in *a*'s
# moment. **Predict:** the untouched frame differs from the truth by some error. How much of it does
# the swap remove?

# %% alt="Four moments: a as filmed, the swap with b's beard, and b as the studio films him"
from deepfake_lesson.conversion import Swapper
from deepfake_lesson.truth import studio_truth
from deepfake_lesson.video import read_frames

clip = test.media / "clip.mp4"
swapper, frames, truth = Swapper(model), list(read_frames(clip)), studio_truth(clip, b.seed)
rows = load_alignments(test)[2::3]
originals = [frames[row.frame] for row in rows]
swaps = [swapper.swap_frame(frame)[0] for frame in originals]
truths = [truth(row.frame) for row in rows]
shown = [*originals[::2], *swaps[::2], *(frame.image for frame in truths[::2])]
names = ["filmed: a", "AI-generated swap", "truth: b, filmed"]
labels = [name for name in names for _ in rows[::2]]
plots.gallery(shown, labels, columns=len(rows[::2]), size=180)

# %%
from deepfake_lesson import metrics

triples = list(zip(originals, swaps, truths, strict=True))
before = np.array([metrics.truth_error(o, t.image, t.face_mask) for o, _, t in triples])
after = np.array([metrics.truth_error(s, t.image, t.face_mask) for _, s, t in triples])
print(f"error on the face, {len(rows)} frames, share of white (mean and spread)")
print(f"untouched  {before.mean():.4f} +- {before.std():.4f}")
print(f"swapped    {after.mean():.4f} +- {after.std():.4f}")
print(f"smaller by a factor of {before.mean() / after.mean():.1f}")

# %% [markdown]
# Whose face is it? The embedding of chapter 03 describes a person by 128 numbers; below the
# threshold two faces count as one person.

# %% alt="Distances: as filmed the face is near a and far from b, swapped it is near b"
from deepfake_lesson.identity import distance, embed

known = {who: model.identities[who].embedding for who in "ab"}
codes = [
    [embed(image, row.landmarks) for image, row in zip(images, rows, strict=True)]
    for images in (originals, swaps)
]
_, ax = plt.subplots(figsize=(7.5, 3.2))
for who, color in (("a", "blue"), ("b", "orange")):
    lines = ax.plot(
        ["filmed", "swapped"],
        distance(np.array(codes), known[who]),
        "o-",
        color=plots.COLORS[color],
    )
    lines[0].set_label(f"distance to {who}")
ax.axhline(a.threshold, color="grey", ls=":", label="threshold")
ax.set(ylabel="embedding distance", xlim=(-0.3, 1.3))
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# The lines cross: the swapped face is nearer to *b* than to *a*, but not as near as *a* was to
# himself. Something of *b* is still missing.
#
# And where is it wrong? The error of every pixel, before and after:

# %% alt="Error maps: before the swap beard and brows glow; after it little is left"
x0, y0, x1, y1 = map(int, rows[0].box)
face_only = truths[0].face_mask[y0:y1, x0:x1]


def error_map(frame: np.ndarray) -> np.ndarray:
    """Error of each pixel of the face: blue for none, yellow for 0.3 of white or more."""
    error = np.abs(frame.astype(float) - truths[0].image).mean(-1)[y0:y1, x0:x1] / 255
    return plt.cm.cividis((error * face_only / 0.3).clip(0, 1))[..., :3]


shown = [swaps[0][y0:y1, x0:x1], truths[0].image[y0:y1, x0:x1]]
shown += [error_map(originals[0]), error_map(swaps[0])]
plots.gallery(shown, ["swap", "truth", "error before", "error after"], size=220)

# %% [markdown]
# What is left is mostly fine structure: single hairs, the edge of the lips. The dark patches beside
# the cheeks in the swap are no error of the network: it painted *b*'s temples, as it should, and
# the blend let them through. That is for chapter 06.
#
# ## 7 · Break it: take the warp away
#
# Is the warp really what makes the swap? To see it in seconds, we take the smallest autoencoder
# there is. Encoder and decoders are one matrix each, and for matrices the best weights can be
# computed at once: principal components give the encoder, least squares the decoders. That is
# training carried to its very end, where a deep network gets only after many hours.
#
# **Predict:** with `sigma` 0 the input *is* the target. Will the training error be larger or
# smaller than with a warp? And the swap's error?

# %%
from deepfake_lesson.augment import shrink

SMALL, NUMBERS = 32, 24  # pixels of a side; numbers in the code


def many_pairs(faces: np.ndarray, sigma: float) -> list[np.ndarray]:
    """Ten warped inputs of each face and their targets, both (10 N, 32 * 32 * 3)."""
    rng = np.random.default_rng(0)
    only_warp = Augmentation(rotation=0, zoom=0, shift=0, flip=0, warp=sigma)
    faces = np.repeat(shrink(faces, SMALL), 10, axis=0)
    pairs = [training_pair(face, rng, SMALL, only_warp) for face in faces]
    return [np.stack(side).reshape(len(faces), -1) for side in zip(*pairs, strict=True)]


# %%
def train_linear(sigma: float):
    """The best linear encoder, both decoders, and the error left on the training pictures."""
    data = [many_pairs(faces, sigma) for faces in (faces_a, faces_b)]
    inputs = np.concatenate([warped for warped, _ in data])
    middle = inputs.mean(0)
    directions = np.linalg.svd(inputs - middle, full_matrices=False)[2][:NUMBERS].T

    def encode(faces):
        return np.c_[(faces - middle) @ directions, np.ones(len(faces))]

    decoders = [np.linalg.lstsq(encode(warped), targets, rcond=None)[0] for warped, targets in data]
    left = [np.abs(encode(x) @ d - y).mean() for (x, y), d in zip(data, decoders, strict=True)]
    return encode, decoders, np.mean(left)


# %% [markdown]
# The same faces of *a* as in section 6, small, through the encoder to decoder *b*:

# %% alt="Swaps for five strengths of warp: coloured noise without, a face with a beard from 5 on"
test_faces = load_faces(test)[2::3]
true_faces = [warp(frame.image, row.matrix, 256) for frame, row in zip(truths, rows, strict=True)]
on_face = [frame.face_mask.astype("float32") for frame in truths]
on_face = [warp(mask, row.matrix, 256) for mask, row in zip(on_face, rows, strict=True)]
masks = np.stack([crop(mask, SMALL) for mask in on_face])
small_test, small_truth = crops(test_faces, SMALL), crops(true_faces, SMALL)

sigmas, left, wrong, columns = [0, 2, 5, 10, 15], [], [], [small_test]
for sigma in sigmas:
    encode, (_, decoder_b), error = train_linear(sigma)
    painted_b = (encode(small_test.reshape(len(masks), -1)) @ decoder_b).reshape(small_test.shape)
    left.append(error)
    wrong.append(np.average(np.abs(painted_b.clip(0, 1) - small_truth).mean(-1), weights=masks))
    columns.append(painted_b.clip(0, 1))
columns.append(small_truth)
names = ["a", *(f"sigma {sigma}" for sigma in sigmas), "truth: b"]
shown = [column[frame] for frame in (0, 3, 6) for column in columns]
plots.gallery(shown, 3 * names, columns=len(names), size=110)

# %% alt="With more warp the training error rises, while the error of the swap falls far"
untouched = np.average(np.abs(small_test - small_truth).mean(-1), weights=masks)
_, ax = plt.subplots()
ax.plot(sigmas, left, "o-", color=plots.COLORS["blue"], label="training pictures")
ax.plot(sigmas, wrong, "o-", color=plots.COLORS["red"], label="swap against the truth")
ax.axhline(untouched, color="grey", ls=":", label="untouched a against the truth")
ax.set(xlabel="sigma of the warp, pixels", ylabel="mean absolute error", yscale="log")
ax.legend(fontsize=11)
for sigma, one, other in zip(sigmas, left, wrong, strict=True):
    print(f"sigma {sigma:2}: training {one:.3f}, swap {other:.3f}")

# %% [markdown]
# The best training error gives the worst swap. Without a warp, decoder *b* learns what is exactly
# true of *b*'s own codes and of no others; *a*'s code lies a little beside them, and the picture
# explodes. With a warp it has met thousands of codes that are a little off, and *a*'s is one more.
# Training gets harder, the swap gets better: **a low loss is no proof of a good swap**.
#
# Be fair to the deep network: trained from nothing for half a minute it shows next to nothing of
# this, because it has not had the time to learn anything by heart. And in section 5 the warp is
# small, since the base encoder has met other people's faces already.

# %% [markdown]
# ## 8 · Look into the code
#
# A code of this model has thousands of numbers. **Principal component analysis** (PCA) finds the
# directions in which codes differ most; the first two make each face a point on a map. We colour
# the same map twice: by person, and by the turn of the head, which the studio knows exactly.

# %% alt="Codes as points, twice: the people lie mixed, the turn of the head runs across the map"
from deepfake_lesson.studio.recipe import Recipe

encoder = model.autoencoder.get_layer("encoder")
faces = np.concatenate([faces_a, faces_b])
is_b = np.repeat([False, True], [len(faces_a), len(faces_b)])
codes = np.asarray(encoder(crops(faces)))
moments = []
for person in (a, b):
    acting = Recipe.load(person.media / "clip.json").acting()
    moments += [acting[row.frame] for row in load_alignments(person)]
yaw = np.array([moment.pose.yaw for moment in moments])
jaw = np.array([moment.expression.get("AU26", 0) for moment in moments])

flat = codes.reshape(len(codes), -1)
left, strength, _ = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
components = left * strength
x, y = components[:, :2].T
_, axes = plt.subplots(1, 2, figsize=(8.5, 3.8))
for who, chosen, color in (("a", ~is_b, "blue"), ("b", is_b, "orange")):
    axes[0].scatter(x[chosen], y[chosen], color=plots.COLORS[color], label=who)
axes[0].legend()
plt.colorbar(axes[1].scatter(x, y, c=yaw, cmap="cividis"), ax=axes[1], label="yaw, degrees")
for ax in axes:
    ax.set(xlabel="component 1", ylabel="component 2", xticks=[], yticks=[])

# %% [markdown]
# Colours that run smoothly over the map mean: the code knows this. Colours that lie mixed mean: it
# does not care. In numbers: which part of all differences is the difference between the two people?
# In the pixels, and in the code:


# %%
def share_between(values: np.ndarray) -> float:
    """Share of the variance of (N, ...) values that lies between the means of a and of b."""
    flat = values.reshape(len(values), -1)
    means = np.stack([flat[~is_b].mean(0), flat[is_b].mean(0)])[is_b.astype(int)]
    return means.var(0).sum() / flat.var(0).sum()


print(f"in the pixels {share_between(crops(faces)):.0%}")
print(f"in the code   {share_between(codes):.0%}")

# %% [markdown]
# The closer to nothing in the code, the better the swap: whatever the encoder tells about *who*,
# decoder *b* has never seen.
#
# Does the code say the same about both? We fit a rule that reads the turn and the jaw from the
# first eight components, **on *a*'s faces only**, and apply it to *b*. **Predict:** will it work?

# %% alt="Yaw and jaw read from the code against the truth: b lies on the diagonal like a"
readable = np.c_[components[:, :8], np.ones(len(components))]
_, axes = plt.subplots(1, 2, figsize=(8.5, 3.8))
for ax, truth_of, name in zip(axes, (yaw, jaw), ("yaw, degrees", "jaw drop, AU26"), strict=True):
    rule = np.linalg.lstsq(readable[~is_b], truth_of[~is_b], rcond=None)[0]
    for who, chosen, color in (("a, fitted", ~is_b, "blue"), ("b, not fitted", is_b, "orange")):
        ax.scatter(truth_of[chosen], readable[chosen] @ rule, color=plots.COLORS[color], label=who)
    ax.axline((0, 0), slope=1, color="grey", ls=":")
    right = np.corrcoef(truth_of[is_b], readable[is_b] @ rule)[0, 1]
    ax.set(xlabel=f"{name}, truth", ylabel="read from the code")
    ax.set_title(f"correlation for b: {right:.2f}", fontsize=13)
axes[0].legend(fontsize=11)
plt.show()

# %% [markdown]
# A rule that was fitted on *a* alone reads *b*'s code. To the encoder, "looks to the left" and
# "mouth open" are the same for both, and that is why the decoders can be exchanged.
#
# Codes are numbers, so there is something between two of them. We walk in a straight line from the
# first face of *a*, mouth closed, to the one with the widest jaw, and let both decoders paint each
# step.

# %% alt="Six steps from a closed to an open mouth, painted as a above and as b below"
decoders = [model.autoencoder.get_layer(f"decoder_{who}") for who in "ab"]
closed, wide = codes[0], codes[jaw[~is_b].argmax()]


def painted(t: float) -> list[np.ndarray]:
    """What both decoders paint at `t` on the way from the closed mouth (0) to the open one (1)."""
    code = (1 - t) * closed + t * wide
    return [np.asarray(decoder(code[None]))[0] for decoder in decoders]


steps = np.linspace(0, 1, 6)
columns = [painted(t) for t in steps]
labels = [f"{who}, t = {t:.1f}" for who in "ab" for t in steps]
plots.gallery([column[who] for who in (0, 1) for column in columns], labels, columns=6)


# %% alt="The walk as a slider: a and b side by side, half way between closed and open mouth"
def on_the_way(t: float) -> np.ndarray:
    """Both people at one point of the walk, side by side."""
    return plots.gallery(painted(t), ["a", "b"], size=256).image


widgets.explore(on_the_way, t=(0.0, 1.0, 0.05, 0.5))

# %% [markdown]
# At every point of the line there is one mouth for two people. The same code makes both act alike:
# that is the swap, seen from inside.
#
# ## 9 · Limits
#
# **Size.** Even a perfect painter has only so many pixels. Here is the *truth*, cut out at the
# classic 64 pixels, at 128 and at 256, and made large again.

# %% alt="The true face from 32, 64, 128 and 256 pixels: at 32 no iris, at 64 soft, then sharp"
true_face = crop(warp(truths[3].image, rows[3].matrix, 256), 256)
sizes = [32, 64, 128, 256]
shrunk = [cv2.resize(true_face, (n, n), interpolation=cv2.INTER_AREA) for n in sizes]
grown = [cv2.resize(small, (256, 256), interpolation=cv2.INTER_CUBIC) for small in shrunk]
lost = [np.abs(to_float(large) - to_float(true_face)).mean() for large in grown]
plots.gallery(grown, [f"{n} px: MAE {e:.3f}" for n, e in zip(sizes, lost, strict=True)], size=230)

# %% [markdown]
# **Blur.** How sharp is the swap beside the truth? (`sharpness` is the measure of chapter 04.)

# %%
from deepfake_lesson.extraction import sharpness

for name, images in (("swap", swaps), ("truth", [frame.image for frame in truths])):
    values = [
        sharpness(warp(image, row.matrix, 256)) for image, row in zip(images, rows, strict=True)
    ]
    print(f"{name:6}{np.mean(values):6.1f} +- {np.std(values):.1f}")

# %% [markdown]
# **Data.** A decoder knows only what its person did in front of the camera. An open mouth that *b*
# never showed, a light that never shone on him, hair in front of the brow, a hand: decoder *b* has
# to invent them, and paints the nearest thing it knows. Glasses that only *a* wears vanish or stay
# as a smear. No number of steps mends missing faces.
#
# Chapter 06 turns frames into a film. Chapter 07 fights the blur.
#
# ## Exercises
#
# ### 1 · How many weights has a convolution?
#
# Its kernel has `kernel` x `kernel` pixels, `channels` come in, `filters` go out, and each filter
# has a bias. Compare with the table in section 2.


# %% nbgrader={"solution": true, "grade_id": "conv_parameters"}
def conv_parameters(kernel: int, channels: int, filters: int) -> int:
    """Number of weights of a convolution with a bias."""
    ### BEGIN SOLUTION
    return (kernel * kernel * channels + 1) * filters
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_conv_parameters", "points": 1}
from deepfake_lesson.exercises import chapter_05 as check

check.conv_parameters(conv_parameters)
### BEGIN HIDDEN TESTS
assert (answer := check.conv_parameters(conv_parameters)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 2 · Whose decoder?
#
# You have a picture of *b* and want *a*'s face on it, doing what *b* does. Which parts do you need,
# in which order? The three arguments after the face are functions.


# %% nbgrader={"solution": true, "grade_id": "put_a_on_b"}
def put_a_on_b(face_of_b, encoder, decoder_a, decoder_b):
    """The picture of a who acts like b."""
    ### BEGIN SOLUTION
    return decoder_a(encoder(face_of_b))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_put_a_on_b", "points": 1}
from deepfake_lesson.exercises import chapter_05 as check

check.put_a_on_b(put_a_on_b)
### BEGIN HIDDEN TESTS
assert (answer := check.put_a_on_b(put_a_on_b)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 3 · Mean absolute error
#
# The mean absolute difference of two pictures, as a share of white (0 to 1). The pictures are
# `uint8`, and there is a trap in that.

# %% nbgrader={"solution": true, "grade_id": "mean_absolute_error"}
import numpy as np


def mean_absolute_error(truth: np.ndarray, painted: np.ndarray) -> float:
    """MAE of two RGB uint8 pictures (H, W, 3), between 0 and 1."""
    ### BEGIN SOLUTION
    return float(np.abs(truth.astype(float) - painted.astype(float)).mean() / 255)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_mean_absolute_error", "points": 1}
from deepfake_lesson.exercises import chapter_05 as check

check.mean_absolute_error(mean_absolute_error)
### BEGIN HIDDEN TESTS
assert (answer := check.mean_absolute_error(mean_absolute_error)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 4 · Pixel shuffle
#
# Fold channels into space with NumPy: from (H, W, 4C) to (2H, 2W, C). The first C channels become
# the pixel at the upper left of each 2 x 2 block, the next C the one at the upper right, and so on.
# Three calls are enough: reshape, transpose, reshape.

# %% nbgrader={"solution": true, "grade_id": "pixel_shuffle"}
import numpy as np


def pixel_shuffle(features: np.ndarray) -> np.ndarray:
    """(H, W, 4C) -> (2H, 2W, C)."""
    ### BEGIN SOLUTION
    height, width, channels = features.shape
    blocks = features.reshape(height, width, 2, 2, channels // 4)
    return blocks.transpose(0, 2, 1, 3, 4).reshape(2 * height, 2 * width, channels // 4)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_pixel_shuffle", "points": 2}
from deepfake_lesson.exercises import chapter_05 as check

check.pixel_shuffle(pixel_shuffle)
### BEGIN HIDDEN TESTS
assert (answer := check.pixel_shuffle(pixel_shuffle)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 5 · From the aligned face to the network
#
# The network sees the middle 70 % of the 256 pixels of the aligned face, drawn at `size` x `size`
# pixels. Where does a point of the aligned face land? A pixel's number is its middle: a picture of
# 256 pixels begins at -0.5 and ends at 255.5.


# %% nbgrader={"solution": true, "grade_id": "to_model"}
def to_model(point: tuple[float, float], size: int) -> tuple[float, float]:
    """A point (x, y) of the aligned face in pixels of the model's picture."""
    ### BEGIN SOLUTION
    seen = 0.70 * 256  # pixels
    begin = (256 - seen) / 2 - 0.5
    x, y = ((value - begin) * size / seen - 0.5 for value in point)
    return x, y
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_to_model", "points": 2}
from deepfake_lesson.exercises import chapter_05 as check

check.to_model(to_model)
### BEGIN HIDDEN TESTS
assert (answer := check.to_model(to_model)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 6 · A walk through the code
#
# `steps` codes in a straight line from `start` to `end`, both included, all steps equally long.

# %% nbgrader={"solution": true, "grade_id": "walk"}
import numpy as np


def walk(start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    """Codes (steps, 8, 8, C) from `start` (8, 8, C) to `end` (8, 8, C)."""
    ### BEGIN SOLUTION
    shares = np.linspace(0, 1, steps)[:, None, None, None]
    return (1 - shares) * start + shares * end
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_walk", "points": 1}
from deepfake_lesson.exercises import chapter_05 as check

check.walk(walk)
### BEGIN HIDDEN TESTS
assert (answer := check.walk(walk)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ## Summary
#
# - One encoder for both, one decoder for each. What both need lies in the code; whom they paint
#   lies in the decoder. The swap is the crossing that nobody trained.
# - Warping the input makes the decoders repair whatever comes in. You took the warp away, and
#   measured what was lost.
# - MAE does not see blur; DSSIM does. Neither is what your eye sees: look at the preview.
# - Your swap removed part of the error against the truth: your numbers stand in section 6.
# - Size, loss and data set the limits, in this order of how easily they are changed.
#
# ## References
#
# - deepfakes (2017), the first public code, kept as the "original" model of
#   [faceswap](https://github.com/deepfakes/faceswap).
# - Shi et al. (2016), [Real-Time Single Image and Video Super-Resolution Using an Efficient
#   Sub-Pixel Convolutional Neural Network](https://arxiv.org/abs/1609.05158).
# - Odena, Dumoulin, Olah (2016), [Deconvolution and Checkerboard
#   Artifacts](https://distill.pub/2016/deconv-checkerboard/).
# - Wang, Bovik, Sheikh, Simoncelli (2004), [Image Quality Assessment: From Error Visibility to
#   Structural Similarity](https://doi.org/10.1109/TIP.2003.819861).
# - Perov et al. (2020), [DeepFaceLab: Integrated, Flexible and Extensible Face-Swapping
#   Framework](https://arxiv.org/abs/2005.05535).
#
# **Next:** chapter 06 puts the painted squares back into a film, and makes the seam vanish.
