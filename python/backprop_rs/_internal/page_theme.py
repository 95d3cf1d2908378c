"""CSS for dark pages: those of the system, of JupyterLab, of Visual Studio Code and of Colab."""

DARK_PAGES = (
    'body[data-jp-theme-light="false"]',
    "body.vscode-dark",
    'html[theme="dark"]',
)
NOT_LIGHT = 'body:not([data-jp-theme-light="true"]):not(.vscode-light)'
INVERTED = "filter: invert(0.93) hue-rotate(180deg);"  # dark, with blue still blue


def when_dark(selector: str, declarations: str) -> str:
    """Return the rules that hold for a selector on a dark page.

    >>> print(when_dark(".box", "color: white;"))
    body[data-jp-theme-light="false"] .box,
    body.vscode-dark .box,
    html[theme="dark"] .box { color: white; }
    @media (prefers-color-scheme: dark) {
      body:not([data-jp-theme-light="true"]):not(.vscode-light) .box { color: white; }
    }
    """
    pages = ",\n".join(f"{page} {selector}" for page in DARK_PAGES)
    system = f"  {NOT_LIGHT} {selector} {{ {declarations} }}"
    return f"{pages} {{ {declarations} }}\n@media (prefers-color-scheme: dark) {{\n{system}\n}}"
