"""Checks of chapter 12: credentials, watermarks and the duty to say so."""

import hashlib

import numpy as np

from deepfake_lesson.exercises import exercise, require

SENTENCES = {
    ("trusted", True): 1,
    ("trusted", False): 3,
    ("valid", True): 2,
    ("valid", False): 5,
    ("tampered", True): 4,
    ("tampered", False): 4,
    ("missing", True): 2,
    ("missing", False): 5,
}
DISCLOSED = {
    "A": "she did not say it, and the film would be taken for a recording of her",
    "C": "he resembles somebody who existed, and everybody takes the film for a recording",
    "E": "they look like people and events that would falsely appear to be authentic",
}
FREE = {
    "B": "a slightly bluer sky deceives nobody about anything: an ordinary edit",
    "D": "nobody takes a drawn cartoon for an authentic recording, and no AI made it",
}


@exercise
def statement(student) -> None:
    """What credential and watermark let one say."""
    for (verdict, watermark), right in SENTENCES.items():
        answer = student(verdict, watermark)
        case = f"{verdict}, {'with' if watermark else 'without'} watermark"
        require(answer in range(1, 6), f"{case}: give a number from 1 to 5, not {answer!r}")
        if verdict == "tampered":
            hint = (
                "somebody changed it after signing; that the watermark is still there says little"
            )
        elif verdict == "valid":
            hint = "anybody can sign; who it was you do not know, so it counts like no signature"
        elif verdict == "missing":
            hint = "missing says nothing: only the watermark can tell you something"
        else:
            hint = "you know the signer; whether it is from this tool, the watermark says"
        require(answer == right, f"{case}: {hint}")


@exercise
def holds(student) -> None:
    """Whether a record was made for these bytes."""
    data = b"a picture"
    digest = hashlib.sha256(data).hexdigest()
    answer = student(data, {"claim": "by me", "sha256": digest})
    require(isinstance(answer, bool), f"answer True or False, not {answer!r}")
    require(answer, "the bytes that the record was made for must hold")
    require(
        student(b"a picturf", {"claim": "by me", "sha256": digest}) is False,
        "one changed byte, and it must not hold",
    )
    other = hashlib.sha256(b"by me").hexdigest()
    require(
        student(data, {"claim": "by me", "sha256": other}) is False,
        "hash the file's bytes, not the claim",
    )
    require(
        student(data, {"claim": "by another", "sha256": digest}) is True,
        "it compares the bytes only; that the claim can be exchanged is what signatures are for",
    )


@exercise
def receive(student) -> None:
    """One bit, spread over all pixels."""
    rng = np.random.default_rng(12)
    picture = rng.uniform(60, 200, (64, 64))
    pattern = rng.choice([-1.0, 1.0], (64, 64))
    for strength, what in ((20.0, "a strong"), (8.0, "a faint")):
        for bit in (1, -1):
            answer = student(picture + strength * bit * pattern, pattern.copy())
            require(answer in (1, -1), f"answer +1 or -1, not {answer!r}")
            require(
                answer == bit, f"{what} pattern with the bit {bit:+d} is read as {int(answer):+d}"
            )
    tilted = np.where(rng.random((64, 64)) < 0.6, 1.0, -1.0)
    bright = 200 + rng.normal(0, 1, (64, 64))
    for bit in (1, -1):
        require(
            student(bright + 3 * bit * tilted, tilted.copy()) == bit,
            "a bright picture and a pattern with more +1 than -1 are read wrongly: take the "
            "picture's mean away first",
        )


@exercise
def disclose(student) -> None:
    """Who has to say that it is a deepfake."""
    answer = student()
    require(isinstance(answer, set | frozenset | list | tuple), 'give a set of letters, as {"B"}')
    letters = {str(letter).upper() for letter in answer}
    require(letters <= set(DISCLOSED) | set(FREE), "the letters are A to E")
    for letter in sorted(letters & set(FREE)):
        require(False, f"{letter}: {FREE[letter]}")
    for letter in sorted(set(DISCLOSED) - letters):
        require(False, f"{letter} is missing: {DISCLOSED[letter]}")
