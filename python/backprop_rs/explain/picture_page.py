"""The style and the script of the picture of a network in a page."""

STYLE = """\
.bp-step { --ink: #1a1a1a; --ground: #ffffff; --faint: #767676; --pos: #d55e00; --neg: #0072b2;
  --line: #d0d0d0; color: var(--ink); }
.bp-explain.bp-step { max-width: 105em; }
@media (prefers-color-scheme: dark) {
  .bp-step { --ink: #f2f2f2; --ground: #121212; --faint: #a6a6a6; --pos: #ff9a3c; --neg: #56b4e9;
    --line: #444444; }
}
.bp-step .top { display: flex; flex-wrap: wrap; gap: 16px; }
.bp-step .top > div { flex: 1 1 430px; min-width: 0; box-sizing: border-box; }
.bp-step .view { overflow-x: auto; }
.bp-step svg { display: block; width: 100%; font: 12px system-ui, sans-serif; fill: var(--ink); }
.bp-step svg text { text-anchor: middle; }
.bp-step svg text.name[text-anchor="end"] { text-anchor: end; }
.bp-step svg text.name[text-anchor="start"] { text-anchor: start; }
.bp-step svg .kind { fill: var(--faint); }
.bp-step circle { fill: color-mix(in srgb, var(--tone, var(--pos)) calc(var(--v, 0) * 45%),
  var(--ground)); stroke: var(--ink); stroke-width: 1.4; }
.bp-step .node.off circle { stroke-dasharray: 5 3; }
.bp-step .node.now circle { stroke-width: 3; }
.bp-step .edge line { stroke: var(--pos); stroke-width: calc(0.8px + 3px * var(--s, 0)); }
.bp-step .edge.neg line { stroke: var(--neg); stroke-dasharray: 6 4; }
.bp-step .edge line.hit { stroke: transparent; stroke-width: 14px; stroke-dasharray: none; }
.bp-step .edge { cursor: pointer; outline: none; }
.bp-step .edge:focus-visible line { stroke-width: 5px; }
.bp-step .dim { opacity: 0.13; }
.bp-step .edge.lit line:first-of-type { stroke-width: calc(2px + 3px * var(--s, 0)); }
.bp-step .edge.chosen line:first-of-type { stroke-width: 6px; }
.bp-step .bar { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; }
.bp-step .bar input { flex: 1; min-width: 140px; }
.bp-step .bar button, .bp-step .bar select { font: inherit; color: inherit; padding: 3px 10px;
  background: none; border: 1px solid var(--faint); border-radius: 4px; }
.bp-step .bar option { color: #1a1a1a; background: #ffffff; }
.bp-step .says { font-weight: 600; margin: 8px 0 2px; min-height: 1.5em; }
.bp-step .hint { color: var(--faint); font-size: .9em; margin: 2px 0; }
.bp-step .panel { border: 1px solid var(--line); border-radius: 8px; padding: 2px 12px;
  overflow: auto; max-height: 80vh; min-height: 12em; }
.bp-step h3 { font-size: 1.1em; margin: .5em 0; }
"""

BAR = """\
<div class="bar">
<button type="button" class="back" aria-label="one step back">&lt;</button>
<input type="range" min="0" value="0" aria-label="step of the derivation">
<button type="button" class="next" aria-label="one step on">&gt;</button>
<select aria-label="sample"></select>
</div>
<p class="says" aria-live="polite"></p>
<p class="hint">The slider goes forward, backward and through the update. Touch a weight: its paths
to the cost light up and its formulas open.</p>
"""

SCRIPT = """\
(function () {
  const root = document.querySelector(".bp-step");
  const find = (name) => root.querySelector(name);
  const all = (name) => [...root.querySelectorAll(name)];
  const data = JSON.parse(find("script.data").textContent);
  const [slider, select, panel, says] = ["input", "select", ".panel", ".says"].map(find);
  const last = data.last, several = data.samples.length > 1;
  const steps = [{ says: "Input", layer: 0, back: last + 1 }];
  for (let l = 1; l <= last; l++) {
    steps.push({ says: "Forward, layer " + l + ": z and a", layer: l, back: last + 1,
      part: "Forward/Layer " + l });
  }
  steps.push({ says: "Cost", layer: last, back: last + 1, part: "Forward/Cost" });
  for (let l = last; l >= 1; l--) {
    steps.push({ says: "Backward, layer " + l + ": δ and the gradients", layer: last, back: l,
      part: "Backward/Layer " + l });
  }
  steps.push({ says: "Update", layer: last, back: 1, update: true, whole: "Update" });
  slider.max = steps.length - 1;
  data.samples.forEach(function (sample, i) {
    select.add(new Option("sample " + sample.number, i));
  });
  select.hidden = !several;
  let chosen = null;
  const layerOf = (name) => +name.split(",")[0];
  const put = (node, name, text) => { node.querySelector(name).textContent = text; };

  function draw() {
    const step = steps[slider.value], sample = data.samples[select.value];
    all(".node").forEach(function (node) {
      const at = sample.nodes[node.dataset.n], layer = layerOf(node.dataset.n);
      const known = layer <= step.layer, back = layer >= step.back && layer > 0;
      put(node, ".a", known ? at.a : "");
      put(node, ".z", known && at.z ? "z = " + at.z : "");
      put(node, ".d", back ? "δ = " + at.d : "");
      node.classList.toggle("off", known && !!at.off);
      node.classList.toggle("now", !step.update &&
        layer === (step.back <= last ? step.back : step.layer));
      node.querySelector("circle").style.setProperty("--v", known ? Math.abs(at.v) : 0);
      node.querySelector("circle").style.setProperty("--tone",
        at.v < 0 ? "var(--neg)" : "var(--pos)");
    });
    all(".edge").forEach(function (edge) {
      const w = data.weights[edge.dataset.w], layer = layerOf(edge.dataset.w);
      const back = layer >= step.back && !step.update, size = back ? w.sg : w.sw;
      edge.classList.toggle("neg", size < 0);
      edge.style.setProperty("--s", Math.abs(size));
      edge.querySelector("title").textContent = w.name + " = " + w.w +
        (layer >= step.back ? ",  ∂C/∂w = " + w.g : "") + (step.update ? ",  new: " + w.new : "");
    });
    let words = step.says;
    if (step.says === "Cost") words += ": C = " + sample.cost;
    if (step.update) words += ": C falls from " + data.cost + " to " + data.new_cost;
    if (step.back <= last && !step.update) words += " (edges show ∂C/∂w)";
    says.textContent = words.replace("falls", data.rises ? "rises" : "falls");
    light(chosen);
    open(step, sample);
  }
  // The weight itself, and every edge and neuron between its neuron and the cost.
  function light(name) {
    const lit = new Set();
    if (name !== null) {
      const [layer, j, k] = name.split(",").map(Number);
      lit.add((layer - 1) + "," + k).add(layer + "," + j);
      for (let l = layer + 1; l <= last; l++) data.layers[l].forEach((n) => lit.add(n));
    }
    all(".node").forEach((n) => n.classList.toggle("dim", name !== null && !lit.has(n.dataset.n)));
    all(".edge").forEach(function (edge) {
      const [layer, j, k] = edge.dataset.w.split(",");
      const ends = lit.has((layer - 1) + "," + k) && lit.has(layer + "," + j);
      const on = edge.dataset.w === name || (ends && name !== null && +layer > layerOf(name));
      edge.classList.toggle("lit", on);
      edge.classList.toggle("chosen", edge.dataset.w === name && name === chosen);
      edge.classList.toggle("dim", name !== null && !on);
    });
  }
  function open(step, sample) {
    panel.replaceChildren();
    if (chosen !== null) {
      panel.append(find('template[data-w="' + chosen + '"]').content.cloneNode(true));
      return;
    }
    const path = step.whole || (several ? "Sample " + sample.number + "/" : "") + step.part;
    const part = document.querySelector('details[data-part="' + path + '"]');
    if (!step.whole && !step.part) {
      panel.append(find("template.intro").content.cloneNode(true));
    } else if (part) {
      panel.append(part.cloneNode(true));
    }
  }
  function move(by) { slider.value = +slider.value + by; chosen = null; draw(); }
  slider.oninput = () => move(0);
  select.onchange = draw;
  find(".back").onclick = () => move(-1);
  find(".next").onclick = () => move(1);
  all(".edge").forEach(function (edge) {
    const choose = function () {
      chosen = chosen === edge.dataset.w ? null : edge.dataset.w;
      draw();
    };
    edge.onclick = choose;
    edge.onkeydown = function (event) {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(); }
    };
    edge.onmouseenter = () => light(edge.dataset.w);
    edge.onmouseleave = () => light(chosen);
  });
  const asked = new URLSearchParams(location.hash.slice(1));
  if (asked.has("step")) slider.value = asked.get("step");
  if (data.weights[asked.get("weight")]) chosen = asked.get("weight");
  // The formulas follow in the page.
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", draw);
  else draw();
})();
"""
