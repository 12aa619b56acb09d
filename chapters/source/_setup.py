# Set-up, the same in every chapter: it installs the course on Colab and checks it elsewhere.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("deepfake_lesson") is None:
    if "google.colab" not in sys.modules:
        sys.exit("The course is not installed in this Python: run `make setup`, then `make lab`.")
    course = "git+{address}"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", course], check=True)
    importlib.invalidate_caches()

from deepfake_lesson import lesson

lesson.begin()
