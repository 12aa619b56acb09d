# %% [markdown]
# # 12 · Sign what you make
#
# **Time** 90 minutes, of which the computer needs one · **Hardware** any laptop · **Download** none
#
# A detector asks a picture: do you *look* made? This chapter asks another question: *who says* how
# you were made, and can I check it? And when all is checked: what may you do, and what should you?
#
# You will be able to
#
# - put a signed content credential into a file, and read what it claims,
# - tell *valid*, *trusted*, *tampered* and *missing* apart, and say what none of them means,
# - hide a watermark in the pixels, and measure what it survives and what it costs,
# - say for a label, a credential and a watermark who can take it away, and how,
# - keep a consent record, and act when somebody takes the consent back,
# - find the law and the platform's rule that a picture of yours falls under.
#
# > **Rule of this chapter.** You will remove marks here to learn how well they hold, from pictures
# > of people who do not exist. Removing them from anybody else's pictures is what the laws in
# > section 9 forbid.

# %% tags=["setup"]
# The set-up cell: `make chapters` puts it in.

# %% [markdown]
# ## 1 · A claim that can be checked
#
# Here is a film of somebody who does not exist, and one frame of it that we sign. A
# [content credential](glossary.md#content-credential) goes into the file: a list of claims, a
# [hash](glossary.md#hash) of every other byte, and a signature over both. The format is C2PA's, an
# open standard of camera makers, publishers and software houses.

# %% alt="A studio woman looks into the camera; below her in the corner a label: AI-generated"
from deepfake_lesson import plots
from deepfake_lesson.images import read_image, write_image
from deepfake_lesson.provenance import TRAINED, label_frame, sign, verify
from deepfake_lesson.video import read_frames

her = lesson.studio_person(33, "talk", seconds=1, size=512, fps=12)
clip = her.media / "clip.mp4"
folder = lesson.WORK / "chapter_12"
frame = list(read_frames(clip))[2]
write_image(folder / "plain.png", label_frame(frame, "AI-GENERATED PERSON"))
signed = sign(folder / "plain.png", folder / "signed.png", source_type=TRAINED, inputs=(clip,))
plots.gallery([read_image(signed)], size=300)

# %%
credential = verify(signed)
for name, value in vars(credential).items():
    print(f"{name:12} {value}")

# %% [markdown]
# Read it line by line. *title*, *generator*, *actions* and *source_type* are claims: nobody checked
# that they are true. *ingredients* and *hashes* name the files it was made of, so that somebody who
# has them can compare. *forbidden* says what the maker does not want: to be trained on. A program
# may obey; nothing makes it.
#
# What is *checked* is in *state*, *trusted* and *problems*.
#
# ## 2 · Change it
#
# Five things happen to our file on its way through the world. **Predict for each:** what will
# `verify` say?
#
# 1. One pixel becomes one grey level brighter; the credential is left alone.
# 2. The credential of this picture is moved into another picture.
# 3. It is saved anew as a JPEG, as every chat program does.
# 4. Nothing happens, but a stranger has signed it.

# %%
import os

import numpy as np
from PIL import Image

CHUNK = b"caBX"  # PNG keeps a credential in a chunk of this name


def chunks(path) -> list[bytes]:
    """A PNG file cut into its signature and its chunks (length, name, content, check sum)."""
    data, parts = path.read_bytes(), []
    parts.append(data[:8])
    start = 8
    while start < len(data):
        stop = start + 12 + int.from_bytes(data[start : start + 4], "big")
        parts.append(data[start:stop])
        start = stop
    return parts


def is_credential(chunk: bytes) -> bool:
    return chunk[4:8] == CHUNK


manifest = next(filter(is_credential, chunks(signed)))
print(f"{len(manifest)} of {signed.stat().st_size} bytes are the credential")

pixels = read_image(signed).copy()
pixels[0, 0] ^= 1
write_image(folder / "pixel.png", pixels)
write_image(folder / "other.png", 255 - pixels)
for name in ("pixel", "other"):
    path = folder / f"{name}.png"
    first, header, *rest = chunks(path)
    path.write_bytes(b"".join([first, header, manifest, *rest]))
Image.fromarray(pixels).save(folder / "chat.jpg", quality=80)

own_home = os.environ.get("DEEPFAKE_LESSON_HOME")
os.environ["DEEPFAKE_LESSON_HOME"] = str(folder / "stranger")
sign(folder / "plain.png", folder / "stranger.png", source_type=TRAINED)
if own_home is None:
    del os.environ["DEEPFAKE_LESSON_HOME"]
else:
    os.environ["DEEPFAKE_LESSON_HOME"] = own_home

# %%
# NBVAL_CHECK_OUTPUT
for name in ("signed.png", "pixel.png", "other.png", "chat.jpg", "stranger.png"):
    found = verify(folder / name)
    print(f"{name:13} {found.verdict if found else 'missing'}")

# %% [markdown]
# A single grey level of one pixel is *tampered*, for any change of a byte changes the hash. The
# credential does not fit another picture either. The chat program did not tamper: it threw the
# credential away, and the picture is *missing* one, as nearly all pictures are. **Missing says
# nothing**: not that it is fake, not that it is real.
#
# ## 3 · Valid is not trusted
#
# The stranger's file is *valid*: unchanged since it was signed. By whom? By "deepfake_lesson on
# this computer", it says, on *another* computer. Anybody can call themselves anything. A signature
# is worth as much as whoever vouches for the signer: a certificate authority whose root certificate
# you have decided to trust. Yours was made when you signed for the first time, and only this
# computer trusts it. Camera makers and publishers are on a list that C2PA keeps.
#
# **Predict:** we tell `verify` to trust the stranger's authority too. What changes in the file?

# %%
# NBVAL_CHECK_OUTPUT
before = (folder / "stranger.png").read_bytes()
root = folder / "stranger" / "authority.pem"
print("before:", verify(folder / "stranger.png").verdict)
print("after: ", verify(folder / "stranger.png", trust=(root,)).verdict)
print("file changed:", (folder / "stranger.png").read_bytes() != before)

# %% [markdown]
# Nothing. Trust is not in the file, it is in you. And even *trusted* is about the signer, not the
# content: a trusted newspaper can sign a staged photograph, and this course signs faces of nobody.
#
# Here is how the two certificates come about, as it stands in the package. The authority's own key
# is forgotten at once, so that nobody can make it vouch for anybody else.

# %%
from deepfake_lesson.provenance import authority

lesson.show(authority._make_authority)

# %% [markdown]
# ## 4 · In the pixels
#
# What the chat program threw away was *beside* the pixels. A
# [watermark](glossary.md#watermark) is *in* them: a pattern too faint to be seen, known to whoever
# looks for it. **Predict:** how much has the right picture been changed, at most, of 255?

# %% alt="A frame, the same with a watermark, and their difference: a fine, even texture"
from deepfake_lesson.metrics import ssim
from deepfake_lesson.provenance import embed_watermark, read_watermark

marked = embed_watermark(frame, "generated picture")
change = marked.astype(int) - frame
noise = 10 * np.log10(255**2 / np.mean(change.astype(float) ** 2))
print(f"largest change {np.abs(change).max()} of 255, PSNR {noise:.1f} dB")
print(f"structural similarity {ssim(marked, frame):.4f}")
shown = np.clip(128 + 20 * change, 0, 255).astype(np.uint8)
plots.gallery([frame, marked, shown], ["frame", "marked", "difference x 20"], size=260)

# %% [markdown]
# Faint, but everywhere: the pattern is a square tile that is repeated over the whole picture. Each
# of its 32 [bits](glossary.md#bit-error-rate) is spread over many waves of a cosine transform, and
# each wave drowns in the picture. Add all tiles up, and what they have in common rises out of the
# noise. Half of the waves always carry the same signs; by them the reader finds out where a tile
# begins and how large it is, even after cropping and scaling.

# %%
lesson.show(embed_watermark)

# %% [markdown]
# ## 5 · What survives?
#
# Now we do to the marked picture what platforms do to pictures, and more. **Predict:** which of
# these kills the mark: JPEG of quality 30, half the size, cutting out the face, a blur of three
# pixels, a photograph of the screen (turned by three degrees)?

# %% alt="Five maltreated versions of the frame, each with the score of its watermark below"
import cv2


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    """As it comes out of a JPEG file."""
    data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def turn(picture: np.ndarray, degrees: float) -> np.ndarray:
    """Turned about its middle."""
    side = picture.shape[0]
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), degrees, 1)
    return cv2.warpAffine(picture, matrix, (side, side), borderMode=cv2.BORDER_REFLECT)


versions = {
    "untouched": marked,
    "JPEG 30": jpeg(marked, 30),
    "half size": cv2.resize(marked, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "cut out": np.ascontiguousarray(marked[100:400, 120:420]),
    "blurred": cv2.GaussianBlur(marked, (0, 0), 3),
    "turned": turn(marked, 3),
}
labels = []
for name, picture in versions.items():
    found = read_watermark(picture)
    labels.append(f"{name}: {found.kind or 'damaged'}" if found else f"{name}: nothing")
plots.gallery(list(versions.values()), labels, columns=3, size=240)

# %% [markdown]
# All but the last carry it; the blur has taken more from the face than from the mark. Three degrees
# hide it, because this reader searches for sizes and places, not for angles. Whoever knows the
# method always finds such a hole: **a watermark protects against carelessness, not against an
# enemy.** [benchmarks/watermark.py](../benchmarks/watermark.py) draws the curves, and counts how
# often an unmarked picture is taken for a marked one.
#
# ### The credential is gone, the mark is not
#
# This is the chat program's copy of a file that had all three.

# %%
everything = embed_watermark(label_frame(frame, "AI-GENERATED PERSON"), "generated picture")
write_image(folder / "all.png", everything)
sign(folder / "all.png", source_type=TRAINED)
Image.fromarray(read_image(folder / "all.png")).save(folder / "all_chat.jpg", quality=60)
for name in ("all.png", "all_chat.jpg"):
    found, mark = verify(folder / name), read_watermark(folder / name)
    print(f"{name:13} credential: {found.verdict if found else 'missing':8}", end=" ")
    print(f"watermark: {mark.kind if mark else None}")

# %% [markdown]
# ## 6 · Words that stay on the face
#
# The oldest mark is the one that people can read. **Who takes it away, and how long does it take?**
# With the label in the corner: anybody, with one crop. So the package writes a second, small one
# into the box of each generated face.

# %% alt="A labelled frame; cropped to the face only the small label beside the chin is left"
from deepfake_lesson.detectors import detect_faces
from deepfake_lesson.provenance import label_faces

face = detect_faces(frame)[0].landmarks
labelled = label_faces(label_frame(frame, "AI-GENERATED PERSON"), [face])
left, top = face.min(axis=0).astype(int)
right, bottom = face.max(axis=0).astype(int) + 1
plots.gallery([labelled, labelled[top:bottom, left:right]], ["frame", "cropped"], size=280)

# %% [markdown]
# | mark | read by | gone after | forged by |
# |---|---|---|---|
# | label | everybody | cropping, painting over | anybody with a drawing program |
# | credential | programs | any new saving | nobody, if the signer's key is safe |
# | watermark | who knows the pattern | turning, repainting | anybody who knows the pattern |
#
# None is enough; together they fail for different reasons. And none helps against those who do not
# mark at all. That is what chapter 11 is for, and it has its own limits. There is a cost on the
# other side too: when everything *can* be fake, a liar caught on a true recording says that it is
# one. Robert Chesney and Danielle Citron called this the
# [liar's dividend](glossary.md#liars-dividend).
#
# ## 7 · Where the words are fixed: source types
#
# A picture that was *made* differs from one that was *retouched*. The IPTC, which keeps the
# vocabulary of the world's news agencies, has a term for each; platforms read it and show a badge.

# %%
from deepfake_lesson.provenance import ALGORITHMIC, COMPOSITE

for term, meaning in {
    TRAINED: "all of it came out of a trained model",
    COMPOSITE: "a recording, parts of which came out of a trained model: a face swap",
    ALGORITHMIC: "computed without training: our studio's films",
}.items():
    print(f"{term:37} {meaning}")

# %% [markdown]
# **Which is right for `signed.png` above?** The frame came out of the studio, and we claimed
# `trainedAlgorithmicMedia`. The signature is valid all the same: it protects a claim from being
# changed, not from being wrong.
#
# ## 8 · Consent can be taken back
#
# A person's folder begins with a record: who agreed, on which basis, to what, when, until when. Bo
# does not exist, but let us treat him as if he did. He agrees until the end of the year, we film
# him, and a month later he changes his mind.

# %%
import datetime
import shutil

from deepfake_lesson.errors import ConsentError
from deepfake_lesson.people import create_person, open_person
from deepfake_lesson.withdrawal import withdraw

bo = folder / "people" / "bo"
shutil.rmtree(bo, ignore_errors=True)
day = datetime.date(2026, 9, 1)
create_person(bo, "Bo", "synthetic", "this chapter only", (clip,), 33, day, "2026-12-31")
print((bo / "consent.toml").read_text())

# %%
for when in (datetime.date(2026, 10, 1), datetime.date(2027, 1, 1)):
    try:
        print(when, "open:", open_person(bo, today=when).name)
    except ConsentError as error:
        print(when, "refused:", error.problem)
report = withdraw(bo, search=(folder,), date=datetime.date(2026, 10, 2))
print("removed:", [path.rsplit("/", 1)[-1] for path in report.removed])
for line in report.unknown:
    print("not known:", line.replace(str(folder), "..."))

# %% [markdown]
# The record itself stays, so that the withdrawal can be shown. Models that learnt his face go with
# his media, for a model of a face *is* that face. The list of what a program cannot know is the
# honest part: **what has been published cannot be called back.** That is the best reason to ask
# before, and to ask for one purpose.
#
# ## 9 · The law, in outline
#
# As of November 2026, shortened, and no legal advice. Look the source up before you rely on it.
#
# - **European Union.** [AI Act](https://eur-lex.europa.eu/eli/reg/2024/1689/oj), Article 50: who
#   provides a generator marks its output so that machines can tell; who publishes a deepfake says
#   so. For evident art and satire a hint that does not disturb is enough. *Since 2 August 2026;
#   generators that were on the market before have until 2 December 2026 for the machine-readable
#   mark.*
# - **China.** [Deep Synthesis Provisions](https://www.chinalawtranslate.com/en/deep-synthesis/):
#   the person whose face or voice is edited consents separately; visible labels; nobody may remove
#   them. *Since 10 January 2023.* Labelling Measures and their standard: a visible *and* a hidden
#   label on all that is generated. *Since 1 September 2025.*
# - **United States.** [Take It Down
#   Act](https://www.congress.gov/bill/119th-congress/senate-bill/146): to publish intimate pictures
#   without consent is a crime, "digital forgeries" included; platforms remove them within 48 hours.
#   *Since 19 May 2025, for platforms since 19 May 2026.* Its states have laws on elections,
#   intimate pictures and the likeness of performers, each with terms of its own; Texas and
#   California began in 2019.
# - **Nearly everywhere**: what was forbidden before. Fraud, defamation, threats, the right to one's
#   own picture, data protection.
#
# The [bill of 2018](https://www.congress.gov/bill/115th-congress/senate-bill/3805) that you met in
# chapter 01 was never passed. Its definition asks whether a *reasonable observer* would be deceived
# about what somebody said or did. **Compare** it with the AI Act's, which also speaks of objects,
# places and events: is a film of a burning bridge a deepfake?
#
# ### The rules of platforms
#
# A platform may forbid what the law allows. YouTube asks for a disclosure of realistic altered
# content; TikTok asks for a label and does not take likenesses of private persons; Colab's free
# machines may not be used for making deepfakes, whatever the purpose (chapter 00). Rules change
# faster than laws: read the one of the day.
#
# ## 10 · A case, five chairs
#
# *A month before the election in a middle-sized town, a satirical channel posts a film: the mayor
# dances on the desk of the town hall. It is made with one picture from her web page (chapter 10).
# The channel's credential says so; the label was in the corner. Somebody cropped it, and in three
# hours it has been seen by more people than live in the town.*
#
# Take a chair each, prepare for ten minutes, and debate for twenty. Then change chairs.
#
# - **The mayor.** What do you want: removal, correction, damages? Is laughing at you forbidden?
# - **The channel.** You labelled and signed. What did you owe her, and what do you owe now?
# - **The one who cropped it.** "I only shared it." What did you do, legally and otherwise?
# - **The platform.** Removal within the hour, a label, or nothing? What would you do a thousand
#   times a day, by machine?
# - **The maker of the software.** It is free, on the internet, and wrote all three marks. Is that
#   enough?
#
# At the end each writes one sentence that begins with "It would have been enough if".
#
# ## Exercises
#
# ### 1 · What do you say?
#
# A credential's verdict ("trusted", "valid", "tampered" or "missing") and whether a watermark was
# found. Give the sentence's number:
#
# - **1** made with this tool, and I know who says so
# - **2** made with this tool, so the watermark says; nobody whom I know vouches for it
# - **3** somebody whom I know signed it, and it is not from this tool
# - **4** do not use it: it was changed after signing
# - **5** I cannot say anything


# %% nbgrader={"solution": true, "grade_id": "statement"}
def statement(verdict: str, watermark: bool) -> int:
    """Which of the five sentences holds; a changed file is never used, whatever else it has."""
    ### BEGIN SOLUTION
    if verdict == "tampered":
        return 4
    if verdict == "trusted":
        return 1 if watermark else 3
    return 2 if watermark else 5
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_statement", "points": 2}
from deepfake_lesson.exercises import chapter_12 as check

check.statement(statement)
### BEGIN HIDDEN TESTS
assert (answer := check.statement(statement)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 2 · Bind a claim to a file
#
# The heart of a credential, without its signature: a record `{"claim": "...", "sha256": "..."}`
# whose second entry is `hashlib.sha256(data).hexdigest()` of the file's bytes. Write the check.
# **Think about it:** why is such a record alone worth nothing?

# %% nbgrader={"solution": true, "grade_id": "holds"}
import hashlib


def holds(data: bytes, record: dict[str, str]) -> bool:
    """Whether the record was made for exactly these bytes."""
    ### BEGIN SOLUTION
    return record["sha256"] == hashlib.sha256(data).hexdigest()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_holds", "points": 2}
from deepfake_lesson.exercises import chapter_12 as check

check.holds(holds)
### BEGIN HIDDEN TESTS
assert (answer := check.holds(holds)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 3 · One bit in a noisy picture
#
# Spread spectrum in one line: to send a bit (+1 or -1), `strength * bit * pattern` was added to the
# picture; the pattern has values of +1 and -1. To read it, multiply the picture by the pattern and
# take the sign of the mean. The picture's own brightness must not count: take its mean away first.

# %% nbgrader={"solution": true, "grade_id": "receive"}
import numpy as np


def receive(picture: np.ndarray, pattern: np.ndarray) -> int:
    """The bit, +1 or -1, in a picture (H, W), given the pattern (H, W)."""
    ### BEGIN SOLUTION
    return 1 if ((picture - picture.mean()) * pattern).mean() > 0 else -1
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_receive", "points": 3}
from deepfake_lesson.exercises import chapter_12 as check

check.receive(receive)
### BEGIN HIDDEN TESTS
assert (answer := check.receive(receive)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 4 · Who has to say so?
#
# By the outline of section 9: in which of these does Article 50 of the AI Act ask the *publisher*
# to disclose? (All are shown to the public in the European Union in 2027.)
#
# - **A** a party's film in which the rival says what she never said, without a note
# - **B** a phone that makes the sky in a holiday picture a little bluer
# - **C** a museum's painter who talks again, in a film that everybody takes for a recording
# - **D** a cartoon of a minister, drawn by hand
# - **E** a swap of two studio people, published as "two real witnesses"


# %% nbgrader={"solution": true, "grade_id": "disclose"}
def disclose() -> set[str]:
    """Letters of all for which it does, as {"B", "D"}."""
    ### BEGIN SOLUTION
    return {"A", "C", "E"}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_disclose", "points": 2}
from deepfake_lesson.exercises import chapter_12 as check

check.disclose(disclose)
### BEGIN HIDDEN TESTS
assert (answer := check.disclose(disclose)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 5 · Your code of conduct, revised
#
# In chapter 00 you wrote a pledge; it is in `work/pledge.txt`. You now know how fakes are made, how
# they are caught and how they are marked. Write it anew, in at most ten sentences: whom you ask,
# what you mark and how, what you will not make, and what you do when you have made a mistake.

# %% [markdown] nbgrader={"solution": true, "grade": true, "grade_id": "conduct", "points": 4}
# (One answer of many.) I ask everybody whose face I use, in writing, for one purpose and with an
# end, and I say that they may take it back. Until then I practise on people who do not exist. What
# I make carries a label on the face, a credential and a watermark, because each fails where another
# holds. I do not remove marks from what others made. I do not make anybody say what they did not
# say, even where a law calls it satire, unless the viewer cannot miss that it is one. I make no
# intimate pictures of anybody, agreed or not, for I cannot call them back. When somebody withdraws,
# I delete media, faces and models on the same day and tell them what I cannot find. When something
# of mine goes astray, I tell the person first, then the platform, then say in public what is fake.

# %% [markdown]
# ## Summary
#
# - A credential binds claims to bytes; any change shows. *Valid* is about the bytes, *trusted*
#   about the signer, and neither about the truth.
# - Most platforms throw credentials away. *Missing* says nothing.
# - A watermark stays in the pixels through saving, scaling and cropping, until somebody wants it
#   gone.
# - A label is for people. It belongs where cropping does not reach it.
# - Consent has a purpose and an end, and what is published cannot be called back.
# - The law asks makers to mark and publishers to say so. The rest is up to you.
#
# ## References
#
# - Coalition for Content Provenance and Authenticity, [Technical
#   Specification](https://spec.c2pa.org).
# - IPTC, [Digital Source Type](https://cv.iptc.org/newscodes/digitalsourcetype/).
# - Ingemar Cox, Joe Kilian, Tom Leighton, Talal Shamoon (1997), "Secure Spread Spectrum
#   Watermarking for Multimedia", IEEE Transactions on Image Processing 6(12).
# - Robert Chesney, Danielle Citron (2019), [Deep Fakes: A Looming Challenge for Privacy, Democracy,
#   and National Security](https://doi.org/10.15779/Z38RV0D15J), California Law Review 107.
# - [Regulation (EU) 2024/1689](https://eur-lex.europa.eu/eli/reg/2024/1689/oj), Articles 3(60) and
#   50.
# - National Association of Attorneys General on the [Take It Down
#   Act](https://www.naag.org/?p=44636).
#
# **Next:** chapter 13 asks what none of these methods can do yet.
