# %% [markdown]
# # 00 · Start here
#
# **Time** 30 minutes, of which the computer needs less than one · **Hardware** any laptop ·
# **Download** none
#
# Is everything ready, what are the rules, and where does this course lead?
#
# You will be able to
#
# - say whether your machine has all that the course needs,
# - say in your own words what you will and will not do with what you learn,
# - say what the place where you run it allows,
# - work with a chapter: predict, run, explain, and let an exercise answer you.
#
# > **Rule of this chapter.** Everybody you meet here is computed. Nobody was photographed, so
# > nobody had to be asked.

# %% tags=["setup"]
# The set-up cell: `make chapters` puts it in.

# %% [markdown]
# This was the first cell with code. Click into it and press **Shift+Enter**: it runs, shows what
# it has to say below, and the next cell is marked. Run the cells of a chapter in their order.
#
# ## 1 · Meet people who do not exist
#
# A small film studio in this package invents people. A number, the *seed*, decides on the bones,
# the skin, the hair and the clothes; the same seed is the same person tomorrow and on any machine.
# **Before you run the cell:** would you know these six again from another picture?

# %% alt="Six computed people looking into the camera, all different; the third wears glasses"
from deepfake_lesson import plots
from deepfake_lesson.studio import Identity, Pose, render

seeds = (20, 23, 26, 32, 35, 39)
people = [render(Identity.sample(seed), size=200).image for seed in seeds]
plots.gallery(people, [f"seed {seed}" for seed in seeds], columns=3)

# %% [markdown]
# Six people: two with beards, one with glasses, three with long hair. They look a little
# like figures of a computer game, and that is fine. Because everything about them is known, the
# course can measure each fake against the truth.
#
# Now one of them smiles at you. A smile is two muscles: one pulls the corners of the mouth, the
# other lifts the cheeks. **Predict:** if only the mouth smiles and the cheeks stay where they are,
# does the smile still look happy? Then move the sliders.

# %% alt="A computed person smiles, with the head turned a little to the right"
from deepfake_lesson import widgets

person = Identity.sample(27)


def portrait(mouth: float, cheeks: float, turn: int):
    """The person with a smile of the mouth and of the cheeks (0 to 1), turned by degrees."""
    expression = {"AU12": mouth, "AU6": cheeks, "AU25": mouth / 2}
    return render(person, expression, Pose(yaw=turn), size=320).image


widgets.explore(portrait, mouth=(0, 1, 0.1, 0.8), cheeks=(0, 1, 0.1, 0.6), turn=(-30, 30, 5, 10))

# %% [markdown]
# **Explain:** the eyes tell. With lifted cheeks they narrow, and the smile is believed. Chapter 02
# moves all the other muscles too. (Where nothing can be moved, as on the course's web pages, you
# see the picture for the values below it.)
#
# ## 2 · Is everything there?
#
# The doctor looks at Python, packages, models and the graphics card. A line with `!!` says what is
# missing, and the line under it which command mends that.

# %%
from deepfake_lesson import doctor

findings = doctor.check()
print(doctor.report(findings))

# %% [markdown]
# A graphics card is not needed. Without one, chapters train smaller networks for a shorter time;
# the line `preset` says which. In a terminal, `deepfake-lesson doctor` says the same.
#
# ## 3 · The rules, and your pledge
#
# You are about to learn how a face is put on somebody else. The same knowledge helps to find such
# pictures, and can do harm. Three rules hold in all chapters:
#
# 1. **Consent first.** A face is used for one of four reasons: the person does not exist
#    (`synthetic`), it is you (`self`), they agreed in writing to this very purpose (`written`), or
#    they are in a public data set whose terms allow it (`public-dataset`). "Everybody can see the
#    picture on the web" is no reason, and neither is fame.
# 2. **Say that it is fake.** What the course makes carries a visible label and a signed note in the
#    file. Leave both on when you show it to others.
# 3. **Do no harm.** Do not deceive, humiliate, undress or imitate anybody, and fake no evidence and
#    no news. If somebody asks you to delete their face, delete it.
#
# The program helps to keep the first two: a folder with somebody's pictures holds a *consent
# record* that says who, why and since when, and no command opens a folder without one. The third
# is yours alone. What would you promise to somebody whose face you use? Write it down, in your own
# words.

# %%
my_pledge = ""
my_name = ""

print(lesson.pledge(my_pledge, my_name))

# %% [markdown]
# Your words are kept in `work/pledge.txt`, beside the chapters and on this machine only. Read
# them again before you put in your own face.
#
# ## 4 · What the place allows where you run this
#
# The law holds everywhere; a platform may forbid more. The free machines of **Google Colab** may
# not be used for some things, and the list names "creating deepfakes". It has done so since May
# 2022. At that time, people who started a known face swapping program there were warned that such
# code is not allowed and may cost them the use of Colab. The rule asks what you make, not why you
# make it.
#
# What this means for you:
#
# | you work on | what the course does there |
# |---|---|
# | your own laptop, a campus hub | everything; your face too, with a consent record |
# | Google Colab | only people who do not exist; upload no real face, not even your own |
#
# The course is made for a laptop, and no chapter needs Colab. We think that teaching with invented
# people is not what the rule is about, but we do not decide that, Google does: it may stop a run
# or close an account. So read [its list](https://research.google.com/colaboratory/faq.html) before
# you use it, and take a laptop or your campus hub if in doubt. Nothing here hides what it does,
# and nothing tries to get around such a rule. Other platforms have lists of their own.
#
# ## 5 · How a chapter works
#
# Three habits make the difference between reading and learning:
#
# - **Predict.** Before a cell that may surprise you, there is a question. Answer it first, in
#   words, or better on paper.
# - **Run.** Look at the number or picture that comes out.
# - **Explain.** Were you right? If not, what was wrong in your picture of it?
#
# Try it with a mistake that everybody makes once. A picture is a block of numbers: rows, columns,
# and three numbers for each point, how much red, green and blue, from 0 to 255.

# %%
# NBVAL_CHECK_OUTPUT
picture = people[5]
print(picture.shape, picture.dtype)

# %% [markdown]
# `uint8` is a whole number from 0 to 255. Here are a point of the nose and one of the wall:

# %%
print("nose:", picture[100, 100], " wall:", picture[10, 10])

# %% [markdown]
# Most programs keep the colours in the order red, green, blue (RGB). OpenCV, which you will use a
# lot, keeps blue, green, red (BGR). **Predict:** what does the person look like if one program
# takes the other's order? What happens to the grey wall behind?

# %% alt="A man twice: with brown skin, and with blue skin before the same grey wall"
wrong = picture[..., ::-1]
plots.gallery([picture, wrong], ["RGB as RGB", "RGB as BGR"])

# %% [markdown]
# **Explain:** skin has much red and little blue; exchanged, it is blue. Grey has the same amount
# of all three, so nothing happens to the wall. When people in your pictures look ill and blue, you
# know why.
#
# When a function matters, the chapter shows it as it stands in the package, so that nothing is
# hidden:

# %%
lesson.show(lesson.pledge)

# %% [markdown]
# ## 6 · The way ahead
#
# Fifteen chapters, one path. You first learn to describe and find faces, then to make a fake, to
# move a face, to detect fakes and to sign what is true, and at the end to look at what nobody can
# do yet.

# %% alt="A path through fifteen numbered chapters, in five coloured stretches"
from deepfake_lesson import course

course.draw_map()

# %% [markdown]
# The path goes from left to right and back, through five stretches: *begin* (00 to 03), *make* (04
# to 07), *re-enact and animate* (08 to 10), *detect and sign* (11 and 12) and *go on* (13 and 14).
# Chapters 04 to 06 belong together; all others can be read on their own.
#
# A word that you do not know is in the [glossary](glossary.md), in one sentence.

# %% [markdown]
# ## Exercises
#
# In an exercise you replace one line by your answer and run the cell, then the cell below it. It
# says **right**, **not yet** with a hint, or **not tried yet**. Nothing breaks if you are wrong,
# and you can try as often as you like.
#
# ### 1 · Put a label on it
#
# The first one is only for trying this out. Replace the last line by
# `return "AI-generated: " + name`.


# %% nbgrader={"solution": true, "grade_id": "label"}
def label(name: str) -> str:
    """The words under a made picture of somebody: "AI-generated: ", and then the name."""
    ### BEGIN SOLUTION
    return "AI-generated: " + name
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_label", "points": 1}
from deepfake_lesson.exercises import chapter_00 as check

check.label(label)
### BEGIN HIDDEN TESTS
assert (answer := check.label(label)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 2 · Cure the blue man
#
# Section 5 made a person blue. Write the function that makes him healthy again.

# %% nbgrader={"solution": true, "grade_id": "in_rgb"}
import numpy as np


def in_rgb(bgr: np.ndarray) -> np.ndarray:
    """A picture (height, width, 3) in the order blue, green, red as a new one: red, green, blue."""
    ### BEGIN SOLUTION
    return bgr[..., ::-1]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_in_rgb", "points": 1}
from deepfake_lesson.exercises import chapter_00 as check

check.in_rgb(in_rgb)
### BEGIN HIDDEN TESTS
assert (answer := check.in_rgb(in_rgb)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ### 3 · May I?
#
# Put the first rule and the rule of Colab into a function. `basis` is the reason why you use
# somebody's face; the four that count are in section 3.


# %% nbgrader={"solution": true, "grade_id": "may_use"}
def may_use(basis: str, on_colab: bool) -> bool:
    """Whether a face may be used for this reason: anything else than the four is no reason."""
    ### BEGIN SOLUTION
    if on_colab:
        return basis == "synthetic"
    return basis in ("synthetic", "self", "written", "public-dataset")
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_may_use", "points": 2}
from deepfake_lesson.exercises import chapter_00 as check

check.may_use(may_use)
### BEGIN HIDDEN TESTS
assert (answer := check.may_use(may_use)).right, answer
### END HIDDEN TESTS

# %% [markdown]
# ## Summary
#
# - The people of this course come out of a seed; their smiles are two sliders.
# - The doctor says what is missing and how to mend it.
# - Three rules: consent first, say that it is fake, do no harm. Yours are in `work/pledge.txt`.
# - On Colab, only people who do not exist.
# - Predict, run, explain; and a check that answers.
#
# ## References
#
# - Google, [Colaboratory: frequently asked questions](https://research.google.com/colaboratory/faq.html),
#   with the list of what its machines may not be used for.
# - K. Wiggers (2022), [Google bans deepfake-generating AI from Colab](https://techcrunch.com/2022/06/01/2328459/),
#   TechCrunch.
# - M. Okabe and K. Ito (2008),
#   [Color Universal Design](https://jfly.uni-koeln.de/color/): the colours of all figures here.
#
# **Next:** chapter 01 sorts the kinds of fakes, and lets you guess.
