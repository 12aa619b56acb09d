"""The First Order Motion Model: one picture, moved by any video.

Siarohin et al. 2019, "First Order Motion Model for Image Animation" (NeurIPS). A detector finds
keypoints that nobody named, and beside each a 2 x 2 matrix, the Jacobian: how the surroundings of
the point are turned and stretched against an abstract reference picture. From the points and
Jacobians of two pictures follows, near each point, where every pixel came from:

    T(z) = source + J_source J_driving^-1 (z - driving)

the first two terms of a Taylor series, hence the name. A second network says which point each pixel
follows, and what was hidden and has to be invented. A third one paints.

Pictures are float32 in [0, 1], (N, H, W, 3). Positions are (x, y) in [-1, 1], corners at pixel
centres. Layers bear the published names, so that the authors' checkpoints can be read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import keras
import numpy as np
from keras import layers, ops

from deepfake_lesson.errors import LessonError, ModelError
from deepfake_lesson.models.layers import layer_seeds
from deepfake_lesson.models.published import read_checkpoint
from deepfake_lesson.models.sampling import bilinear_sample, coordinate_grid, resize

CHANNELS = 3
KEYPOINT_VARIANCE = 0.01  # of the bump that shows the second network a keypoint
EPSILON, MOMENTUM = 1e-5, 0.9  # of batch normalisation, as in PyTorch
OTHER_CONFIG = "Make the model with the settings that were published beside the checkpoint."


@dataclass(frozen=True)
class HourglassConfig:
    """A network that shrinks, grows, and hands every size across.

    block_expansion: channels of its largest size; each halving doubles them up to max_features.
    num_blocks: halvings. scale_factor: how much smaller than the picture it works: 1, 0.5, 0.25.
    """

    block_expansion: int = 32
    max_features: int = 1024
    num_blocks: int = 5
    scale_factor: float = 0.25


@dataclass(frozen=True)
class FirstOrderConfig:
    """The published settings under the published names; the defaults are those of vox-256.

    num_kp: keypoints. estimate_jacobian: without it keypoints only shift their surroundings.
    temperature: of the soft-max that makes a heat-map; the lower, the more pointed.
    single_jacobian_map: one map of Jacobians for all keypoints. block_expansion, max_features,
    num_down_blocks, num_bottleneck_blocks: of the generator. estimate_occlusion_map: without it
    nothing is taken for hidden. kp_detector, dense_motion: the two hourglasses.

    attention_mask is not in the publication: the generator also says for every pixel how far the
    moved one is kept, and paints only the rest (Pumarola et al. 2018, "GANimation"). A small
    generator paints softly; what needs no painting then stays as sharp as the source.
    """

    num_kp: int = 10
    estimate_jacobian: bool = True
    temperature: float = 0.1
    single_jacobian_map: bool = False
    block_expansion: int = 64
    max_features: int = 512
    num_down_blocks: int = 2
    num_bottleneck_blocks: int = 6
    estimate_occlusion_map: bool = True
    kp_detector: HourglassConfig = HourglassConfig()
    dense_motion: HourglassConfig = HourglassConfig(block_expansion=64)
    attention_mask: bool = False

    @classmethod
    def from_published(cls, settings: dict) -> "FirstOrderConfig":
        """From a published YAML file's `model_params`, or a file's whole content, as a dictionary.

        Raises LessonError for settings that are missing or that this model does not have.
        """
        try:
            settings = settings.get("model_params", settings)
            common, detector = settings["common_params"], dict(settings["kp_detector_params"])
            generator = dict(settings["generator_params"])
            motion = dict(generator.pop("dense_motion_params"))
            if common.get("num_channels", CHANNELS) != CHANNELS:
                raise KeyError("num_channels other than 3")
            own = {"num_kp": common["num_kp"], "estimate_jacobian": common["estimate_jacobian"]}
            for name in ("temperature", "single_jacobian_map"):
                if name in detector:
                    own[name] = detector.pop(name)
            return cls(
                **own,
                **generator,
                kp_detector=HourglassConfig(**detector),
                dense_motion=HourglassConfig(**motion),
            )
        except (KeyError, TypeError, AttributeError) as error:
            problem = f"cannot be used as they are ({error})"
            raise LessonError("first order motion settings", problem, "Take vox-256's.") from error


def heatmap_to_keypoints(heatmaps):
    """The expected position under each map that sums to 1: (N, H, W, K) to (N, K, 2)."""
    grid = coordinate_grid(*heatmaps.shape[1:3])
    return ops.einsum("nhwk,hwc->nkc", heatmaps, grid)


def keypoint_bumps(points, height: int, width: int):
    """A Gaussian bump of height 1 around each point: (N, K, 2) to (N, height, width, K)."""
    away = coordinate_grid(height, width)[None, :, :, None] - points[:, None, None]
    return ops.exp(-0.5 * ops.sum(away**2, axis=-1) / KEYPOINT_VARIANCE)


def sparse_motions(source: dict, driving: dict, height: int, width: int):
    """Where each pixel of the driving picture comes from in the source, as each keypoint has it.

    (N, height, width, K + 1, 2): first the background, which stays where it is.
    """
    grid = coordinate_grid(height, width)[None, :, :, None]
    away = grid - driving["value"][:, None, None]
    if "jacobian" in source:
        turn = ops.matmul(source["jacobian"], inverse_2x2(driving["jacobian"]))
        away = ops.einsum("nkij,nhwkj->nhwki", turn, away)
    moved = away + source["value"][:, None, None]
    still = ops.broadcast_to(grid, (ops.shape(moved)[0], height, width, 1, 2))
    return ops.concatenate([still, moved], axis=3)


def inverse_2x2(matrices):
    """The inverse of each matrix (..., 2, 2), written out: any backend can export it."""
    (a, b), (c, d) = ((matrices[..., i, 0], matrices[..., i, 1]) for i in (0, 1))
    adjugate = ops.stack([ops.stack([d, -b], -1), ops.stack([-c, a], -1)], -2)
    return adjugate / (a * d - b * c)[..., None, None]


def relative_keypoints(
    kp_source: dict[str, np.ndarray],
    kp_driving: dict[str, np.ndarray],
    kp_driving_first: dict[str, np.ndarray],
    adapt_scale: bool = True,
    relative_jacobian: bool = True,
) -> dict[str, np.ndarray]:
    """The source's keypoints, moved as the driver has moved since the first driving picture.

    Absolute keypoints bring the driver's face along, its width and its place; relative ones only
    the motion. adapt_scale: a larger face makes larger motions, by the root of the ratio of the
    areas of both convex hulls. relative_jacobian: also turn and stretch relatively. Keypoints are
    those of one picture each: "value" (1, K, 2), "jacobian" (1, K, 2, 2).
    """
    first, source = (np.asarray(kp["value"], np.float32) for kp in (kp_driving_first, kp_source))
    scale = np.sqrt(_hull_area(source[0]) / _hull_area(first[0])) if adapt_scale else 1.0
    moved = {"value": source + (np.asarray(kp_driving["value"]) - first) * np.float32(scale)}
    if "jacobian" in kp_driving:
        moved["jacobian"] = np.asarray(kp_driving["jacobian"])
        if relative_jacobian:
            change = moved["jacobian"] @ np.linalg.inv(np.asarray(kp_driving_first["jacobian"]))
            moved["jacobian"] = change @ np.asarray(kp_source["jacobian"])
    return moved


def _hull_area(points: np.ndarray) -> float:
    return float(cv2.contourArea(cv2.convexHull(np.ascontiguousarray(points))))


class FirstOrderModel:
    """Keypoint detector, dense motion and generator, each a Keras network for pictures of any size.

    networks: "kp_detector" and "dense_motion" give maps; "encoder" and "decoder" are the halves of
    the generator, between which its features are moved.
    """

    def __init__(self, config: FirstOrderConfig, seed: int = 0, dtype: str = "float32") -> None:
        self.config = config
        parts = _Parts(config, layer_seeds(seed), dtype)
        self.networks = {
            "kp_detector": parts.kp_detector(),
            "dense_motion": parts.dense_motion(),
            "encoder": parts.encoder(),
            "decoder": parts.decoder(),
        }

    def keypoints(self, images, training: bool = False) -> dict:
        """{"value": (N, K, 2), "jacobian": (N, K, 2, 2)} of pictures (N, H, W, 3)."""
        maps = self.maps(images, training)
        found = {"value": heatmap_to_keypoints(maps["heatmap"])}
        if "jacobian" in maps:
            mean = ops.sum(maps["heatmap"][..., None] * maps["jacobian"], axis=(1, 2))
            found["jacobian"] = ops.reshape(mean, (-1, self.config.num_kp, 2, 2))
        return found

    def maps(self, images, training: bool = False) -> dict:
        """What keypoints are means of: "heatmap" (N, h, w, K), each of which sums to 1, and
        "jacobian" (N, h, w, K, 4), or one for all keypoints (N, h, w, 1, 4).
        """
        small = shrink(images, self.config.kp_detector.scale_factor)
        raw = self.networks["kp_detector"](small, training=training)
        _, height, width, count = raw["heatmap"].shape
        flat = ops.reshape(raw["heatmap"], (-1, height * width, count))
        heatmaps = ops.softmax(flat / self.config.temperature, axis=1)
        found = {"heatmap": ops.reshape(heatmaps, (-1, height, width, count))}
        if self.config.estimate_jacobian:
            shape = (-1, height, width, self._jacobian_maps, 4)
            found["jacobian"] = ops.reshape(raw["jacobian"], shape)
        return found

    def generate(
        self, source, kp_source: dict, kp_driving: dict, training: bool = False, features=None
    ) -> dict:
        """The source (N, H, W, 3) as the driving keypoints want it; one source may serve for all.

        features: what "encoder" makes of the source, if it is known already.

        "prediction" (N, H, W, 3): the result. "deformed" (N, H, W, 3): the source's pixels moved,
        before anything is painted. "mask" (N, h, w, K + 1): which keypoint a pixel follows, the
        background first. "occlusion_map" (N, h, w, 1): 1 where the source shows what is needed, 0
        where it has to be invented. "flow" (N, h, w, 2): where in the source a pixel comes from.
        With `attention_mask` also "painted" (N, H, W, 3), and "attention" (N, H, W, 1): how far
        "deformed" is kept instead.
        """
        moving = self.dense_motion(source, kp_source, kp_driving, training)
        if features is None:
            features = self.networks["encoder"](source, training=training)
        features = moved(features, moving["flow"])
        if "occlusion_map" in moving:
            shown = resize(moving["occlusion_map"], *features.shape[1:3])
            features = features * ops.cast(shown, features.dtype)
        found = moving | {"deformed": moved(source, moving["flow"])}
        found |= self.networks["decoder"](features, training=training)
        if "attention" in found:
            kept, painted = found["attention"], found["prediction"]
            mixed = kept * found["deformed"] + (1 - kept) * painted
            found |= {"painted": painted, "prediction": mixed}
        return found

    def dense_motion(self, source, kp_source: dict, kp_driving: dict, training=False) -> dict:
        """From few keypoints to every pixel: "mask", "occlusion_map" and "flow" of `generate`."""
        small = shrink(source, self.config.dense_motion.scale_factor)
        height, width = small.shape[1:3]
        motions = sparse_motions(kp_source, kp_driving, height, width)
        count = self.config.num_kp + 1
        candidates = bilinear_sample(small, ops.reshape(motions, (-1, height, width * count, 2)))
        candidates = ops.reshape(candidates, (-1, height, width, count, CHANNELS))
        bumps = keypoint_bumps(kp_driving["value"], height, width)
        bumps -= keypoint_bumps(kp_source["value"], height, width)
        bumps = ops.pad(bumps, [[0, 0], [0, 0], [0, 0], [1, 0]])  # none for the background
        shown = ops.concatenate([bumps[..., None], candidates], axis=-1)
        shown = ops.reshape(shown, (-1, height, width, count * (CHANNELS + 1)))
        maps = self.networks["dense_motion"](shown, training=training)
        mask = ops.softmax(maps["mask"], axis=-1)
        found = {"mask": mask, "flow": ops.sum(mask[..., None] * motions, axis=3)}
        if "occlusion" in maps:
            found["occlusion_map"] = ops.sigmoid(maps["occlusion"])
        return found

    @property
    def _jacobian_maps(self) -> int:
        return 1 if self.config.single_jacobian_map else self.config.num_kp


def moved(images, flow):
    """Pictures or features (N, H, W, C) looked up at a flow (N, h, w, 2) of any size."""
    return bilinear_sample(images, resize(flow, *images.shape[1:3]))


def shrink(images, factor: float):
    """Pictures made smaller, blurred before so that nothing too fine is left (anti-aliasing)."""
    if factor == 1:
        return images
    kernel, step = gaussian_kernel(factor), round(1 / factor)
    border = len(kernel) // 2
    padded = ops.pad(images, [[0, 0], [border, border], [border, border], [0, 0]])
    weights = np.repeat(np.outer(kernel, kernel)[..., None, None], images.shape[-1], axis=2)
    return ops.depthwise_conv(padded, weights.astype(np.float32), step, data_format="channels_last")


def gaussian_kernel(factor: float) -> np.ndarray:
    """The authors' blur before shrinking by `factor`: weights that sum to 1, float32."""
    sigma = (1 / factor - 1) / 2
    reach = np.arange(-round(4 * sigma), round(4 * sigma) + 1)
    weights = np.exp(-(reach**2) / (2 * sigma**2))
    return (weights / weights.sum()).astype(np.float32)


class _Parts:
    """Builds the four networks; every layer gets its published name."""

    def __init__(self, config: FirstOrderConfig, seeds: Iterator[int], dtype: str) -> None:
        self.config, self.seeds, self.dtype = config, seeds, dtype

    def kp_detector(self) -> keras.Model:
        config = self.config
        picture = keras.Input((None, None, CHANNELS), name="picture")
        x = self.hourglass(picture, config.kp_detector, "predictor")
        maps = {"heatmap": self.head(x, config.num_kp, "kp", "valid")}
        if config.estimate_jacobian:
            count = 1 if config.single_jacobian_map else config.num_kp
            identity = keras.initializers.Constant(np.tile([1.0, 0.0, 0.0, 1.0], count))
            start = {"kernel_initializer": "zeros", "bias_initializer": identity}
            maps["jacobian"] = self.head(x, 4 * count, "jacobian", "valid", **start)
        return keras.Model(picture, maps, name="kp_detector")

    def dense_motion(self) -> keras.Model:
        config = self.config
        shown = keras.Input((None, None, (config.num_kp + 1) * (CHANNELS + 1)), name="candidates")
        x = self.hourglass(shown, config.dense_motion, "hourglass")
        maps = {"mask": self.head(x, config.num_kp + 1, "mask")}
        if config.estimate_occlusion_map:
            maps["occlusion"] = self.head(x, 1, "occlusion")
        return keras.Model(shown, maps, name="dense_motion_network")

    def encoder(self) -> keras.Model:
        picture = keras.Input((None, None, CHANNELS), name="source")
        x = self.block(picture, self.config.block_expansion, "first", kernel=7)
        for k in range(self.config.num_down_blocks):
            x = self.block(x, self.width(k + 1), f"down_blocks.{k}")
            x = layers.AveragePooling2D(2, dtype=self.dtype)(x)
        return keras.Model(picture, x, name="encoder")

    def decoder(self) -> keras.Model:
        config, downs = self.config, self.config.num_down_blocks
        x = features = keras.Input((None, None, self.width(downs)), name="features")
        for k in range(config.num_bottleneck_blocks):
            x = self.residual(x, f"bottleneck.r{k}")
        for k in range(downs):
            x = layers.UpSampling2D(2, dtype=self.dtype)(x)
            x = self.block(x, self.width(downs - k - 1), f"up_blocks.{k}")
        maps = {"prediction": self.conv(x, CHANNELS, "final", 7)}
        if config.attention_mask:
            maps["attention"] = self.conv(x, 1, "attention_mask", 7)
        sigmoid = {"activation": "sigmoid", "dtype": "float32"}
        maps = {name: layers.Activation(name=name, **sigmoid)(x) for name, x in maps.items()}
        return keras.Model(features, maps, name="decoder")

    def width(self, halvings: int) -> int:
        return min(self.config.max_features, self.config.block_expansion * 2**halvings)

    def hourglass(self, x, config: HourglassConfig, name: str):
        sizes, names = [x], [f"{name}.encoder.down_blocks", f"{name}.decoder.up_blocks"]
        for k in range(config.num_blocks):
            filters = min(config.max_features, config.block_expansion * 2 ** (k + 1))
            x = self.block(x, filters, f"{names[0]}.{k}")
            x = layers.AveragePooling2D(2, dtype=self.dtype)(x)
            sizes.append(x)
        x = sizes.pop()
        for k in range(config.num_blocks):
            filters = config.block_expansion * 2 ** (config.num_blocks - 1 - k)
            x = layers.UpSampling2D(2, dtype=self.dtype)(x)
            x = self.block(x, min(config.max_features, filters), f"{names[1]}.{k}")
            x = layers.Concatenate(dtype=self.dtype)([x, sizes.pop()])
        return x

    def block(self, x, filters: int, name: str, kernel: int = 3):
        """Convolution, batch normalisation, ReLU."""
        x = self.conv(x, filters, f"{name}.conv", kernel)
        return layers.ReLU(dtype=self.dtype)(self.norm(x, f"{name}.norm"))

    def residual(self, x, name: str):
        """What normalised convolutions add to `x`."""
        change = x
        for k in (1, 2):
            change = layers.ReLU(dtype=self.dtype)(self.norm(change, f"{name}.norm{k}"))
            change = self.conv(change, x.shape[-1], f"{name}.conv{k}")
        return layers.Add(dtype=self.dtype)([x, change])

    def head(self, x, filters, name, padding="same", **options):
        """A 7 x 7 convolution to maps that positions are computed from: always in float32."""
        return self.conv(x, filters, name, 7, padding, dtype="float32", **options)

    def conv(self, x, filters, name, kernel=3, padding="same", **options):
        start = keras.initializers.HeUniform(seed=next(self.seeds))
        options = {"kernel_initializer": start, "dtype": self.dtype} | options
        return layers.Conv2D(filters, kernel, padding=padding, name=name, **options)(x)

    def norm(self, x, name: str):
        options = {"epsilon": EPSILON, "momentum": MOMENTUM, "dtype": self.dtype}
        return layers.BatchNormalization(name=name, **options)(x)


def load_published(model: FirstOrderModel, checkpoint: str | Path) -> list[str]:
    """Take over weights that the authors published; returns the names that were not needed.

    checkpoint: see `read_checkpoint`. Left over are what only training needs: discriminator,
    optimisers. Raises ModelError if a weight is missing or has another shape; then the model is as
    it was.
    """
    entries = read_checkpoint(checkpoint)
    places = {
        "kp_detector": "kp_detector.",
        "dense_motion": "generator.dense_motion_network.",
        "encoder": "generator.",
        "decoder": "generator.",
    }
    taken = {}
    for part, place in places.items():
        for layer in model.networks[part].layers:
            if layer.weights:
                taken[layer] = _take_weights(layer, f"{place}{layer.name}.", entries, checkpoint)
    for place, config in (
        ("kp_detector.down.weight", model.config.kp_detector),
        ("generator.dense_motion_network.down.weight", model.config.dense_motion),
    ):
        _check_blur(place, config.scale_factor, entries, checkpoint)
    for layer, weights in taken.items():
        layer.set_weights(weights)
    return list(entries)


def _take_weights(layer, place: str, entries: dict, checkpoint) -> list[np.ndarray]:
    """A layer's weights in Keras's order and axes, taken out of `entries`."""
    names = ["weight", "bias"]
    if isinstance(layer, layers.BatchNormalization):
        names += ["running_mean", "running_var"]
        entries.pop(f"{place}num_batches_tracked", None)
    weights = []
    for name, own in zip(names, layer.weights, strict=True):
        if (weight := entries.pop(place + name, None)) is None:
            raise ModelError(checkpoint, f"has no {place}{name}", OTHER_CONFIG)
        weight = np.transpose(weight, (2, 3, 1, 0)) if weight.ndim == 4 else weight
        if weight.shape != own.shape:
            problem = f"{place}{name} is {weight.shape}, and the model wants {tuple(own.shape)}"
            raise ModelError(checkpoint, problem, OTHER_CONFIG)
        weights.append(weight)
    return weights


def _check_blur(name: str, factor: float, entries: dict, checkpoint) -> None:
    """The authors store their blur as a weight; ours is computed, and must be the same."""
    stored = entries.pop(name, None)
    if stored is None or factor == 1:
        return
    kernel = gaussian_kernel(factor)
    if stored.shape[2:] != (len(kernel),) * 2 or not np.allclose(
        stored, np.outer(kernel, kernel), atol=1e-5
    ):
        raise ModelError(checkpoint, f"{name} is another blur", OTHER_CONFIG)
