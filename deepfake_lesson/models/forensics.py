"""Networks that tell filmed faces from made ones. What they answer is `p_fake`, always.

MesoNet (Afchar et al. 2018, "MesoNet: a Compact Facial Video Forgery Detection Network") is as
published, to the last layer: so few weights that it cannot learn who somebody is, only what the
surface of a made face looks like. Its authors called a *real* face 1; whoever forgets reads it
backwards. `load_published_mesonet` turns the sign of the last layer, so nobody has to remember.
"""

from collections import Counter
from pathlib import Path

import keras
import numpy as np
from keras import layers

from deepfake_lesson.errors import LessonError, ModelError, check_choice, check_range
from deepfake_lesson.models.efficientnet_lite import efficientnet_lite0, load_imagenet
from deepfake_lesson.models.layers import layer_seeds

SIZE = 256  # pixels, width and height of MesoNet's input
MESONETS = ("meso4", "mesoinception4")
LITE = "efficientnetlite0"
BACKBONES = (LITE, "mobilenetv3small", "efficientnetb0")
APPLICATIONS = {"mobilenetv3small": "MobileNetV3Small", "efficientnetb0": "EfficientNetB0"}
LEAST_SIZE = 32  # pixels: a backbone halves its picture five times
MOMENTUM = 0.9  # of batch statistics; the usual .99 or .999 outlasts a short training
BATCH = 32  # pictures that are judged together
WEIGHTS = {  # kind of layer: the names of its weights, in Keras's order
    "conv2d": ("kernel", "bias"),
    "batch_normalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "dense": ("kernel", "bias"),
}
LAST = "dense_2"
REMEDY = "Fetch Meso4_DF.h5 or MesoInception_DF.h5 as their authors published them."


def build_mesonet(name: str = "meso4", seed: int = 0) -> keras.Model:
    """Faces (N, 256, 256, 3) RGB in [0, 1] -> (N, 1), how likely each is made.

    name: "meso4" (28,073 parameters) or "mesoinception4" (28,725), whose first two layers look at
    four sizes of surroundings at once. Raises LessonError for another name.
    """
    check_choice("name", name, MESONETS)
    net = _Mesonet(seed)
    picture = x = keras.Input((SIZE, SIZE, 3), name="picture")
    if name == "meso4":
        x = net.normed(net.conv(x, 8, 3), pool=2)
        x = net.normed(net.conv(x, 8, 5), pool=2)
    else:
        x = net.normed(net.inception(x, (1, 4, 4, 2)), pool=2)
        x = net.normed(net.inception(x, (2, 4, 4, 2)), pool=2)
    x = net.normed(net.conv(x, 16, 5), pool=2)
    x = net.normed(net.conv(x, 16, 5), pool=4)
    x = net.dropout(layers.Flatten()(x))
    x = layers.LeakyReLU(negative_slope=0.1)(net.dense(x, 16))
    return keras.Model(picture, net.dense(net.dropout(x), 1, "sigmoid"), name=name)


def build_backbone(
    name: str = LITE, size: int = 128, weights: str | None = None, seed: int = 0
) -> keras.Model:
    """Faces (N, size, size, 3) RGB in [0, 1] -> (N, 1), how likely each is made.

    A network made for naming what photographs show, with one new last layer.

    Args:
        name: "efficientnetlite0" (0.7 million parameters, see `efficientnet_lite`),
            "mobilenetv3small" (0.9; Howard et al. 2019, "Searching for MobileNetV3") or
            "efficientnetb0" (4; Tan and Le 2019, "EfficientNet").
        size: pixels of the side, 32 or more.
        weights: None for random ones, "imagenet" for those of photographs: of the Lite network from
            an installed package, of the others as Keras downloads them once.
        seed: of random weights and of dropout.

    Raises:
        LessonError: for another name or size, or weights that cannot be had.
    """
    check_choice("name", name, BACKBONES)
    check_range("size", size, LEAST_SIZE, 1024)
    if weights is not None:
        check_choice("weights", weights, ("imagenet",))
    seeds = layer_seeds(seed)
    picture = keras.Input((size, size, 3), name="picture")
    body = _body(name, layers.Rescaling(255.0)(picture), weights)
    for layer in body.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = MOMENTUM
        elif weights is None and hasattr(layer, "kernel"):
            start = keras.initializers.GlorotUniform(seed=next(seeds))
            layer.kernel.assign(start(layer.kernel.shape))
    features = layers.GlobalAveragePooling2D()(body.output)
    features = layers.Dropout(0.2, seed=next(seeds))(features)
    start = keras.initializers.GlorotUniform(seed=next(seeds))
    p_fake = layers.Dense(1, "sigmoid", kernel_initializer=start, name="p_fake")(features)
    return keras.Model(picture, p_fake, name=name)


def with_boundary(network: keras.Model) -> keras.Model:
    """A network that also paints where two pictures meet, while it trains.

    Its answer is {"p_fake": (N, 1), "boundary": (N, size, size, 1)}, both in [0, 1]; the boundary
    comes from the last maps and is as coarse as they are. After Li et al. 2020, "Face X-ray for
    More General Face Forgery Detection" (CVPR): who must show the seam cannot learn faces by heart.
    """
    maps = [layer.output for layer in network.layers if len(layer.output.shape) == 4][-1]
    paint = layers.Conv2D(1, 1, activation="sigmoid", kernel_initializer="zeros", name="seam")
    seam = layers.Resizing(*network.input_shape[1:3], name="boundary")(paint(maps))
    return keras.Model(network.input, {"p_fake": network.output, "boundary": seam})


def _body(name: str, pixels, weights: str | None) -> keras.Model:
    """A backbone's convolutions; `pixels` are RGB from 0 to 255."""
    if name != LITE:
        return _application(name, pixels, weights)
    body = efficientnet_lite0(pixels)
    if weights is not None:
        load_imagenet(body)
    return body


def _application(name: str, pixels, weights: str | None) -> keras.Model:
    """The convolutions of one of Keras's networks."""
    build = getattr(keras.applications, APPLICATIONS[name])
    try:
        return build(include_top=False, weights=weights, input_tensor=pixels)
    except Exception as error:  # what Keras raises without a connection is a bare Exception
        if weights is None:
            raise
        problem = f"its {weights} weights cannot be downloaded ({error})"
        raise LessonError(name, problem, "Connect this computer, or take random ones.") from error


class _Mesonet:
    """The layers of both networks, numbered by kind in the order in which the authors made them."""

    def __init__(self, seed: int) -> None:
        self.seeds, self.counts = layer_seeds(seed), Counter()

    def named(self, kind: str) -> dict:
        self.counts[kind] += 1
        return {"name": f"{kind}_{self.counts[kind]}"}

    def conv(self, x, filters: int, kernel: int, dilation: int = 1):
        return layers.Conv2D(
            filters,
            kernel,
            padding="same",
            dilation_rate=dilation,
            activation="relu",
            kernel_initializer=keras.initializers.GlorotUniform(seed=next(self.seeds)),
            **self.named("conv2d"),
        )(x)

    def inception(self, x, filters: tuple[int, int, int, int]):
        """Four branches beside each other: a point, and its neighbours 1, 2 and 3 pixels away."""
        branches = [self.conv(x, filters[0], 1)]
        for dilation, count in enumerate(filters[1:], start=1):
            branches.append(self.conv(self.conv(x, count, 1), count, 3, dilation))
        return layers.Concatenate()(branches)

    def normed(self, x, pool: int):
        x = layers.BatchNormalization(momentum=MOMENTUM, **self.named("batch_normalization"))(x)
        return layers.MaxPooling2D(pool, padding="same")(x)

    def dropout(self, x):
        return layers.Dropout(0.5, seed=next(self.seeds))(x)

    def dense(self, x, units: int, activation: str | None = None):
        start = keras.initializers.GlorotUniform(seed=next(self.seeds))
        named = self.named("dense")
        return layers.Dense(units, activation, kernel_initializer=start, **named)(x)


def load_published_mesonet(model: keras.Model, path: str | Path) -> None:
    """Take over the weights of the authors' `.h5` file, the last layer with its sign turned.

    Raises ModelError if the file is missing, damaged or of the other network; then the model is as
    it was.
    """
    stored = _read_layers(Path(path))
    taken = {}
    for kind, names in WEIGHTS.items():
        own = _numbered(kind, {layer.name: layer for layer in model.layers})
        found = _numbered(kind, stored)
        if len(found) != len(own):
            problem = f"has {len(found)} layers of {kind}, and {model.name} has {len(own)}"
            raise ModelError(path, problem, REMEDY)
        for layer, content in zip(own, found, strict=True):
            shapes = {name: weight.shape for name, weight in content.items()}
            wanted = dict(zip(names, (tuple(w.shape) for w in layer.weights), strict=True))
            if shapes != wanted:
                problem = f"has {shapes} for {layer.name} of {model.name}, which wants {wanted}"
                raise ModelError(path, problem, REMEDY)
            taken[layer] = [content[name] for name in names]
    for layer, weights in taken.items():
        layer.set_weights([-w for w in weights] if layer.name == LAST else weights)


def _numbered(kind: str, layers_by_name: dict) -> list:
    """The layers called `kind`_1, `kind`_2 ..., in this order; the file may begin to count at 5."""
    numbers = {name.rpartition("_")[2]: name for name in layers_by_name if _kind(name) == kind}
    return [layers_by_name[numbers[number]] for number in sorted(numbers, key=int)]


def _kind(name: str) -> str:
    return name.rpartition("_")[0]


def _read_layers(path: Path) -> dict[str, dict[str, np.ndarray]]:
    """Each layer's weights under their own names: {"conv2d_5": {"kernel": ..., "bias": ...}}."""
    import h5py

    if not path.is_file():
        raise ModelError(path, "does not exist", REMEDY)
    found: dict[str, dict[str, np.ndarray]] = {}

    def keep(place: str, entry: object) -> None:
        if isinstance(entry, h5py.Dataset):
            layer, *_, name = place.split("/")
            found.setdefault(layer, {})[name.removesuffix(":0")] = entry[()]

    try:
        with h5py.File(path) as file:
            file.visititems(keep)
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(path, f"cannot be read as Keras weights ({error})", REMEDY) from error
    return {name: found[name] for name in found if name.rpartition("_")[2].isdigit()}


def p_fake(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """How likely each face is made: (N,) float32 in [0, 1].

    images: (N, S, S, 3) float32 RGB in [0, 1], of the size that the model wants. Raises ValueError
    for another shape or range.
    """
    wanted = tuple(model.input_shape[1:])
    if images.ndim != 4 or images.shape[1:] != wanted:
        raise ValueError(f"images are {images.shape}, and the model wants (N, *{wanted})")
    if len(images) == 0:
        return np.empty(0, np.float32)
    if images.dtype.kind != "f" or images.min() < 0 or images.max() > 1:
        raise ValueError("images are not floats from 0 to 1; divide uint8 ones by 255")
    parts = [images[k : k + BATCH] for k in range(0, len(images), BATCH)]
    return np.concatenate([np.asarray(model.predict_on_batch(part))[:, 0] for part in parts])
