"""The networks of the course, in `keras.ops` only, so that every Keras backend runs them."""

import os

# Said before TensorFlow loads: its notes about missing graphics cards are not the student's errors.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
