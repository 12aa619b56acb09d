"""Consent that ends: by its date, or because the person takes it back."""

import datetime
import json
import shutil
import tomllib

import pytest

from deepfake_lesson.errors import BusyError, ConsentError
from deepfake_lesson.files import folder_lock
from deepfake_lesson.people import create_person, open_person
from deepfake_lesson.withdrawal import withdraw

TODAY = datetime.date(2026, 11, 22)


def write_json(path, **content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def ada(tmp_path):
    """A person with media, faces and a clip elsewhere that is linked into the folder."""
    elsewhere = tmp_path / "camera" / "walk.mp4"
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(b"a clip")
    (tmp_path / "ada.mp4").write_bytes(b"another clip")
    folder = tmp_path / "people" / "ada"
    person = create_person(folder, "Ada", "written", media=(tmp_path / "ada.mp4",), date=TODAY)
    (person.media / "walk.mp4").symlink_to(elsewhere)
    person.faces.mkdir()
    (person.faces / "1.png").write_bytes(b"a face")
    (folder / "clips").mkdir()
    (folder / "clips" / "ada.mp4-64.npy").write_bytes(b"cut")
    return person


@pytest.fixture
def models(tmp_path, ada):
    """A swap and a re-enactment of Ada, one of Bo, a model of motion and a result."""
    folder = tmp_path / "models"
    people = {"a": {"name": "Bo", "seed": None}, "b": {"name": "Ada", "seed": None}}
    write_json(folder / "swap" / "config.json", kind="autoencoder", people=people)
    write_json(folder / "puppet" / "config.json", target={"name": "Ada", "seed": None})
    write_json(folder / "bo" / "config.json", target={"name": "Bo", "seed": None})
    write_json(folder / "studio" / "config.json", target={"name": "Ada", "seed": 7})
    write_json(folder / "motion" / "config.json", kind="first order motion")
    for name in ("swap", "puppet", "bo"):
        (folder / name / "weights.h5").write_bytes(b"weights")
    (folder / "broken").mkdir()
    (folder / "broken" / "config.json").write_bytes(b"{")
    write_json(folder / ".hidden" / "config.json", target={"name": "Ada", "seed": None})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "swap.mp4").write_bytes(b"a result")
    result = str(tmp_path / "out" / "swap.mp4")
    write_json(tmp_path / "out" / "report.json", a="Bo", b="Ada", out=result)
    return folder


def test_media_faces_and_models_go_and_the_record_stays(tmp_path, ada, models):
    report = withdraw(ada.folder, (tmp_path,), TODAY)
    assert [path.name for path in ada.folder.iterdir()] == ["consent.toml"]
    assert not (models / "swap").exists() and not (models / "puppet").exists()
    kept = {"bo", "studio", "motion", "broken", ".hidden"}
    assert {path.name for path in models.iterdir()} == kept
    assert set(report.models) == {str(models / "swap"), str(models / "puppet")}
    assert {path.rsplit("/", 1)[1] for path in report.removed} == {"media", "faces", "clips"}
    record = tomllib.loads((ada.folder / "consent.toml").read_text())["consent"]
    assert (record["name"], record["withdrawn"]) == ("Ada", TODAY)


def test_trained_models_name_those_whose_faces_they_learnt(
    people, actress, reenactor, mover, tmp_path
):
    """As the trainings write it: of one of the two in a swap, of a re-enactment, of motion."""
    from deepfake_lesson.training import AutoencoderConfig, TrainingConfig, train

    config = TrainingConfig(AutoencoderConfig(64, 0.0625), batch_size=2, from_base=False)
    train(*people, tmp_path / "swap", steps=1, config=config, progress=False)
    learnt = {"swap": people[1], "puppet": actress, "motion": actress}
    for model, person in learnt.items():
        if model != "swap":
            shutil.copytree({"puppet": reenactor, "motion": mover}[model], tmp_path / model)
        folder = shutil.copytree(person.folder, tmp_path / f"person of {model}")
        report = withdraw(folder, (tmp_path,), TODAY)
        assert report.models == (str(tmp_path / model),)
        assert not (tmp_path / model).exists()
        assert not [text for text in report.unknown if "trained on" in text]


def test_what_it_cannot_know_of_is_listed(tmp_path, ada, models):
    report = withdraw(ada.folder, (tmp_path,), TODAY)
    told = "\n".join(report.unknown)
    assert str(models / "motion") in told
    assert str(tmp_path / "camera" / "walk.mp4") in told
    assert "backups" in told and "published" in told and str(tmp_path) in told
    assert (tmp_path / "camera" / "walk.mp4").exists(), "what a link leads to is not ours"
    assert report.results == (str(tmp_path / "out" / "swap.mp4"),)
    assert (tmp_path / "out" / "swap.mp4").exists()


def test_after_a_withdrawal_nobody_opens_or_fills_the_folder(tmp_path, ada):
    withdraw(ada.folder, (tmp_path,), TODAY)
    with pytest.raises(ConsentError, match="withdrew the consent on 2026-11-22"):
        open_person(ada.folder)
    with pytest.raises(ConsentError, match="already holds a person"):
        create_person(ada.folder, "Ada", "written")


def test_a_second_withdrawal_finds_what_is_elsewhere_and_keeps_the_day(tmp_path, ada, models):
    assert not withdraw(ada.folder, (tmp_path / "out",), TODAY).models
    again = withdraw(ada.folder, (models,), TODAY + datetime.timedelta(days=3))
    assert len(again.models) == 2 and not again.removed
    assert again.date == TODAY


@pytest.mark.parametrize("busy", ["people/ada/faces", "models/swap"])
def test_while_somebody_is_at_work_nothing_is_removed(tmp_path, ada, models, busy):
    with (
        folder_lock(tmp_path / busy, "something"),
        pytest.raises(BusyError, match="already running"),
    ):
        withdraw(ada.folder, (tmp_path,), TODAY)
    assert open_person(ada.folder) == ada
    assert (ada.media / "ada.mp4").exists()
    assert (models / "swap" / "weights.h5").exists() and (models / "puppet").exists()


def test_a_folder_without_a_record_is_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("keep me")
    with pytest.raises(ConsentError, match="no consent record"):
        withdraw(tmp_path, (tmp_path,), TODAY)
    assert (tmp_path / "precious.txt").exists()


def test_consent_holds_to_its_last_day_and_not_longer(tmp_path):
    last = TODAY + datetime.timedelta(days=30)
    made = create_person(tmp_path / "bo", "Bo", "self", date=TODAY, expires=str(last))
    assert open_person(tmp_path / "bo", today=last) == made
    assert made.expires == last
    with pytest.raises(ConsentError, match="ended on 2026-12-22"):
        open_person(tmp_path / "bo", today=last + datetime.timedelta(days=1))
    assert withdraw(tmp_path / "bo", (tmp_path,), last + datetime.timedelta(days=1)).name == "Bo"


@pytest.mark.parametrize(("expires", "problem"), [("2026-11-21", "before its date"), ("2", "day")])
def test_a_consent_cannot_end_before_it_begins(tmp_path, expires, problem):
    with pytest.raises(ConsentError, match=problem):
        create_person(tmp_path / "bo", "Bo", "self", date=TODAY, expires=expires)
    assert not (tmp_path / "bo").exists()
