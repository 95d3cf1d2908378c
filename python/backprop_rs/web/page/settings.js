// The settings of the page, and the link that holds them.

import { LESSONS } from "./lessons.js";

export const DEFAULTS = {
  set: "circles",
  samples: 300,
  noise: 0.1,
  dataSeed: 1,
  test: 0.3,
  hidden: [4, 4],
  activations: ["tanh", "tanh"],
  output: "",
  cost: "",
  init: "auto",
  dtype: "float32",
  seed: 1,
  l1: 0,
  l2: 0,
  weight_decay: 0,
  max_norm: 0,
  dropout: 0,
  layer_norm: 0,
  rate: 0.1,
  batch: 10,
  optimizer: "sgd",
  schedule: "constant",
  epochs: 100,
  shuffle: 1,
  speed: "frame",
  first: 0,
  second: 1,
  edges: "weight",
  numbers: 0,
  theme: "",
  lesson: "",
};

/** Return a value of the kind of the default. */
function likeDefault(name, text) {
  const kind = DEFAULTS[name];
  if (name === "hidden") return text ? text.split(",").map(Number).filter((n) => n >= 1) : [];
  if (name === "activations") return text ? text.split(";") : [];
  return typeof kind === "number" ? Number(text) : text;
}

/** Return the settings of a link. */
export function fromLink(hash) {
  const settings = structuredClone(DEFAULTS);
  const link = new URLSearchParams(hash.replace(/^#/, ""));
  const lesson = LESSONS[link.get("lesson")];
  // The name of a lesson alone is its link.
  const all = lesson && !link.has("set") ? [...new URLSearchParams(lesson), ...link] : link;
  for (const [name, text] of all) {
    if (!(name in DEFAULTS)) continue;
    const value = likeDefault(name, text);
    if (typeof value !== "number" || Number.isFinite(value)) settings[name] = value;
  }
  return matched(settings);
}

/** Return the settings with an activation for each hidden layer. */
export function matched(settings) {
  const { hidden } = settings;
  const last = settings.activations.at(-1) || "tanh";
  settings.hidden = hidden.map((n) => Math.min(Math.max(Math.round(n), 1), 1024)).slice(0, 12);
  settings.activations = settings.hidden.map((_, l) => settings.activations[l] || last);
  return settings;
}

/** Return the part of a link that holds the settings that differ from the defaults. */
export function toLink(settings) {
  const link = new URLSearchParams();
  for (const [name, usual] of Object.entries(DEFAULTS)) {
    const join = (value) => (Array.isArray(value) ? value.join(name === "hidden" ? "," : ";") : String(value));
    if (join(settings[name]) !== join(usual)) link.set(name, join(settings[name]));
  }
  return `#${link}`;
}

/** Return the network as the core builds it. */
export function networkOf(settings, data) {
  const outputs = data.classes > 2 ? data.classes : data.classes ? 1 : data.targets;
  const { output, cost } = usualOutput(settings, data);
  return {
    sizes: [data.inputs, ...settings.hidden, outputs],
    activation: settings.activations,
    output,
    cost,
    init: settings.init,
    dtype: settings.dtype,
    seed: settings.seed,
    l1: settings.l1,
    l2: settings.l2,
    weight_decay: settings.weight_decay,
    max_norm: settings.max_norm,
    dropout: settings.dropout,
    layer_norm: settings.layer_norm,
  };
}

/** Return output and cost: those that were chosen, or the usual ones for the targets. */
export function usualOutput(settings, data) {
  const output = settings.output || (data.classes > 2 ? "softmax" : data.classes ? "sigmoid" : "identity");
  const usual = ["softmax", "sigmoid"].includes(output.split("(")[0]) && data.classes;
  return { output, cost: settings.cost || (usual ? "cross_entropy" : "squared_error") };
}

/** Return how the core trains. */
export function planOf(settings) {
  return {
    batch_size: settings.batch,
    learning_rate: settings.rate,
    optimizer: settings.optimizer,
    schedule: settings.schedule,
    epochs: settings.epochs,
    shuffle: settings.shuffle,
    seed: settings.seed,
  };
}
