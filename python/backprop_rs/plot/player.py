"""A page that plays pictures one after another without loading other files."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from string import Template

from .._internal.page_theme import INVERTED, when_dark

PART = Template("""\
<div id="$id" class="player">
<style>
#$id { font: 14px system-ui, sans-serif; max-width: ${width}px; color: #1a1a1a; }
#$id img { display: block; width: 100%; }
#$id .bar { display: flex; gap: 6px; align-items: center; padding: 6px 0; }
#$id input { flex: 1; min-width: 60px; }
#$id button { font: inherit; color: inherit; background: none; padding: 3px 10px; cursor: pointer; }
#$id button { border: 1px solid currentColor; border-radius: 4px; }
$dark
</style>
<img alt="$title">
<div class="bar">
<button type="button" class="back" aria-label="one picture back">&lt;</button>
<button type="button" class="play">Play</button>
<button type="button" class="next" aria-label="one picture on">&gt;</button>
<input type="range" min="0" max="$last" value="0" aria-label="picture">
<output>1 / $count</output>
</div>
<script>
(function () {
  const pictures = [$pictures];
  const find = (name) => document.querySelector("#$id " + name);
  const [image, play, slider] = ["img", ".play", "input"].map(find);
  let timer = 0;
  function show(number) {
    slider.value = (number + pictures.length) % pictures.length;
    image.src = pictures[slider.value];
    find("output").textContent = (+slider.value + 1) + " / " + pictures.length;
  }
  function step(by) { show(+slider.value + by); }
  function stop() { clearInterval(timer); timer = 0; play.textContent = "Play"; }
  function start() { timer = setInterval(step, $pause, 1); play.textContent = "Pause"; }
  play.onclick = function () { if (timer) stop(); else start(); };
  find(".back").onclick = function () { stop(); step(-1); };
  find(".next").onclick = function () { stop(); step(1); };
  slider.oninput = function () { stop(); step(0); };
  show(0);
})();
</script>
</div>
""")

PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { color-scheme: light dark; }
body { margin: 16px; background: #ffffff; }
.player { margin: 0 auto; }
@media (prefers-color-scheme: dark) { body { background: #121212; } }
</style>
</head>
<body>
$part</body>
</html>
""")


def part(
    pictures: Sequence[bytes], fps: int, width: int, title: str, name: str, is_dark: bool
) -> str:
    """Return HTML that plays PNG pictures of a width in pixels, under the id `name`.

    Pictures with a light background are inverted on a dark page.
    """
    sources = [f"data:image/png;base64,{b64encode(picture).decode()}" for picture in pictures]
    rules = [when_dark(f"#{name}", "color: #f2f2f2; color-scheme: dark;")]
    if not is_dark:
        rules.append(when_dark(f"#{name} img", INVERTED))
    return PART.substitute(
        id=name,
        width=width,
        title=escape(title),
        dark="\n".join(rules),
        last=len(sources) - 1,
        count=len(sources),
        pictures=",\n".join(f'"{source}"' for source in sources),
        pause=round(1000 / fps),
    )


def page(part: str, title: str) -> str:
    """Return a whole page with such a part."""
    return PAGE.substitute(part=part, title=escape(title))
