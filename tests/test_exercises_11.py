"""The checks of chapter 11 know right answers, typical wrong ones and untouched ones."""

import numpy as np
from answers import exercise_tests

from deepfake_lesson.exercises import chapter_11 as check


def area(real, fake):
    pairs = [1.0 if f > r else 0.5 if f == r else 0.0 for f in fake for r in real]
    return sum(pairs) / len(pairs)


def share(spectrum):
    power = np.power(10.0, spectrum)
    return power[spectrum.size // 2 :].sum() / power.sum()


def blended(target, source, mask):
    m = mask[:, :, np.newaxis]
    return m * source + (1 - m) * target, 4 * (mask - mask**2)


def posterior(hit, alarm, prevalence):
    return hit * prevalence / (hit * prevalence + alarm * (1 - prevalence))


def step(image, slope, levels):
    return np.clip(image - levels * np.sign(slope), 0, 255).astype(np.uint8)


RIGHT = {
    check.auc_by_hand: area,
    check.fast_share: share,
    check.blend: blended,
    check.fakes_among_alarms: posterior,
    check.step_against: step,
}
WRONG = [
    (check.auc_by_hand, lambda r, f: "one", "one number"),
    (check.auc_by_hand, lambda r, f: 1 - area(r, f), "that is 1"),
    (check.auc_by_hand, lambda r, f: max(0.1, area(r, f)), "that is 0"),
    (check.auc_by_hand, lambda r, f: float(np.mean([a > b for a in f for b in r])), "one half"),
    (
        check.auc_by_hand,
        lambda r, f: area(r[: len(f)], f) if len(r) > 9 else area(r, f),
        "every fake",
    ),
    (check.fast_share, lambda s: s[s.size // 2 :].sum() / (s.sum() or 1), "10 to the power"),
    (check.fast_share, lambda s: 1 - share(s), "lower half"),
    (check.fast_share, lambda s: share(s) * (2 if s[0] else 1), "over that of all"),
    (check.blend, lambda t, s, m: blended(t, s, m)[0], "two things"),
    (check.blend, lambda t, s, m: (t, m[..., None]), "third axis"),
    (check.blend, lambda t, s, m: blended(s, t, m), "not the target"),
    (check.blend, lambda t, s, m: (0.5 * (s + t), 4 * m * (1 - m)), "target + mask"),
    (check.blend, lambda t, s, m: (blended(t, s, m)[0], m * (1 - m)), "4 m"),
    (check.fakes_among_alarms, lambda h, a, p: h, "asked is the share"),
    (check.fakes_among_alarms, lambda h, a, p: h / (h + a), "prevalence has to count"),
    (check.fakes_among_alarms, lambda h, a, p: h * p / (h * p + a), "give 0.9, not"),
    (
        check.fakes_among_alarms,
        lambda h, a, p: posterior(h, max(a, 0.01), p),
        "without false alarms",
    ),
    (check.step_against, lambda x, s, n: x.astype(int) - n, "uint8"),
    (check.step_against, lambda x, s, n: step(x, s, n)[0], "the picture is"),
    (check.step_against, lambda x, s, n: (x - n * s).round().astype(np.uint8), "sign"),
    (check.step_against, lambda x, s, n: step(x, -s, n), "p_fake rises"),
    (check.step_against, lambda x, s, n: step(x, s, n - 1), "exactly two"),
    (
        check.step_against,
        lambda x, s, n: x - (n * np.sign(s)).astype(np.int8).astype(np.uint8),
        "starts anew",
    ),
    (check.step_against, lambda x, s, n: step(x, s + 1e-12, n), "nothing moves"),
]

(
    test_a_right_answer_is_right,
    test_a_wrong_answer_gets_a_hint_that_fits,
    test_an_untouched_exercise_is_not_tried,
) = exercise_tests(RIGHT, WRONG)
