"""How the documentation is built: `tox -e docs`."""

import re

from llmtrack import __version__

project = "llmtrack"
author = "the llmtrack authors"
copyright = "the llmtrack authors"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "llmtrack"
html_copy_source = False

myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True}
# Attributes are told in the class's own docstring.
napoleon_use_ivar = True
# Docstrings say in single backquotes what is code.
default_role = "code"

# Signatures name types of other packages, and type variables, that have no page here.
nitpick_ignore_regex = [("py:(class|data|obj|exc)", ".*")]

_SECTION = re.compile(r"(Args|Attributes|Raises|Returns|Yields):$")


def mark_examples(app, what, name, obj, options, lines):
    """Say of an indented example that it is code, which docstrings need not."""
    for place in reversed(range(2, len(lines))):
        before, blank, line = lines[place - 2 : place + 1]
        above = next((text for text in lines[place - 1 :: -1] if text[:1].strip()), "")
        begins = line.startswith("    ") and not blank and before[:1].strip()
        if begins and not _SECTION.match(above):
            lines[place:place] = ["::", ""]


def setup(app):
    """Connect the above before napoleon reads the sections."""
    app.connect("autodoc-process-docstring", mark_examples, priority=400)
