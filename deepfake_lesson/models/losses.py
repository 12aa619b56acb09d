"""What a painted picture is blamed for: colours that are off, and structure that is missing.

Mean absolute error alone is blind to blur: where a network is unsure, the middle of all
possibilities costs least, and the middle of many sharp faces is a smooth one. Structural similarity
compares the contrast of small windows too, so that smoothing costs.
"""

from collections.abc import Callable

import keras
from keras import ops

from deepfake_lesson.errors import LessonError

VGG_BLOCKS = 5
VGG_MEAN = (103.939, 116.779, 123.68)  # of blue, green and red in what it was trained on
WINDOW, STRIDE = 8, 4  # pixels: size of the windows of `dssim_map`, and from one to the next
STABILISERS = (0.01**2, 0.03**2)


def painting_loss(
    dssim: float, perceptual: float = 0.0, features: keras.Model | None = None
) -> Callable:
    """Loss of pictures (N, H, W, 3) in [0, 1] for every pixel: MAE and, weighted, other distances.

    dssim: weight of `dssim_map`. perceptual: weight of `feature_map` with the network `features`.
    The result is (N, H, W), so that Keras can weight the pixels (`sample_weight`).
    """

    def loss(truth, painted):
        error = ops.mean(ops.abs(truth - painted), axis=-1)
        if dssim:
            error += dssim * dssim_map(truth, painted)
        if perceptual:
            error += perceptual * feature_map(features, truth, painted)
        return error

    return loss


def feature_map(features: keras.Model, truth, painted):
    """How far pictures are apart for a network that has seen many: (N, H, W), 0 where equal.

    Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution". Each
    of the network's outputs counts alike: its difference beside its own mean size.
    """
    total = 0.0
    for wanted, found in zip(features(truth), features(painted), strict=True):
        wanted, found = (ops.cast(each, "float32") for each in (wanted, found))
        distance = ops.mean(ops.abs(wanted - found), axis=-1) / ops.mean(ops.abs(wanted))
        scale = truth.shape[1] // distance.shape[1]
        total += ops.repeat(ops.repeat(distance, scale, axis=1), scale, axis=2)
    return total / len(features.outputs)


def vgg_features(weights: str | None = "imagenet") -> keras.Model:
    """VGG-19: pictures (N, H, W, 3) in [0, 1] to a map from each of its five blocks.

    Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image
    Recognition" (ICLR); of every block what follows the first convolution, as usual in perceptual
    losses. H and W of 16 at least. Keras fetches the weights (80 MB) once and checks them.

    weights: None are random ones. Raises LessonError if they cannot be fetched.
    """
    try:
        vgg = keras.applications.VGG19(include_top=False, weights=weights)
    except Exception as error:  # this is what Keras raises if a download fails
        problem, remedy = f"its weights cannot be fetched ({error})", 'Take features="base".'
        raise LessonError("VGG-19", problem, remedy) from error
    pictures = keras.Input((None, None, 3))
    x, maps = ops.flip(pictures, axis=-1) * 255.0 - ops.array(VGG_MEAN, "float32"), []
    for layer in vgg.layers[1:]:
        x = layer(x)
        if layer.name.endswith("_conv1"):
            maps.append(x)
        if len(maps) == VGG_BLOCKS:
            break
    network = keras.Model(pictures, maps, name="vgg_features")
    network.trainable = False
    return network


def dssim_map(truth, painted):
    """(1 - SSIM) / 2 in [0, 1] at every pixel, (N, H, W): 0 where the pictures are equal.

    Wang et al. 2004, "Image Quality Assessment: From Error Visibility to Structural Similarity", in
    flat windows, each of which speaks for the STRIDE x STRIDE pixels in its middle. H and W must be
    multiples of STRIDE.
    """
    mean_t, mean_p = _windows(truth), _windows(painted)
    variances = _windows(truth**2) - mean_t**2 + _windows(painted**2) - mean_p**2
    covariance = _windows(truth * painted) - mean_t * mean_p
    brightness, structure = STABILISERS
    similarity = (2 * mean_t * mean_p + brightness) * (2 * covariance + structure)
    similarity /= (mean_t**2 + mean_p**2 + brightness) * (variances + structure)
    coarse = (1 - ops.mean(similarity, axis=-1)) / 2
    return ops.repeat(ops.repeat(coarse, STRIDE, axis=1), STRIDE, axis=2)


def _windows(pictures):
    return ops.average_pool(pictures, WINDOW, strides=STRIDE, padding="same")
