"""How nbgrader grades this course; a plain nbgrader configuration, yours to change.

nbgrader reads it when it runs in this folder.
"""

import os

c = get_config()  # noqa: F821 - nbgrader gives it

c.CourseDirectory.course_id = "deepfake_lesson"
c.ClearSolutions.code_stub = {"python": "{stub}"}

# Students' code runs here: a cell that does not end is interrupted and counts as wrong.
c.ExecutePreprocessor.timeout = 60  # seconds a cell
c.ExecutePreprocessor.interrupt_on_timeout = True
c.ExecutePreprocessor.extra_arguments = [
    "--HistoryManager.hist_file=:memory:",
    "--log-level=ERROR",
]

# For nbgrader, a check that writes to stderr failed. A warning is not a mistake.
c.IgnorePattern.enabled = True
c.IgnorePattern.pattern = "(?s)."

# For `nbgrader zip_collect`: ada_04_build_a_face_dataset.ipynb was handed in by the student ada.
c.FileNameCollectorPlugin.named_regexp = (
    r"(?:.*[/\\])?(?P<student_id>[^/\\]+?)_(?P<file_id>\d\d_\w+)\.ipynb$"
)

os.environ["DEEPFAKE_LESSON_PRESET"] = "quick"  # for the kernels, which are children
