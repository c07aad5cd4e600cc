"""Settings of the documentation site. `make docs` builds it."""

import builtins
import inspect
import re
from typing import Any

import attrs
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.pycode.parser import VariableCommentPicker

import usagewire
from usagewire import models

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
html_static_path = ["_static"]
html_css_files = ["tables.css"]

# Pages are Markdown. Headings get anchors, so that pages can link to a section.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# A quote is a character of JSON here, so it stays straight.
smartquotes = False

# Docstrings are in Google style. A word in single backticks is code.
default_role = "code"
napoleon_numpy_docstring = False
napoleon_use_rtype = False
autodoc_member_order = "bysource"
toc_object_entries_show_parents = "hide"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
maximum_signature_line_length = 80
copybutton_exclude = ".linenos, .gp, .go"

# Each type that the reference names must have an entry, except these.
nitpick_ignore_regex = [
    # Types of Python and of other packages. The site builds without a network, so it has no
    # inventory of theirs to link to.
    (r"py:.*", r"((cattrs|collections|decimal|os|typing_extensions)\..*|Converter)"),
    # Type variables, and the options that `read` shares with `Decoder`.
    (r"py:.*", r"([\w.]+\.)?(T|DecoderOptions)"),
]

# Aliases of Python types that are not public. The descriptions list their values.
nitpick_ignore = [("py:class", name) for name in ("Money", "OnError", "Shape", "Unknown")]

# Show the signature of the function itself. It names every option, and the overloads do not.
VariableCommentPicker.is_overload = lambda *_: False


def find_docs_of_models() -> None:
    """Let autodoc find the docstrings of the fields, and their order.

    It looks for them in the module that a class names as its own. The models name their package.
    """
    package = ModuleAnalyzer.for_module(models.__name__)
    package.analyze()
    for part in ("costs", "pages", "rows"):
        analyzer = ModuleAnalyzer.for_module(f"{models.__name__}.{part}")
        analyzer.analyze()
        package.attr_docs |= analyzer.attr_docs
        package.tagorder |= analyzer.tagorder
    for cls in models.ROW_CLASSES:
        for name in attrs.fields_dict(cls):
            places = [package.tagorder.get(f"{base.__name__}.{name}") for base in cls.__mro__]
            package.tagorder[f"{cls.__name__}.{name}"] = next(filter(None, places))


def show_default_values(
    _app: Sphinx, _what: str, _name: str, obj: Any, _options: Any, signature: str, returns: str
) -> tuple[str, str] | None:
    """Show the values of defaults instead of the names of our constants."""
    defaults = getattr(obj.__init__ if inspect.isclass(obj) else obj, "__kwdefaults__", None)
    if not signature or not defaults:
        return None

    def value(match: re.Match[str]) -> str:
        return f"{match[1]}={defaults[match[1]]!r}"

    constant = r"(\w+)=(?:attr_dict\['\w+'\]\.default|[A-Z]{2,}[A-Z_]*)\b"
    return re.sub(constant, value, signature), returns


def keep_colons(
    _app: Sphinx, what: str, _name: str, _obj: Any, _options: Any, lines: list[str]
) -> None:
    """Keep napoleon from taking the text before a colon for the type of an attribute."""
    if what in {"attribute", "data", "property"}:
        lines.insert(0, r"\ ")  # an empty line of its own: napoleon looks at the first line alone


def unlink_builtins(_app: Sphinx, doctree: nodes.document) -> None:
    """Keep Sphinx from linking a type of Python, as `bytes`, to an attribute of that name."""
    for reference in [*doctree.findall(addnodes.pending_xref)]:
        if reference.get("reftarget") in vars(builtins):
            reference.replace_self(reference.children)


def setup(app: Sphinx) -> None:
    """Register what changes the text of the reference."""
    find_docs_of_models()
    # The entry of the class would show it as the return type of the class.
    del usagewire.Reader.__new__.__annotations__["return"]
    app.connect("autodoc-process-signature", show_default_values)
    app.connect("doctree-read", unlink_builtins)
    app.connect("autodoc-process-docstring", keep_colons, priority=400)  # napoleon has 500
