// The equations of a choice: in letters, with today's numbers, and the result.
//
// Every number comes from a pass of the core; nothing is computed here.

import { t } from "./texts.js";
import { short } from "./format.js";

const mi = (name) => `<mi>${name}</mi>`;
const mo = (sign) => `<mo>${sign}</mo>`;
const row = (...parts) => `<mrow>${parts.join("")}</mrow>`;
const indexed = (name, below, layer) =>
  `<msubsup>${mi(name)}<mrow>${below}</mrow><mrow><mo>(</mo><mn>${layer}</mn><mo>)</mo></mrow></msubsup>`;
const pair = (j, k) => `<mn>${j + 1}</mn><mo>,</mo><mn>${k + 1}</mn>`;
const one = (j) => `<mn>${j + 1}</mn>`;
const partial = (top, bottom) => `<mfrac><mrow><mo>∂</mo>${top}</mrow><mrow><mo>∂</mo>${bottom}</mrow></mfrac>`;
const w = (layer, j, k) => indexed("w", pair(j, k), layer);
const b = (layer, j) => indexed("b", one(j), layer);
const z = (layer, j) => indexed("z", one(j), layer);
const a = (layer, j) => indexed("a", one(j), layer);
const delta = (layer, j) => indexed("δ", one(j), layer);
const SLOPE = "<mrow><msup><mi>σ</mi><mo>′</mo></msup></mrow>";
const TERMS = 5; // of a sum

/** Return a number, in brackets if it is negative. */
function number(value, brackets = false) {
  const [mantissa, exponent] = short(value, 4).split("e");
  const negative = mantissa.startsWith("−");
  let text = `${negative ? '<mo form="prefix">−</mo>' : ""}<mn>${mantissa.replace("−", "")}</mn>`;
  if (exponent) text += `<mo>·</mo><msup><mn>10</mn><mn>${exponent}</mn></msup>`;
  return brackets && negative ? row(mo("("), text, mo(")")) : row(text);
}

/** Return a sum of terms, of which the middle is left out if there are many. */
function sum(count, term) {
  const places = Array.from({ length: count }, (_, i) => i);
  const shown = count > TERMS ? [...places.slice(0, TERMS - 2), null, count - 1] : places;
  return shown.map((i) => (i === null ? mo("…") : term(i))).join(mo("+"));
}

const result = (value) => `<mrow class="result">${number(value)}</mrow>`;
const product = (x, y) => row(number(x), mo("·"), number(y, true));

function equation(left, ...sides) {
  const right = sides.map((side) => `<mtr><mtd></mtd><mtd>${mo("=")}${side}</mtd></mtr>`);
  right[0] = `<mtr><mtd>${left}</mtd><mtd>${mo("=")}${sides[0]}</mtd></mtr>`;
  return `<math display="block"><mtable columnalign="right left" displaystyle="true">${right.join("")}</mtable></math>`;
}

function section(title, ...equations) {
  return `<section><h3>${title}</h3>${equations.join("")}</section>`;
}

/** The equations of one network; `formulas` holds those of σ, σ′ and C in MathML. */
export class Equations {
  constructor({ sizes, activations, cost, formulas, normalized }) {
    Object.assign(this, { sizes, activations, cost, formulas, normalized });
  }

  last() {
    return this.sizes.length - 1;
  }

  /** Return the formula of an activation or a cost, with the letters of the table. */
  formula(kind, text, part) {
    const found = this.formulas[kind]?.[text.split("(")[0]]?.[part];
    return found ? row(found) : null;
  }

  /** Return the equations of a choice, as HTML. */
  of(choice, trace, weights) {
    const { what, layer, j, k } = choice;
    if (what === "cost") return this.ofCost(trace);
    const parts = [];
    if (what === "neuron") parts.push(this.forward(layer, j, trace, weights));
    parts.push(this.backward(layer, j, trace, weights));
    if (what !== "neuron") parts.unshift(this.gradient(choice, trace));
    if (what === "neuron") parts.push(this.gradient({ what: "bias", layer, j, k }, trace));
    if (this.normalized && layer < this.last()) parts.push(`<p class="note">${t("eqNorm")}</p>`);
    const paths = this.sizes.slice(layer + 1).reduce((count, n) => count * n, 1);
    parts.push(`<p class="note">${paths === 1 ? t("eqPath") : t("eqPaths", paths)}</p>`);
    return parts.join("");
  }

  inputOf(layer, k, trace) {
    return layer === 1 ? trace.inputs[k] : trace.layers[layer - 2].a[k];
  }

  forward(layer, j, trace, weights) {
    const n = this.sizes[layer - 1];
    const own = trace.layers[layer - 1];
    const weight = (k) => weights[layer - 1].w[j * n + k];
    const letters = row(sum(n, (k) => row(w(layer, j, k), a(layer - 1, k))), mo("+"), b(layer, j));
    const numbers = row(
      sum(n, (k) => product(weight(k), this.inputOf(layer, k, trace))),
      mo("+"),
      number(weights[layer - 1].b[j], true),
    );
    const name = this.activations[layer - 1];
    const sigma = this.formula("activations", name, "sigma");
    const applied = row(mi("σ"), mo("("), z(layer, j), mo(")"));
    const sides = sigma ? [applied, sigma, result(own.a[j])] : [applied, result(own.a[j])];
    return section(
      t("eqForward"),
      equation(z(layer, j), letters, numbers, result(own.z[j])),
      `<p class="name">σ = ${name}</p>`,
      equation(a(layer, j), ...sides),
    );
  }

  backward(layer, j, trace, weights) {
    const own = trace.layers[layer - 1];
    const slope = row(SLOPE, mo("("), z(layer, j), mo(")"));
    const name = this.activations[layer - 1];
    const formula = this.formula("activations", name, "prime");
    const parts = [];
    if (!Number.isNaN(own.slope[j])) {
      const sides = formula ? [formula, result(own.slope[j])] : [result(own.slope[j])];
      parts.push(equation(slope, ...sides));
    }
    if (layer === this.last()) {
      const letters = Number.isNaN(own.slope[j])
        ? partial(mi("C"), z(layer, j))
        : row(partial(mi("C"), a(layer, j)), mo("·"), slope);
      parts.push(equation(delta(layer, j), letters, result(own.delta[j])));
    } else {
      const n = this.sizes[layer + 1];
      const width = this.sizes[layer];
      const next = trace.layers[layer];
      const letters = row(mo("("), sum(n, (i) => row(w(layer + 1, i, j), delta(layer + 1, i))), mo(")"), mo("·"), slope);
      const numbers = row(
        mo("("),
        sum(n, (i) => product(weights[layer].w[i * width + j], next.delta[i])),
        mo(")"),
        mo("·"),
        number(own.slope[j], true),
      );
      parts.push(equation(delta(layer, j), letters, numbers, result(own.delta[j])));
    }
    return section(t("eqDelta"), ...parts);
  }

  gradient({ what, layer, j, k }, trace) {
    const own = trace.layers[layer - 1];
    const bias = what === "bias";
    const value = bias ? own.gradB[j] : own.gradW[j * this.sizes[layer - 1] + k];
    const left = partial(mi("C"), bias ? b(layer, j) : w(layer, j, k));
    const letters = bias ? delta(layer, j) : row(delta(layer, j), a(layer - 1, k));
    if (trace.rows > 1) {
      const mean = row(`<mfrac><mn>1</mn><mn>${trace.rows}</mn></mfrac>`, "<mo>∑</mo>", letters);
      return section(t("eqGradient"), equation(left, mean, result(value)), `<p class="note">${t("mean", trace.rows)}</p>`);
    }
    if (bias) return section(t("eqGradient"), equation(left, letters, result(value)));
    const numbers = product(own.delta[j], this.inputOf(layer, k, trace));
    return section(t("eqGradient"), equation(left, letters, numbers, result(value)));
  }

  ofCost(trace) {
    const last = this.last();
    const output = this.activations[last - 1].split("(")[0];
    const formula =
      this.formulas.costs[`${this.cost.split("(")[0]} ${output}`] ?? this.formulas.costs[this.cost.split("(")[0]];
    const parts = [`<p class="name">C = ${this.cost}</p>`];
    const sides = formula ? [row(formula), result(trace.cost)] : [result(trace.cost)];
    parts.push(equation(mi("C"), ...sides));
    if (trace.rows > 1) parts.push(`<p class="note">${t("mean", trace.rows)}</p>`);
    const own = trace.layers[last - 1];
    const rows = Array.from({ length: Math.min(this.sizes[last], 12) }, (_, j) => {
      const y = trace.targets[j];
      return `<tr><th scope="row"><math>${a(last, j)}</math></th><td>${short(own.a[j])}</td><td><math>${indexed("y", one(j), last).replace(/<msubsup>(.*?)<\/mi>.*/, "<msub>$1</mi>" + `<mn>${j + 1}</mn></msub>`)}</math> ${short(y)}</td><td><math>${delta(last, j)}</math> ${short(own.delta[j])}</td></tr>`;
    });
    parts.push(`<table class="outputs"><tbody>${rows.join("")}</tbody></table>`);
    return section(t("eqCost"), ...parts);
  }
}

/** Return the quantities of a pass by name; of several samples, those of sample `at`. */
export function traceOf(numbers, sizes, at = 0) {
  const [cost, rows] = numbers;
  let place = 2;
  const take = (count) => numbers.subarray(place, (place += count));
  const own = (n) => take(rows * n).subarray(at * n, (at + 1) * n);
  const inputs = own(sizes[0]);
  const layers = [];
  for (let l = 1; l < sizes.length; l++) {
    const [zs, as, deltas, slopes] = [0, 1, 2, 3].map(() => own(sizes[l]));
    layers.push({ z: zs, a: as, delta: deltas, slope: slopes });
  }
  for (let l = 1; l < sizes.length; l++) {
    layers[l - 1].gradW = take(sizes[l] * sizes[l - 1]);
    layers[l - 1].gradB = take(sizes[l]);
  }
  const targets = own(sizes.at(-1));
  return { cost, rows, inputs, layers, targets };
}
