# %% [markdown]
# # NN · Verb an object
#
# **Time** 30 minutes, of which the computer needs one · **Hardware** any laptop · **Download** none
#
# One sentence: the question that this chapter answers.
#
# You will be able to
#
# - say what ... is,
# - write a function that ...,
# - measure ...
#
# > **Rule of this chapter.** Only people who do not exist, or who agreed in writing.

# %% tags=["setup"]
# The set-up cell: `make chapters` puts it in.

# %% [markdown]
# ## 1 · One idea
#
# Two or three sentences. Before a surprise: **what will happen if** ...?

# %% alt="Three studio people side by side, looking into the camera"
from deepfake_lesson import plots
from deepfake_lesson.studio import Identity, render

people = [render(Identity.sample(seed), size=192).image for seed in (20, 21, 22)]
plots.gallery(people, ["seed 20", "seed 21", "seed 22"])

# %% [markdown]
# What to see in the picture: a sentence that also serves those who cannot see it.

# %%
# NBVAL_CHECK_OUTPUT
print(people[0].shape, people[0].dtype)

# %% [markdown]
# The function behind it, as it stands in the package:

# %%
lesson.show(render)

# %% [markdown]
# ## Exercises
#
# ### 1 · How bright is a picture?
#
# Write the function; the cell below it answers.

# %% nbgrader={"solution": true, "grade_id": "brightness"}
import numpy as np


def brightness(image: np.ndarray) -> float:
    """Mean of all values of an RGB uint8 picture (H, W, 3), between 0 (black) and 1 (white)."""
    ### BEGIN SOLUTION
    return float(image.mean() / 255)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_brightness", "points": 1}
from deepfake_lesson.exercises import template as check

check.brightness(brightness)
### BEGIN HIDDEN TESTS
assert (answer := check.brightness(brightness)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ## Summary
#
# - What you saw, with your own numbers.
#
# ## References
#
# - Author (year), [Title](https://example.org).
#
# **Next:** what comes after, and why.
