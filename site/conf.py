"""Sphinx's settings of the site; tools/website.py puts the pages beside this file and builds."""

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml

project = "Deepfake lesson"
extensions = ["myst_nb"]
suppress_warnings = ["toc.empty_glob"]  # a page that is still to be written

# The notebooks come executed; a widget stands in them as a picture, so no script is fetched for it.
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}
nb_code_prompt_show = "Show the set-up code"
nb_code_prompt_hide = "Hide the set-up code"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

html_theme = "sphinx_book_theme"
html_title = project
html_logo = html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["lesson.css"]
html_show_sphinx = False
html_use_index = False
html_context = {"default_mode": "auto"}
html_math_renderer = "mathml"
html_theme_options = {
    "use_repository_button": True,
    "show_toc_level": 2,
    "navbar_persistent": [],  # search stands in the side bar
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "logo": {"text": project, "alt_text": ""},
    "footer_content_items": ["extra-footer.html"],
    "extra_footer": "Nobody on these pages exists: the course's studio has rendered every face.",
}


def visit_inline_formula(translator, node) -> None:
    """MathML, which browsers draw without a script from elsewhere."""
    translator.body.append(tex2mathml(node.astext()))
    raise SkipNode


def visit_displayed_formula(translator, node) -> None:
    """A formula on a line of its own; where it is too wide it scrolls, with the keyboard too."""
    formula = tex2mathml(node.astext(), as_block=True)
    translator.body.append(f'<div class="formula" tabindex="0">{formula}</div>')
    raise SkipNode


def setup(app) -> None:
    app.add_html_math_renderer(
        "mathml", (visit_inline_formula, None), (visit_displayed_formula, None)
    )
