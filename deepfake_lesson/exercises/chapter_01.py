"""Checks of chapter 01, what is a deepfake."""

from statistics import NormalDist

import numpy as np

from deepfake_lesson.exercises import exercise, require


@exercise
def changed_share(student) -> None:
    """Share of pixels that differ by more than a level in some channel."""
    before = np.full((4, 5, 3), 100, np.uint8)
    after = before.copy()
    after[0] = 70  # five pixels much darker
    after[1, 0, 2] = 125  # one pixel with more blue
    after[2] = 105  # five pixels a little brighter: noise
    value = student(before, after, 10)
    require(value is not None, "nothing came back: `return` the share")
    require(
        not np.isclose(value, 17 / 60) and not np.isclose(value, 16 / 60),
        "these are values, not pixels: a pixel has changed if any of its three channels has",
    )
    require(
        not np.isclose(value, 11 / 20),
        "the row that is 5 brighter was counted: only more than `level` counts",
    )
    require(not np.isclose(value, 5 / 20), "one channel is enough: do not average over the three")
    require(
        not np.isclose(value, 1 / 20),
        "a pixel that gets darker has changed too: take the absolute difference",
    )
    require(value <= 1, "give the share of all pixels, between 0 and 1: divide by their number")
    require(np.isclose(value, 6 / 20), f"6 of 20 pixels have changed: 0.3, not {value}")
    bright = student(after, before, 10)
    require(
        np.isclose(bright, 6 / 20),
        f"the other way round it should be 0.3 too, not {bright}: 100 - 105 is 251 in uint8, "
        "so make the pictures float or int before you subtract",
    )


# Whose face is seen, and whose movement: the picture's own, another's, nobody's.
MODES = {
    ("another's", "own"): "swap",
    ("another's", "another's"): "transfer",
    ("own", "another's"): "re-enactment",
    ("own", "own"): "editing",
    ("nobody's", "nobody's"): "synthesis",
}
WHY = {
    "swap": "a new face that does what the old one did",
    "transfer": "the new face comes with the look that it had in its own picture",
    "re-enactment": "the same face, moved by somebody else",
    "editing": "the same face and the same movement: a trait has changed",
    "synthesis": "nobody was there before",
}


@exercise
def name_the_mode(student) -> None:
    """The mode, from whose face and whose movement is seen."""
    for (face, movement), expected in MODES.items():
        value = student(face, movement)
        require(value is not None, "nothing came back: `return` the name")
        require(value in WHY, f"{value!r} is none of the five names: {', '.join(map(repr, WHY))}")
        asked = f"face {face!r}, movement {movement!r}"
        require(value == expected, f"{asked} is not {value}. Hint: {WHY[expected]}")


@exercise
def rates(student) -> None:
    """Hit rate and false alarm rate."""
    truth = [True, True, True, True, False, False, False, False, False]
    said = [True, True, True, False, True, False, False, False, False]
    value = student(list(truth), list(said))
    require(value is not None, "nothing came back: `return` both rates")
    require(np.shape(value) == (2,), "return two numbers, the hit rate first")
    hit, alarm = map(float, value)
    require(not (hit > 1 or alarm > 1), "these are counts; rates lie between 0 and 1")
    shares_of_all = np.isclose(hit, 3 / 9) and np.isclose(alarm, 1 / 9)
    require(
        not shares_of_all,
        "divide the hits by the number of fakes, and the false alarms by the number of real ones, "
        "not by all pictures",
    )
    require(not np.allclose((hit, alarm), (0.2, 0.75)), "the other way round: hit rate first")
    require(
        not np.allclose((hit, alarm), (0.75, 0.25)),
        "the false alarms were divided by the number of answers 'fake'; divide by the real ones",
    )
    require(np.isclose(hit, 0.75), f"3 of the 4 fakes were called fake: 0.75, not {hit}")
    require(np.isclose(alarm, 0.2), f"1 of the 5 real ones was called fake: 0.2, not {alarm}")
    value = student([False, True], [True, False])
    require(np.allclose(value, (0, 1)), f"all wrong is (0, 1), not {value}")


@exercise
def d_prime(student) -> None:
    """Difference of the z-values."""
    z = NormalDist().inv_cdf
    value = student(0.84, 0.16)
    require(value is not None, "nothing came back: `return` the difference")
    require(not np.isclose(value, 0.68), "that is the difference of the rates: take z of each")
    require(not np.isclose(value, 0), "plus and minus cancel here: subtract the two z-values")
    require(not np.isclose(value, z(0.16) - z(0.84)), "the other way round: z of the hits first")
    densities = [NormalDist().pdf(rate) for rate in (0.84, 0.16)]
    require(
        not np.isclose(value, densities[0] - densities[1]),
        "`pdf` is the height of the bell; the z-value is `inv_cdf`",
    )
    areas = [NormalDist().cdf(rate) for rate in (0.84, 0.16)]
    require(
        not np.isclose(value, areas[0] - areas[1]),
        "`cdf` goes from z to the rate; here it is the way back, `inv_cdf`",
    )
    expected = z(0.84) - z(0.16)
    require(np.isclose(value, expected), f"for rates .84 and .16 it is {expected:.3f}, not {value}")
    require(np.isclose(student(0.7, 0.7), 0), "equal rates tell nothing apart: 0")


@exercise
def really_fake(student) -> None:
    """Of all that was called fake, the share that is fake."""
    value = student(0.8, 0.1, 0.01)
    require(value is not None, "nothing came back: `return` the share")
    require(not np.isclose(value, 0.8), "0.8 of the fakes are called fake; asked is the reverse")
    require(
        not np.isclose(value, 0.008),
        "that is the share of all pictures; divide by all that are *called* fake",
    )
    require(
        not np.isclose(value, 0.8 / (0.8 + 0.1)),
        "fakes are rare: weigh both rates by how many fakes and how many real ones there are",
    )
    require(
        not np.isclose(value, 0.008 / (0.008 + 0.1)),
        "the false alarms come from the real pictures alone, of which there are 1 - share",
    )
    expected = 0.008 / (0.008 + 0.099)
    require(
        np.isclose(value, expected),
        f"of 1000 pictures 10 are fake, 8 of them are called fake, and so are 99 real ones: "
        f"8 of 107, {expected:.3f}, not {value}",
    )
    require(np.isclose(student(0.5, 0.5, 0.3), 0.3), "a coin leaves the share as it was: 0.3")


RIGHT_CASES = {"museum": "b", "call": "c", "minister": "c", "dubbing": "b"}
WRONG_CASES = {
    ("museum", "a"): "the heirs said yes to what hangs in the museum. Who sees the ten seconds, "
    "and what do they know?",
    ("museum", "c"): "it may even be perfect, and would be worse for it. What is missing in the "
    "ten seconds?",
    ("call", "a"): "your own score in the quiz says how far looking takes you, and the next "
    "network blurs less",
    ("call", "b"): "it has unmasked fakes, but it is a race: a better network turns its head. "
    "Which check does not depend on the picture at all?",
    ("minister", "a"): "a detector that is not sure proves nothing, in either direction",
    ("minister", "b"): "that he says so costs him nothing. What is this called, and who profits?",
    ("dubbing", "a"): "she said yes to her own words in other languages",
    ("dubbing", "c"): "the lips are the smaller problem. Who spoke the sentence?",
}


@exercise
def cases(student) -> None:
    """A letter for each of the four cases."""
    value = student()
    require(isinstance(value, dict), 'return letters by case, such as {"museum": "a", ...}')
    for case, right in RIGHT_CASES.items():
        require(case in value, f"the case {case!r} has no answer yet")
        letter = str(value[case]).strip().lower()
        require(letter in ("a", "b", "c"), f"{case}: answer with a, b or c, not {letter!r}")
        require(letter == right, f"{case}: {WRONG_CASES.get((case, letter))}")
