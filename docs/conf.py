"""Settings of the documentation site. `make docs` builds it."""

import usagewire

project = "usagewire"
author = "the usagewire maintainers"
project_copyright = "the usagewire maintainers"
release = version = usagewire.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "usagewire"
html_show_sourcelink = False

# Pages are Markdown. Headings get anchors, so that pages can link to a section.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Docstrings are in Google style. A word in single backticks is code.
default_role = "code"
napoleon_numpy_docstring = False
napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
maximum_signature_line_length = 80
copybutton_exclude = ".linenos, .gp, .go"
