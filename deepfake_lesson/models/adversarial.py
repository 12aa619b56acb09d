"""Two networks that blame each other: one paints, the other tells painted from filmed.

Goodfellow et al. 2014, "Generative Adversarial Nets" (NIPS). Both are trained in one step of one
optimiser, on every Keras backend: `ops.stop_gradient` keeps the blame apart.
"""

import keras
from keras import ops

LOSSES = ("least-squares", "cross-entropy")


def adversarial_losses(critic: keras.Model, condition, real, painted, kind: str = LOSSES[0]):
    """What the painter is blamed for, having been recognised, and the critic, having been wrong.

    Args:
        critic: [condition, picture] to verdicts, high for real.
        condition: what was painted from, (N, H, W, C).
        real: pictures that were filmed, (N, H, W, 3).
        painted: pictures that were painted; the painter's blame goes back through them.
        kind: one of `LOSSES`.

    Returns:
        Two scalars; the sum of both may be minimised, each weight is blamed for its own part.
    """
    caught = verdict_loss(frozen(critic, [condition, painted]), True, kind)
    fake = ops.stop_gradient(painted)
    missed = verdict_loss(critic([condition, real], training=True), True, kind)
    missed += verdict_loss(critic([condition, fake], training=True), False, kind)
    return caught, missed / 2


def verdict_loss(verdicts, real: bool, kind: str = LOSSES[0]):
    """How far verdicts are from saying real, or painted: squares (Mao et al. 2017) or entropy."""
    if kind == "least-squares":
        return ops.mean(ops.square(verdicts - float(real)))
    return ops.mean(ops.softplus(-verdicts if real else verdicts))


def frozen(network: keras.Model, inputs):
    """What a network in training says, without blame for its weights."""
    weights = [ops.stop_gradient(variable.value) for variable in network.trainable_variables]
    state = [variable.value for variable in network.non_trainable_variables]
    return network.stateless_call(weights, state, inputs, training=True)[0]
