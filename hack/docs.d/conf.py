"""How Sphinx renders the documents: hack/docs."""

project = "Stockade"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
# Links to headings, as GitHub spells them.
myst_heading_anchors = 4
html_theme = "furo"
html_title = "Stockade"
html_copy_source = False
html_show_sphinx = False
# Some examples are of no language that the highlighter knows.
highlight_language = "none"
