// The prediction over two inputs with the samples, the learning curves, δ of the layers, and the
// confusion matrix.

import { t } from "./texts.js";
import { classColor, colorOf, packed, packedClass, signColor, styleColor } from "./colors.js";
import { painted, svgOf } from "./network_view.js";
import { escaped, percent, short } from "./format.js";

const COLUMNS = 8; // of images

/** Fit a canvas to its element; return its pen, width and height. */
function penOf(canvas, height) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.parentElement.clientWidth;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    [canvas.width, canvas.height] = [w, h];
    canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { pen, width, height };
}

export class PlotView {
  constructor(canvas, choose) {
    this.canvas = canvas;
    this.places = [];
    canvas.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      let [best, nearest] = [null, Infinity];
      for (const place of this.places) {
        const distance = Math.hypot(place.x - x, place.y - y);
        if (distance < Math.min(nearest, place.reach ?? 14)) [best, nearest] = [place, distance];
      }
      if (best) choose(best.part, best.row);
    });
  }

  /** Return the picture of the grid. */
  ground({ prediction, n, data }) {
    const { classes } = data;
    const value = (i) => prediction[4 + 2 * i + 1];
    if (classes > 2) return painted("plot", n, n, (i) => packedClass(prediction[4 + 2 * i], 0.1 + 0.45 * value(i)));
    if (classes) return painted("plot", n, n, (i) => packed(0.45 * (2 * value(i) - 1)));
    return painted("plot", n, n, (i) => packed((0.6 * value(i)) / data.scale));
  }

  draw(scene) {
    this.scene = scene;
    if (scene.data.image) return this.drawGallery(scene);
    const size = Math.min(this.canvas.parentElement.clientWidth, 420);
    const { pen, width } = penOf(this.canvas, size);
    pen.clearRect(0, 0, width, size);
    pen.imageSmoothingEnabled = true;
    pen.imageSmoothingQuality = "high";
    pen.save();
    pen.beginPath();
    pen.roundRect(0, 0, width, size, 8);
    pen.clip();
    pen.drawImage(this.ground(scene), 0, 0, width, size);
    this.places = this.points(scene, width, size);
    const ink = styleColor("--ink");
    const card = styleColor("--card");
    for (const point of this.places) {
      pen.beginPath();
      if (point.part === "test") pen.rect(point.x - 3, point.y - 3, 6, 6);
      else pen.arc(point.x, point.y, 3.4, 0, 7);
      pen.fillStyle = point.color;
      pen.fill();
      pen.lineWidth = 1;
      pen.strokeStyle = card;
      pen.stroke();
      if (point.wrong) {
        pen.beginPath();
        pen.arc(point.x, point.y, 6.2, 0, 7);
        pen.lineWidth = 1.6;
        pen.strokeStyle = ink;
        pen.stroke();
      }
    }
    const chosen = this.places.find((p) => p.part === scene.sample.part && p.row === scene.sample.row);
    if (chosen) {
      pen.beginPath();
      pen.arc(chosen.x, chosen.y, 9, 0, 7);
      pen.lineWidth = 3;
      pen.strokeStyle = styleColor("--accent");
      pen.stroke();
    }
    pen.restore();
  }

  /** Draw samples that are images, those with a wrong prediction first. */
  drawGallery({ data, evaluation, sample }) {
    const size = Math.min(this.canvas.parentElement.clientWidth, 420);
    const { pen, width } = penOf(this.canvas, size);
    pen.clearRect(0, 0, width, size);
    const part = data.test.length ? "test" : "training";
    const { predicted } = evaluation[part];
    const isWrong = (i) => predicted[i] !== data[part][i][data.inputs];
    const order = Array.from(data[part].keys()).sort((i, j) => isWrong(j) - isWrong(i) || i - j);
    const edge = width / COLUMNS;
    const [high, wide] = data.image;
    const [ink, card, warn] = ["--ink", "--card", "--low"].map(styleColor);
    const dark = styleColor("--card").startsWith("#1");
    pen.imageSmoothingEnabled = false;
    this.places = order.slice(0, COLUMNS * COLUMNS).map((row, place) => {
      const [x, y] = [(place % COLUMNS) * edge, Math.floor(place / COLUMNS) * edge];
      const values = data[part][row];
      const picture = painted("sample", wide, high, (i) => {
        const gray = Math.round(255 * (dark ? values[i] : 1 - values[i]));
        return (255 << 24) | (gray << 16) | (gray << 8) | gray;
      });
      pen.drawImage(picture, x + 3, y + 3, edge - 6, edge - 6);
      const chosen = sample.part === part && sample.row === row;
      if (isWrong(row) || chosen) {
        pen.lineWidth = 2.5;
        pen.strokeStyle = chosen ? styleColor("--accent") : warn;
        pen.strokeRect(x + 2, y + 2, edge - 4, edge - 4);
      }
      pen.font = "600 11px system-ui, sans-serif";
      pen.fillStyle = card;
      pen.fillRect(x + 3, y + edge - 17, 13, 14);
      pen.fillStyle = isWrong(row) ? warn : ink;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillText(predicted[row], x + 9.5, y + edge - 9.5);
      return { part, row, x: x + edge / 2, y: y + edge / 2, reach: edge / 2 };
    });
  }

  /** Return the samples with their places; of very many, the first ones. */
  points({ prediction, data, first, second, evaluation }, width, height) {
    const [x0, x1, y0, y1] = prediction;
    const places = [];
    for (const part of ["training", "test"]) {
      const rows = data[part];
      const judged = evaluation[part];
      for (let i = 0; i < Math.min(rows.length, 1500); i++) {
        const label = rows[i][data.inputs];
        const [a, b] = [rows[i][first], rows[i][second]];
        const color = data.classes ? classColor(label, data.classes) : colorOf(label / data.scale);
        const x = ((a - x0) / (x1 - x0)) * width;
        const y = (1 - (b - y0) / (y1 - y0)) * height;
        const wrong = data.classes > 0 && judged && judged.predicted[i] !== label;
        places.push({ part, row: i, x, y, color, wrong });
      }
    }
    return places;
  }

  svg() {
    const size = 420;
    if (this.scene.data.image) {
      const height = (size * this.canvas.height) / this.canvas.width;
      return svgOf(size, height, `<image width="${size}" height="${height}" href="${this.canvas.toDataURL()}"/>`);
    }
    const parts = [`<image width="${size}" height="${size}" preserveAspectRatio="none" href="${this.ground(this.scene).toDataURL()}"/>`];
    for (const { x, y, color, wrong, part } of this.points(this.scene, size, size)) {
      const [cx, cy] = [x.toFixed(1), y.toFixed(1)];
      parts.push(
        part === "test"
          ? `<rect x="${(x - 3).toFixed(1)}" y="${(y - 3).toFixed(1)}" width="6" height="6" fill="${color}" stroke="#fff"/>`
          : `<circle cx="${cx}" cy="${cy}" r="3.4" fill="${color}" stroke="#fff"/>`,
      );
      if (wrong) parts.push(`<circle cx="${cx}" cy="${cy}" r="6.2" fill="none" stroke="${styleColor("--ink")}" stroke-width="1.6"/>`);
    }
    return svgOf(size, size, parts.join("\n"));
  }
}

export class CurvesView {
  constructor(canvas) {
    this.canvas = canvas;
    this.clear();
  }

  clear() {
    /** Of each drawn moment: steps, training cost and test cost. */
    this.points = [];
  }

  /** Add a moment; of very many, every other one is dropped. */
  add(steps, training, test) {
    while (this.points.length && this.points.at(-1)[0] >= steps) this.points.pop();
    this.points.push([steps, training, test]);
    if (this.points.length > 1600) this.points = this.points.filter((_, i) => i % 2 === 0);
  }

  /** Return the lines within a frame: the largest cost, and the places. */
  lines(width, height) {
    const { points } = this;
    const steps = Math.max(points.at(-1)?.[0] || 1, 1);
    let top = 1e-12;
    for (const [, a, b] of points) {
      if (Number.isFinite(a)) top = Math.max(top, a);
      if (Number.isFinite(b)) top = Math.max(top, b);
    }
    const place = (at) => (point) => [(point[0] / steps) * width, height - (point[at] / top) * (height - 6)];
    return { top, steps, training: points.map(place(1)), test: points.map(place(2)) };
  }

  draw() {
    const { pen, width, height } = penOf(this.canvas, 128);
    pen.clearRect(0, 0, width, height);
    const [left, bottom] = [38, 18];
    const { top, steps, training, test } = this.lines(width - left - 6, height - bottom - 4);
    const [line, quiet] = ["--line", "--quiet"].map(styleColor);
    pen.font = "11px system-ui, sans-serif";
    pen.fillStyle = quiet;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    pen.strokeStyle = line;
    pen.lineWidth = 1;
    for (const share of [0, 0.5, 1]) {
      const y = height - bottom - share * (height - bottom - 10);
      pen.fillText(this.points.length ? short(top * share, 2) : "", left - 6, y);
      pen.beginPath();
      pen.moveTo(left, y);
      pen.lineTo(width - 6, y);
      pen.stroke();
    }
    pen.fillText(this.points.length ? `${steps}` : "", width - 6, height - 6);
    pen.translate(left, 4);
    for (const [points, color] of [[test, signColor(-1)], [training, signColor(1)]]) {
      pen.strokeStyle = color;
      pen.lineWidth = 2;
      pen.lineJoin = "round";
      pen.beginPath();
      points.forEach(([x, y], i) => (Number.isFinite(y) ? (i ? pen.lineTo(x, y) : pen.moveTo(x, y)) : null));
      pen.stroke();
    }
  }

  svg() {
    const [width, height] = [520, 260];
    const { top, steps, training, test } = this.lines(width - 80, height - 60);
    const path = (points, color) =>
      `<polyline transform="translate(60 20)" fill="none" stroke="${color}" stroke-width="2" points="${points
        .filter((point) => Number.isFinite(point[1]))
        .map((point) => point.map((value) => value.toFixed(1)).join(","))
        .join(" ")}"/>`;
    const ink = styleColor("--ink");
    const text = (x, y, words, anchor = "middle") =>
      `<text x="${x}" y="${y}" font-size="12" fill="${ink}" text-anchor="${anchor}">${escaped(words)}</text>`;
    return svgOf(
      width,
      height,
      [
        path(test, signColor(-1)),
        path(training, signColor(1)),
        `<path d="M60 20 V${height - 40} H${width - 20}" fill="none" stroke="${ink}"/>`,
        text(54, 30, short(top, 3), "end"),
        text(54, height - 40, "0", "end"),
        text(width - 20, height - 22, `${steps}`, "end"),
        text(width / 2, height - 8, `${t("curvesTraining")} / ${t("curvesTest")}`),
      ].join("\n"),
    );
  }
}

/** Write the table of the health of the layers. */
export function showHealth(element, health) {
  const layers = health.length / 4;
  const values = (at) => Array.from({ length: layers }, (_, l) => health[4 * l + at]);
  const largest = Math.max(...values(0).filter(Number.isFinite), 1e-300);
  const rows = values(0).map((delta, l) => {
    const [, norm, saturated, dead] = health.slice(4 * l, 4 * l + 4);
    // A logarithmic bar: a decade is an eighth of it.
    const length = delta > 0 ? Math.max(3, 100 * (1 + Math.log10(delta / largest) / 8)) : 0;
    const warn = (share) => (share > 0.3 ? ' class="warn"' : "");
    return `<tr><th scope="row">${l + 1}</th><td class="bar"><i style="width:${length.toFixed(0)}%"></i><span>${short(delta, 2)}</span></td><td>${short(norm, 2)}</td><td${warn(saturated)}>${percent(saturated)}</td><td${warn(dead)}>${percent(dead)}</td></tr>`;
  });
  const heads = ["healthLayer", "healthDelta", "healthGradient", "healthSaturated", "healthDead"];
  element.innerHTML = `<table><thead><tr>${heads.map((key) => `<th scope="col">${t(key)}</th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

/** Write the confusion matrix. */
export function showConfusion(element, evaluation, names) {
  const k = evaluation.classes;
  if (!k) {
    element.textContent = t("confusionNone");
    return;
  }
  const total = Math.max(...evaluation.confusion, 1);
  const cell = (i, j) => {
    const count = evaluation.confusion[i * k + j];
    const share = count / total;
    return `<td style="--share:${share.toFixed(3)}" class="${i === j ? "right" : "wrong"}">${count || "·"}</td>`;
  };
  const labels = Array.from({ length: k }, (_, i) => escaped(names[i] ?? i));
  const rows = labels.map((name, i) => `<tr><th scope="row">${name}</th>${labels.map((_, j) => cell(i, j)).join("")}</tr>`);
  element.innerHTML = `<table class="confusion"><caption>${t("confusionTrue")} ↓ · ${t("confusionPredicted")} →</caption><thead><tr><th></th>${labels.map((name) => `<th scope="col">${name}</th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}
