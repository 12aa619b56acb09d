"""Re-enactment: one person does what another one does, painted from drawings of landmarks.

    driver's clip -- driving --> landmarks -- conditions --> drawings -- training --> pictures

`pairs` makes what is learnt from, `clips` re-enacts clips, `live` works while the camera runs,
`evaluation` says how good it is.
"""

from importlib import import_module

_HOMES = {
    "LivePipeline": "live",
    "ReenactOptions": "clips",
    "create_pairs": "pairs",
    "load_pairs": "pairs",
    "load_reenactment": "training",
    "reenact": "clips",
    "train_reenactment": "training",
}
__all__ = list(_HOMES)


def __getattr__(name: str):
    """A public name from its module, loaded when it is first wanted: some bring TensorFlow."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
