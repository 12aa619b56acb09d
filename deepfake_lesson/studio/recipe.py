"""Filming a studio person; the recipe stays with the clip, so that its truth can be made again."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..errors import ConsentError, MediaError
from ..files import replacing
from ..people import Person, create_person
from ..provenance import ALGORITHMIC, sign
from ..video import VideoWriter
from .camera import Scene
from .people import Identity
from .performance import Performance
from .renderer import Frame, render_performance
from .sound import sound_track

VERSION = 2
FRAMING = 0.75  # of a portrait's scale


@dataclass(frozen=True)
class Recipe:
    """What a clip is made of. size: side or (width, height); seed: draws scene and take."""

    identity: int
    performance: str = "talk"
    seconds: float = 4
    fps: float = 25
    size: int | tuple[int, int] = 512
    seed: int = 0
    version: int = VERSION

    @classmethod
    def load(cls, path: str | Path) -> "Recipe":
        """Read a clip's .json. Raises MediaError if it is missing, broken or of another version."""
        remedy = "Record the clip again with the studio command."
        try:
            fields = json.loads(Path(path).read_text(encoding="utf-8"))
            size = fields["size"]
            recipe = cls(**fields | {"size": tuple(size) if isinstance(size, list) else size})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise MediaError(path, "is not a readable studio recipe", remedy) from error
        if recipe.version != VERSION:
            problem = f"is a recipe of version {recipe.version}, this studio makes {VERSION}"
            raise MediaError(path, problem, remedy)
        return recipe

    def save(self, path: str | Path) -> None:
        """Write the recipe as JSON."""
        with replacing(path) as draft:
            draft.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    def acting(self) -> Performance:
        """The performance of the clip."""
        return Performance.named(self.performance, self.seconds, self.fps, self.seed)

    def scene(self) -> Scene:
        """Room, light and camera of the clip; grain but no JPEG, for the video codec follows.

        The camera stands further back than for portraits: head and shoulders, air above the hair.
        """
        scene = Scene.sample([self.seed, 1])
        camera = replace(scene.camera, scale=FRAMING * scene.camera.scale)
        return replace(scene, camera=camera)

    def frames(self, seed: int | None = None, supersample: int = 2) -> Iterator[Frame]:
        """The clip's frames with their truth; `seed` puts another identity in: the perfect swap."""
        identity = Identity.sample(self.identity if seed is None else seed)
        return render_performance(identity, self.acting(), self.scene(), self.size, supersample)


def record(
    identity_seed: int,
    folder: str | Path,
    performance: str = "talk",
    seconds: float = 4,
    fps: float = 25,
    size: int | tuple[int, int] = 512,
    seed: int = 0,
    progress: bool = False,
) -> Person:
    """Film a person who does not exist: a folder with media/clip.mp4, signed, and media/clip.json.

    seed: of the scene and of the take of the performance. Raises ConsentError if the folder already
    holds a person, LessonError for an unknown performance.
    """
    from tqdm import tqdm

    folder = Path(folder)
    if (folder / "consent.toml").exists():
        raise ConsentError(folder, "already holds a person", "Choose another folder.")
    recipe = Recipe(identity_seed, performance, seconds, fps, size, seed)
    acting = recipe.acting()
    clip = folder / "media" / "clip.mp4"
    shape = (size, size) if isinstance(size, int) else size
    pitch = 110 if Identity.sample(identity_seed).look.sex > 0 else 195
    with VideoWriter(clip, fps, shape, sound=sound_track(acting, pitch)) as writer:
        bar = tqdm(recipe.frames(), f"filming {identity_seed}", len(acting), disable=not progress)
        for frame in bar:
            writer.write(frame.image)
    sign(clip, source_type=ALGORITHMIC)
    recipe.save(clip.with_suffix(".json"))
    return create_person(folder, f"studio person {identity_seed}", "synthetic", seed=identity_seed)
