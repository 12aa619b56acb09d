# %% [markdown]
# # 09 · Run in real time
#
# **Time** 80 minutes, of which the computer needs one and a half · **Hardware** any laptop; a
# camera if you like · **Download** none
#
# A film can wait for the computer. Somebody before a camera cannot. How do you make a fake as fast
# as the camera, and which parts may take how long?
#
# You will be able to
#
# - write a frame budget, measure each stage, and predict the rate before you run it,
# - say why stages in threads are as fast as the slowest, and what becomes of late frames,
# - calm trembling points without making them lag,
# - tell rate from delay, and say which of them batches and threads help,
# - stand before your own camera with the face of somebody who does not exist,
# - break a live fake in three ways, and use that in a call that seems odd.
#
# > **Rule of this chapter.** Only people who agreed may stand before the camera, and only faces of
# > people who do not exist may come out. Never take such a picture into a call, a meeting or an
# > exam: who is on the other side did not agree. The label stays.

# %% tags=["setup"]
# The set-up cell: `make chapters` puts it in.

# %% [markdown]
# ## 1 · Forty milliseconds
#
# A camera does not ask whether you are ready. At 25 frames a second the next one is there after 40
# milliseconds. That is the [frame budget](glossary.md#frame-budget): what everything together may
# take.

# %%
# NBVAL_CHECK_OUTPUT
print("frames/s   milliseconds for each")
for rate in (10, 15, 25, 30, 60):
    print(f"{rate:8}   {1000 / rate:.1f}")

# %% [markdown]
# Films have 24 or 25 frames a second, video calls up to 30. Below about ten we no longer see
# motion, but pictures.
#
# ## 2 · A target and a driver
#
# We need somebody to become: another woman of the studio. Her network, a re-enactment as in chapter
# 08, starts from the weights that come with the package, and 80 steps make it hers. And we need
# somebody who drives: a man who nods and shakes his head, filmed in the shape of a webcam's
# picture. His clip stands for the camera until section 9. Both films, the pairs and the training
# take about 40 s.

# %%
from deepfake_lesson.reenactment.pairs import create_pairs
from deepfake_lesson.reenactment.training import train_reenactment

target = lesson.studio_person(36, "screen_test", seconds=8, size=256, fps=12)
driver = lesson.studio_person(29, "nod", seconds=3, size=(480, 360))
clip = driver.media / "clip.mp4"
folder = lesson.WORK / "models" / "chapter_09"
create_pairs(target, progress=False)
training = train_reenactment(target, folder, "laptop", steps=80, fresh=True, progress=False)
print(f"{training.step} steps in {training.seconds:.0f} s")

# %% [markdown]
# A `LivePipeline` takes one frame after the other and gives a result for each. Between the camera
# and the screen stand seven stages. They form three parts, which will become important.
#
# | part | stages |
# |---|---|
# | **find** | *detect*: search all of the picture; *landmarks*: follow the face; *smooth* |
# | **paint** | *draw* what the network sees; *network* |
# | **finish** | *blend* into the frame (only a face swap has to); *label* |

# %% alt="Three moments of a man, the drawing of his landmarks, and a woman painted from it"
from deepfake_lesson import plots
from deepfake_lesson.reenactment.live import LivePipeline, ReenactTarget
from deepfake_lesson.video import read_frames

frames = list(read_frames(clip))
her = ReenactTarget.load(folder)
pipeline = LivePipeline(her)
results = [pipeline.process(frame) for frame in frames]
shown = [results[number] for number in (38, 47, 70)]
rows = [[each.original, each.drawing, each.result] for each in shown]
plots.gallery([picture for row in rows for picture in row], columns=3, size=250)

# %% [markdown]
# Left the camera, in the middle the drawing, right the result. He does, she follows. She is soft,
# after so few steps; but her head turns with his, and her face keeps its own shape (section 8 says
# how). Now to the clock.
#
# ## 3 · Where the time goes
#
# Each result knows how long its own frame was in each stage. **Before you look:** which stage will
# be the longest, which does next to nothing?

# %% alt="A bar for each stage with its milliseconds, beside a line at the budget of 40"
import matplotlib.pyplot as plt
import numpy as np

from deepfake_lesson.reenactment.live import STAGES

PARTS = {
    "find": ("detect", "landmarks", "smooth"),
    "paint": ("draw", "network"),
    "finish": ("blend", "label"),
}
mean = {stage: np.mean([each.spent[stage] for each in results[10:]]) for stage in STAGES}
colors = [plots.COLORS[name] for name in ("blue", "orange", "green")]
for color, (part, stages) in zip(colors, PARTS.items(), strict=True):
    plt.barh(stages, [mean[stage] for stage in stages], color=color, label=part)
plt.axvline(40, color="black", linestyle="--", label="budget of 25 frames/s")
plt.gca().invert_yaxis()
plt.xlabel("milliseconds a frame, mean")
plt.gcf().legend(loc="outside upper center", ncols=4)
plt.show()

# %%
parts = {part: sum(mean[stage] for stage in stages) for part, stages in PARTS.items()}
for stage in STAGES:
    print(f"{stage:10} {mean[stage]:6.1f} ms")
print(f"{'all':10} {sum(mean.values()):6.1f} ms: {1000 / sum(mean.values()):.0f} frames/s at most")

# %% [markdown]
# These are milliseconds of *your* machine in this moment; whatever else runs on it counts too. We
# left out the first frames: the first call of a network is always slow.
#
# A mean hides what a viewer sees. Here is each frame for itself. **Predict:** are all about as
# high?

# %% alt="Milliseconds of each frame: low most of the time, with a peak at every tenth frame"
numbers = np.arange(10, 60)
base = np.zeros(len(numbers))
for color, (part, stages) in zip(colors, PARTS.items(), strict=True):
    values = [sum(results[k].spent[stage] for stage in stages) for k in numbers]
    plt.bar(numbers, values, bottom=base, color=color, label=part)
    base += values
plt.axhline(40, color="black", linestyle="--", label="budget of 25 frames/s")
plt.xlabel("frame")
plt.ylabel("milliseconds")
plt.gcf().legend(loc="outside upper center", ncols=4)
plt.show()

# %% [markdown]
# Every tenth frame stands out: then the whole picture is searched for a face. In between, the face
# is looked for only where it just was.
#
# ## 4 · Search seldom, in a small picture
#
# The detector slides a window of 80 pixels over the picture (chapter 03). A picture with half the
# side has a quarter of the places. **Predict:** what happens to the time if we reduce the picture
# from 480 to 240 pixels? And what happens to the face if we reduce it further and further?

# %% alt="Milliseconds rise with the square of the picture's side; small ones miss the face"
from time import perf_counter

from deepfake_lesson.detectors import detect_faces

sides = np.array([100, 140, 180, 240, 300, 360, 420, 480])
spent, found = np.zeros(len(sides)), np.zeros(len(sides), bool)
for k, side in enumerate(sides):
    tries = []  # (found, milliseconds)
    for frame in frames[:12:2]:
        start = perf_counter()
        faces = detect_faces(frame, smallest=80 / side)
        tries.append((faces != [], 1000 * (perf_counter() - start)))
    found[k] = all(has_face for has_face, _ in tries)
    spent[k] = min(each for _, each in tries)  # whatever else runs only adds to it
slope, start = np.polyfit(sides[found] ** 2, spent[found], 1)
plt.plot(sides, start + slope * sides**2, "--", color="grey", label="points + search")
plt.plot(sides, spent, "o-", label="measured")
plt.plot(sides[~found], spent[~found], "x", color="black", markersize=14, label="face missed")
plt.xlabel("longer side of the picture that is searched (pixels)")
plt.ylabel("milliseconds")
plt.legend()
plt.show()

# %% [markdown]
# The search grows with the square of the side. Where a face is found there is a fixed part on top:
# its 68 points are read from the *large* picture. And in a small picture the face becomes smaller
# than the window; then it is missed (crosses), in some frames or in all, however fast. The pipeline
# searches so that a face as wide as a fifth of the picture is still seen: enough for somebody
# before a camera, too little for a crowd.
#
# The second trick is to search seldom. With one search in n frames the part *find* takes on average
#
# $$\frac{\text{search} + (n - 1) \cdot \text{follow}}{n}$$
#
# milliseconds. **Predict** from this: from which n on is it hardly worth to search less often?

# %%
lesson.show(LivePipeline._find)

# %% alt="Milliseconds of find fall with the frames from search to search: formula and measured"
from deepfake_lesson.reenactment.live import LiveOptions


def find_milliseconds(detect_every: int) -> np.ndarray:
    """Of the part find, for each of 30 frames."""
    fresh = LivePipeline(her, LiveOptions(detect_every, off=("network",)))
    spent = [fresh.process(frame).spent for frame in frames[:30]]
    return np.array([sum(each[stage] for stage in PARTS["find"]) for each in spent])


search = np.median([each.spent["detect"] for each in results if each.spent["detect"] > 1])
follow = np.median([each.spent["landmarks"] for each in results if each.spent["landmarks"] > 0])
every = np.arange(1, 31)
plt.plot(every, (search + (every - 1) * follow) / every, label="formula")
tried = [1, 2, 3, 5, 10, 30]
plt.plot(tried, [find_milliseconds(n).mean() for n in tried], "o", label="measured")
plt.xlabel("frames from one search to the next")
plt.ylabel("milliseconds of find")
plt.ylim(0)
plt.legend()
plt.show()
print(f"search {search:.1f} ms, follow {follow:.1f} ms")

# %% [markdown]
# The first few frames of distance win the most; after that the curve lies on the price of
# following, and a search more or less hardly counts.
#
# ### Something to break: he jumps
#
# What does a seldom search cost? We cut the film: from one frame to the next he sits elsewhere. The
# pipeline searches only every 30 frames. But it does not wait for that: in each frame the HOG
# detector looks at the small crop where the face should be. It may miss a face five times; after
# the next miss he is given up, and the whole picture is searched again. **Predict:** for how many
# frames will there be no face?

# %% alt="He sits in the middle; he sits at the left and there is no face; then there is one again"
moved = [np.roll(frame, -150, axis=1) for frame in frames[20:40]]
fresh = LivePipeline(her, LiveOptions(detect_every=30))
seen = [fresh.process(frame) for frame in frames[5:20] + moved]
lost = [number for number, each in enumerate(seen) if not each.has_face]
print(f"without a face: {len(lost)} frames")
chosen = [seen[number] for number in (14, 15, 15 + len(lost))]
pictures = [picture for each in chosen for picture in (each.original, each.result)]
labels = ["before", "result", "he jumped", "result, held", "found again", "result"]
plots.gallery(pictures, labels, columns=6, size=150)

# %% [markdown]
# While there is no face, the last picture is held and says so. It would be easy to hold it in
# silence, and nobody would know that it is old. Then he is found. Since he had been given up, the
# square around the face is at once placed anew; section 8 says why it otherwise follows slowly.
#
# ## 5 · One after the other, or all at once
#
# So far each frame went through all parts before the next one was looked at. But while the network
# paints frame 3, somebody else could already look for the face in frame 4: an assembly line. Each
# part gets a thread of its own. Between two parts lies a **queue of one**: a place for a single
# frame, in which a newer one takes the place of one that still waits. What is thrown away is called
# **dropped**; it is the price for never being late.
#
# To see it without the noise of a busy machine, we rehearse with parts that only sleep: 30, 60 and
# 15 ms. The threads and the queues are those of the pipeline, and the time stamps are real.
# **Predict**, with a camera that brings a frame every 40 ms: how many frames a second will be shown
# without threads, and how many with?

# %%
from time import sleep

from deepfake_lesson.reenactment.relay import relay

ACTS = {"find": 30, "paint": 60, "finish": 15}


def rehearse(threads: bool, camera: float = 40, frames: int = 14) -> dict[str, list]:
    """For each part (frame, start, end) in ms; the parts take the time in ACTS."""
    start, spans = perf_counter(), {name: [] for name in ("camera", *ACTS)}

    def now() -> float:
        return 1000 * (perf_counter() - start)

    def source():
        for number in range(frames):
            sleep(max(0, number * camera - now()) / 1000)
            spans["camera"].append((number, number * camera, number * camera + 12))
            yield number

    def part(name: str):
        def act(number: int) -> int:
            begin = now()
            sleep(ACTS[name] / 1000)
            spans[name].append((number, begin, now()))
            return number

        return act

    parts = [part(name) for name in ACTS]
    if threads:
        list(relay(source(), parts))
    else:
        [act(number) for number in source() for act in parts]
    return spans


rehearsals = {words: rehearse(words == "in threads") for words in ("one by one", "in threads")}

# %% alt="Timelines: one by one no bars overlap and frames fall behind; in threads parts overlap"
figure, rows = plt.subplots(2, 1, figsize=(9.5, 5.4))
for axes, (words, spans) in zip(rows, rehearsals.items(), strict=True):
    plots.timeline(axes, spans, 520)
    axes.set_title(words)
plt.show()

# %%
for words, spans in rehearsals.items():
    ends = [end for _, _, end in spans["finish"]]
    rate = 1000 * (len(ends) - 1) / (ends[-1] - ends[0])
    delays = [end - 40 * number for number, _, end in spans["finish"]]
    dropped = len(spans["camera"]) - len(ends)
    late = f"{delays[1]:.0f} ms, then {delays[-1]:.0f} ms"
    print(f"{words:11} {rate:5.1f} frames/s, {dropped} of 14 dropped, old when shown: {late}")

# %% [markdown]
# Follow a colour. One by one, a frame takes 30 + 60 + 15 = 105 ms, and the next one waits: fewer
# than ten a second, and since nothing is dropped, each is shown later than the one before. In
# threads the slowest part alone sets the rate: one frame every 60 ms. The part *find* looks at
# frames that will be dropped behind it, and nobody falls behind.
#
# | | time from result to result | a frame is late by |
# |---|---|---|
# | one by one | the **sum** of all parts | more and more, if the sum is above the budget |
# | in threads | the **slowest** part | at least the sum, but it does not grow |
#
# Now the true pipeline, for some seconds each way, before a camera that is too fast for it. (One by
# one nothing is dropped: our clip waits until it is asked. A camera would not.) **Predict** the
# rate of both from the numbers of section 3.

# %%
from collections.abc import Iterator
from itertools import cycle


def paced(rate: float) -> Iterator[np.ndarray]:
    """The film, over and over, so many frames a second."""
    start = perf_counter()
    for number, frame in enumerate(cycle(frames)):
        sleep(max(0, start + number / rate - perf_counter()))
        yield frame


def ignore(result):
    """A screen that nobody looks at."""


for threads in (False, True):
    fresh = LivePipeline(her)
    too_fast = paced(3 * 1000 / sum(parts.values()))
    report = fresh.run(too_fast, ignore, seconds=2.5, threads=threads)
    print("in threads" if threads else "one by one")
    print(report.table(), "\n", flush=True)
slowest = max(parts, key=parts.get)
print(f"the sum allows {1000 / sum(parts.values()):.0f} frames/s, ", end="")
print(f"the slowest part ({slowest}) {1000 / parts[slowest]:.0f}")

# %% [markdown]
# Compare with the last line. One by one the prediction is good. In threads it may be too good:
# sleeping parts do not disturb each other, working ones do. They share the cores of your machine,
# and a network alone takes as many as it gets. Look whether the stages in the second table have
# become slower, and by how much. With two cores that are busy anyway, threads may gain nothing; the
# more cores, the nearer you come. (TensorFlow can be held to one core: set the environment variable
# `TF_NUM_INTRAOP_THREADS=1` before it starts. Whether that is worth it, only your table can say.)
#
# ## 6 · The frame budget game
#
# Which stages can you afford? Move the controls: the bars are what you have measured, the line is
# the budget. (*Blend* costs nothing here. It will in section 10.)

# %% alt="Bars of find, paint and finish against the budget, with switches for the stages"
from deepfake_lesson import widgets


def budget(smooth, network, blend, threads, detect_every) -> dict[str, float]:
    """Milliseconds of each part for these settings."""
    on = {"smooth": smooth, "network": network, "blend": blend}
    spent = {stage: mean[stage] * on.get(stage, True) for stage in STAGES}
    spent["detect"] = search / detect_every
    spent["landmarks"] = follow * (detect_every - 1) / detect_every
    return {part: sum(spent[stage] for stage in stages) for part, stages in PARTS.items()}


def predicted_rate(**settings) -> float:
    spent = budget(**settings).values()
    return 1000 / (max(spent) if settings["threads"] else sum(spent))


def draw_budget(**settings):
    figure, axes = plt.subplots(figsize=(7, 2.6))
    left = 0
    for row, (part, spent) in enumerate(budget(**settings).items()):
        axes.barh(
            row if settings["threads"] else 0, spent, left=left, color=colors[row], label=part
        )
        left += 0 if settings["threads"] else spent
    axes.axvline(40, color="black", linestyle="--")
    axes.set(yticks=[], xlabel="milliseconds", xlim=(0, max(70, left)))
    axes.set_title(f"at most {predicted_rate(**settings):.0f} frames/s")
    axes.legend(loc="center right")
    return figure


switches = {"smooth": True, "network": True, "blend": True, "threads": False}
widgets.explore(draw_budget, **switches, detect_every=(1, 30, 1, 10))

# %% [markdown]
# Now play. Four rounds, each without threads, for a good second. **Write your guess** in frames a
# second into `my_guess` before you run the cell; whoever is nearest in three of four wins. Then
# change the rounds and play against your neighbour.

# %%
rounds = {
    "all stages": {"detect_every": 10, "off": ()},
    "search every frame": {"detect_every": 1, "off": ()},
    "no network": {"detect_every": 10, "off": ("network",)},
    "neither network nor smooth": {"detect_every": 10, "off": ("smooth", "network")},
}
my_guess = {  # frames/s
    "all stages": None,
    "search every frame": None,
    "no network": None,
    "neither network nor smooth": None,
}

print(f"{'':28} {'you':>5} {'budget':>7} {'measured':>9}")
for name, chosen in rounds.items():
    on = {stage: stage not in chosen["off"] for stage in ("smooth", "network", "blend")}
    expected = predicted_rate(**on, threads=False, detect_every=chosen["detect_every"])
    fresh = LivePipeline(her, LiveOptions(**chosen))
    report = fresh.run(cycle(frames), ignore, seconds=1.2, threads=False)
    guess = my_guess.get(name) or "-"
    print(f"{name:28} {guess:>5} {expected:7.0f} {report.rate:9.0f}")

# %% [markdown]
# What a stage costs and what it is worth are two things. *Smooth* is nearly free, and section 7
# shows what it does. Without *network* the drawing itself is shown: fast, and no face. A stage that
# takes nothing can be left on; a stage that takes most is the only one worth making faster.
#
# ### A faster network
#
# Keras keeps what training needs. For inference alone the network can be exported as a fixed graph,
# in which layers that follow each other become one. OpenVINO does this on processors (`pip install
# 'deepfake_lesson[live]'`); without it Keras does the work, and the pipeline takes what is there.
# The table shows what you have installed, for the network of this chapter and for the one with 256
# pixels of the laptop preset.

# %%
from importlib.util import find_spec

from deepfake_lesson.export import fast_function
from deepfake_lesson.models.pix2pix import Pix2pixConfig, build_generator


def milliseconds(function, pictures: np.ndarray, times: int = 8) -> float:
    """Median time of a call."""
    spent = []
    for _ in range(times + 2):
        start = perf_counter()
        function(pictures)
        spent.append(1000 * (perf_counter() - start))
    return float(np.median(spent[2:]))


engines = ["keras", "openvino"] if find_spec("openvino") else ["keras"]
networks = {"128 px": build_generator(Pix2pixConfig(128, 16)), "256 px": her.model.generator}
print(f"{'':8} {'parameters':>11}" + "".join(f"{engine:>12}" for engine in engines))
for name, network in networks.items():
    picture = np.zeros((1, *network.input_shape[1:]), np.float32)
    spent = [milliseconds(fast_function(network, engine), picture) for engine in engines]
    print(f"{name:8} {network.count_params():11,}" + "".join(f"{ms:9.1f} ms" for ms in spent))

# %% [markdown]
# Twice the side is four times the pixels in each layer, though not always four times the time: for
# small pictures much of the time goes into calling layer after layer, and that is what a graph
# saves.
#
# ### Rate and delay
#
# Processors like to work on many pictures at once. In chapter 06 that was free speed. **Predict:**
# is it here?

# %%
print("pictures   milliseconds   pictures/s   the oldest one waited")
for count in (1, 2, 4, 8):
    batch = np.zeros((count, *her.model.generator.input_shape[1:]), np.float32)
    spent = milliseconds(her.model.generator.predict_on_batch, batch, times=5)
    waited = (count - 1) * 40 + spent
    print(f"{count:8} {spent:14.1f} {1000 * count / spent:12.0f} {waited:16.0f} ms")

# %% [markdown]
# More pictures a second, or hardly: that depends on your processor. But the first picture of a
# batch has to wait until the camera has brought the last one, and that is certain. **Throughput**
# (results a second) and **latency** (how old a result is) are two numbers. Batches and threads can
# raise the first; neither lowers the second. In a call, a delay of some 150 ms goes unnoticed, half
# a second makes people talk into each other; and sound that is not held back by the same time runs
# ahead of the lips.
#
# ## 7 · Calm points that do not lag
#
# Landmarks tremble. Chapter 06 averaged them with the frames before *and after*. Live, there is no
# after: a filter sees only the past, and what looks back comes late. The simplest takes a share of
# the new value and keeps the rest of the old one:
#
# $$y_k = y_{k-1} + \alpha \, (x_k - y_{k-1}), \qquad
# \alpha = \frac{1}{1 + \frac{1}{2 \pi \, f_c \, \Delta t}}$$
#
# Here $x_k$ is a coordinate as it was found in frame $k$, $y_k$ what the filter makes of it, and
# $\Delta t$ the time between two frames, in seconds. A small cutoff $f_c$ (in hertz) means a small
# $\alpha$: calm and late. Casiez, Roussel and Vogel (2012) saw that we notice trembling when things
# rest, and delay when they move. So their [One-Euro filter](glossary.md#one-euro-filter) lets the
# cutoff grow with the speed $v$: $f_c = f_{min} + \beta \, |v|$.

# %%
from deepfake_lesson.tracking import OneEuro

lesson.show(OneEuro)

# %% [markdown]
# Here is the tip of his nose, as it was found, in units of the distance of his eyes. The reference
# is a window that looks into the future, as in chapter 06. Mind the two scales: "rest" is a slow
# sway of less than a tenth of that distance, and the trembling is smaller still. Move the controls.
# The authors' recipe: set beta to 0 and lower the cutoff until what rests is calm; then raise beta
# until what moves does not lag.

# %% alt="Path of his nose at rest and in motion: the filtered line is smooth and comes late"
from scipy.ndimage import gaussian_filter1d

from deepfake_lesson.landmarks import interocular
from deepfake_lesson.tracking import FaceFollower

follower = FaceFollower()
track = []
for frame in frames:
    landmarks = follower.search(frame)
    track.append(follower.follow(frame) if landmarks is None else landmarks)
points = np.array(track)  # (frames, 68, 2), pixels
track = points / interocular(points[0])
reference = gaussian_filter1d(track, 1.2, axis=0)


def smoothed(cutoff: float, beta: float) -> np.ndarray:
    """The track (frames, 68, 2) as a One-Euro filter lets it through."""
    one_euro = OneEuro(cutoff, beta, 3.0)
    return np.array([one_euro.smooth(values, k / 25) for k, values in enumerate(track)])


STRETCHES = {"rest": slice(5, 29), "motion": slice(34, 66)}  # frames


def draw_nose(cutoff: float, beta: float):
    calm = smoothed(cutoff, beta)
    figure, panels = plt.subplots(1, 2, figsize=(9.5, 3.2))
    for axes, (words, part) in zip(panels, STRETCHES.items(), strict=True):
        times = np.arange(len(track))[part] / 25
        for values, name, look in (
            (track, "found", "."),
            (reference, "reference", "--"),
            (calm, "filtered", "-"),
        ):
            axes.plot(times, values[part, 30, 0], look, label=name)
        axes.set(title=words, xlabel="seconds")
    panels[0].set_ylabel("sideways (eye distances)")
    panels[1].legend()
    return figure


widgets.explore(draw_nose, cutoff=(0.2, 6.0, 0.1, 1.5), beta=(0.0, 10.0, 0.5, 0.0))

# %% [markdown]
# To choose, measure both faults, each where it hurts. **Jitter**: the mean acceleration, as in
# chapter 06, while he rests. **Lag**: the time by which the reference must be delayed to fit best,
# while he moves. Each line below is one beta, each point on it one cutoff. **Which corner do we
# want to be in?**

# %% alt="Jitter against lag: lines with a higher beta lie nearer to the corner without either"
DELAYS = np.arange(0, 0.4, 0.005)  # seconds
times = np.arange(len(track)) / 25
late = [np.interp(times - delay, times, reference[:, 30, 0]) for delay in DELAYS]


def jitter(calm: np.ndarray) -> float:
    """Mean acceleration sideways of all points at rest, eye distances a frame squared."""
    return float(np.abs(np.diff(calm[STRETCHES["rest"], :, 0], n=2, axis=0)).mean())


def lag(calm: np.ndarray) -> float:
    """Milliseconds by which the nose comes late in motion."""
    part = STRETCHES["motion"]
    errors = [np.abs(calm[part, 30, 0] - each[part]).mean() for each in late]
    return 1000 * DELAYS[np.argmin(errors)]


for beta in (0, 1, 3, 10):
    tried = [smoothed(cutoff, beta) for cutoff in (0.5, 1, 1.5, 2.5, 4, 8)]
    lags, jitters = [lag(each) for each in tried], [jitter(each) for each in tried]
    plt.plot(lags, jitters, "o-", label=f"beta {beta:g}")
plt.axhline(jitter(track), color="black", linestyle=":", label="as found")
plt.xlabel("lag in motion (milliseconds)")
plt.ylabel("jitter at rest\n(eye distances a frame²)")
plt.ylim(0)
plt.legend()
plt.show()

# %% [markdown]
# We want the lower left: calm and in time. Without beta you buy calm with delay. With beta the
# lines move to the left: for the same calm, far less lag. They also end higher, for nobody rests
# quite, and each small sway lets some trembling through. The pipeline takes a cutoff of 1.5 and a
# beta of 10. Here about 40 % of the jitter is left, and the lag is 5 ms; without beta, such calm
# costs more than 30. The studio's pictures are clean; in a dim room a webcam's points tremble more.
#
# ## 8 · Somebody else drives
#
# The driver's face has another shape than the target's, and sits somewhere else in the picture. Two
# things are kept about the driver. The **square** around the face is followed slowly, over about
# two seconds: so it does not matter where somebody sits, yet a nod is still seen as a nod. And the
# **mean shape** of the driver is learnt from the first second on; what goes to the network is the
# target's mean shape plus what the driver does beyond his own.
#
# **Predict:** what will the network paint if we leave the second step out?

# %% alt="His landmarks and her painting, raw and adapted: raw she gets the shape of his face"
from deepfake_lesson.landmarks import transform_points
from deepfake_lesson.reenactment.conditions import adapt, face_square, find_pupils, square_matrix

size, number = her.model.size, 0
matrix = square_matrix(face_square(points), size)
his = transform_points(points, matrix)
pupils = transform_points(find_pupils(frames[number], points[number]), matrix)
adapted = adapt(his[number], his.mean(axis=0), her.model.target_mean)
eyes = [np.stack([face[36:42].mean(0), face[42:48].mean(0)]) for face in (his[number], adapted)]
drawings = [
    her.model.draw(his[number], pupils),
    her.model.draw(adapted, pupils + eyes[1] - eyes[0]),
]
painted = her.model.predict(np.stack(drawings))
pictures = [frames[number], drawings[0], painted[0], drawings[1], painted[1]]
plots.gallery(pictures, ["driver", "as found", "painted", "adapted", "painted"], size=190)

# %% [markdown]
# As found, she gets the shape of his head: a longer jaw than hers, other brows. Adapted, the
# drawing has her proportions and his movement. Compare the outlines below the mouth.
#
# How slowly should the square follow? Here he shakes his head, and after three seconds he moves his
# chair to the side and does it again. **Predict:** which of the three does a viewer want?

# %% alt="Place of his nose: followed fast it moves less, slowly it stays where the chair went"
from deepfake_lesson.reenactment.live import SlowMean

path = np.concatenate([track[:, 30, 0], track[:, 30, 0] + 1.5]) - track[0, 30, 0]
middles = np.concatenate([track[:, :, 0].mean(1), track[:, :, 0].mean(1) + 1.5]) - track[0, 30, 0]
for seconds in (0.2, 2, 20):
    slow = SlowMean(seconds)
    square = [slow.add(middle, k / 25) for k, middle in enumerate(middles)]
    plt.plot(np.arange(len(path)) / 25, path - square, label=f"{seconds:g} s")
plt.xlabel("seconds")
plt.ylabel("nose in the square\n(eye distances)")
plt.legend(title="time to follow")
plt.show()

# %% [markdown]
# Followed at once, the square goes along with the head, and a part of the motion is lost: compare
# the heights of the waves. Followed too slowly, she stays at the border of her picture long after
# he has moved, where the network has never seen her. Two seconds are a compromise: the waves are
# about as high as with 20, and after he has moved aside it takes a few seconds until she is back in
# the middle. (At first both lines are one: until two seconds have passed, both simply take the
# mean.) Only a driver who was lost, as in section 4, is framed anew at once.
#
# ## 9 · Before the camera
#
# Now you. Nothing needs to be installed: the camera belongs to your browser, which sends one
# picture after the other to Python and shows what comes back. Without a camera choose *recorded
# clip*.
#
# > **Who may stand there?** You, and whoever said yes. Nobody else may walk through the picture. On
# > your own machine the pictures stay on it, and none is kept. On Colab or another server they
# > travel to that server: use the recorded clip there, or ask what its rules are.
#
# Sit upright, with light from the front, and look straight ahead for the first second, in which
# your mean shape is learnt.

# %% alt="The camera's view with the recorded man, his landmarks and the woman painted from them"
from deepfake_lesson.webcam import Webcam

pipeline.reset()
camera = Webcam(pipeline.process, clip=clip)
camera

# %%
print("ms:", ", ".join(f"{name} {spent:.1f}" for name, spent in camera.milliseconds.items()))

# %% [markdown]
# Run this cell again when you have stopped the camera: it has the medians of your last hundred
# pictures. (Before that it knows one picture of the clip, for which all was searched.) In the
# browser there are stages that our pipeline does not have, such as packing and unpacking JPEGs, and
# frames go one by one. A program of its own has neither. In a terminal, in the folder `chapters`,
# this one shows the camera in threads:
#
#     deepfake-lesson live --model work/models/chapter_09
#
# Back in the browser, try:
#
# - Turn your head slowly. At which angle does she fall apart? She was filmed up to 25 degrees.
# - Stick your tongue out. Which of the 68 landmarks could tell her?
# - Move your chair to the side quickly, then slowly. When does she leave the middle of her picture?
#
# ## 10 · A face swap, live
#
# The pipeline does not know what a target is. It asks it for four things: what to *draw*, to
# *paint*, to *blend*, and what to show when there is no face. So the swap of chapters 05 and 06
# runs in it too: *her* face in *his* picture. The shipped weights have seen hundreds of faces; 60
# steps make them hers and his. **Predict:** which stage has more to do now than in section 3, and
# which less?

# %% alt="Three moments of the man: as filmed, with his landmarks, and with the woman's face"
from deepfake_lesson.extraction import create_face_dataset
from deepfake_lesson.reenactment.live import SwapTarget
from deepfake_lesson.training import train

for person in (driver, target):
    create_face_dataset(person, fps=4, progress=False)
swap_folder = lesson.WORK / "models" / "chapter_09_swap"
train(driver, target, swap_folder, preset="quick", steps=60, fresh=True, progress=False)
swap = LivePipeline(SwapTarget.load(swap_folder, to="b"))
swapped = [swap.process(frame) for frame in frames[16:75:2]]
shown = [swapped[number] for number in (11, 15, 27)]
rows = [[each.original, each.drawing, each.result] for each in shown]
plots.gallery([picture for row in rows for picture in row], columns=3, size=250)

# %% alt="Milliseconds of each stage, re-enactment beside face swap: only the swap has to blend"
of_swap = swapped[-1].milliseconds
places = np.arange(len(STAGES))
plt.barh(places - 0.2, [mean[stage] for stage in STAGES], 0.4, label="re-enactment")
plt.barh(places + 0.2, [of_swap[stage] for stage in STAGES], 0.4, label="face swap")
plt.axvline(40, color="black", linestyle="--", label="budget")
plt.yticks(places, STAGES)
plt.gca().invert_yaxis()
plt.xlabel("milliseconds a frame, mean")
plt.legend()
plt.show()

# %% [markdown]
# Another stage has work now: *blend*. The mask network of chapter 06 looks at both faces, and the
# result is warped back into the large frame, while a re-enactment is shown as it was painted. The
# *network* has less to do: it paints a smaller picture. The remedy is the same in both: find the
# longest bar.
#
# ## 11 · How the programs do it
#
# [DeepFaceLive][dfl], the best-known program of this kind, is built as you would build it now. Its
# modules (camera, detector, marker, aligner, swapper, merger, output) work like a conveyor belt,
# each in a process of its own, and so "the final FPS is equal to the FPS of the slowest module".
# Its networks are exported graphs (ONNX) on a graphics card. The output is held back by a delay
# that you choose, so that the sound fits again. The face of a person is a file that is loaded,
# trained before for days.
#
# Its list of faces says that these people do not exist, with one exception. Look at such claims
# twice. Somebody who does not exist should resemble nobody; a mixture that everybody recognises,
# under a name with two letters changed, is no such person. Ours come from the studio: their seed is
# known, and nobody was filmed for them. Even the decoder that our swap started from paints such a
# stand-in.
#
# [dfl]: https://github.com/iperov/DeepFaceLive/blob/master/doc/developer_faq/developer_faq.md
#
# ## 12 · When it is used against somebody
#
# You have just seen what it takes: a laptop, less than a minute of training, a clip. In June 2022
# the FBI's Internet Crime Complaint Center warned of applicants for remote jobs who used stolen
# personal data and deepfakes: in online interviews, lips and voice did not fit together. In 2024 an
# employee in Hong Kong paid 200 million Hong Kong dollars after a video call in which, the police
# said, everybody else was fake. What can somebody on the other side do?
#
# **Ask for what the pipeline cannot do.** We try three challenges on both of ours: turn your head
# to the side, hold a hand before your face, lean. **Predict** for each which one breaks sooner.

# %%
import cv2

from deepfake_lesson.studio import Identity, Moment, Pose, render_moment
from deepfake_lesson.studio.recipe import Recipe

scene = Recipe.load(clip.with_suffix(".json")).scene()


def posed(**pose: float) -> np.ndarray:
    """The driver in this pose, in degrees."""
    return render_moment(Identity.sample(29), Moment({}, Pose(**pose)), scene, (480, 360)).image


def with_hand(frame: np.ndarray, x: int, y: int) -> np.ndarray:
    """An arm and a hand with its palm at (x, y), pixels, in the colour of his cheek."""
    cheek = points[0, [2, 31]].mean(0).astype(int)
    color = tuple(int(0.85 * value) for value in frames[0][cheek[1], cheek[0]])
    strokes = [((x + 15, y + 300), (x, y + 20), 40)]
    for k, length in enumerate((58, 70, 66, 50)):
        strokes.append(((x - 21 + 14 * k, y - 10), (x - 30 + 20 * k, y - 10 - length), 14))
    frame = cv2.ellipse(frame.copy(), (x, y), (29, 36), 0, 0, 360, color, -1, cv2.LINE_AA)
    for start, end, width in strokes:
        cv2.line(frame, start, end, color, width, cv2.LINE_AA)
    return frame


middle = points[0, 33].astype(int)
challenges = {
    "turn": [posed(yaw=yaw) for yaw in np.linspace(0, 84, 8)],
    "hand": [with_hand(frames[0], middle[0], middle[1] + rise) for rise in range(150, -10, -10)],
    "lean": [posed(roll=roll) for roll in np.linspace(0, 60, 7)],
}


# %% alt="A head turns to the side: she stays behind, the swap slips off, then both lose the face"
def watch(name: str, moments: tuple[int, ...]):
    """The frames of a challenge, and below what both pipelines make of them."""
    for each in (pipeline, swap):
        each.reset()
    faked = [[each.process(frame) for frame in challenges[name]] for each in (pipeline, swap)]
    for words, film in zip(("re-enactment", "swap"), faked, strict=True):
        print(
            f"{words:13} no face in {sum(not each.has_face for each in film)} of {len(film)} frames"
        )
    films = [challenges[name], *([each.result for each in film] for film in faked)]
    shown = [film[k] for film in films for k in moments]
    labels = [words for words in ("camera", "re-enactment", "face swap") for _ in moments]
    return plots.gallery(shown, labels, columns=len(moments), size=190)


watch("turn", (0, 2, 4, 5, 7))

# %% [markdown]
# She turns less far than he does: beyond what she was filmed in, the painting stays behind. The
# swap lays a face over the side of his head that looks elsewhere. In the end nobody is found, since
# the 68 landmarks were learnt from faces that look at us. Then she freezes; and in the swap *his
# own face comes out*. More data moves this limit, but most of what people post shows them from the
# front.

# %% alt="A hand rises before his face: she is painted without it, the swap smears, both lose him"
watch("hand", (0, 8, 10, 12, 15))

# %% alt="A head leans to the shoulder: the painted woman falls apart, the swapped face holds"
watch("lean", (0, 2, 3, 5, 6))

# %% [markdown]
# A hand breaks both, each in its way. Nothing of the hand is in the drawing, so she goes on as if
# it were not there, with a mouth that was guessed. The swap leaves most of the hand in place,
# thanks to its mask, but paints over the fingertips and smears beside them. With nose and mouth
# covered the face is lost, and he is seen again. Leaning breaks only one of them: she was never
# filmed like that, while the swap turns each face upright before it paints.
#
# Such challenges are studied: [GOTCHA][gotcha] compares eight of them. But they are a race, not a
# proof. Each one that becomes known can be trained for. What holds longer does not depend on
# pixels:
#
# - call back on a number that you already had; ask what only this person knows; agree on a word;
# - let no single call be enough for money or passwords, whoever asks;
# - and who makes such pictures honestly leaves the label in, and says so first.
#
# [gotcha]: https://arxiv.org/abs/2210.06186
#
# ## Exercises
#
# ### 1 · The rate
#
# Stages with these milliseconds a frame: how many results a second, one by one and in threads of
# their own? The camera brings so many frames a second, and no result comes without a frame.


# %% nbgrader={"solution": true, "grade_id": "rate"}
def rate(milliseconds: list[float], threads: bool, camera: float = 30) -> float:
    """Results a second, of stages with these milliseconds and a camera with so many frames/s."""
    ### BEGIN SOLUTION
    spent = max(milliseconds) if threads else sum(milliseconds)
    return min(camera, 1000 / spent)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_rate", "points": 2}
from deepfake_lesson.exercises import chapter_09 as check

check.rate(rate)
### BEGIN HIDDEN TESTS
assert (answer := check.rate(rate)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 2 · How seldom to search?
#
# A search takes `search` milliseconds, following `follow`. Choose the smallest distance `n` between
# searches for which the mean (section 4) is within the budget: the sooner a new face is seen, the
# better. If nothing helps, say 0.

# %% nbgrader={"solution": true, "grade_id": "detect_every"}
import math


def detect_every(search: float, follow: float, budget: float) -> int:
    """Frames from one search to the next, at least 1; 0 if no distance keeps the budget (ms)."""
    ### BEGIN SOLUTION
    if search <= budget:
        return 1
    if follow >= budget:
        return 0
    return math.ceil((search - follow) / (budget - follow))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_detect_every", "points": 2}
from deepfake_lesson.exercises import chapter_09 as check

check.detect_every(detect_every)
### BEGIN HIDDEN TESTS
assert (answer := check.detect_every(detect_every)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 3 · A queue of one
#
# One stage behind a queue of one. Frames arrive at given times; the stage needs `busy` milliseconds
# for each. Whenever it is free it takes the newest frame that has arrived and that it has not had,
# or waits for the next one. A frame that arrives at that very moment counts as arrived. Which
# frames does it work on?


# %% nbgrader={"solution": true, "grade_id": "worked_on"}
def worked_on(arrivals: list[float], busy: float) -> list[int]:
    """Numbers of the frames that are not dropped; arrivals in ms, rising."""
    ### BEGIN SOLUTION
    taken, free = [], 0.0
    for number, arrival in enumerate(arrivals):
        start = max(free, arrival)
        is_last = number + 1 == len(arrivals)
        if is_last or arrivals[number + 1] > start:
            taken.append(number)
            free = start + busy
    return taken
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_worked_on", "points": 3}
from deepfake_lesson.exercises import chapter_09 as check

check.worked_on(worked_on)
### BEGIN HIDDEN TESTS
assert (answer := check.worked_on(worked_on)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 4 · Smooth
#
# The simplest filter of section 7: keep the first value; then take a share of each new one.

# %% nbgrader={"solution": true, "grade_id": "smooth"}
import numpy as np


def smooth(values: np.ndarray, share: float) -> np.ndarray:
    """Values (N,) smoothed: a share (0 to 1) of the new value, the rest of the last result."""
    ### BEGIN SOLUTION
    calm = [values[0]]
    for value in values[1:]:
        calm.append(calm[-1] + share * (value - calm[-1]))
    return np.array(calm)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_smooth", "points": 2}
from deepfake_lesson.exercises import chapter_09 as check

check.smooth(smooth)
### BEGIN HIDDEN TESTS
assert (answer := check.smooth(smooth)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 5 · The heart of the One-Euro filter
#
# Which share does it take of a new value? First the cutoff for this speed, then the formula for
# alpha. Both stand in section 7; `step` is the time between two frames, and `lowest` is $f_{min}$.

# %% nbgrader={"solution": true, "grade_id": "one_euro_share"}
import math


def one_euro_share(speed: float, step: float, lowest: float, beta: float) -> float:
    """Alpha for a speed (units a second, may be negative), a time step (s), f_min (Hz) and beta."""
    ### BEGIN SOLUTION
    cutoff = lowest + beta * abs(speed)
    return 1 / (1 + 1 / (2 * math.pi * cutoff * step))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_one_euro_share", "points": 2}
from deepfake_lesson.exercises import chapter_09 as check

check.one_euro_share(one_euro_share)
### BEGIN HIDDEN TESTS
assert (answer := check.one_euro_share(one_euro_share)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ## Summary
#
# - At 25 frames a second there are 40 ms for everything. You have measured where yours go.
# - Searching a picture costs as much as it has pixels; so search a small one, seldom, and follow in
#   between.
# - One by one, times add up. In threads the slowest part sets the rate, late frames are dropped,
#   and the delay is still the sum. Parts that share cores slow each other down.
# - Batches raise throughput and latency together; live pictures are taken one at a time.
# - A filter that sees only the past pays for calm with lag; One-Euro pays only while things rest.
# - The driver's place and shape are taken out, so that only what he does is left.
# - A live fake breaks at the side of the head and behind a hand, today. Call back on a number you
#   know.
#
# ## References
#
# - Géry Casiez, Nicolas Roussel, Daniel Vogel (2012), [1€ Filter: A Simple Speed-based Low-pass
#   Filter for Noisy Input in Interactive Systems](https://hal.science/hal-00670496); its
#   [page](https://gery.casiez.net/1euro) has the recipe and programs in many languages.
# - iperov, DeepFaceLive, [developer
#   FAQ](https://github.com/iperov/DeepFaceLive/blob/master/doc/developer_faq/developer_faq.md):
#   the words on its architecture stand there.
# - Phillip Isola, Jun-Yan Zhu, Tinghui Zhou, Alexei A. Efros (2017), [Image-to-Image Translation
#   with Conditional Adversarial Networks](https://arxiv.org/abs/1611.07004).
# - Govind Mittal, Chinmay Hegde, Nasir Memon (2022), [GOTCHA: Real-Time Video Deepfake Detection
#   via Challenge-Response](https://arxiv.org/abs/2210.06186).
# - FBI, Internet Crime Complaint Center (28 June 2022), [Deepfakes and Stolen PII Utilized to Apply
#   for Remote Work Positions](https://www.ic3.gov/PSA/2022/PSA220628), public service announcement
#   (PII: data that identify a person).
# - Business Insider (May 2024), [An engineering giant ... lost $25 million when scammers tricked an
#   employee with a deepfake of a senior
#   exec](https://www.businessinsider.com/engineering-giant-arup-target-of-25-million-deepfake-scam-2024-5).
#
# **Next:** this network knows one person and needs her film. Chapter 10 animates a single picture,
# with points that nobody named.
