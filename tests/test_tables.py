"""Tables of measured figures: readable as columns, and the detectors' bench keeps its promises."""

import numpy as np
import pytest

from deepfake_lesson import tables
from deepfake_lesson.detectors import DETECTORS
from deepfake_lesson.errors import LessonError
from deepfake_lesson.tables import read_table


@pytest.fixture
def bench():
    return read_table("detectors")


def test_columns_are_numbers_where_all_cells_are_and_text_elsewhere(tmp_path, monkeypatch):
    (tmp_path / "heights.csv").write_text("name,metres\nalp,2962.5\nsea,\n", encoding="utf-8")
    monkeypatch.setattr(tables, "files", lambda package: tmp_path)
    heights = read_table("heights")
    assert heights["name"].tolist() == ["alp", "sea"]
    np.testing.assert_array_equal(heights["metres"], [2962.5, np.nan])


def test_an_unknown_table_is_named_with_the_known_ones():
    with pytest.raises(LessonError, match=r"weather: there is no such table.*detectors"):
        read_table("weather")


def test_every_detector_is_measured_at_every_value_of_every_factor(bench):
    factors = ["yaw", "pitch", "roll", "size", "darkness", "blur", "noise", "occlusion", "skin"]
    assert list(dict.fromkeys(bench["factor"].tolist())) == factors
    for factor in factors:
        rows = bench["factor"] == factor
        measured = set(zip(bench["detector"][rows], bench["label"][rows], strict=True))
        labels = set(bench["label"][rows])
        assert measured == {(detector, label) for detector in DETECTORS for label in labels}
        assert rows.sum() == len(measured)


def test_intervals_hold_their_figures(bench):
    assert (bench["recall_low"] <= bench["recall"] + 1e-4).all()
    assert (bench["recall"] <= bench["recall_high"] + 1e-4).all()
    measured = ~np.isnan(bench["nme"])
    assert (bench["nme_low"] <= bench["nme"])[measured].all()
    assert (bench["nme"] <= bench["nme_high"])[measured].all()
    assert (bench["milliseconds"] > 0).all()


def test_plain_pictures_are_no_riddle(bench):
    """Where the plain picture is missed, the bench measures something else than its factor."""
    plain = np.isin(bench["label"], ["0", "nothing"]) & (bench["factor"] != "skin")
    assert plain.sum() == 7 * len(DETECTORS)
    assert (bench["recall"][plain] >= 0.9).all()
    assert (bench["nme"][plain] < 0.08).all()
