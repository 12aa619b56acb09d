"""A byte as 32 bits that survive errors: a check sum, and a Hamming code for each half byte.

R. W. Hamming, "Error detecting and error correcting codes", Bell System Technical Journal, 1950.
"""

from functools import lru_cache

import numpy as np

BITS = 32


def encode(payload: int) -> np.ndarray:
    """The 32 bits, +1 or -1, for a payload of 0 to 255: byte and check sum, half byte by half."""
    halves = [byte >> shift & 15 for byte in (payload, check_sum(payload)) for shift in (4, 0)]
    return code_words()[halves].ravel()


def decode(soft: np.ndarray) -> int | None:
    """The payload whose bits are most like 32 noisy ones (float, any scale); None if it is wrong.

    Of each eight bits, the code word that correlates best is taken: the likeliest one, if the noise
    is normal and equally strong everywhere. It mends any one wrong bit of eight.
    """
    halves = (soft.reshape(4, 8) @ code_words().T).argmax(axis=1)
    payload, check = halves[0] << 4 | halves[1], halves[2] << 4 | halves[3]
    return int(payload) if check == check_sum(int(payload)) else None


def check_sum(byte: int) -> int:
    """CRC-8 with the polynomial x^8 + x^2 + x + 1 and the initial value 255."""
    remainder = byte ^ 0xFF
    for _ in range(8):
        remainder <<= 1
        if remainder & 0x100:
            remainder ^= 0x107
    return remainder


@lru_cache(maxsize=1)
def code_words() -> np.ndarray:
    """(16, 8) of +1 and -1, the extended Hamming code: any two words differ in four bits or all."""
    data = np.arange(16)[:, None] >> np.arange(4) & 1
    parity = data @ [[1, 1, 0, 1], [1, 0, 1, 1], [0, 1, 1, 1], [1, 1, 1, 0]] % 2
    return 1 - 2 * np.hstack([data, parity])
