"""Detection: whether a face was filmed or made, how sure that is, and what it does not say.

    clip -- crops --> faces -- a network of `training`, or `cues` --> p_fake -- `detect` --> report

`self_blended` makes fakes of real faces alone, `dataset` a labelled set of all makers of this
package, `evaluation` says how good a detector is.
"""

from importlib import import_module

_HOMES = {
    "Detector": "training",
    "DetectorConfig": "training",
    "load_detector": "training",
    "self_blend": "self_blended",
    "train_detector": "training",
}
__all__ = list(_HOMES)


def __getattr__(name: str):
    """A public name from its module, loaded when it is first wanted: some bring TensorFlow."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
