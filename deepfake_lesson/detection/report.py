"""A detection report as a page: one HTML file that needs nothing else, and no connection."""

import base64
from html import escape
from pathlib import Path

import cv2
import numpy as np

from deepfake_lesson.detection.detect import DetectionReport, FaceReport
from deepfake_lesson.files import replacing
from deepfake_lesson.images import draw_figure, fit

SHOWN = 224  # pixels of a face
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")  # Okabe and Ito 2008
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 1.05rem/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
h1 {{ font-size: 1.5rem }} h2 {{ font-size: 1.2rem; margin-top: 2rem }}
.verdict {{ font-size: 1.4rem; font-weight: bold; padding: .6rem 1rem; border: 2px solid #333 }}
figure {{ display: inline-block; margin: 0 1rem 1rem 0 }} img {{ max-width: 100% }}
figcaption {{ font-size: .95rem }}
</style>
</head>
<body>
<h1>{title}</h1>
<p class="verdict">{verdict}</p>
{words}
{faces}
<p>Detector: {network}, learnt from {trained_on}. A face's score is the {aggregation} of its
frames'.</p>
</body>
</html>
"""


def write_report(report: DetectionReport, path: str | Path) -> None:
    """Write the page, whole or not at all; an older one is replaced.

    Raises LessonError if it cannot be written, DiskFullError on a full disk.
    """
    faces = [_timeline(report)] if report.faces and report.fps is not None else []
    faces += [_face(report, face, number) for number, face in enumerate(report.faces, 1)]
    page = PAGE.format(
        title=escape(f"What a detector says of {Path(report.clip).name}"),
        verdict=escape(report.verdict),
        words="\n".join(f"<p>{escape(text)}</p>" for text in report.words),
        faces="\n".join(faces),
        network=escape(report.network),
        trained_on=escape(report.trained_on),
        aggregation=escape(report.aggregation.replace("_", " ")),
    )
    with replacing(path) as draft:
        draft.write_text(page, encoding="utf-8")


def timeline(report: DetectionReport) -> np.ndarray:
    """Picture (300, 800, 3) uint8 of p_fake over time, a line for each face."""
    from matplotlib.figure import Figure

    figure = Figure((8, 3), dpi=100, layout="constrained")
    axes = figure.add_subplot(xlabel="seconds", ylabel="p_fake", ylim=(-0.03, 1.03))
    for number, face in enumerate(report.faces):
        times = [report.seconds(k) or 0.0 for k in face.numbers]
        color = COLORS[number % len(COLORS)]
        axes.plot(times, face.scores, "o-", color=color, label=f"face {number + 1}")
    axes.axhline(0.5, color="#888888", linewidth=1, linestyle="--")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right")
    return draw_figure(figure)


def _timeline(report: DetectionReport) -> str:
    text = f"p_fake of {len(report.faces)} face(s) over the seconds of the clip"
    return f"<h2>Over time</h2>\n{_image(timeline(report), text)}"


def _face(report: DetectionReport, face: FaceReport, number: int) -> str:
    lines = [f"<h2>Face {number}: p_fake {face.p_fake:.2f}</h2>"]
    seen = f"Seen in {len(face.numbers)} of the frames looked at."
    if face.out_of_domain:
        seen += (
            f" It is strange to the detector: {face.strangeness:.1f}, and known faces lie below "
            f"{face.threshold:.1f}."
        )
    lines.append(f"<p>{escape(seen)} Its most suspicious frames, and where the detector looks:</p>")
    for row, pair in zip(face.suspicious, face.pictures, strict=True):
        frame, score = face.numbers[row], face.scores[row]
        both = np.hstack([fit(picture, (SHOWN, SHOWN)) for picture in pair])
        when = report.seconds(frame)
        caption = f"frame {frame}" + ("" if when is None else f", {when:.2f} s")
        caption += f": p_fake {score:.2f}"
        image = _image(both, f"Face {number} in {caption}, plain and with saliency")
        lines.append(f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>")
    return "\n".join(lines)


def _image(picture: np.ndarray, text: str) -> str:
    _, encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    data = base64.b64encode(encoded.tobytes()).decode("ascii")
    return f'<img alt="{escape(text)}" src="data:image/jpeg;base64,{data}">'
