"""A page that plays pictures one after another without loading other files."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from string import Template

PART = Template("""\
<div id="$id" class="player">
<style>
#$id { color-scheme: light dark; font: 14px system-ui, sans-serif; max-width: ${width}px; }
#$id img { display: block; width: 100%; }
#$id .bar { display: flex; gap: 6px; align-items: center; padding: 6px 0; }
#$id input { flex: 1; min-width: 60px; }
#$id button, #$id output { font: inherit; color: #1a1a1a; }
#$id button { background: #f2f2f2; border: 1px solid #a6a6a6; border-radius: 4px; }
#$id button { padding: 3px 10px; cursor: pointer; }
@media (prefers-color-scheme: dark) {
  #$id button { background: #333333; border-color: #6e6e6e; }
  #$id button, #$id output { color: #f2f2f2; }
}
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
  const part = document.getElementById("$id");
  const find = (name) => part.querySelector(name);
  const [image, play, slider] = [find("img"), find(".play"), find("input")];
  let timer = 0;
  function show(number) {
    const at = (number + pictures.length) % pictures.length;
    image.src = pictures[at];
    slider.value = at;
    find("output").textContent = (at + 1) + " / " + pictures.length;
  }
  function step(by) { show(Number(slider.value) + by); }
  function stop() { clearInterval(timer); timer = 0; play.textContent = "Play"; }
  play.onclick = function () {
    if (timer) { stop(); return; }
    timer = setInterval(function () { step(1); }, $pause);
    play.textContent = "Pause";
  };
  find(".back").onclick = function () { stop(); step(-1); };
  find(".next").onclick = function () { stop(); step(1); };
  slider.oninput = function () { stop(); show(Number(slider.value)); };
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
@media (prefers-color-scheme: dark) { body { background: #1a1a1a; } }
</style>
</head>
<body>
$part</body>
</html>
""")


def part(pictures: Sequence[bytes], fps: int, width: int, title: str, name: str) -> str:
    """Return HTML that plays PNG pictures of a width in pixels, under the id `name`."""
    sources = [f"data:image/png;base64,{b64encode(picture).decode()}" for picture in pictures]
    return PART.substitute(
        id=name,
        width=width,
        title=escape(title),
        last=len(sources) - 1,
        count=len(sources),
        pictures=",\n".join(f'"{source}"' for source in sources),
        pause=round(1000 / fps),
    )


def page(part: str, title: str) -> str:
    """Return a whole page with such a part."""
    return PAGE.substitute(part=part, title=escape(title))
