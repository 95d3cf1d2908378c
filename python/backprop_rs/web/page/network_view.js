// The picture of the network: edges and heat maps on a canvas, and a button for each neuron.

import { t } from "./texts.js";
import { packed, signColor, styleColor } from "./colors.js";
import { escaped, short } from "./format.js";

const SHOWN = 12; // neurons of a layer
const HEAD = 64; // above the neurons, for the buttons of a layer
const FOOT = 58; // below, for the activation

export class NetworkView {
  constructor(root, choose) {
    this.root = root;
    this.canvas = root.querySelector("canvas");
    this.overlay = root.querySelector(".overlay");
    this.choose = choose;
    this.sizes = [];
    this.nodes = [];
    this.selection = null;
    this.phase = null;
    this.canvas.addEventListener("click", (event) => this.clicked(event));
    this.canvas.addEventListener("pointermove", (event) => {
      this.canvas.style.cursor = this.edgeAt(event) ? "pointer" : "default";
    });
  }

  /** Place the neurons of a network. */
  build({ sizes, names, image, controls }) {
    this.sizes = sizes;
    this.names = names;
    this.image = image;
    this.controls = controls;
    [this.weights, this.gradients, this.trace, this.maps] = [null, null, null, null];
    this.place();
  }

  /** Return how many neurons of a layer have a place. */
  shownOf(layer) {
    if (layer === 0 && this.image) return 1;
    return this.sizes[layer] > SHOWN ? SHOWN - 1 : this.sizes[layer];
  }

  place() {
    const { sizes } = this;
    if (!sizes.length) return;
    const least = sizes.length * 80;
    const width = Math.max(this.root.clientWidth, least);
    const most = Math.max(...sizes.map((_, l) => this.shownOf(l)));
    const height = Math.max(380, Math.min(720, HEAD + FOOT + most * 74));
    this.width = width;
    this.height = height;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.canvas.style.width = this.overlay.style.width = `${width}px`;
    this.canvas.style.height = this.overlay.style.height = `${height}px`;
    const room = height - HEAD - FOOT;
    this.nodes = sizes.map((n, l) => {
      const count = this.shownOf(l);
      const picture = l === 0 && this.image;
      const size = picture ? 92 : Math.min(46, room / Math.max(most, 1) - 12);
      const left = Math.max(58, size);
      const right = 62;
      const x = left + ((width - left - right) * l) / (sizes.length - 1);
      const gap = count > 1 ? Math.min(room / count, l ? 80 : 96) : 0; // inputs have names
      const top = HEAD + room / 2 - (gap * (count - 1)) / 2;
      return Array.from({ length: count }, (_, j) => ({ layer: l, j, x, y: top + gap * j, size, picture }));
    });
    this.fill();
    this.draw();
  }

  /** Make the buttons. */
  fill() {
    const held = document.activeElement?.dataset?.place;
    this.overlay.replaceChildren();
    for (const node of this.nodes.flat()) {
      const button = document.createElement("button");
      button.className = "neuron";
      button.dataset.place = `${node.layer},${node.j}`;
      const label = node.layer
        ? t("neuronLabel", node.layer, node.j + 1)
        : t("inputLabel", node.picture ? "" : this.names[node.j] || node.j + 1);
      button.setAttribute("aria-label", label);
      button.title = label;
      const edge = node.size + 8;
      button.style.cssText = `left:${node.x - edge / 2}px;top:${node.y - edge / 2}px;width:${edge}px;height:${edge}px`;
      button.disabled = node.layer === 0;
      button.onclick = () => this.choose({ what: "neuron", layer: node.layer, j: node.j });
      this.overlay.append(button);
    }
    for (const [l, column] of this.nodes.entries()) {
      const extra = this.controls(l);
      if (!extra) continue;
      for (const [element, top] of [[extra.head, 10], [extra.foot, this.height - FOOT + 18]]) {
        if (!element) continue;
        element.classList.add("column");
        const apart = Math.abs(column[0].x - this.nodes[l - 1][0].x) - 6;
        element.style.cssText = `left:${column[0].x}px;top:${top}px;--apart:${Math.round(apart)}px`;
        this.overlay.append(element);
      }
    }
    if (held) this.overlay.querySelector(`[data-place="${held}"]`)?.focus();
  }

  /** Take what a frame has brought. */
  update({ weights, gradients, trace, maps }) {
    if (weights) this.weights = weights;
    if (gradients !== undefined) this.gradients = gradients;
    if (trace !== undefined) this.trace = trace;
    if (maps) this.maps = maps;
  }

  /** Return the value that an edge shows. */
  valueOf(layer, j, k) {
    const source = this.show === "gradient" && this.gradients ? this.gradients : this.weights;
    return source ? source[layer - 1].w[j * this.sizes[layer - 1] + k] : 0;
  }

  /** Return the edges between neurons that have a place. */
  edges() {
    const edges = [];
    for (let l = 1; l < this.sizes.length; l++) {
      let largest = 1e-30;
      const layer = [];
      for (const to of this.nodes[l]) {
        for (const from of this.nodes[l - 1]) {
          const value = from.picture ? 0 : this.valueOf(l, to.j, from.j);
          largest = Math.max(largest, Math.abs(value));
          layer.push({ layer: l, from, to, value, j: to.j, k: from.j, picture: from.picture });
        }
      }
      for (const edge of layer) edge.share = Math.abs(edge.value) / largest;
      edges.push(...layer);
    }
    return edges;
  }

  /** Return 2 for the selection, 1 for what lies on a path from it to the cost, 0 for the rest. */
  lit(edge) {
    const { selection } = this;
    if (!selection) return 1;
    const { what, layer, j, k } = selection;
    if (what === "cost") return edge.layer === this.sizes.length - 1 ? 1 : 0;
    if (what === "weight" && edge.layer === layer && edge.j === j && edge.k === k) return 2;
    if (what === "neuron" && edge.layer === layer && edge.j === j) return 1;
    if (edge.layer === layer + 1) return edge.k === j ? 1 : 0;
    return edge.layer > layer + 1 ? 1 : 0;
  }

  draw() {
    if (!this.nodes.length) return;
    const ratio = window.devicePixelRatio || 1;
    const pen = this.canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    const ink = styleColor("--ink");
    const [line, card, accent, soft] = ["--line", "--card", "--accent", "--soft"].map(styleColor);
    for (const edge of this.edges()) {
      const lit = this.lit(edge);
      const { from, to, middle } = this.curve(edge);
      pen.globalAlpha = lit === 2 ? 1 : lit === 0 ? 0.07 : 0.25 + 0.7 * edge.share;
      pen.strokeStyle = edge.picture ? line : signColor(edge.value);
      pen.lineWidth = (edge.picture ? 1 : 0.5 + 5.5 * edge.share) + (lit === 2 ? 2.5 : 0);
      pen.beginPath();
      pen.moveTo(from[0], from[1]);
      pen.bezierCurveTo(middle, from[1], middle, to[1], to[0], to[1]);
      pen.stroke();
    }
    pen.globalAlpha = 1;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    if (this.numbers) this.drawNumbers(pen, card, ink);
    for (const node of this.nodes.flat()) {
      const { x, y, size } = node;
      const half = size / 2;
      pen.save();
      pen.beginPath();
      pen.roundRect(x - half, y - half, size, size, node.picture ? 6 : 9);
      pen.fillStyle = soft;
      pen.fill();
      pen.clip();
      const picture = this.picture(node);
      if (picture) {
        pen.imageSmoothingEnabled = picture.width > 12;
        pen.drawImage(picture, x - half, y - half, size, size);
      }
      pen.restore();
      const chosen = this.isChosen(node);
      const active = this.isActive(node);
      pen.lineWidth = chosen || active ? 3.5 : 1.25;
      pen.strokeStyle = chosen || active ? accent : line;
      pen.beginPath();
      pen.roundRect(x - half, y - half, size, size, node.picture ? 6 : 9);
      pen.stroke();
      this.drawLabels(pen, node, ink);
    }
    pen.font = "12px system-ui, sans-serif";
    for (const [l, column] of this.nodes.entries()) {
      const hidden = this.sizes[l] - column.length;
      if (hidden > 0 && !(l === 0 && this.image)) {
        const last = column.at(-1);
        pen.fillStyle = styleColor("--quiet");
        pen.fillText(t("moreNeurons", hidden), last.x, last.y + last.size / 2 + 26);
      }
    }
  }

  /** Return both ends of an edge, and the place between them where it turns. */
  curve({ from, to }) {
    const a = [from.x + from.size / 2, from.y];
    const b = [to.x - to.size / 2, to.y];
    return { from: a, to: b, middle: (a[0] + b[0]) / 2 };
  }

  drawNumbers(pen, card, ink) {
    const edges = this.edges().filter((edge) => !edge.picture);
    if (edges.length > 120) return;
    pen.font = "10.5px ui-monospace, monospace";
    for (const edge of edges) {
      if (this.selection && !this.lit(edge)) continue;
      const { from, to } = this.curve(edge);
      // At different places, so that numbers of neighbors do not meet.
      const at = 0.3 + (0.44 * ((edge.k * 7 + edge.j * 3) % 10)) / 10;
      const ease = at * at * (3 - 2 * at);
      const [x, y] = [from[0] + (to[0] - from[0]) * at, from[1] + (to[1] - from[1]) * ease];
      const text = short(edge.value, 2);
      const width = pen.measureText(text).width + 6;
      pen.fillStyle = card;
      pen.globalAlpha = 0.86;
      pen.fillRect(x - width / 2, y - 7, width, 14);
      pen.globalAlpha = 1;
      pen.fillStyle = ink;
      pen.fillText(text, x, y);
    }
  }

  drawLabels(pen, node, ink) {
    const { x, y, size, layer, j } = node;
    pen.fillStyle = ink;
    if (layer === 0 && !node.picture) {
      pen.font = "12px system-ui, sans-serif";
      const name = this.names[j] || `x${j + 1}`;
      pen.fillText(name.length > 13 ? `${name.slice(0, 12)}…` : name, x, y - size / 2 - 10);
    }
    const lines = this.linesOf(layer, j);
    if (!lines.length) return;
    pen.font = "10.5px ui-monospace, monospace";
    lines.forEach((line, i) => pen.fillText(line, x, y + size / 2 + 9 + 11 * i));
  }

  /** Return the numbers below a neuron: a, and δ once it is known. */
  linesOf(layer, j) {
    const { trace, phase } = this;
    if (!trace || (!this.numbers && !phase)) return [];
    if (layer === 0) return trace.inputs.length <= SHOWN ? [short(trace.inputs[j], 3)] : [];
    const lines = [];
    const values = trace.layers[layer - 1];
    const forward = !phase || phase.kind !== "forward" || layer <= phase.layer;
    if (forward) lines.push(`a ${short(values.a[j], 3)}`);
    const back = !phase || ["gradients", "update"].includes(phase.kind) || (phase.kind === "delta" && layer >= phase.layer);
    if (back) lines.push(`δ ${short(values.delta[j], 2)}`);
    return lines;
  }

  isChosen({ layer, j }) {
    const { selection } = this;
    return selection && selection.what !== "cost" && selection.layer === layer && selection.j === j;
  }

  isActive({ layer }) {
    const { phase } = this;
    if (!phase) return false;
    if (phase.kind === "cost") return layer === this.sizes.length - 1;
    return (phase.kind === "forward" || phase.kind === "delta") && layer === phase.layer;
  }

  /** Return the picture within a neuron. */
  picture(node) {
    const { layer, j } = node;
    const name = `${layer},${j}`;
    if (node.picture) return this.trace ? grayPicture(name, this.trace.inputs, this.image) : null;
    if (layer === 1 && this.image && this.weights) {
      const n = this.sizes[0];
      return signedPicture(name, this.weights[0].w.subarray(j * n, (j + 1) * n), this.image);
    }
    if (!this.maps || this.image) {
      if (!this.trace || layer === 0) return null;
      const { a } = this.trace.layers[layer - 1];
      const last = layer === this.sizes.length - 1;
      return painted(name, 1, 1, () => packed(last ? 2 * a[j] - 1 : Math.max(-1, Math.min(1, a[j]))));
    }
    const { n, values } = this.maps;
    if (layer === 0) return this.axes ? axisPicture(name, j, n, this.axes) : null;
    let before = 0;
    for (let l = 1; l < layer; l++) before += this.sizes[l];
    return mapPicture(name, values.subarray((before + j) * n * n, (before + j + 1) * n * n), n);
  }

  /** Return the edge near a pointer. */
  edgeAt(event) {
    if (!this.nodes.length) return null;
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let best = null;
    let nearest = 7;
    for (const edge of this.edges()) {
      if (edge.picture) continue;
      const { from, to } = this.curve(edge);
      if (x < from[0] || x > to[0]) continue;
      const at = bezierPlace((x - from[0]) / (to[0] - from[0]));
      const distance = Math.abs(from[1] + (to[1] - from[1]) * at - y);
      if (distance < nearest) [best, nearest] = [edge, distance];
    }
    return best;
  }

  clicked(event) {
    const edge = this.edgeAt(event);
    this.choose(edge ? { what: "weight", layer: edge.layer, j: edge.j, k: edge.k } : null);
  }

  /** Return the picture as SVG. */
  svg() {
    const parts = [];
    const [line, ink] = ["--line", "--ink"].map(styleColor);
    for (const edge of this.edges()) {
      const { from, to, middle } = this.curve(edge);
      const color = edge.picture ? line : signColor(edge.value);
      const width = (edge.picture ? 1 : 0.5 + 5.5 * edge.share).toFixed(2);
      const alpha = (0.25 + 0.7 * edge.share).toFixed(2);
      parts.push(
        `<path d="M${from.map(tenth)} C${tenth(middle)},${tenth(from[1])} ${tenth(middle)},${tenth(to[1])} ${to.map(tenth)}" fill="none" stroke="${color}" stroke-width="${width}" stroke-opacity="${alpha}"/>`,
      );
    }
    for (const node of this.nodes.flat()) {
      const { x, y, size } = node;
      const place = `x="${tenth(x - size / 2)}" y="${tenth(y - size / 2)}" width="${tenth(size)}" height="${tenth(size)}"`;
      parts.push(`<rect ${place} rx="4" fill="${styleColor("--soft")}" stroke="${line}"/>`);
      const picture = this.picture(node);
      if (picture) parts.push(`<image ${place} href="${picture.toDataURL()}"/>`);
      const label = node.layer === 0 && !node.picture ? this.names[node.j] || `x${node.j + 1}` : "";
      if (label)
        parts.push(
          `<text x="${tenth(x)}" y="${tenth(y - size / 2 - 7)}" font-size="12" text-anchor="middle" fill="${ink}">${escaped(label)}</text>`,
        );
    }
    return svgOf(this.width, this.height, parts.join("\n"));
  }
}

/** Return how far up the curve of an edge is at a share of its way across. */
function bezierPlace(across) {
  // The middle points lie half across: across = 1.5 s (1 - s)² + 1.5 s² (1 - s) + s³.
  let s = across;
  for (let i = 0; i < 6; i++) {
    const rest = 1 - s;
    const x = 1.5 * s * rest * rest + 1.5 * s * s * rest + s * s * s;
    const slope = 1.5 * (1 - 2 * s + 2 * s * s);
    s -= (x - across) / Math.max(slope, 0.3);
  }
  return s * s * (3 - 2 * s);
}

function tenth(value) {
  return (Math.round(value * 10) / 10).toString();
}

/** Return an SVG file of this size. */
export function svgOf(width, height, content) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif">\n<rect width="100%" height="100%" fill="${styleColor("--card")}"/>\n${content}\n</svg>\n`;
}

const paintings = new Map();

/** Paint numbers, one pixel each, through a function that gives packed colors.
 *
 * The canvas belongs to a name, and is used again: to make one takes longer than to paint it.
 */
export function painted(name, width, height, colorAt) {
  let painting = paintings.get(name);
  if (!painting || painting.canvas.width !== width || painting.canvas.height !== height) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width, height];
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    const image = pen.createImageData(width, height);
    painting = { canvas, pen, image, pixels: new Uint32Array(image.data.buffer) };
    paintings.set(name, painting);
  }
  const { canvas, pen, image, pixels } = painting;
  for (let i = 0; i < pixels.length; i++) pixels[i] = colorAt(i);
  pen.putImageData(image, 0, 0);
  return canvas;
}

function mapPicture(name, values, n) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const share = low >= 0 && high <= 1; // a share, as of sigmoid: half of it is the middle
  const scale = Math.max(Math.abs(low), Math.abs(high), 1e-9);
  return painted(name, n, n, (i) => packed(share ? 2 * values[i] - 1 : values[i] / scale));
}

/** Paint an input over itself: from low to high. */
function axisPicture(name, j, n, [first, second]) {
  const at = (place) => (2 * place) / (n - 1) - 1;
  if (j === first) return painted(name, n, n, (i) => packed(at(i % n)));
  if (j === second) return painted(name, n, n, (i) => packed(-at(Math.floor(i / n))));
  return null;
}

function signedPicture(name, values, [height, width]) {
  let scale = 1e-9;
  for (const value of values) scale = Math.max(scale, Math.abs(value));
  return painted(name, width, height, (i) => packed(values[i] / scale));
}

function grayPicture(name, values, [height, width]) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return painted(name, width, height, (i) => {
    const gray = 255 - Math.round((255 * (values[i] - low)) / (high - low || 1));
    return (255 << 24) | (gray << 16) | (gray << 8) | gray;
  });
}
