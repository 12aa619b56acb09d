# %% [markdown]
# # 02 · Describing a face
#
# **Time** 75 minutes, of which the computer needs one · **Hardware** any laptop · **Download** none
#
# A frame of a face has a hundred thousand numbers. Whoever wants to move it needs a few that mean
# something. Which ones, and how do we read them from a picture?
#
# You will be able to
#
# - name what the muscles of a face do, and build an expression out of action units,
# - move a 3D morphable model by hand, and walk from one person to another,
# - fit such a model to 68 landmarks, and say how far off it is,
# - read action units from landmarks, and find out for whom this works,
# - choose between the three descriptions: what each costs, and what it cannot say.
#
# > **Rule of this chapter.** All people here come from the studio and do not exist, with one
# > exception: a public portrait that we measure. No fake is made of it.

# %% tags=["setup"]
# The set-up cell: `make chapters` puts it in.

# %% [markdown]
# ## 1 · What a face can do
#
# A face has some forty muscles. In 1969 the anatomist Hjortsjö listed what each of them does to the
# skin; Ekman and Friesen made a code of it, **FACS**. Its letters are the **[action
# units](glossary.md#action-unit)**: AU12 is the corner of the mouth, pulled up and out by the
# *zygomaticus major*. A unit says what can be *seen*, here from 0 (nothing) to 1 (as far as it
# goes); FACS itself has five grades. What somebody feels is not in it.
#
# The studio knows fifteen of these units, and two more for a wink. `deform` moves the points of a
# head by them, some 20,000 with hair and neck. We light up how far the skin moves, in millimetres.

# %%
import matplotlib
import numpy as np
from scipy.interpolate import LinearNDInterpolator

from deepfake_lesson import plots, widgets
from deepfake_lesson.morphable import UNITS
from deepfake_lesson.studio import Camera, Identity, Pose, deform, render
from deepfake_lesson.studio.anatomy import template

SHE, CLOSE = Identity.sample(27), Camera(scale=1.05)


def movement(expression: dict, size: int) -> np.ndarray:
    """How far the skin at each pixel has come from its place at rest, (size, size) mm."""
    rest, moved = deform(SHE, {}), deform(SHE, expression)
    front = (rest[:, 2] > 45) & (np.arange(len(rest)) < template().head_count)
    points = CLOSE.project(moved, size, size)[front, :2] - 0.5
    distance = np.linalg.norm(moved - rest, axis=1)[front]
    y, x = np.mgrid[:size, :size]
    return LinearNDInterpolator(points, distance, 0)(x, y)


def face(expression: dict, lit: bool = True, size: int = 320) -> np.ndarray:
    """Her picture with an expression; the skin that moved is lit."""
    image = render(SHE, expression, camera=CLOSE, size=size).image
    if not lit:
        return image
    distance = movement(expression, size)
    glow = 255 * matplotlib.colormaps["inferno"](0.25 + distance / 14)[..., :3]
    share = 0.65 * np.clip(distance / 4, 0, 1)[..., None]
    return (image + share * (glow - image)).astype(np.uint8)


# %% [markdown]
# All fifteen at full strength. The number is the longest way that a point of the skin goes.

# %% alt="Fifteen faces, one for each action unit, with the skin that moves lit up"
faces = [face({unit: 1.0}, size=256) for unit in UNITS]
labels = [f"{unit}: {movement({unit: 1.0}, 256).max():.0f} mm" for unit in UNITS]
plots.gallery(faces, labels, columns=5, size=184)

# %% [markdown]
# AU1 and AU2 lift the inner and the outer half of the brows, AU4 draws them down and together. AU5
# and AU45 move nothing but the lids. AU26, the jaw, moves a third of the face; AU10 and AU25 only
# the lips and what is next to them, AU17 the chin and the lower lip.
#
# | unit | what is seen | muscle |
# |---|---|---|
# | AU1 | inner brow raiser | frontalis, middle part |
# | AU2 | outer brow raiser | frontalis, outer part |
# | AU4 | brow lowerer | corrugator and depressor supercilii, procerus |
# | AU5 | upper lid raiser | levator palpebrae superioris |
# | AU6 | cheek raiser | orbicularis oculi, outer ring |
# | AU9 | nose wrinkler | levator labii superioris alaeque nasi |
# | AU10 | upper lip raiser | levator labii superioris |
# | AU12 | lip corner puller | zygomaticus major |
# | AU15 | lip corner depressor | depressor anguli oris |
# | AU17 | chin raiser | mentalis |
# | AU18 | lip pucker | incisivi labii |
# | AU20 | lip stretcher | risorius |
# | AU25 | lips part | depressor labii inferioris, or the others let go |
# | AU26 | jaw drop | masseter and pterygoid let go |
# | AU45 | blink | levator palpebrae lets go, orbicularis oculi closes |
#
# Now you. First the upper half of the face. **Predict:** AU1 and AU4 pull the inner brows in
# opposite directions. What does a face look like that does both?


# %% alt="The upper face with sliders: inner brows raised and drawn together, a worried look"
def upper_face(AU1, AU2, AU4, AU5, AU6, AU45, lit):
    """Brows, lids and cheeks."""
    units = {"AU1": AU1, "AU2": AU2, "AU4": AU4, "AU5": AU5, "AU6": AU6, "AU45": AU45}
    return face(units, lit)


slider = (0.0, 1.0, 0.1, 0.0)
upper = dict.fromkeys(("AU1", "AU2", "AU4", "AU5", "AU6", "AU45"), slider)
upper |= {"AU1": (0.0, 1.0, 0.1, 1.0), "AU4": (0.0, 1.0, 0.1, 0.7)}
widgets.explore(upper_face, **upper, lit=False)

# %% [markdown]
# Both at once is no tug of war: the brows rise in the middle *and* come together, and she looks
# worried. Units are not moods; they are letters, and two letters can make a new word.
#
# Now nose, mouth and jaw.


# %% alt="The lower face with sliders: mouth corners pulled up and lips parted, the mouth lit"
def lower_face(AU9, AU10, AU12, AU15, AU17, AU18, AU20, AU25, AU26, lit):
    """Nose, mouth and jaw."""
    units = {"AU9": AU9, "AU10": AU10, "AU12": AU12, "AU15": AU15, "AU17": AU17}
    return face(units | {"AU18": AU18, "AU20": AU20, "AU25": AU25, "AU26": AU26}, lit)


lower = dict.fromkeys(UNITS[5:14], slider)
lower |= {"AU12": (0.0, 1.0, 0.1, 0.8), "AU25": (0.0, 1.0, 0.1, 0.6)}
widgets.explore(lower_face, **lower, lit=True)

# %% [markdown]
# Try AU12 against AU15, and AU18 against AU20. The studio adds movements up, so opposite ones take
# each other away. In a real face both muscles pull, and the mouth gets tight: that a sum cannot
# say.
#
# ## 2 · Recipes
#
# Words that everybody reads: recipes after Ekman and Friesen, as far as the studio has the units.

# %% alt="Six faces: happy, surprised, sad, afraid, angry, disgusted"
RECIPES = {
    "happiness": "6 12 25",
    "surprise": "1 2 5 26",
    "sadness": "1 4 15",
    "fear": "1 2 4 5 20 25",
    "anger": "4 5 17",
    "disgust": "9 10 17",
}


def recipe(numbers: str, strength: float = 1.0) -> dict:
    """The expression in which each of these units has the same strength."""
    return {f"AU{number}": strength for number in numbers.split()}


faces = [face(recipe(numbers, 0.9), lit=False) for numbers in RECIPES.values()]
plots.gallery(faces, [f"{k}: {v}" for k, v in RECIPES.items()], columns=3, size=250)

# %% [markdown]
# Happiness and surprise are easy to name. For anger FACS has units that the studio lacks: AU7,
# which tightens the lids, and AU23, the lips. A description can only say what it has letters for.
#
# And be careful with the names in such lists. That a smile is AU6 + AU12 is a matter of muscles.
# That who does it is *happy* is a claim, and a disputed one (Barrett and others, 2019).
#
# **Predict:** the same mouth, once without AU6. Which of the two smiles do you believe?

# %% alt="Three smiles: mouth only, mouth and cheeks, and three times as much as a face can do"
smiles = {"AU12": {"AU12": 0.9}, "AU6 + AU12": {"AU6": 0.9, "AU12": 0.9}}
smiles["AU6 + AU12, three times"] = {"AU6": 2.7, "AU12": 2.7}
plots.gallery([face(units, lit=False) for units in smiles.values()], list(smiles), size=280)

# %% [markdown]
# The second one reaches the eyes. Duchenne wrote in 1862 that the muscle around the eye does not
# obey the will (many people can do it all the same). The third is **something to break**: nothing
# stops you from writing 2.7. A unit is a direction in which points move, and the model has no skin,
# no bone and no shame. Try other units, or -1.
#
# ## 3 · The mirror
#
# Somebody makes a face that you have never seen. Move the sliders until yours does the same. The
# score is the share of the movement that you have found: 0 for doing nothing, 100 for all of it,
# and what you move too much counts against you.

# %% alt="The mirror: a face to copy on the left, her neutral face on the right, score 0"
MIRROR = ("AU1", "AU2", "AU4", "AU6", "AU12", "AU15", "AU18", "AU26")
OTHERS = [Identity.sample(seed) for seed in (36, 28, 34)]


def asked(number: int) -> dict:
    """The expression of one round: three units, each at least half strong."""
    rng = np.random.default_rng(number)
    chosen = rng.choice(MIRROR, 3, replace=False)
    return {str(unit): round(rng.uniform(0.5, 1), 1) for unit in chosen}


def score(guess: dict, truth: dict) -> float:
    """Share of the movement that was found, 0 to 100."""
    missed = sum(abs(guess.get(unit, 0) - truth.get(unit, 0)) for unit in {*guess, *truth})
    return max(0.0, 100 * (1 - missed / sum(truth.values())))


def mirror(number, reveal, **guess):
    """The face of this round, yours beside it, and your score."""
    truth = asked(number)
    other = render(OTHERS[number % len(OTHERS)], truth, camera=CLOSE, size=300).image
    answer = ", ".join(f"{unit} {value}" for unit, value in sorted(truth.items()))
    labels = [answer if reveal else f"face {number}", f"you: {score(guess, truth):.0f} points"]
    return plots.gallery([other, face(guess, lit=False, size=300)], labels).image


widgets.explore(mirror, number=(1, 30, 1, 1), reveal=False, **dict.fromkeys(MIRROR, slider))

# %% [markdown]
# Ten rounds, and note your mean. Which units do you find at once, which do you mix up? Remember
# them: you will compare yourself with a program in section 6. FACS coders train for about a hundred
# hours, and agree with each other well, not perfectly.
#
# ## 4 · Points
#
# The second description asks no muscle. It says where 68 points of the face, its
# **[landmarks](glossary.md#landmark)**, are in the picture, in pixels.

# %% alt="A face with the 68 points in nine colours, one for each region, and with only 5 points"
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from deepfake_lesson.images import draw_figure
from deepfake_lesson.landmarks import REGIONS


def panels(count: int, height: float) -> tuple[Figure, list]:
    """A figure with axes for pictures side by side."""
    figure = Figure((10, height), dpi=96, layout="constrained")
    axes = list(np.ravel(figure.subplots(1, count)))
    for ax in axes:
        ax.axis("off")
    return figure, axes


frame = render(SHE, recipe(RECIPES["surprise"], 0.8), Pose(yaw=12), camera=CLOSE, size=384)
figure, (left, right) = panels(2, 4.4)
for ax in (left, right):
    ax.imshow(frame.image)
    ax.set(xlim=(50, 330), ylim=(345, 65))
for (name, region), color in zip(REGIONS.items(), [*plots.COLORS.values(), "white"], strict=True):
    label = f"{region.start}-{region.stop - 1} {name.replace('_', ' ')}"
    left.plot(*frame.landmarks[region].T, "o", ms=5, color=color, label=label)
left.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=11, facecolor="0.75")
right.plot(*frame.points5.T, "o", ms=9, color=plots.COLORS["yellow"])
plots.Picture(draw_figure(figure))

# %% [markdown]
# The 68 points are those of the iBUG group's *300 Faces in the Wild* (Sagonas and others, 2013).
# Corners (36, 39, 48, 54) sit firmly on the skin. The jaw, 0 to 16, does not: it is the outline
# that *this* camera sees, and slides over the skin as the head turns. On the right the scheme of
# five points, enough to turn and scale a face upright, and no more.
#
# > **Licence.** 300-W may be used for research only. dlib's 68-point model was trained on it, and
# > its author says: ask before you put it into a product. For this course it is fine.
#
# ## 5 · A whole head in a hundred numbers
#
# The third description is a **[3D morphable model](glossary.md#3d-morphable-model)**, short 3DMM
# (Blanz and Vetter, 1999). Every head has the same points in the same order: number 4,000 is the
# same spot of the skin in all of them. So heads can be added:
#
# $$\text{head} = \text{mean} + \sum_k \text{identity}_k \cdot \text{trait}_k
#   + \sum_j \text{expression}_j \cdot \text{unit}_j$$
#
# and then come pose, light and camera. A trait, like a unit, is a list of arrows, one for each
# point; its number says how far along them all points go. (Blanz and Vetter add up the colours of
# the skin in the same way.) The studio is such a model: 49 traits with names, each in standard
# deviations (1 is common, 3 is rare), and the units that you know.

# %%
from deepfake_lesson.studio import shape

lesson.show(shape.shape_face)

# %% [markdown]
# `mirrored_bumps` adds what makes a face its own beyond any name. We leave it out, and give all
# heads the same skin and no hair, so that you see shape and nothing else.

# %% alt="The mean face, and with its width, nose length and jaw width at -3 and +3"
LOOK, NO_BUMPS = Identity.sample(38).look, np.empty((0, 10))


def head(traits: dict, size: int = 256, **moves) -> np.ndarray:
    """A picture of the mean head with these traits, in the one look."""
    person = Identity.build(38, traits, NO_BUMPS, LOOK)
    return render(person, camera=Camera(scale=0.95), size=size, **moves).image


shown = [(name, value) for name in ("face_width", "nose_length", "jaw_width") for value in (-3, 3)]
faces = [head({}), *(head({name: value}) for name, value in shown)]
plots.gallery(faces, ["mean face", *(f"{n} {v:+}" for n, v in shown)], columns=7, size=140)


# %% alt="The mean head with sliders for six traits, a smile and the turn of the head"
def morph(face_width, jaw_width, eye_size, nose_length, mouth_width, chin_length, smile, yaw):
    """Six of the 49 traits, one unit, one angle."""
    traits = {"face_width": face_width, "jaw_width": jaw_width, "eye_size": eye_size}
    traits |= {"nose_length": nose_length, "mouth_width": mouth_width, "chin_length": chin_length}
    return head(traits, 320, expression={"AU12": smile}, pose=Pose(yaw=yaw))


names = ("face_width", "jaw_width", "eye_size", "nose_length", "mouth_width", "chin_length")
traits = dict.fromkeys(names, (-3.0, 3.0, 0.5, 0.0)) | {"eye_size": (-3.0, 3.0, 0.5, 2.0)}
widgets.explore(morph, **traits, smile=(0.0, 1.0, 0.1, 0.5), yaw=(-30, 30, 5, 20))

# %% [markdown]
# Identity, expression and pose are separate knobs: that is what the model is loved for. Change the
# pose, and it is still the same person.
#
# Two people are two lists of numbers, and between two lists there is a straight road. We walk it,
# and go on at the end. **Predict:** what lies behind the second person?

# %% alt="Two people, and between them their shapes in one skin, from the first past the second"
first, second = Identity.sample(36), Identity.sample(30)
steps = (0, 0.33, 0.67, 1, 2)
road = [{k: (1 - t) * v + t * second.shape[k] for k, v in first.shape.items()} for t in steps]
ends = [render(person, camera=Camera(scale=0.95)).image for person in (first, second)]
faces = [ends[0], *map(head, road[:4]), ends[1], head(road[4])]
labels = ["first", *(f"t = {t}" for t in steps[:4]), "second", "t = 2"]
plots.gallery(faces, labels, columns=7, size=140)

# %% [markdown]
# Behind the second person lies the caricature: all that tells the two apart, doubled. Pictures one
# and six show what shape alone lacks: skin, hair, and the bumps.
#
# Nobody named the traits for Blanz and Vetter. They scanned 200 heads and asked **[principal
# component analysis](glossary.md#principal-component-analysis)** in which directions heads differ
# most. `face_model` does the same for the people of the studio and keeps 30 directions, the
# *components*. Here are the first three, each at -3 and +3 standard deviations.

# %% alt="Each of the first three components at minus and plus 3 standard deviations, as faces"
from deepfake_lesson import morphable

model, TRAITS = morphable.face_model(), list(shape.shape_fields())


def component(number: int, amount: float) -> np.ndarray:
    """The mean head, moved along one component by so many standard deviations."""
    traits = model.mean_traits + amount * model.component_traits[number]
    return head(dict(zip(TRAITS, traits, strict=True)))


shown = [(number, sign) for number in range(3) for sign in (-3, 3)]
labels = [f"component {number + 1}: {sign:+}" for number, sign in shown]
plots.gallery([component(*each) for each in shown], labels, columns=6, size=164)

# %% alt="How far each component moves the 68 points: 4 mm the first, a tenth of it the 20th"
size = np.sqrt((model.components[:, :, 0] ** 2).sum(-1).mean(1))
_, ax = plt.subplots(figsize=(6.5, 2.8))
ax.bar(range(1, len(size) + 1), size)
ax.set(xlabel="component", ylabel="mm for one sd")
plt.show()

# %% [markdown]
# Try to give them names: the first is about long or short, the second about narrow or wide. The
# names are yours; what the components have is an order. The last ones move the points by a tenth of
# a millimetre, and nobody misses them. Models of real heads keep 50 to 200.
#
# ## 6 · Fitting
#
# So far we went from numbers to a picture. A program that copies somebody's expression has to go
# back: given 68 points, which pose, which head, which units?
#
# `fit_landmarks` begins with the mean face in a rough pose. It tries how each number moves the
# model's 68 points, takes the step that brings them nearer to the given ones, and does so again
# until it gains no more. But 136 coordinates do not settle 52 numbers (30 components, 15 units, 7
# for pose and camera): a long face that looks up has nearly the points of a shorter one that does
# not. So there is a price on unlikely numbers, a **[prior](glossary.md#prior)**: three standard
# deviations have to explain a lot to be worth it. The sum that it makes as small as it can is
#
# $$\sum_{i=1}^{68} \frac{\lVert p_i - q_i \rVert^2}{\sigma^2}
#   + \sum_k \text{identity}_k^2 + \sum_j \frac{(\text{unit}_j + \tau)^2}{\tau^2}$$
#
# with the given points $p$, the model's points $q$, and $\sigma$, the error that we expect of a
# point: `noise` times the distance of the outer eye corners. With $\tau$ = ½ units may be strong,
# but rest is cheapest. (A small price for the camera's distance is left out here.) How far apart
# $p$ and $q$ still are at the end, on average and as a share of the distance of the eyes, is the
# **[residual](glossary.md#residual)**.

# %%
lesson.show(morphable.fit_landmarks)

# %% [markdown]
# First with points that are exact, since the studio knows where they are. Red: given. White: the
# fitted model. At the right the picture that the model paints from its own numbers.

# %% alt="A face; red and white points on each other; a mesh over it; the model's own picture"
truth = {"AU1": 0.8, "AU2": 0.7, "AU12": 0.6, "AU26": 0.5}
frame = render(OTHERS[1], truth, Pose(yaw=-18, pitch=6, roll=5), camera=CLOSE, size=320)


def show_fit(image: np.ndarray, landmarks: np.ndarray, fit, *beside: np.ndarray) -> plots.Picture:
    """Given points and the fitted ones, the mesh, and more pictures beside them."""
    figure, axes = panels(2 + len(beside), 3.4 if beside else 4.6)
    axes[0].plot(*landmarks.T, "o", ms=5, color=plots.COLORS["red"])
    axes[0].plot(*fit.landmarks.T, "o", ms=2.5, color="white")
    points, triangles = fit.mesh_points(), morphable.mesh_triangles()
    one, two = (points[triangles[:, k]] - points[triangles[:, 0]] for k in (1, 2))
    seen = one[:, 0] * two[:, 1] < one[:, 1] * two[:, 0]  # the others face away from the camera
    axes[1].triplot(*points.T, triangles[seen], color="white", lw=0.2, alpha=0.6)
    for ax, picture in zip(axes, (image, image, *beside), strict=True):
        ax.imshow(picture)
        ax.set(xlim=(0, image.shape[1] - 1), ylim=(image.shape[0] - 1, 0))
    return plots.Picture(draw_figure(figure))


fit = morphable.fit_landmarks(frame.landmarks, (320, 320))
own = render(fit.person(OTHERS[1]), fit.expression, fit.pose, camera=fit.camera, size=320)
show_fit(frame.image, frame.landmarks, fit, own.image)

# %%
print(f"residual {fit.residual:.1%} of the distance between the eyes")
for name in ("yaw", "pitch", "roll"):
    print(f"{name:6}{getattr(frame.pose, name):6.1f} degrees, found {getattr(fit.pose, name):6.1f}")
for unit, value in fit.expression.items():
    if max(value, truth.get(unit, 0)) > 0.15:
        print(f"{unit:6}{truth.get(unit, 0):6.2f}, found {value:6.2f}")

# %% [markdown]
# The points lie on each other, the pose is right to a degree, and still the units are off: the
# brows come out too weak. That is no bug. The model may explain a brow that is up by a movement or
# by a high brow, and one picture does not say which. The prior decides: a little of both is cheaper
# than much of one.
#
# ### Points from a picture
#
# Now the real case: nobody hands us exact points. The library dlib reads them from the picture, by
# a *regressor*, a program that answers with numbers; it learned them from photographs of real
# people (chapter 03 shows how). We take five people, seven moments each, and fit both kinds of
# points. (Some ten seconds.) **Predict:** which units will suffer?

# %%
from deepfake_lesson.detectors import predict_landmarks
from deepfake_lesson.studio import sample_expression

CAST = [SHE, *OTHERS, second]


def draw_expression(rng) -> dict:
    """Something that a face might do; brows and lids join in now and then."""
    now_and_then = [unit for unit in ("AU1", "AU2", "AU4", "AU45") if rng.random() < 0.3]
    return sample_expression(rng) | {unit: rng.uniform(0.2, 1) for unit in now_and_then}


rng = np.random.default_rng(4)
frames, by_dlib = [], []
for person in 7 * CAST:
    pose = Pose(rng.uniform(-25, 25), rng.uniform(-12, 12), rng.uniform(-12, 12))
    frames.append(render(person, draw_expression(rng), pose, camera=CLOSE))
    box = (*frames[-1].landmarks.min(0), *frames[-1].landmarks.max(0))
    by_dlib.append(predict_landmarks(frames[-1].image, box))
exact = [frame.landmarks for frame in frames]
fits = {
    name: [morphable.fit_landmarks(landmarks, (256, 256), noise) for landmarks in each]
    for name, each, noise in (("exact", exact, 0.01), ("dlib", by_dlib, 0.04))
}


# %% alt="Eyes and brows in four frames, exact points in white, dlib's in red, which lie apart"
def strongest(unit: str) -> list[int]:
    """The two frames in which a unit is strongest."""
    return np.argsort([-frame.expression.get(unit, 0) for frame in frames])[:2].tolist()


figure, axes = panels(4, 2)
for ax, number in zip(axes, strongest("AU2") + strongest("AU45"), strict=True):
    ax.imshow(frames[number].image)
    ax.plot(*exact[number][17:].T, "o", ms=4, color="white")
    ax.plot(*by_dlib[number][17:].T, "o", ms=4, color=plots.COLORS["red"])
    eyes = exact[number][17:48]
    ax.set(xlim=(eyes[:, 0].min() - 8, eyes[:, 0].max() + 8))
    ax.set(ylim=(eyes[:, 1].max() - 8, eyes[:, 1].min() - 12))
plots.Picture(draw_figure(figure))


# %%
def pose_errors(each) -> np.ndarray:
    """Median errors of yaw, pitch and roll in degrees, (3,)."""
    angles = [[(fit.pose.yaw, fit.pose.pitch, fit.pose.roll) for fit in each]]
    angles += [[(frame.pose.yaw, frame.pose.pitch, frame.pose.roll) for frame in frames]]
    return np.median(np.abs(np.subtract(*angles)), axis=0)


print("median error of   yaw  pitch   roll  residual")
for name, each in fits.items():
    yaw, pitch, roll = pose_errors(each)
    residual = np.median([fit.residual for fit in each])
    print(f"{name + ' points':14}{yaw:7.1f}{pitch:7.1f}{roll:7.1f}{residual:10.1%}")

# %% [markdown]
# Angles are in degrees, the residual is a share of the distance of the eyes. Poses are good, even
# from dlib's points. Now the units. A **correlation** of 1 means that found and true strength rise
# and fall together over the 35 frames, 0 that the one says nothing about the other.


# %% alt="Correlation of found and true strength of each unit, from exact points and from dlib's"
def strengths(expressions) -> np.ndarray:
    """Expressions as numbers, (N, units)."""
    return np.array([[units.get(unit, 0) for unit in UNITS] for units in expressions])


def correlations(found: np.ndarray, truth: np.ndarray) -> list[float]:
    """Correlation of each unit's found and true strengths, both (N, units)."""
    return [np.corrcoef(found[:, k], truth[:, k])[0, 1] for k in range(len(UNITS))]


def unit_axes(height: float):
    """Axes with a place for each unit."""
    _, ax = plt.subplots(figsize=(9.5, height))
    ax.set(xticks=range(len(UNITS)), xticklabels=[unit[2:] for unit in UNITS])
    ax.set(xlabel="action unit", ylabel="correlation")
    return ax


TRUE, places = strengths(frame.expression for frame in frames), np.arange(len(UNITS))
ax = unit_axes(3.3)
for shift, (name, each) in zip((-0.2, 0.2), fits.items(), strict=True):
    right = correlations(strengths(fit.expression for fit in each), TRUE)
    ax.bar(places + shift, right, 0.4, label=f"{name} points")
ax.legend(fontsize=11, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# From exact points the fit reads jaw, smile, brows and blinks. From dlib's, jaw (26), smile (12),
# pucker (18) and blinks (45) are left; of the brows (1, 2, 4) about half, of raised lids (5),
# cheeks (6) and parted lips (25) next to nothing. The fit is the same; the points are not. Look at
# the eyes again: dlib leaves closed lids a little open, and puts brows where they *usually* are.
# What a regressor does not recognise it fills in with the mean of what it learned from, and that
# was photographs. The studio is another **[domain](glossary.md#domain)**. Nothing warns you: the
# points look neat, and the residual is small. (And which units did you mix up in the mirror?)
#
# ### Learning the errors
#
# Errors of a regressor are of two kinds. Some are new in every picture. Others come back whenever
# a face does the same: where a mouth of the studio stands open, dlib puts the lips only two thirds
# as far apart as they are. Where the truth is known, the second kind can be learned. From 2,000
# faces of 400 studio people, none of them in this chapter, *ridge regression* learned a linear map
# from where dlib's points lie to how far off they are (Hoerl and Kennard, 1970; its formula is
# exercise 4). `correct_landmarks` subtracts what it foretells.
# **Predict:** what gets better: the pose, the mouth, the brows?

# %%
from deepfake_lesson.correction import correct_landmarks

lesson.show(correct_landmarks)

# %%
from deepfake_lesson.landmarks import interocular


def point_error(found) -> float:
    """Mean distance from the exact points, as a share of the distance of the eyes."""
    pairs = zip(found, exact, strict=True)
    return np.mean([np.linalg.norm(a - b, axis=1).mean() / interocular(b) for a, b in pairs])


points = {"exact": exact, "dlib": by_dlib, "corrected": list(map(correct_landmarks, by_dlib))}
fits["corrected"] = [
    morphable.fit_landmarks(each, (256, 256), 0.04) for each in points["corrected"]
]
shown = ("AU26", "AU12", "AU2", "AU4")
print(f"{'points':10}{'off':>7}{'yaw':>8}{'pitch':>7}{'roll':>7} ", *(f"{u:>6}" for u in shown))
for name, each in fits.items():
    right = correlations(strengths(fit.expression for fit in each), TRUE)
    angles = "".join(f"{error:7.1f}" for error in pose_errors(each))
    units = (f"{right[UNITS.index(unit)]:6.2f}" for unit in shown)
    print(f"{name:10}{point_error(points[name]):7.1%} {angles} ", *units)

# %% alt="Two faces; over each the fitted head in plaster, from dlib's, corrected and exact points"
pictures, labels = [], []
for unit in ("AU26", "AU12"):
    number = strongest(unit)[0]
    pictures.append(frames[number].image)
    labels.append(f"{unit} {frames[number].expression[unit]:.2f}")
    for name in ("dlib", "corrected", "exact"):
        fit = fits[name][number]
        pictures.append(morphable.draw_fit(frames[number].image, fit))
        labels.append(f"{name}: {fit.expression[unit]:.2f}")
plots.gallery(pictures, labels, columns=4, size=230)

# %% [markdown]
# In the table: how far off the points are, the errors of the angles in degrees, and correlations of
# four units. A third of the points' error was of the second kind. The heads turn and lean almost as
# they should, the jaw drops further, and the smile is back. But the eyes of the lower face are
# closed, and those of the heads from dlib's points are not, corrected or not; nor do the brows
# (2, 4) gain much. Where a face changes and dlib's points stay, there is nothing to learn from. **A
# correction takes out what a program gets wrong in the same way each time. It does not bring back
# what the program never saw.**
#
# ### Something to break: the prior
#
# From dlib's points, `noise` was 0.04. What if we trust each point to a hair's breadth, or not at
# all? **Predict** which fit has the smallest residual, and which you would believe.

# %% alt="A face and four fits: a strange one, two that come near, and a mean face, its mouth shut"
number = strongest("AU26")[0]
pictures, labels = [frames[number].image], ["the picture"]
for noise in (0.001, 0.01, 0.04, 1.0):
    fit = morphable.fit_landmarks(by_dlib[number], (256, 256), noise)
    person = fit.person(CAST[number % len(CAST)])
    image = render(person, fit.expression, fit.pose, camera=fit.camera).image
    pictures.append(image)
    labels.append(f"{noise:g}: residual {fit.residual:.1%}")
plots.gallery(pictures, labels, columns=5, size=196)

# %% [markdown]
# The smaller the noise, the smaller the residual, and the stranger the face: brows and lips bend to
# follow every slip of dlib. With a noise of 1 hardly anything in the picture counts, and what is
# left is the mean face, turned and at rest. Believe the fit with 0.04: that is about how far off
# dlib's points really are (section 8 measures it). **A small residual says that the points are
# explained, not that the face is so.**
#
# ### A real photograph
#
# And where dlib is at home, on a photograph? scikit-image ships a public portrait by NASA, of the
# astronaut Eileen Collins. Here it is something to measure: we read points and numbers from it.
# **No fake is made of her, here or in any exercise.**

# %% alt="A NASA portrait: points by dlib and by the fit on each other, and the mesh over the face"
from skimage.data import astronaut

from deepfake_lesson.detectors import detect_faces

portrait = astronaut()[10:230, 115:335]
(found,) = detect_faces(portrait)
fit = morphable.fit_landmarks(found.landmarks, (220, 220), noise=0.04)
show_fit(portrait, found.landmarks, fit)

# %%
strong = {unit: round(value, 1) for unit, value in fit.expression.items() if value > 0.25}
print(f"yaw {fit.pose.yaw:.1f}, pitch {fit.pose.pitch:.1f}, roll {fit.pose.roll:.1f} degrees")
print(f"residual {fit.residual:.1%}; units {strong}")

# %% [markdown]
# She smiles and shows her teeth. The fit says AU12, strongly, and explains the open lips mostly by
# the jaw: in 68 points the two look much alike. A model made of people who do not exist comes
# within a few hundredths of the distance of her eyes. For the rest there is no truth to check it
# against, and that is what the studio is good for.
#
# We have a correction that was learned from 2,000 faces. **Predict:** do her points get better by
# it?

# %% alt="The portrait with red points, and white ones that lie inside of her smile, off her cheek"
corrected = correct_landmarks(found.landmarks)
figure, axes = panels(2, 4.6)
for ax, limits in zip(axes, ((0, 219, 219, 0), (60, 140, 160, 105)), strict=True):
    ax.imshow(portrait)
    ax.plot(*found.landmarks.T, "o", ms=5, color=plots.COLORS["red"])
    ax.plot(*corrected.T, "o", ms=3, color="white")
    ax.axis(limits)
plots.Picture(draw_figure(figure))

# %%
again = morphable.fit_landmarks(corrected, (220, 220), noise=0.04)
for name, each in (("dlib", fit), ("corrected", again)):
    print(f"{name:10}residual {each.residual:.1%}, AU12 {each.expression['AU12']:.2f}")

# %% [markdown]
# Red is dlib, white the correction. The corners of her mouth slip inwards and down, the outline on
# the left leaves her cheek, and some of the smile is gone. The correction expects the errors that
# dlib makes on studio people, and here there are none: on photographs dlib is at home. The residual
# falls all the same, since the white points form a face as the studio makes them. **A correction
# belongs to its domain, like the program that it corrects.** For photographs take dlib's points as
# they are.
#
# ## 7 · Units straight from points
#
# Searching takes a while for every frame. Why not *learn* the way from points to units? We align
# the points (turned upright and scaled to one size; chapter 04 has the reason). **Linear
# regression** takes each unit for a weighted sum of the 102 coordinates of 51 points, the jaw left
# out, and finds the weights with the smallest squared error. All we need are examples with the
# truth, and the studio gives thousands without a single picture.

# %%
from deepfake_lesson.landmarks import INNER, alignment_matrix, transform_points
from deepfake_lesson.studio.prior import sample_shape


def features(landmarks: np.ndarray) -> np.ndarray:
    """Points 17 to 67 of the aligned face, as (103,) numbers; the last one is 1."""
    aligned = transform_points(landmarks, alignment_matrix(landmarks))
    return np.append(aligned[INNER] / 256, 1)


def examples(people, count: int, turn: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features and units of moments, with heads turned up to `turn` degrees."""
    rng, inputs, expressions = np.random.default_rng(seed), [], []
    on_skin, weights = template().landmark_vertices, template().landmark_weights[..., None]
    for number in range(count):
        expression = draw_expression(rng)
        pose = Pose(rng.uniform(-turn, turn), rng.uniform(-turn, turn) / 2)
        points = (deform(people[number % len(people)], expression)[on_skin] * weights).sum(1)
        points = CLOSE.project(points @ pose.rotation().T, 256, 256)[:, :2]
        inputs.append(features(points))
        expressions.append(expression)
    return np.array(inputs), strengths(expressions)


crowd = [
    Identity.build(0, *sample_shape(rng, rng.uniform(-1, 1), rng.uniform()), LOOK)
    for _ in range(60)
]

# %% [markdown]
# Who shall be in the training set? We try three: 600 moments of her alone; 600 of 60 people; 600 of
# 60 people who turn their heads. And we test on her, on four people that nobody trained on, and on
# the four with turned heads. **Predict** the nine numbers, at least where they are good and bad.

# %%
training = {
    "her alone": examples([SHE], 600, 0, seed=1),
    "60 people": examples(crowd, 600, 0, seed=1),
    "60 people, turned": examples(crowd, 600, 25, seed=1),
}
tests = {
    "her": examples([SHE], 200, 0, seed=2),
    "new people": examples(CAST[1:], 200, 0, seed=2),
    "new people, turned": examples(CAST[1:], 200, 25, seed=2),
}


def learn(inputs: np.ndarray, units: np.ndarray, noise: float) -> np.ndarray:
    """Weights (103, units) by least squares; noise is added to the points, in face widths."""
    inputs, units = np.tile(inputs, (5, 1)), np.tile(units, (5, 1))
    inputs[:, :-1] += np.random.default_rng(0).normal(0, noise, inputs[:, :-1].shape)
    return np.linalg.lstsq(inputs, units, rcond=None)[0]


def compare(noise: float) -> None:
    """Print the mean absolute error of each training set on each test."""
    print(f"{'trained on':20}", *(f"{name:>20}" for name in tests))
    for name, examples_of in training.items():
        weights = learn(*examples_of, noise)
        errors = [np.abs(inputs @ weights - units).mean() for inputs, units in tests.values()]
        print(f"{name:20}", *(f"{error:20,.2f}" for error in errors))
    mean = training["60 people"][1].mean(0)
    errors = [np.abs(units - mean).mean() for _, units in tests.values()]
    print(f"{'always the mean':20}", *(f"{error:20,.2f}" for error in errors))


compare(noise=0)

# %% [markdown]
# Her own units, from her own points: no error at all. On anybody else the same weights are off by
# hundreds or thousands, for numbers that lie between 0 and 1. And 60 people who all look straight
# ahead do not teach what happens when somebody turns. The weights rely on differences far smaller
# than a pixel. **A test on the person that you trained on says nothing about others.**
#
# In life no point is exact. So we add noise to the points while training, 0.005 of the width of the
# aligned face, about a pixel. **Predict:** better or worse?

# %%
compare(noise=0.005)

# %% alt="Correlation of each unit for new people who turn: high for jaw and blink, low for 20"
weights = learn(*training["60 people, turned"], 0.005)
inputs, truth = tests["new people, turned"]
unit_axes(2.8).bar(places, correlations(inputs @ weights, truth), 0.6)
plt.show()

# %% [markdown]
# Trained on her alone: worse on her, thousands of times better on others, because the noise does
# what the prior did for the fit. And yet on others it is worse than somebody who always says the
# mean; only with 60 people is the rule better than that. What remains is the old question, movement
# or trait? A raised upper lid (AU5) moves by three millimetres, and people's eyes differ by more
# than that. A program that has seen *your* face at rest can subtract it. That is why such programs
# ask you to look neutral for a second.
#
# ## 8 · Which description?
#
# What does each cost, and how precise is it? The 35 frames of section 6 again, and the points that
# dlib found in them.

# %%
import time


def milliseconds(function, values) -> float:
    """Median time of one call."""
    times = []
    for value in values:
        start = time.perf_counter()
        function(value)
        times.append(time.perf_counter() - start)
    return 1000 * np.median(times)


box = (60, 70, 200, 220)
points_ms = milliseconds(lambda frame: predict_landmarks(frame.image, box), frames)
fit_ms = milliseconds(lambda points: morphable.fit_landmarks(points, (256, 256), 0.04), by_dlib[:9])
units_ms = milliseconds(lambda points: features(points) @ weights, by_dlib)

# %%
fitted = correlations(strengths(fit.expression for fit in fits["dlib"]), TRUE)
learned = correlations(np.array([features(points) @ weights for points in by_dlib]), TRUE)
rows = [
    ("68 points", 136, points_ms, f"{point_error(by_dlib):.1%} of the eye distance"),
    ("morphable model", 22, fit_ms, f"correlation of units {np.mean(fitted):.2f}"),
    ("action units", 15, units_ms, f"correlation of units {np.mean(learned):.2f}"),
]
print(f"{'':17}{'numbers':>8}{'ms':>9}   precision on studio people")
for name, numbers, ms, precision in rows:
    print(f"{name:17}{numbers:8}{ms:9.2f}   {precision}")

# %% [markdown]
# Numbers and times are for one frame; model and units need the points first, so add their time. The
# model's 22 are 15 units, three angles, and four for the camera; 30 more say who it is, once for
# each person. Compare the two correlations: searching longer is not the same as reading better.
#
# What the table does not show is what each of them cannot say, and who can live with that:
#
# - **Action units** do not say whose face it is, where it looks, or anything that has no unit.
#   GANimation needs no more: it paints a chosen expression on a given face.
# - **A morphable model** has no hair, teeth or tongue, and nothing that its training people did not
#   do. Face2Face and Deep Video Portraits use one to carry expression and pose from one to another.
# - **68 points** have no depth, no cheeks and no forehead, and mix up how somebody is built with
#   what they do. They are easy to draw, and pix2pix re-enactment (chapter 08) learns from drawings.
#
# First order motion (chapter 10) finds keypoints of its own, without names. The trend is clear:
# the more a method learns by itself, the fewer names its numbers have, and the harder it gets to
# say what you want.
#
# ## Exercises
#
# ### 1 · Build an expression
#
# The inner ends of the brows go up and are drawn together. The corners of the mouth go down, and
# the chin is pushed up. All that at a strength of 0.8; the rest of the face is at rest.


# %% nbgrader={"solution": true, "grade_id": "worried"}
def worried() -> dict[str, float]:
    """Action unit -> strength."""
    ### BEGIN SOLUTION
    return {"AU1": 0.8, "AU4": 0.8, "AU15": 0.8, "AU17": 0.8}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_worried", "points": 1}
from deepfake_lesson.exercises import chapter_02 as check

check.worried(worried)
### BEGIN HIDDEN TESTS
assert (answer := check.worried(worried)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 2 · Add heads up
#
# The formula of section 5: the mean head, and to it every trait, as often as its amount says.

# %% nbgrader={"solution": true, "grade_id": "morphed"}
import numpy as np


def morphed(mean: np.ndarray, traits: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    """A head (N, 3) out of the mean (N, 3), traits (K, N, 3) and their amounts (K,)."""
    ### BEGIN SOLUTION
    return mean + (amounts[:, None, None] * traits).sum(0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_morphed", "points": 1}
from deepfake_lesson.exercises import chapter_02 as check

check.morphed(morphed)
### BEGIN HIDDEN TESTS
assert (answer := check.morphed(morphed)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 3 · Recover a pose
#
# Three points are enough for the turn of a head. Let the outer eye corners be one unit apart, and
# the tip of the nose `depth` units in front of the middle between them. Turn the head by *yaw*, and
# look from far away: the eyes' distance shrinks to cos(yaw), and the tip moves sideways by depth ·
# sin(yaw). Solve for yaw. The picture may have any size, and the head may lean (roll).

# %% nbgrader={"solution": true, "grade_id": "turn_of_head"}
import numpy as np


def turn_of_head(left: np.ndarray, right: np.ndarray, tip: np.ndarray, depth: float) -> float:
    """Yaw in degrees, + towards the right of the picture; points are (x, y) pixels."""
    ### BEGIN SOLUTION
    eyes = right - left
    sideways = (tip - (left + right) / 2) @ eyes / (eyes @ eyes)
    return float(np.degrees(np.arctan(sideways / depth)))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_turn_of_head", "points": 2}
from deepfake_lesson.exercises import chapter_02 as check

check.turn_of_head(turn_of_head)
### BEGIN HIDDEN TESTS
assert (answer := check.turn_of_head(turn_of_head)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 4 · The likely answer
#
# Hold pose and camera still, and fitting is linear: find the numbers *x* that make
#
# $$\lVert A x - b \rVert^2 + \text{price} \cdot \lVert x \rVert^2$$
#
# as small as possible. Its slope is zero where $(A^T A + \text{price} \cdot I)\, x = A^T b$.

# %% nbgrader={"solution": true, "grade_id": "likely"}
import numpy as np


def likely(effects: np.ndarray, seen: np.ndarray, price: float) -> np.ndarray:
    """x (K,) for A = `effects` (N, K), b = `seen` (N,)."""
    ### BEGIN SOLUTION
    both = effects.T @ effects + price * np.eye(effects.shape[1])
    return np.linalg.solve(both, effects.T @ seen)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_likely", "points": 2}
from deepfake_lesson.exercises import chapter_02 as check

check.likely(likely)
### BEGIN HIDDEN TESTS
assert (answer := check.likely(likely)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 5 · Count parameters
#
# You send a clip of one person as a description. How many numbers are that, with the figures of
# section 8? `description` is "points", "model" or "units".


# %% nbgrader={"solution": true, "grade_id": "numbers"}
def numbers(description: str, frames: int) -> int:
    """Numbers that describe so many frames of one person."""
    ### BEGIN SOLUTION
    each = {"points": 2 * 68, "model": 15 + 3 + 4, "units": 15}[description]
    return each * frames + (30 if description == "model" else 0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_numbers", "points": 1}
from deepfake_lesson.exercises import chapter_02 as check

check.numbers(numbers)
### BEGIN HIDDEN TESTS
assert (answer := check.numbers(numbers)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ## Summary
#
# - Action units say what a face does: 15 numbers, whoever it is. Your score in the mirror says how
#   well you read them.
# - A morphable model says who it is, what it does and where it looks, each with knobs of its own.
#   Between two people there is a straight road; behind them lies the caricature.
# - Fitting goes from points back to numbers. A prior keeps it from believing in monsters, and a
#   small residual does not prove that the numbers are right.
# - Points from another domain look neat and are wrong. What is wrong in the same way each time can
#   be learned and taken out, in that domain and nowhere else. A rule that learned from one person
#   works for that person.
#
# ## References
#
# - Hjortsjö (1969), Man's Face and Mimic Language. Studentlitteratur, Lund.
# - Ekman, Friesen (1978), Facial Action Coding System. Consulting Psychologists Press. Revised with
#   Hager in 2002.
# - Barrett, Adolphs, Marsella, Martinez, Pollak (2019), [Emotional Expressions Reconsidered:
#   Challenges to Inferring Emotion From Human Facial
#   Movements](https://doi.org/10.1177/1529100619832930).
# - Blanz, Vetter (1999), [A Morphable Model for the Synthesis of 3D
#   Faces](https://doi.org/10.1145/311535.311556).
# - Hoerl, Kennard (1970), [Ridge Regression: Biased Estimation for Nonorthogonal
#   Problems](https://doi.org/10.1080/00401706.1970.10488634).
# - Sagonas, Tzimiropoulos, Zafeiriou, Pantic (2013), [300 Faces in-the-Wild Challenge: The First
#   Facial Landmark Localization Challenge](https://doi.org/10.1109/ICCVW.2013.59).
# - Kazemi, Sullivan (2014), [One Millisecond Face Alignment with an Ensemble of Regression
#   Trees](https://doi.org/10.1109/CVPR.2014.241).
# - Thies and others (2016), [Face2Face: Real-time Face Capture and Reenactment of RGB
#   Videos](https://arxiv.org/abs/2007.14808).
# - Pumarola and others (2018), [GANimation: Anatomically-aware Facial Animation from a Single
#   Image](https://arxiv.org/abs/1807.09251).
# - Kim and others (2018), [Deep Video Portraits](https://arxiv.org/abs/1805.11714).
#
# **Next:** chapter 03 opens the programs that find a face and its points in a picture, and asks
# when they fail.
