# %% [markdown]
# # 10 · Animate a picture
#
# **Time** 90 minutes, of which the computer needs one and a half · **Hardware** any laptop ·
# **Download** none
#
# Chapter 08 had to film a person for minutes, and to train on her. What if all you have is one
# picture? A network that has seen how *faces* move can move any face, also one that it has never
# seen. Who tells it what to look at? Nobody.
#
# You will be able to
#
# - say what a keypoint is that nobody named, and compute one from a heat-map,
# - predict with two terms of a Taylor series where a pixel comes from,
# - draw every quantity between a picture and its animation: frames, warps, masks, flow, occlusion,
# - break the loss that makes keypoints stay in their place, and see them run away,
# - choose relative or absolute motion, the right first frame and the right framing,
# - measure it as its authors do, beside two methods that learn nothing.
#
# > **Rule of this chapter.** One picture of anybody is enough, and pictures of everybody are
# > everywhere. That makes this the method for which consent counts most: people who do not exist,
# > or who agreed in writing *to being animated*. Label and credential stay on the film.

# %% tags=["setup"]
# The set-up cell: `make chapters` puts it in.

# %% [markdown]
# ## 1 · One picture and a film
#
# Two people of the studio. Of her we take a single frame; he drives. Nothing is trained: the
# [model](glossary.md#first-order-motion-model) comes with the package. It has seen 200 other people
# of the studio, and neither of these two.

# %% alt="His film above, below it her picture doing the same: turning, talking and smiling"
from deepfake_lesson import plots
from deepfake_lesson.animation.animate import animate
from deepfake_lesson.video import read_frames

her = lesson.studio_person(32, "talk", seconds=1, size=256, fps=12)
him = lesson.studio_person(20, "conversation", seconds=2, size=256, fps=12, take=5)
picture, clip = her.media / "clip.mp4", him.media / "clip.mp4"
folder = lesson.WORK / "chapter_10"
report = animate(picture, clip, folder / "animated.mp4")
moments = (0, 4, 8, 12, 17, 22)
film, result = (list(read_frames(path)) for path in (clip, folder / "animated.mp4"))
shown = [frames[number] for frames in (film, result) for number in moments]
plots.gallery(shown, columns=len(moments), size=160)

# %%
from IPython.display import display

display(plots.video(folder / "animated.mp4"))
for name, value in report["truth"].items():
    print(f"{name:10} {value:.2f}")
for warning in report["warnings"]:
    print("Note:", warning)

# %% [markdown]
# The numbers compare each frame with the studio's film of *her* doing what he does: `jaw` and
# `smile` are correlations with what she would have done, `pose` is in degrees. `animate` also warns
# of what often goes wrong; sections 9 and 10 are about that.
#
# For the rest of the chapter we take this apart. First what the network sees: her face and his, cut
# to squares in which both lie alike.

# %% alt="Her face in a square, and three frames of his in squares: eyes at the same height"
import numpy as np

from deepfake_lesson.animation.animate import SHIPPED, framed_alike
from deepfake_lesson.animation.portrait import Portrait
from deepfake_lesson.animation.training import load_motion
from deepfake_lesson.landmarks import warp
from deepfake_lesson.reenactment.conditions import square_matrix
from deepfake_lesson.reenactment.driving import follow_face

model, config = load_motion(SHIPPED)
portrait, track = Portrait.open(picture), follow_face(clip)
plan, square = framed_alike(portrait, track, 0, config.size, relative=True)
source = warp(portrait.image, square_matrix(square, config.size), config.size)
driving = np.stack(list(plan.crops(clip)))
print(f"source {source.shape}, driving {driving.shape}")
plots.gallery([source, *driving[[0, 9, 17]]], ["source", "driving", "", ""], size=200)

# %% [markdown]
# ## 2 · Points that nobody named
#
# The 68 landmarks of chapter 03 were clicked by people, thousands of times. This model has ten
# [keypoints](glossary.md#keypoint), and no one said where they should be. The *keypoint detector*
# makes a [heat-map](glossary.md#heat-map) for each: a small picture whose values sum to 1. **Before
# you look:** will there be one for the mouth?

# %% alt="Her face, then ten heat-maps over it, each with one bright spot in another place"
import cv2

from deepfake_lesson.images import to_float

heatmaps = np.asarray(model.maps(to_float(source[None]))["heatmap"])[0]
large = cv2.resize(heatmaps, (config.size, config.size), interpolation=cv2.INTER_LINEAR)
glow = large / large.max(axis=(0, 1))
over = [source * 0.4 / 255 + glow[..., k, None] * (1.0, 0.6, 0.1) for k in range(glow.shape[2])]
shown = [np.clip(each, 0, 1) for each in over]
print(f"{heatmaps.shape[2]} maps of {heatmaps.shape[0]} x {heatmaps.shape[1]}, each sums to 1")
plots.gallery(shown, [f"keypoint {k}" for k in range(len(shown))], columns=5, size=150)

# %% [markdown]
# A keypoint is the *expected position* under its map: the mean of all positions, each weighted by
# the map. Taking the brightest pixel instead would give whole pixels only, and no gradient: a small
# change of the map would change nothing, and nothing could be learnt.

# %%
from deepfake_lesson.models.first_order import heatmap_to_keypoints

lesson.show(heatmap_to_keypoints)

# %% [markdown]
# Positions run from -1 to 1 over the picture. Now the same ten points on other people. **Predict:**
# does keypoint 3 sit in the same place of each face?

# %% alt="Four faces with ten coloured dots each; a colour sits in about the same place on all"
import matplotlib.pyplot as plt

from deepfake_lesson.reenactment.conditions import face_square
from deepfake_lesson.studio import Identity, render


def portrait_of(seed: int) -> np.ndarray:
    """Somebody's face, cut as the network wants it."""
    frame = render(Identity.sample(seed), size=256)
    matrix = square_matrix(face_square(frame.landmarks), config.size)
    return warp(frame.image, matrix, config.size)


def dots(ax, image: np.ndarray, points: np.ndarray) -> None:
    """Keypoints (K, 2) in [-1, 1] on a picture."""
    ax.imshow(image)
    places = (points + 1) / 2 * (len(image) - 1)
    ax.scatter(*places.T, c=range(len(points)), cmap="tab10", s=60, edgecolors="white")
    ax.axis("off")


faces = np.stack([source, *map(portrait_of, (24, 28, 31))])
found = model.keypoints(to_float(faces))
_, axes = plt.subplots(1, 4, figsize=(10, 2.7))
for ax, image, points in zip(axes, faces, np.asarray(found["value"]), strict=True):
    dots(ax, image, points)
plt.show()

# %% [markdown]
# They need not sit on an eye or a mouth. They sit where it *helps* to know a place: section 7 says
# whom it helps.
#
# ### Points over time
#
# He turns and nods; the points have to go along. Grey is the tip of his nose as dlib reads it,
# moved to start where the keypoint starts.

# %% alt="Curves of ten keypoints over two seconds; most follow the grey curve of the nose"
points = np.asarray(model.keypoints(to_float(driving))["value"])
nose = plan.landmarks[:, 30] / (config.size - 1) * 2
seconds = track.numbers / 12
_, axes = plt.subplots(1, 2, figsize=(10, 3.2), sharey=True)
for axis, (ax, name) in enumerate(zip(axes, ("to the right", "downwards"), strict=True)):
    ax.plot(seconds, nose[:, axis] - nose[0, axis], color="grey", linewidth=6, alpha=0.5)
    ax.plot(seconds, points[..., axis] - points[0, :, axis], linewidth=1)
    ax.set(title=name, xlabel="seconds")
axes[0].set_ylabel("moved by (-1 to 1 is all)")
plt.show()

# %% [markdown]
# ## 3 · Two terms of a Taylor series
#
# A keypoint says where *one* place went. What about the pixels around it? Let us forget faces. This
# square moves, turns and grows; we know its middle before and after. Where does each pixel $z$ of
# the new picture come from?
#
# - *Zeroth order*: everything near the point moved as the point did. $T(z) = p + (z - p')$
# - *First order*: it was also turned and stretched. A 2 x 2 matrix, the
#   [Jacobian](glossary.md#jacobian) $J$, says how. $T(z) = p + J\,(z - p')$
#
# These are the first terms of a Taylor series around the point. **Predict:** which of the two gets
# the corners right?

# %% alt="A checkered square; turned and larger; the zeroth order only moved it; the first is right"
from deepfake_lesson.models.first_order import sparse_motions
from deepfake_lesson.models.sampling import bilinear_sample

SIDE = 96
square_picture = np.full((SIDE, SIDE, 3), 0.85, np.float32)
square_picture[20:52, 20:52] = np.kron(np.indices((4, 4)).sum(0) % 2, np.ones((8, 8)))[..., None]
turn, grow = np.radians(25), 1.3
jacobian = grow * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
before, after = np.array([-0.25, -0.25]), np.array([0.15, 0.1])


def keypoint_of(place: np.ndarray, jacobian: np.ndarray | None = None) -> dict:
    """One keypoint as the network would give it."""
    value = {"value": np.float32(place)[None, None]}
    return value if jacobian is None else value | {"jacobian": np.float32(jacobian)[None, None]}


def moved_by(source_point: dict, driving_point: dict) -> np.ndarray:
    """The square picture, each pixel looked up where the keypoint says."""
    motion = sparse_motions(source_point, driving_point, SIDE, SIDE)[:, :, :, 1]
    return np.asarray(bilinear_sample(square_picture[None], motion, padding="border"))[0]


pixels = (SIDE - 1) / 2
shift = pixels * (after + 1) - jacobian @ (pixels * (before + 1))
true = cv2.warpAffine(
    square_picture, np.column_stack([jacobian, shift]), (SIDE, SIDE), borderValue=(0.85,) * 3
)
zeroth = moved_by(keypoint_of(before), keypoint_of(after))
first = moved_by(keypoint_of(before, np.eye(2)), keypoint_of(after, jacobian))
for name, each in (("zeroth", zeroth), ("first", first)):
    print(f"{name:7} order: {np.abs(each - true).mean():.4f} of white away from the truth")
names = ["before", "after", "zeroth order", "first order"]
plots.gallery([square_picture, true, zeroth, first], names, size=180)

# %% [markdown]
# For a motion that is turning, stretching and shifting, the first order is not an approximation: it
# is exact (what is left is the blur of looking up between pixels). A cheek that bulges is something
# else; but *near* a keypoint the first order is good for any smooth motion. Ten points, and each
# answers for its own surroundings.
#
# ## 4 · The reference that cancels
#
# In the cell above we gave the source the Jacobian 1 and the driving frame the rest. How should a
# detector know that? It sees one frame at a time, and in one frame nothing has been turned yet:
# turned *against what*?
#
# The trick: each frame is compared with an abstract **reference** picture that nobody ever draws.
# $J_S$ says how the source is turned against it, $J_D$ the same of the driving frame. From driving
# back to the reference and on to the source,
#
# $$T(z) = p_S + J_S J_D^{-1} (z - p_D)$$
#
# **Predict:** we turn the reference by any matrix $R$, so that each Jacobian becomes $J R$. How
# does $T$ change?

# %%
rng = np.random.default_rng(0)
found = model.keypoints(to_float(np.stack([source, driving[17]])))
values, jacobians = (np.asarray(found[name]) for name in ("value", "jacobian"))
reference = rng.normal(size=(2, 2))
kept = jacobians[0] @ np.linalg.inv(jacobians[1])
turned = (jacobians[0] @ reference) @ np.linalg.inv(jacobians[1] @ reference)
print(f"largest change of J_S J_D^-1: {np.abs(turned - kept).max():.1e}")

# %% [markdown]
# Not at all: the reference cancels. So the network is free to choose one, and nobody needs to know
# which. Here are the Jacobians as little frames: where the two axes of the reference point to.

# %% alt="Her face and his, a small cross of two arrows at every keypoint; his lean with his head"
_, axes = plt.subplots(1, 2, figsize=(8, 4))
for ax, image, value, turn in zip(axes, (source, driving[17]), values, jacobians, strict=True):
    ax.imshow(image, alpha=0.7)
    x, y = ((value + 1) / 2 * (config.size - 1)).T
    for column, color in ((0, "red"), (1, "blue")):
        arrow = turn[:, :, column] / np.abs(jacobians).max() * config.size / 7
        options = {"color": plots.COLORS[color], "width": 0.008, "angles": "xy"}
        ax.quiver(x, y, *arrow.T, scale_units="xy", scale=1, **options)
    ax.axis("off")
plt.show()

# %% [markdown]
# ## 5 · From ten points to every pixel
#
# Each keypoint now has an opinion on where every pixel of the new picture comes from. So has the
# background: it did not move. That makes eleven **candidates**: her picture, looked up as each of
# them says. **Predict:** what does candidate 0, the background, look like?

# %% alt="Eleven versions of her face: the first unchanged, the others moved, turned and stretched"
moment = 17
kp_source = model.keypoints(to_float(source[None]))
kp_driving = model.keypoints(to_float(driving[[moment]]))
motions = np.asarray(sparse_motions(kp_source, kp_driving, config.size, config.size))
candidates = [
    np.asarray(bilinear_sample(to_float(source[None]), motions[:, :, :, k]))[0]
    for k in range(motions.shape[3])
]
names = ["background", *(f"keypoint {k}" for k in range(len(candidates) - 1))]
plots.gallery([np.clip(each, 0, 1) for each in candidates], names, columns=6, size=130)

# %% [markdown]
# A second network, *dense motion*, looks at all candidates and says for every pixel whom to
# believe: eleven **masks** that sum to 1. Weighted so, the opinions become one **flow**: for each
# pixel the place it comes from.

# %% alt="Eleven masks: the background's is bright round the head, each keypoint's in its region"
made = model.generate(to_float(source[None]), kp_source, kp_driving)
made = {name: np.asarray(values)[0] for name, values in made.items()}
masks = [made["mask"][..., k] for k in range(len(candidates))]
print(f"masks {made['mask'].shape}, sum at each pixel {made['mask'].sum(-1).mean():.3f}")
plots.gallery(masks, names, columns=6, size=130)

# %% alt="Driving frame, flow as colours, moved, occlusion; painted, attention, result, truth"
from deepfake_lesson.models.sampling import coordinate_grid
from deepfake_lesson.reenactment.evaluation import reenactment_truth

height, width = made["flow"].shape[:2]
flow = made["flow"] - np.asarray(coordinate_grid(height, width))
truth = reenactment_truth(clip, portrait.recipe, square, config.size)(int(track.numbers[moment]))
steps = {
    "driving": driving[moment],
    "flow": plots.flow_picture(-flow),
    "moved": np.clip(made["deformed"], 0, 1),
    "occlusion map": made["occlusion_map"][..., 0],
    "painted": np.clip(made["painted"], 0, 1),
    "attention mask": made["attention"][..., 0],
    "result": np.clip(made["prediction"], 0, 1),
    "truth": truth.image,
}
plots.gallery(list(steps.values()), list(steps), columns=4, size=180)

# %% [markdown]
# *Flow*: the colour says in which direction a pixel moves, grey is rest. *Moved*: the flow alone,
# her own pixels and nothing else. What she does not show, moving cannot bring: the side of the head
# that turns into view, the wall behind it, the inside of a mouth that was shut. The [occlusion
# map](glossary.md#occlusion-map) is dark there: *do not trust what was moved here*. The third
# network, the **generator**, multiplies its features by that map and invents what is missing:
# *painted*.
#
# The paper ends here. Its generator has 46 million weights and paints all of the picture; ours, a
# hundred times smaller, paints softly. So it also says for each pixel how far the moved one is good
# enough, in the [attention mask](glossary.md#attention-mask), and the *result* is a mixture of
# both. Where in the mask is it dark, and why there?
#
# *Result* and *truth* differ in more than blur: this is what he did, moved onto her, and her face
# would have done it a little differently.

# %%
lesson.show(type(model).generate)

# %% [markdown]
# ## 6 · What makes a keypoint stay
#
# Who stops the network from putting all points into a corner? Two losses. The first: it has to
# paint one frame of a clip from another, and points help only if they move as the face does. The
# second is **equivariance**: bend a frame, and the keypoints must bend with it. Nobody needs to
# know where they belong for that.
#
# ### Something to break
#
# We leave the second loss out. To have it in seconds, the faces are now a letter L that wanders and
# turns, 32 pixels wide, and the model is tiny. **Predict:** without the loss, will the painting
# become worse? And the points?

# %%
from deepfake_lesson.fitting import supervised
from deepfake_lesson.models import keras
from deepfake_lesson.models.deformation import Deformation
from deepfake_lesson.models.first_order import FirstOrderConfig, FirstOrderModel, HourglassConfig
from deepfake_lesson.models.first_order_training import (
    FirstOrderLosses,
    FirstOrderTraining,
    training_batch,
)


def letters(rng: np.random.Generator, count: int) -> np.ndarray:
    """Frames (count, 32, 32, 3) of a white L somewhere, turned somehow."""
    frames = np.full((count, 32, 32, 3), 0.3, np.float32)
    outline = np.array([(-7, -9), (-2, -9), (-2, 4), (7, 4), (7, 9), (-7, 9)])
    for frame in frames:
        turn = rng.uniform(-0.8, 0.8)
        spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        corners = outline @ spin.T + rng.uniform(11, 21, 2)
        cv2.fillPoly(frame, [np.rint(corners * 16).astype(np.int32)], (1, 1, 0.8), 16, 4)
    return frames


hourglass = HourglassConfig(8, 32, num_blocks=2, scale_factor=0.5)
tiny = FirstOrderConfig(
    num_kp=4,
    block_expansion=8,
    max_features=32,
    num_bottleneck_blocks=1,
    kp_detector=hourglass,
    dense_motion=hourglass,
)


def learn(equivariance: float, steps: int = 80) -> tuple[FirstOrderModel, float]:
    """A tiny model of the letter, and its last L1 loss."""
    network = FirstOrderModel(tiny, seed=1)
    weights = {"equivariance_value": equivariance, "equivariance_jacobian": equivariance}
    losses = FirstOrderLosses(perceptual=0, **weights)
    adam = keras.optimizers.Adam(2e-3, beta_1=0.5)
    trainee = supervised(FirstOrderTraining(network, None, losses), adam, None)
    rng = np.random.default_rng(0)
    for _ in range(steps):
        batch = training_batch(letters(rng, 8), letters(rng, 8), rng)
        row = trainee.step(batch)
    return network, row["l1_loss"] / losses.l1


trained = {name: learn(weight) for name, weight in (("with", 10.0), ("without", 0.0))}

# %% alt="A letter L upright and bent: with the loss the dots go along, without they jump about"
upright = letters(np.random.default_rng(3), 24)
bend = Deformation.sample(np.random.default_rng(4), 24, 0.2, 0.0)
bent = np.asarray(bend.pictures(upright))
_, axes = plt.subplots(1, 4, figsize=(10, 2.7))
for pair, (name, (network, painted)) in zip((axes[:2], axes[2:]), trained.items(), strict=True):
    own, along = (np.asarray(network.keypoints(each)["value"]) for each in (upright, bent))
    away, stayed = (np.abs(np.asarray(bend.points(to)) - own).mean() for to in (along, own))
    print(f"{name:8} equivariance: painting off by {painted:.3f};", end=" ")
    print(f"keypoints by {away:.2f}, by {stayed:.2f} if they had not moved at all")
    for ax, images, places in zip(pair, (upright, bent), (own, along), strict=True):
        dots(ax, images[0], places[0])
    pair[0].set_title(name, loc="left")
plt.show()

# %% [markdown]
# Painting suffers little, for the network finds some code for "where is the L" in any points. But
# without equivariance the points are just that, a code. They do not sit *on* anything: bend the
# frame, and they land further away than if they had stayed where they were. On a face that it has
# never seen such a code says nothing. With the loss they begin to go along; after two minutes
# instead of some seconds they would stick.
#
# Here is the whole loss as it stands in the package; the perceptual part asks a network that has
# learnt to look (chapter 07), at four sizes.

# %%
lesson.show(FirstOrderTraining.compute_loss)

# %% [markdown]
# ## 7 · Train it
#
# Two frames of one clip make an example: the first is the picture, the second is what shall become
# of it. No label, no drawing, no second person. Any film of a face will do.
#
# Here is a training from nothing, for less than a minute, on small pictures of three people.
# Above the source, then the driving frame, her pixels moved, and what was painted.

# %% alt="Three pairs of frames; after a few steps little has moved, and what is painted is blurred"
from deepfake_lesson.animation.clips import person_clips
from deepfake_lesson.animation.training import train_motion
from deepfake_lesson.images import read_image

three = [lesson.studio_person(seed, "screen_test", 2, 256, 12) for seed in (24, 27, 31)]
clips = [clip for each in three for clip in person_clips(each, 64, progress=False)]
own = folder / "model"
training = train_motion(clips, own, "quick", steps=30, fresh=True, progress=False, people=three)
print(f"{training.step} steps in {training.seconds:.0f} s, loss {training.loss:.1f}")
plots.Picture(read_image(own / "preview" / "latest.png"))

# %% [markdown]
# The model that comes with the package took some 16,000 steps, on 200 people; its authors took 100
# passes over some 20,000 clips of famous people, who were not asked. That is why ours has learnt
# from people who do not exist.
#
# ## 8 · Relative or absolute
#
# The driver's keypoints can be taken as they are: **absolute**. Or only what has changed since his
# first frame, added to *her* points: **relative**.

# %%
from deepfake_lesson.models.first_order import relative_keypoints

lesson.show(relative_keypoints)

# %% [markdown]
# The driver is now a man with another face. **Predict:** whose face shape will the absolute result
# have?

# %% alt="Driver, absolute, relative, at two moments: absolute has the driver's proportions"
from deepfake_lesson.models.first_order_inference import MovingPicture

driver = lesson.studio_person(37, "talk", seconds=1, size=256, fps=12, take=1)
other = driver.media / "clip.mp4"
other_track = follow_face(other)
other_plan, other_square = framed_alike(portrait, other_track, 0, config.size, relative=True)
other_source = warp(portrait.image, square_matrix(other_square, config.size), config.size)
moving = MovingPicture(model, other_source)
crops = np.stack(list(other_plan.crops(other)))
absolute = moving.detect(crops)
first_frame = moving.detect(crops[:1])
relative = relative_keypoints(moving.keypoints, absolute, first_frame)
results = {"absolute": moving.paint(absolute), "relative": moving.paint(relative)}
shown = [row[k] for k in (0, 11) for row in (crops, *results.values())]
plots.gallery(
    [other_source, *shown[:3], other_source, *shown[3:]],
    ["picture", "driver", *results] * 2,
    columns=4,
    size=180,
)

# %%
from deepfake_lesson.detectors import read_landmarks
from deepfake_lesson.metrics import landmark_change

hers = read_landmarks(other_source, other_plan.landmarks[0])
for name, pictures in results.items():
    change = landmark_change(hers, read_landmarks(pictures[0], hers))
    print(
        f"{name}: in the first frame her landmarks have moved by {change:.1%} of her eyes' distance"
    )

# %% [markdown]
# In the first frame nothing has happened yet, and relative motion leaves her as she is. Absolute
# motion at once pulls her landmarks to where *his* are: wider or narrower, it is his face shape. In
# return, absolute motion needs no common beginning.
#
# ## 9 · Where to begin
#
# Relative motion has a price: it takes for granted that both begin alike. If he begins with his
# head turned and she looks ahead, everything is off by that turn, to the end. `best_frame` looks
# for the frame of the driver that is most like her picture, and begins there. We cut the driver's
# film such that it begins with his head turned furthest. **Predict:** where will *she* look when he
# looks into the camera?

# %% alt="Driver looks ahead; begun at the first frame she looks aside, at the best frame ahead"
from deepfake_lesson.animation.portrait import best_frame, warnings
from deepfake_lesson.landmarks import head_pose

yaws = np.array([head_pose(points, track.size)[0] for points in track.landmarks])
turned_row, ahead_row = int(np.abs(yaws).argmax()), int(np.abs(yaws).argmin())
best_row = best_frame(portrait.landmarks, track)
shown, labels = [driving[ahead_row]], ["driver, ahead"]
for row, name in ((turned_row, "begun turned"), (best_row, "begun at the best frame")):
    own_plan, own_square = framed_alike(portrait, track, row, config.size, relative=True)
    own_source = warp(portrait.image, square_matrix(own_square, config.size), config.size)
    moving = MovingPicture(model, own_source)
    points, begin = moving.detect(driving[[ahead_row]]), moving.detect(driving[[row]])
    shown.append(moving.paint(relative_keypoints(moving.keypoints, points, begin))[0])
    labels.append(name)
    print(f"{name}: he is turned by {yaws[row]:.0f} degrees then")
    for warning in warnings(portrait, track, row, own_square, config.size):
        print("  Note:", warning)
plots.gallery(shown, labels, size=200)

# %% [markdown]
# ## 10 · The most frequent failure
#
# In every forum the same question: *why does my result look melted?* Nearly always the reason is
# the **framing**. The model knows squares in which a face has a certain size and place. Somebody
# puts in the whole picture, and the film as it came from the camera. **Predict:** what will
# relative motion make of it, and what absolute?

# %% alt="Whole frames: small faces and a distorted result; equal squares: a clean result"
from deepfake_lesson.reenactment.conditions import whole_square

wide = lesson.studio_person(20, "conversation", seconds=1, size=(640, 360), fps=12, take=5)
wide_clip = wide.media / "clip.mp4"
wide_track = follow_face(wide_clip)
whole = square_matrix(whole_square(640, 360), config.size)
frames = [warp(frame, whole, config.size) for frame in read_frames(wide_clip)]
last = len(frames) - 1
moving = MovingPicture(model, source)
unframed = moving.paint(moving.detect(np.stack(frames)[[last]]))[0]

alike, alike_square = framed_alike(portrait, wide_track, 0, config.size, relative=False)
cut = np.stack(list(alike.crops(wide_clip)))
mended_source = warp(portrait.image, square_matrix(alike_square, config.size), config.size)
moving = MovingPicture(model, mended_source)
mended = moving.paint(moving.detect(cut[[last]]))[0]
shown = [source, frames[last], unframed, mended_source, cut[last], mended]
names = ["picture", "driver, whole frame", "result", "picture", "driver, cut alike", "result"]
plots.gallery(shown, names, columns=3, size=200)

# %% [markdown]
# (Both with absolute keypoints, so that one frame is enough to see it.) In the upper row his face
# is small in the square, hers large: the model takes that for a motion and shrinks her. `animate`
# cuts both alike: it finds both faces, and moves the square of the picture until they lie in the
# same place and are of the same size.

# %%
lesson.show(Portrait.square)

# %% [markdown]
# ## 11 · How good is it?
#
# The authors measure with the only truth that a camera can give: a clip is rebuilt from its *first*
# frame, and compared with itself.
#
# - **L1**: mean difference of the pixels.
# - **AKD**, average keypoint distance: of landmarks found in both, in pixels. Is the pose right, is
#   the mouth?
# - **AED**, average Euclidean distance: of identity embeddings (chapter 02), squared. Is it still
#   the same person?
#
# A number alone says little. Beside it stand two methods that learn nothing: the *still* picture,
# and one *affine* map of the whole picture that brings its 68 landmarks nearest to the frame's.
# **Predict:** in which measure does the still picture win?

# %% alt="Three bar charts: the model has the lowest L1 and AKD; in AED all are low"
from deepfake_lesson.animation.evaluation import METHODS, compare

held_out = np.asarray(person_clips(him, config.size, progress=False)[0])[::2]
scores = compare(model, held_out, him.threshold)
_, axes = plt.subplots(1, 3, figsize=(10, 2.8))
for ax, name, scale in zip(axes, ("l1", "akd", "aed"), (100, 1, 1), strict=True):
    ax.barh(
        METHODS, [scale * scores[method][name] for method in METHODS], color=plots.COLORS["blue"]
    )
    ax.set_title({"l1": "L1, % of white", "akd": "AKD, pixels", "aed": "AED"}[name])
    ax.invert_yaxis()
plt.show()

# %%
for method in METHODS:
    row = scores[method]
    print(f"{method:7} L1 {100 * row['l1']:.2f} %, AKD {row['akd']:.2f} px, AED {row['aed']:.3f}")

# %% [markdown]
# The still picture is always the right person; so a low AED alone means nothing. It is not moving
# either. [benchmarks/animation.md](../benchmarks/animation.md) has the same over more people, and
# another person's motion against the studio's truth. There is also what this model cannot do yet:
# its mouths hardly follow the driver's. Look at the heat-maps of section 2 again: none of the ten
# points has settled there. Nobody told it to, and a mouth is a small part of all pixels.
#
# ## 12 · The published model
#
# The model in this package has the architecture of the paper to the last layer. So it can read what
# its authors published, and gives their numbers to four digits. The file, 700 MB, is not ours to
# hand out, and it was trained on famous people. If you have it (`data_scripts/fetch_dataset.py
# vox-256`), put it beside this notebook. It is read without running any code that may hide in it.

# %%
from pathlib import Path

from deepfake_lesson.models.first_order import load_published

checkpoint = Path("vox-cpk.pth.tar")
published = FirstOrderModel(FirstOrderConfig())
if checkpoint.exists():
    print("left over:", load_published(published, checkpoint))
weights = {name: network.count_params() for name, network in published.networks.items()}
print(
    f"{sum(weights.values()) / 1e6:.1f} million weights, {config.size}-pixel model of the package:"
)
print(f"{sum(n.count_params() for n in model.networks.values()) / 1e6:.1f} million")

# %% [markdown]
# ## Exercises
#
# ### 1 · From heat-map to keypoint
#
# The expected position, in NumPy: x and y run from -1 (middle of the first pixel) to 1 (middle of
# the last).

# %% nbgrader={"solution": true, "grade_id": "keypoint"}
import numpy as np


def keypoint(heatmap: np.ndarray) -> np.ndarray:
    """The mean position (x, y) under a map (H, W) that sums to 1."""
    ### BEGIN SOLUTION
    height, width = heatmap.shape
    x = (heatmap.sum(axis=0) * np.linspace(-1, 1, width)).sum()
    y = (heatmap.sum(axis=1) * np.linspace(-1, 1, height)).sum()
    return np.array([x, y])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_keypoint", "points": 2}
from deepfake_lesson.exercises import chapter_10 as check

check.keypoint(keypoint)
### BEGIN HIDDEN TESTS
assert (answer := check.keypoint(keypoint)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 2 · Two affine maps
#
# First `inner`, then `outer`: what single map does the same? Each is (2, 3), a matrix $A$ and
# beside it a shift $b$: $z \mapsto A z + b$.

# %% nbgrader={"solution": true, "grade_id": "compose"}
import numpy as np


def compose(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The map (2, 3) that applies `inner` (2, 3), then `outer` (2, 3)."""
    ### BEGIN SOLUTION
    matrix = outer[:, :2] @ inner[:, :2]
    shift = outer[:, :2] @ inner[:, 2] + outer[:, 2]
    return np.column_stack([matrix, shift])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_compose", "points": 2}
from deepfake_lesson.exercises import chapter_10 as check

check.compose(compose)
### BEGIN HIDDEN TESTS
assert (answer := check.compose(compose)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 3 · To the first order
#
# The formula of section 4 for one pixel and one keypoint.

# %% nbgrader={"solution": true, "grade_id": "taylor"}
import numpy as np


def taylor(
    z: np.ndarray,
    p_source: np.ndarray,
    j_source: np.ndarray,
    p_driving: np.ndarray,
    j_driving: np.ndarray,
) -> np.ndarray:
    """Where pixel z (2,) of the driving frame comes from in the source; p (2,), j (2, 2)."""
    ### BEGIN SOLUTION
    return p_source + j_source @ np.linalg.inv(j_driving) @ (z - p_driving)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_taylor", "points": 3}
from deepfake_lesson.exercises import chapter_10 as check

check.taylor(taylor)
### BEGIN HIDDEN TESTS
assert (answer := check.taylor(taylor)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 4 · What is hidden?
#
# In the picture a woman looks ahead with her mouth shut. The driver turns the head to one side and
# opens the mouth. For which of these must the occlusion map be dark?
#
# - **A** the teeth
# - **B** the forehead
# - **C** the side of the head that turns towards us
# - **D** the tip of the nose
# - **E** the wall where the head was


# %% nbgrader={"solution": true, "grade_id": "hidden"}
def hidden() -> set[str]:
    """Letters of all for which the occlusion map must be dark, as {"B", "D"}."""
    ### BEGIN SOLUTION
    return {"A", "C", "E"}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_hidden", "points": 2}
from deepfake_lesson.exercises import chapter_10 as check

check.hidden(hidden)
### BEGIN HIDDEN TESTS
assert (answer := check.hidden(hidden)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 5 · Average keypoint distance
#
# As the authors have it: the mean amount of all differences, x and y each for itself, over all
# points and frames.

# %% nbgrader={"solution": true, "grade_id": "akd"}
import numpy as np


def akd(found: np.ndarray, wanted: np.ndarray) -> float:
    """Mean distance in pixels of landmarks (N, 68, 2), as Siarohin et al. measure it."""
    ### BEGIN SOLUTION
    return float(np.abs(found - wanted).mean())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_akd", "points": 1}
from deepfake_lesson.exercises import chapter_10 as check

check.akd(akd)
### BEGIN HIDDEN TESTS
assert (answer := check.akd(akd)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ## Summary
#
# - Keypoints that nobody named are mean positions under learnt heat-maps. You have drawn them.
# - A keypoint and its Jacobian say, to the first order, where every pixel near it came from. The
#   reference against which they are turned cancels.
# - Masks choose among eleven opinions; the flow moves; the occlusion map says what to invent.
# - Equivariance keeps points in their place; without it they are a code.
# - Relative motion keeps her shape and needs a common beginning; absolute motion brings his.
# - When a result looks melted, look at the framing first.
# - L1, AKD and AED say something only beside a method that does nothing.
#
# ## References
#
# - Aliaksandr Siarohin, Stéphane Lathuilière, Sergey Tulyakov, Elisa Ricci, Nicu Sebe (2019),
#   [First Order Motion Model for Image Animation](https://arxiv.org/abs/2003.00196), NeurIPS; their
#   [code](https://github.com/AliaksandrSiarohin/first-order-model).
# - The same authors (2019), [Animating Arbitrary Objects via Deep Motion
#   Transfer](https://arxiv.org/abs/1812.08861), CVPR: keypoints without Jacobians, and the
#   measures.
# - Max Jaderberg, Karen Simonyan, Andrew Zisserman, Koray Kavukcuoglu (2015), [Spatial Transformer
#   Networks](https://arxiv.org/abs/1506.02025): looking pictures up so that it can be learnt.
# - Tomas Jakab, Ankush Gupta, Hakan Bilen, Andrea Vedaldi (2018), [Unsupervised Learning of Object
#   Landmarks through Conditional Image Generation](https://arxiv.org/abs/1806.07823).
#
# **Next:** you can now make fakes in four ways. Chapter 11 changes sides: how are they caught?
