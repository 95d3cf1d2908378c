"""The site: `make docs` builds it into target/docs/html, without a network."""

import sys
from pathlib import Path

from backprop_rs import __version__

sys.path.insert(0, str(Path(__file__).parent / "_site"))

project = "backprop_rs"
author = "the authors of backprop_rs"
project_copyright = author
version = release = __version__

extensions = [
    "numpydoc",
    "sphinx.ext.autosummary",
    "myst_nb",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "code_pages",
    "mathml",
    "docstrings",
    "live_playground",
    "site_pages",
]
exclude_patterns = ["README.md", "_site", "sg_execution_times.rst"]
exclude_patterns += ["gallery/sg_execution_times.rst"]
exclude_patterns += [f"gallery/*.{suffix}" for suffix in ("ipynb", "json", "md5", "py", "zip")]
templates_path = ["_site/templates"]
add_module_names = False
default_role = "name"
toc_object_entries_show_parents = "hide"

# Pages in Markdown, and notebooks with the outputs that they are kept with.
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 4
myst_url_schemes = ["http", "https", "mailto", "code"]
myst_dmath_double_inline = True
nb_execution_mode = "off"
nb_ipywidgets_js = {}
nb_merge_streams = True

# The reference.
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# Each script of examples/ becomes a page with its picture.
sphinx_gallery_conf = {
    "examples_dirs": "../examples/pictures",
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 10**6,
    "abort_on_example_error": True,
    "write_computation_times": False,
    "image_srcset": ["2x"],
    "within_subsection_order": "ExampleTitleSortKey",
    "plot_gallery": True,
    "remove_config_comments": True,
    "reference_url": {"backprop_rs": None},
    "doc_module": ("backprop_rs",),
}

html_context = {"default_mode": "auto"}
html_theme = "pydata_sphinx_theme"
html_title = "backprop_rs"
html_static_path = ["_site/static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "backprop_rs"},
    "show_toc_level": 2,
    "header_links_before_dropdown": 7,
    "navbar_persistent": [],
    "navbar_end": ["search-button", "theme-switcher"],
    "secondary_sidebar_items": {"index": [], "playground": [], "**": ["page-toc"]},
    "navigation_with_keys": False,
    "show_prev_next": True,
    "article_header_start": ["breadcrumbs"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {"index": [], "playground": [], "benchmarks": [], "derivation": []}
suppress_warnings = ["config.cache"]  # functions in the configuration cannot be pickled
