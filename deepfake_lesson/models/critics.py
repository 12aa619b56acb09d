"""A critic for each person beside the face swap autoencoder, after shaoanlu's faceswap-GAN (2018).

The critic is the PatchGAN of pix2pix. It is shown a warped face and, beside it, either the straight
one or what the autoencoder painted from it.
"""

from collections.abc import Callable

import keras
from keras import ops

from deepfake_lesson.models.adversarial import adversarial_losses
from deepfake_lesson.models.autoencoder import PEOPLE, AutoencoderConfig
from deepfake_lesson.models.pix2pix import Pix2pixConfig, build_discriminator

FILTERS = 16  # of a critic's first layer


def build_critics(config: AutoencoderConfig, seed: int, dtype: str) -> dict[str, keras.Model]:
    """A discriminator for each person: [face, picture] (N, size, size, 3) to maps of verdicts."""
    networks = Pix2pixConfig(config.size, critic_filters=FILTERS)
    return {who: build_discriminator(networks, seed + k, dtype) for k, who in enumerate(PEOPLE)}


class CriticizedAutoencoder(keras.Model):
    """Autoencoder and critics, trained together: batches are those of the autoencoder alone.

    loss: of pictures for every pixel, as `losses.painting_loss`. gan: weight of having been
    recognised.
    """

    def __init__(
        self, autoencoder: keras.Model, critics: dict[str, keras.Model], loss: Callable, gan: float
    ) -> None:
        super().__init__(name="criticized")
        self.autoencoder, self.critics = autoencoder, list(critics.values())
        self.painting_loss, self.gan = loss, gan
        self.built = True

    def call(self, faces, training=False):
        return self.autoencoder(faces, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """x: warped faces of a and b, y: straight ones, sample_weight: how much pixels count."""
        total = 0.0
        for face, truth, painted, weight, critic in zip(
            x, y, y_pred, sample_weight, self.critics, strict=True
        ):
            error = ops.mean(weight * self.painting_loss(truth, painted))
            caught, judged = adversarial_losses(critic, face, truth, painted)
            total += (error + self.gan * caught + judged) / len(PEOPLE)
        return total
