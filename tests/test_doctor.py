"""The doctor sees what is there, and names a command for what is not."""

import json
import os
import subprocess
import sys
from dataclasses import asdict

import pytest
from packaging.requirements import Requirement

from deepfake_lesson import doctor, presets
from deepfake_lesson.doctor import Finding, check, is_healthy, report


@pytest.fixture(scope="module")
def findings():
    return check()


def test_the_test_environment_is_healthy(findings):
    assert is_healthy(findings), report(findings)


def test_everything_that_can_fail_is_looked_at(findings):
    subjects = {finding.subject for finding in findings}
    assert {"Python", "tensorflow", "dlib-bin", "ffmpeg", "device", "shipped weights"} <= subjects
    assert {"68 landmarks", "detector cnn", "identity", "face_recognition"} <= subjects


def test_findings_can_be_written_as_json(findings):
    entries = json.loads(json.dumps([asdict(finding) for finding in findings]))
    assert entries[0]["subject"] == "Python" and entries[0]["status"] == "ok"


def test_the_report_has_a_line_for_each_finding_and_remedy():
    lines = report([Finding("a", "ok", "1.0"), Finding("b", "missing", "gone", "make setup")])
    assert lines.splitlines() == [
        "ok  a  1.0",
        "!!  b  gone",
        "       -> make setup",
        "Missing: 1, marked !!.",
    ]


def test_notes_are_no_illness():
    assert is_healthy([Finding("a", "note", "optional", "pip install a")])
    assert not is_healthy([Finding("a", "missing", "needed", "pip install a")])


@pytest.mark.parametrize("wanted", ["no-such-package-at-all>=1", "numpy<1"])
def test_a_missing_or_old_package_comes_with_its_command(wanted):
    (_, finding) = doctor._check_packages([Requirement(wanted)])
    assert (finding.status, finding.remedy) == ("missing", f"pip install '{wanted}'")


def test_an_unknown_preset_is_found(monkeypatch):
    monkeypatch.setenv(presets.VARIABLE, "huge")
    finding = doctor._check_preset(presets)
    assert finding.status == "missing" and "huge" in finding.detail


def test_an_ffmpeg_that_does_not_run_is_found(tmp_path):
    program = "from deepfake_lesson.doctor import _check_ffmpeg; print(_check_ffmpeg().status)"
    environment = os.environ | {"IMAGEIO_FFMPEG_EXE": str(tmp_path / "no-ffmpeg")}
    status = subprocess.check_output([sys.executable, "-c", program], env=environment, text=True)
    assert status == "missing\n"
