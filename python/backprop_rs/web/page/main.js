// The page: it asks the worker, and shows the answers.

import { t, translate } from "./texts.js";
import { Client, unpack } from "./client.js";
import { fromLink, matched, networkOf, planOf, toLink, usualOutput } from "./settings.js";
import { useTheme } from "./colors.js";
import { short, percent } from "./format.js";
import { LESSONS } from "./lessons.js";
import { showEntry } from "./entry.js";
import { NetworkView } from "./network_view.js";
import { CurvesView, PlotView, showConfusion, showHealth } from "./plot_view.js";
import { Equations, traceOf } from "./explain_view.js";
import { film, KNOWN_OF_LAYERS, layersOf, program, readModel, save, writeModel } from "./files.js";

const byId = (id) => document.getElementById(id);
const TOYS = ["circles", "xor", "spirals", "gaussians", "plane", "waves"];
const FILM_FRAMES = 160;

let client, tables, embedded, formulas, equations;
let settings = fromLink(location.hash);
let data = null; // the samples and their names
let network = null; // sizes, activations, cost, options
let started = null; // a model that was opened: its settings and parameters
let own = null; // the columns of a file, or data that came with the page
let latest = {}; // the last answers
let running = false;
let generation = 0; // of networks: an answer for an earlier one is not drawn
let phase = null;
let phases = [];
let selection = null;
let sample = { part: "training", row: 0 };
let frames = []; // of the film
let [filming, filmed, filmPause] = [false, 0, 250]; // milliseconds between two
let drawn = 0;
let cost = 0; // milliseconds of the last complete answer
let queue = Promise.resolve();
let busy = 0; // what was asked and is not done

const networkView = new NetworkView(byId("stage"), (choice) => choose(choice));
const plotView = new PlotView(byId("plot"), (part, row) => chooseSample(part, row));
const curvesView = new CurvesView(byId("curves"));

// Messages.

function say(text, good = false) {
  const message = byId("message");
  message.textContent = text;
  message.classList.toggle("good", good);
}

/** Do something after all that was asked before; show its error. */
function inTurn(work) {
  document.documentElement.dataset.busy = ++busy;
  queue = queue
    .then(work)
    .catch((error) => {
      running = false;
      showRunning();
      say(error.message);
    })
    .finally(() => {
      document.documentElement.dataset.busy = --busy;
    });
  return queue;
}

// Data.

async function loadData() {
  const { set } = settings;
  if (TOYS.includes(set)) {
    await client.call("use_toy", {
      set,
      samples: settings.samples,
      noise: settings.noise,
      seed: settings.dataSeed,
    });
    data = { names: ["x₁", "x₂"], classNames: ["0", "1"] };
  } else if (set === "own" && own?.table) {
    const target = byId("target").value || own.table.columns.length - 1;
    const { text } = await client.call("use_table", { target, task: byId("task").value });
    const about = JSON.parse(text);
    data = { names: about.features, classNames: about.classes, about };
    const notes = [];
    if (about.left_out.length) notes.push(t("leftOut") + about.left_out.join(", ") + ".");
    if (about.dropped_rows) notes.push(`${about.dropped_rows} ${t("droppedRows")}`);
    byId("own-note").textContent = notes.join(" ");
  } else {
    const source = set === "own" && own?.embedded ? own.embedded : embedded[set];
    if (!source) {
      settings.set = "circles";
      return loadData();
    }
    const bytes = await unpack(source.rows);
    const { inputs, targets, classes } = source;
    await client.call("use_arrays", { inputs, targets, classes }, new Float64Array(bytes.buffer));
    data = { names: source.names, classNames: source.class_names, image: source.image };
  }
  const { numbers } = await client.call("divide", { test_share: settings.test, seed: settings.dataSeed });
  const [inputs, classes, targets, n, m] = numbers;
  const width = inputs + targets;
  const rows = Array.from({ length: n + m }, (_, i) => numbers.subarray(5 + i * width, 5 + (i + 1) * width));
  Object.assign(data, { inputs, classes, targets, training: rows.slice(0, n), test: rows.slice(n) });
  data.scale = Math.max(1e-9, ...rows.slice(0, 5000).map((row) => Math.abs(row[inputs])));
  settings.first = Math.min(settings.first, inputs - 1);
  settings.second = Math.min(settings.second, inputs - 1);
  sample = { part: "training", row: Math.min(sample.row, n - 1) };
  fillAxes();
}

function fillAxes() {
  byId("legend").textContent = t(data.image ? "wrongFramed" : "wrongRinged");
  for (const id of ["first", "second"]) {
    byId(id).replaceChildren(...data.names.map((name, i) => new Option(name, i, false, i === settings[id])));
  }
  byId("first").closest(".axes").hidden = data.inputs < 2 || Boolean(data.image);
}

// The network.

/** Take the description of an opened model, or that of the settings. */
function describeNetwork() {
  if (started) {
    const { settings: saved } = started;
    const layers = saved.layers || [];
    const each = (name) => layers.map((layer) => Number(layer[name] || 0)).join(";");
    return {
      sizes: saved.sizes,
      activation: saved.activation,
      output: saved.output,
      cost: saved.cost,
      init: "zeros",
      dtype: saved.dtype,
      seed: saved.seed,
      epochs_trained: saved.epochs_trained,
      ...(layers.length === 1 ? oneLayer(layers[0]) : Object.fromEntries(KNOWN_OF_LAYERS.map((name) => [name, each(name)]))),
    };
  }
  return networkOf(settings, data);
}

function oneLayer(layer) {
  return Object.fromEntries(KNOWN_OF_LAYERS.map((name) => [name, [Number(layer[name] || 0), 0]]));
}

/** Build the network, with new parameters unless a model was opened. */
async function rebuild() {
  generation++;
  clearPhase();
  const description = describeNetwork();
  const plan = { ...planOf(settings), seed: started ? started.settings.seed : settings.seed };
  await client.ask("build", {
    network: description,
    next: plan,
    samples: data.training.length,
    parameters: started?.parameters,
  });
  const { sizes, activation, output } = description;
  const layers = sizes.length - 1;
  const hidden = Array.isArray(activation) ? activation : [activation];
  const has = (name, l) => {
    const values = String(description[name] ?? 0).split(/[;,]/);
    return Number(values.length > 1 ? values[l] : l < layers - 1 || !["dropout", "layer_norm"].includes(name) ? values[0] : 0);
  };
  const options = Array.from({ length: layers }, (_, l) => ({
    ...Object.fromEntries(KNOWN_OF_LAYERS.map((name) => [name, has(name, l)])),
    layer_norm: has("layer_norm", l) !== 0,
  }));
  network = { ...description, activation: hidden, options, normalized: options.map((layer) => layer.layer_norm) };
  equations = new Equations({
    sizes,
    activations: [...hidden, output],
    cost: description.cost,
    formulas,
    normalized: network.normalized.some(Boolean),
  });
  curvesView.clear();
  [frames, filmPause] = [[], 250];
  latest = {};
  selection = keepsSelection(sizes) ? selection : null;
  networkView.show = settings.edges;
  networkView.numbers = Boolean(settings.numbers);
  networkView.selection = selection;
  networkView.build({ sizes, names: data.names, image: data.image, controls: columnControls });
  fillChoice();
  await frame(0);
}

function keepsSelection(sizes) {
  if (!selection || selection.what === "cost") return true;
  const { layer, j, k } = selection;
  return layer < sizes.length && j < sizes[layer] && (k ?? 0) < sizes[layer - 1];
}

/** Return the buttons above a layer, and the activation below. */
function columnControls(l) {
  if (!network || l === 0) return null;
  const last = network.sizes.length - 1;
  const head = document.createElement("div");
  const count = document.createElement("span");
  count.className = "count";
  count.textContent = network.sizes[l];
  head.append(count);
  if (l < last) {
    for (const [sign, change, label] of [["−", -1, "removeNeuron"], ["+", 1, "addNeuron"]]) {
      const button = document.createElement("button");
      button.className = "icon small";
      button.textContent = sign;
      button.dataset.place = `${label}${l}`;
      button.setAttribute("aria-label", t(label, l));
      button.disabled = change < 0 && network.sizes[l] === 1;
      button.onclick = () => {
        leaveModel();
        settings.hidden[l - 1] += change;
        restart();
      };
      head.append(button, " ");
    }
  }
  const foot = document.createElement("div");
  const select = document.createElement("select");
  select.setAttribute("aria-label", t("activation", l));
  const now = l < last ? network.activation[l - 1] : network.output;
  const names = tables.activations.map((entry) => entry.name).filter((name) => l === last || name !== "softmax");
  if (!names.includes(now)) names.unshift(now);
  select.append(...names.map((name) => new Option(name, name, false, name === now)));
  select.onchange = () => {
    leaveModel();
    if (l < last) settings.activations[l - 1] = select.value;
    else settings.output = select.value;
    restart();
  };
  foot.append(select);
  return { head, foot };
}

/** Take the layers of an opened model as settings: from here on they are changed. */
function leaveModel() {
  if (!started) return;
  const { settings: saved } = started;
  settings.hidden = saved.sizes.slice(1, -1);
  settings.activations = [...saved.activation];
  Object.assign(settings, { output: saved.output, cost: saved.cost, dtype: saved.dtype });
  started = null;
}

// Frames: train, ask, draw.

function wanted(complete) {
  const want = { parameters: ["parameters", {}] };
  const small = network.sizes.slice(1).reduce((sum, n) => sum + n, 0) <= 80;
  const axes = { first: settings.first, second: settings.second };
  const point = data.inputs > 2 ? { row: sample.part === "training" ? sample.row : 0 } : {};
  want.trace = ["trace", traceInput()];
  if (settings.edges === "gradient") want.gradients = ["trace", { scope: "batch" }];
  if (!complete) return want;
  if (!data.image && small) want.maps = ["grid", { what: "neurons", n: 20, ...axes, ...point }];
  want.prediction = ["grid", { what: "prediction", n: 44, ...axes, ...point }];
  want.training = ["evaluate", { part: "training" }];
  want.test = ["evaluate", { part: "test" }];
  if (!running || drawn % 8 === 0) want.health = ["health", {}];
  return want;
}

function traceInput(scope = byId("scope").value) {
  return scope === "sample" ? { scope, part: sample.part, row: sample.row } : { scope };
}

function request(count, milliseconds) {
  drawn++;
  const rest = Math.max(1, Math.ceil(cost / 7)); // a slow answer is asked for every so many frames
  const complete = !running || drawn % rest === 0;
  return client.ask("frame", { count, milliseconds, want: wanted(complete) });
}

async function frame(count, milliseconds = 1e9) {
  const from = generation;
  const answer = await request(count, milliseconds);
  if (from === generation) show(answer);
  return answer;
}

function judged(numbers, n) {
  const classes = numbers[2];
  const start = 3 + classes * classes;
  return {
    cost: numbers[0],
    score: numbers[1],
    classes,
    confusion: Array.from(numbers.subarray(3, start)),
    predicted: numbers.subarray(start, start + n),
  };
}

function show(answer) {
  Object.assign(latest, answer);
  const { sizes } = network;
  const weights = layersOf(sizes, network.normalized, answer.parameters);
  const update = { weights };
  if (!phase) update.trace = traceOf(answer.trace, sizes);
  if (answer.gradients && !phase) {
    const batch = traceOf(answer.gradients, sizes);
    update.gradients = batch.layers.map((layer) => ({ w: layer.gradW }));
  } else if (!phase) update.gradients = null;
  if (answer.maps) update.maps = { n: 20, values: answer.maps.subarray(4) };
  networkView.axes = [settings.first, settings.second];
  networkView.update(update);
  latest.weights = weights;
  latest.shown = update.trace || latest.shown;
  networkView.draw();
  if (answer.prediction) {
    cost = answer.times.all - answer.times.train;
    const evaluation = {
      training: judged(answer.training, data.training.length),
      test: data.test.length ? judged(answer.test, data.test.length) : null,
    };
    latest.evaluation = evaluation;
    drawPlot();
    curvesView.add(answer.steps, evaluation.training.cost, evaluation.test?.cost ?? NaN);
    curvesView.draw();
    showFacts(evaluation);
  }
  if (answer.health) {
    showHealth(byId("health"), answer.health);
    const part = latest.evaluation.test || latest.evaluation.training;
    showConfusion(byId("confusion"), part, data.classNames);
  }
  byId("fact-epoch").textContent = answer.position[0];
  byId("fact-step").textContent = answer.steps;
  const rewind = byId("rewind");
  rewind.max = Math.max(answer.last, answer.steps);
  if (document.activeElement !== rewind || running) rewind.value = answer.steps;
  showEquations();
  if (!running) report(answer.parameters);
  if (answer.trained?.reason === 2) stopWith(t("nonfinite"));
  else if (answer.trained?.reason === 4) stopWith(t("scheduleEnded"));
  if (answer.trained) keepFrame();
}

function stopWith(text) {
  running = false;
  showRunning();
  say(text);
}

function drawPlot() {
  if (!latest.prediction) return;
  plotView.draw({
    prediction: latest.prediction,
    n: 44,
    data,
    first: settings.first,
    second: settings.second,
    evaluation: latest.evaluation,
    sample,
  });
}

function showFacts({ training, test }) {
  const score = (one) => (one ? (data.classes ? `${percent(one.score)} ${t("accuracy")}` : `${t("rSquared")} ${short(one.score, 3)}`) : "");
  byId("fact-training").textContent = short(training.cost);
  byId("fact-test").textContent = test ? short(test.cost) : "–";
  byId("score-training").textContent = score(training);
  byId("score-test").textContent = score(test);
}

// Training.

const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function run() {
  clearPhase();
  say("");
  let pending = null;
  while (running) {
    const { speed } = settings;
    const slow = speed === "1" || speed === "10";
    const count = speed === "most" ? 1e9 : speed === "epoch" ? latest.perEpoch || 1 : 1;
    const begun = performance.now();
    const from = generation;
    const answer = await (pending || request(count, 11));
    // The worker goes on while this answer is drawn.
    pending = running && !slow ? request(count, 11) : null;
    if (from === generation) show(answer);
    if (slow) await pause(Math.max(0, 1000 / Number(speed) - (performance.now() - begun)));
    else await nextFrame();
  }
  if (pending) show(await pending);
  await frame(0);
}

function showRunning() {
  const button = byId("play");
  button.classList.toggle("running", running);
  button.setAttribute("aria-label", t(running ? "pause" : "play"));
  button.title = t(running ? "pause" : "play");
}

function togglePlay() {
  running = !running;
  showRunning();
  if (running) inTurn(run);
}

function halt() {
  running = false;
  showRunning();
}

function steps(count) {
  halt();
  inTurn(async () => {
    clearPhase();
    say("");
    await frame(typeof count === "function" ? count() : count);
  });
}

function seek(target) {
  halt();
  inTurn(async () => {
    clearPhase();
    await client.ask("seek", { target: Math.max(0, target) });
    await frame(0);
  });
}

// Half-steps: forward layer by layer, cost, δ of the output, δ layer by layer, gradients, update.

function halfStep() {
  halt();
  inTurn(async () => {
    say("");
    if (!phases.length) {
      const { numbers } = await client.call("trace", { scope: "batch" });
      const last = network.sizes.length - 1;
      const trace = traceOf(numbers, network.sizes);
      const forward = Array.from({ length: last }, (_, l) => ({ kind: "forward", layer: l + 1 }));
      const back = Array.from({ length: last }, (_, l) => ({ kind: "delta", layer: last - l }));
      phases = [...forward, { kind: "cost" }, ...back, { kind: "gradients" }, { kind: "update" }];
      networkView.update({ trace });
      latest.batch = { trace, weights: latest.weights };
    }
    phase = phases.shift();
    networkView.phase = phase;
    const { trace } = latest.batch;
    if (phase.kind === "gradients") {
      networkView.show = "gradient";
      networkView.update({ gradients: trace.layers.map((layer) => ({ w: layer.gradW })) });
    }
    if (phase.kind === "update") {
      networkView.show = settings.edges;
      await frame(1);
    }
    byId("phase").textContent = phaseText(trace);
    networkView.draw();
    showEquations();
  });
}

function phaseText(trace) {
  const last = network.sizes.length - 1;
  const { kind, layer } = phase;
  const text = {
    forward: () => t("phaseForward", layer),
    cost: () => t("phaseCost", short(trace.cost)),
    delta: () => (layer === last ? t("phaseOutput") : t("phaseBack", layer)),
    gradients: () => t("phaseGradients"),
    update: () => t("phaseUpdate"),
  }[kind]();
  const hides = network.options.some((options) => options.dropout);
  return hides ? `${text}. ${t("phaseNote")}` : text;
}

function clearPhase() {
  [phase, phases] = [null, []];
  networkView.phase = null;
  networkView.show = settings.edges;
  byId("phase").textContent = "";
}

// Explain.

function choose(choice) {
  selection = choice;
  networkView.selection = choice;
  networkView.draw();
  fillChoice();
  showEquations(true);
  nudge();
}

function chooseSample(part, row) {
  sample = { part, row };
  byId("sample").value = row;
  byId("scope").value = "sample";
  if (!running) inTurn(() => frame(0));
  nudge();
}

function fillChoice() {
  const { sizes } = network;
  const chosen = selection || { what: "cost" };
  const { what } = chosen;
  byId("what").value = what;
  const numbers = (n) => Array.from({ length: n }, (_, i) => new Option(i + 1, i));
  byId("what-layer").replaceChildren(...numbers(sizes.length - 1));
  const layer = Math.min(chosen.layer ?? 1, sizes.length - 1);
  byId("what-layer").value = layer - 1;
  byId("what-j").replaceChildren(...numbers(sizes[layer]));
  byId("what-j").value = Math.min(chosen.j ?? 0, sizes[layer] - 1);
  byId("what-k").replaceChildren(...numbers(sizes[layer - 1]));
  byId("what-k").value = Math.min(chosen.k ?? 0, sizes[layer - 1] - 1);
  for (const element of document.querySelectorAll(".of-layer")) element.hidden = what === "cost";
  for (const element of document.querySelectorAll(".of-weight")) element.hidden = what !== "weight";
  byId("sample").max = data.training.length - 1;
  byId("nudge").hidden = !["weight", "bias"].includes(selection?.what);
}

function choiceOfFields() {
  const what = byId("what").value;
  if (what === "cost") return { what };
  const layer = Math.min(Number(byId("what-layer").value) + 1, network.sizes.length - 1);
  const j = Math.min(Number(byId("what-j").value), network.sizes[layer] - 1);
  const k = Math.min(Number(byId("what-k").value), network.sizes[layer - 1] - 1);
  return what === "weight" ? { what, layer, j, k } : { what, layer, j };
}

let written = 0;
function showEquations(now = false) {
  // Between half-steps, of the batch that they show.
  const { trace, weights } = phase ? latest.batch : { trace: latest.shown, weights: latest.weights };
  if (!trace || !weights) return;
  if (running && !now && performance.now() - written < 250) return;
  written = performance.now();
  byId("equations").innerHTML = equations.of(selection || { what: "cost" }, trace, weights);
}

function nudge() {
  if (!["weight", "bias"].includes(selection?.what)) return;
  const by = Number(byId("nudge-by").value);
  byId("nudge-value").textContent = short(by, 3);
  inTurn(async () => {
    if (!["weight", "bias"].includes(selection?.what)) return;
    const { what, layer, j, k = 0 } = selection;
    const { numbers } = await client.call("nudge", { what, layer, j, k, by, ...traceInput() });
    ["before", "after", "promised"].forEach((name, i) => {
      byId(`nudge-${name}`).textContent = short(numbers[i], 6);
    });
  });
}

function keepNudge() {
  halt();
  inTurn(async () => {
    const { what, layer, j, k = 0 } = selection;
    const parameters = latest.parameters.slice();
    const own = layersOf(network.sizes, network.normalized, parameters)[layer - 1];
    const [values, at] = what === "bias" ? [own.b, j] : [own.w, j * network.sizes[layer - 1] + k];
    values[at] += Number(byId("nudge-by").value);
    await client.ask("edit", { parameters, samples: data.training.length });
    await frame(0);
  }).then(nudge);
}

function checkGradients() {
  halt();
  inTurn(async () => {
    const scope = byId("scope").value === "sample" ? traceInput() : { scope: "batch" };
    const { numbers } = await client.call("check_gradients", scope);
    const [compared, agree, undecided, largest, layer, j, k] = numbers;
    const parts = [t("checkAgree", agree, compared)];
    if (undecided) parts.push(t("checkUndecided", undecided));
    const place = layer ? ` (${k ? `w${j},${k}` : `b${j}`}, ${t("ofLayer")} ${layer})` : "";
    parts.push(t("checkLargest", short(largest, 2)) + place);
    byId("check-result").textContent = `${parts.join("; ")}.`;
  });
}

// Files.

/** Return the settings of the network as a model file has them. */
function savedSettings() {
  const { sizes, activation, output, cost, dtype, seed, options } = network;
  const saved = {
    sizes,
    activation,
    output,
    cost,
    dtype,
    seed: /^\d{1,15}$/.test(seed) ? Number(seed) : String(seed),
    epochs_trained: latest.position[0],
    metadata: started?.settings.metadata || {},
  };
  if (options.some((layer) => Object.values(layer).some(Boolean))) saved.layers = options;
  if (started?.settings.several_labels) saved.several_labels = true;
  return saved;
}

const checksum = async (bytes) => (await client.call("checksum", bytes)).text;

function keepModel() {
  inTurn(async () => {
    const { numbers } = await client.call("parameters");
    save("playground.safetensors", await writeModel(savedSettings(), numbers, checksum), "application/octet-stream");
  });
}

/** Send the network to the notebook around the page, if there is one. */
async function report(parameters) {
  if (!embedded.widget) return;
  const bytes = await writeModel(savedSettings(), parameters, checksum);
  window.parent.postMessage({ playground: bytes }, "*");
}

function keepProgram() {
  inTurn(async () => {
    const { steps: count, log } = await client.ask("log");
    const saved = savedSettings();
    saved.epochs_before = started?.settings.epochs_trained || 0;
    const text = program({
      settings: saved,
      init: started ? "zeros" : settings.init,
      data,
      log,
      steps: count,
      started,
    });
    save("playground.py", text, "text/x-python");
  });
}

/** Keep a picture for the film, a few in a second; of many, every other one is dropped. */
function keepFrame() {
  if (filming || performance.now() - filmed < filmPause) return;
  filmed = performance.now();
  const width = 960;
  const canvas = document.createElement("canvas");
  const [left, right] = [networkView.canvas, byId("plot")];
  const high = Math.round((width * 0.62 * left.height) / left.width);
  const edge = Math.round(width * 0.36);
  [canvas.width, canvas.height] = [width, Math.max(high, edge)];
  const pen = canvas.getContext("2d");
  pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--card");
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(left, 0, 0, width * 0.62, high);
  pen.drawImage(right, width * 0.64, 0, edge, edge);
  const caption = `${t("stepNumber")} ${latest.steps} · C = ${short(latest.evaluation.training.cost)}`;
  const own = frames;
  filming = true;
  canvas.toBlob(
    (picture) => {
      filming = false;
      own.push({ picture, caption });
      document.documentElement.dataset.pictures = own.length;
      if (own.length < FILM_FRAMES) return;
      filmPause *= 2;
      own.splice(0, own.length, ...own.filter((_, i) => i % 2 === 0));
    },
    "image/webp",
    0.8,
  );
}

/** Return the address of a picture that holds all of it. */
function whole(picture) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(picture);
  });
}

function keepFilm() {
  if (!frames.length) return say(t("filmEmpty"));
  inTurn(async () => {
    const pictures = await Promise.all(frames.map((one) => whole(one.picture)));
    save("playground.html", film(pictures, frames.map((one) => one.caption)), "text/html");
  });
}

async function openModel(bytes) {
  const opened = await readModel(bytes, checksum);
  const { sizes } = opened.settings;
  const outputs = data.classes > 2 ? data.classes : data.classes ? 1 : data.targets;
  if (sizes[0] !== data.inputs || (sizes.at(-1) !== outputs && !(data.classes && sizes.at(-1) >= data.classes)))
    throw new Error(t("modelData", sizes[0], sizes.at(-1)));
  started = opened;
  await rebuild();
  fillFields();
  say(t("modelOpened", sizes.join("-")), true);
}

function openFile(file) {
  halt();
  const ending = file.name.toLowerCase().split(".").pop();
  inTurn(async () => {
    say("");
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (ending === "safetensors") return openModel(bytes);
    if (ending === "json") {
      const lesson = JSON.parse(new TextDecoder().decode(bytes));
      return openLink(String(lesson.link || ""));
    }
    if (!["csv", "tsv", "txt"].includes(ending)) throw new Error(t("fileUnknown"));
    const { text } = await client.call("read_table", bytes);
    own = { name: file.name, table: JSON.parse(text) };
    const { columns } = own.table;
    byId("target").replaceChildren(...columns.map((column, i) => new Option(column.name, i)));
    byId("target").value = columns.length - 1;
    byId("task").value = "auto";
    settings.set = "own";
    await useOwn();
  });
}

async function useOwn() {
  started = null;
  Object.assign(settings, { output: "", cost: "", first: 0, second: 1 });
  await loadData();
  fillFields();
  await rebuild();
}

async function openLink(link) {
  started = null;
  settings = fromLink(link);
  applyTheme();
  await loadData();
  fillFields();
  await rebuild();
}

// Lessons.

function fillLessons() {
  const menu = byId("lessons").querySelector("div");
  for (const [name, link] of Object.entries(LESSONS)) {
    const button = document.createElement("button");
    button.setAttribute("role", "menuitem");
    button.id = `lesson-${name}`;
    button.textContent = t(`lesson_${name}`);
    button.onclick = () => {
      byId("lessons").open = false;
      halt();
      inTurn(() => openLink(`${link}&lesson=${name}&theme=${settings.theme}`)).then(keepLink);
    };
    menu.append(button);
  }
}

function showLesson() {
  const name = settings.lesson;
  byId("lesson").hidden = !(name in LESSONS);
  if (!(name in LESSONS)) return;
  byId("lesson").querySelector("h2").textContent = t(`lesson_${name}`);
  const items = t(`lesson_${name}_steps`)
    .split("\n")
    .map((text) => Object.assign(document.createElement("li"), { textContent: text }));
  byId("lesson").querySelector("ol").replaceChildren(...items);
}

// Fields.

/** Start again after a change of the data or the network. */
function restart({ reload = false } = {}) {
  halt();
  keepLink();
  inTurn(async () => {
    say("");
    if (reload) await loadData();
    matched(settings);
    await rebuild();
    fillFields();
  });
}

/** Go on with other settings of the training. */
function replan() {
  const wasRunning = running;
  halt();
  keepLink();
  inTurn(async () => {
    const plan = { ...planOf(settings), seed: network.seed };
    await client.ask("plan", { next: plan, samples: data.training.length });
    fillFields();
    await frame(0);
    if (wasRunning) togglePlay();
  });
}

function keepLink() {
  try {
    history.replaceState(null, "", toLink(settings));
  } catch {
    // A page without an address, such as one within a notebook, has no link.
  }
}

function fillFields() {
  showLesson();
  for (const id of ["samples", "noise", "test"]) {
    const input = byId(id);
    input.value = settings[id];
    input.closest("label").querySelector("output").textContent = id === "test" ? percent(settings[id]) : settings[id];
  }
  for (const id of ["dataSeed", "rate", "batch", "epochs", "seed", "dtype", "speed", "edges"]) byId(id).value = settings[id];
  for (const id of ["shuffle", "numbers"]) byId(id).checked = Boolean(Number(settings[id]));
  const sets = [...TOYS, ...Object.keys(embedded).filter((name) => name !== "own"), ...(own ? ["own"] : [])];
  byId("set").replaceChildren(...sets.map((name) => new Option(name === "own" && own?.name ? own.name : t(name), name, false, name === settings.set)));
  byId("toy").hidden = !TOYS.includes(settings.set);
  byId("own").hidden = !(settings.set === "own" && own?.table);
  byId("epochs-row").hidden = settings.schedule === "constant";
  const usual = usualOutput({ ...settings, output: "", cost: "" }, data);
  const { output } = usualOutput(settings, data);
  const entries = {
    optimizer: { label: t("optimizer"), table: tables.optimizers, change: (text) => set("optimizer", text, replan) },
    schedule: { label: t("schedule"), table: tables.schedules, change: (text) => set("schedule", text, replan) },
    init: { label: t("init"), table: tables.initializers, change: (text) => set("init", text, restart) },
    output: {
      label: t("output"),
      table: tables.activations,
      usual: usual.output,
      change: (text) => set("output", text, restart),
    },
    cost: {
      label: t("cost"),
      table: tables.costs,
      usual: usualOutput({ ...settings, cost: "" }, data).cost,
      allowed: (name) => tables.outputs[name].includes(output.split("(")[0]),
      change: (text) => set("cost", text, restart),
    },
  };
  for (const [id, entry] of Object.entries(entries)) showEntry(byId(id), { ...entry, text: settings[id] });
  for (const input of byId("regularizers").querySelectorAll("input")) {
    if (input.type === "checkbox") input.checked = Boolean(settings[input.id]);
    else input.value = settings[input.id];
  }
}

function set(name, value, then) {
  if (then === restart) leaveModel();
  settings[name] = value;
  then();
}

function listen() {
  const on = (id, event, work) => byId(id).addEventListener(event, work);
  on("play", "click", togglePlay);
  on("reset", "click", () => restart());
  on("back", "click", () => seek((latest.steps || 0) - 1));
  on("half", "click", halfStep);
  on("step", "click", () => steps(1));
  on("epoch", "click", () => steps(() => latest.perEpoch - latest.position[1] || latest.perEpoch));
  on("rewind", "input", () => seek(Number(byId("rewind").value)));
  on("theme", "click", () => {
    settings.theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    applyTheme();
    redraw();
    keepLink();
  });
  for (const id of ["samples", "noise", "test", "dataSeed"])
    on(id, "change", () => set(id, Number(byId(id).value), () => restart({ reload: true })));
  for (const id of ["samples", "noise", "test"])
    on(id, "input", () => {
      const { value } = byId(id);
      byId(id).closest("label").querySelector("output").textContent = id === "test" ? percent(Number(value)) : value;
    });
  on("set", "change", () => {
    started = null;
    Object.assign(settings, { set: byId("set").value, output: "", cost: "", first: 0, second: 1 });
    restart({ reload: true });
  });
  for (const id of ["target", "task"]) on(id, "change", () => restart({ reload: true }));
  for (const id of ["rate", "batch", "epochs"]) on(id, "change", () => set(id, Number(byId(id).value), replan));
  on("shuffle", "change", () => set("shuffle", Number(byId("shuffle").checked), replan));
  on("seed", "change", () => set("seed", Number(byId("seed").value), restart));
  on("dtype", "change", () => set("dtype", byId("dtype").value, restart));
  on("speed", "change", () => set("speed", byId("speed").value, keepLink));
  for (const id of ["first", "second"]) on(id, "change", () => set(id, Number(byId(id).value), refresh));
  on("edges", "change", () => {
    settings.edges = networkView.show = byId("edges").value;
    refresh();
  });
  on("numbers", "change", () => {
    settings.numbers = Number(byId("numbers").checked);
    networkView.numbers = Boolean(settings.numbers);
    refresh();
  });
  on("add-layer", "click", () => {
    leaveModel();
    settings.hidden.push(settings.hidden.at(-1) || 4);
    restart();
  });
  on("remove-layer", "click", () => {
    leaveModel();
    settings.hidden.pop();
    restart();
  });
  for (const id of ["what", "what-layer", "what-j", "what-k"]) on(id, "change", () => choose(choiceOfFields()));
  on("sample", "change", () => chooseSample("training", Math.min(Math.max(0, Math.round(Number(byId("sample").value))), data.training.length - 1)));
  on("scope", "change", () => {
    refresh();
    nudge();
  });
  on("nudge-by", "input", nudge);
  on("nudge-keep", "click", keepNudge);
  on("check", "click", checkGradients);
  on("lesson-end", "click", () => set("lesson", "", () => (showLesson(), keepLink())));
  on("open", "click", () => byId("file").click());
  on("file", "change", () => {
    const [file] = byId("file").files;
    if (file) openFile(file);
    byId("file").value = "";
  });
  const kept = {
    "keep-model": keepModel,
    "keep-program": keepProgram,
    "keep-film": keepFilm,
    "keep-network": () => save("network.svg", networkView.svg(), "image/svg+xml"),
    "keep-plot": () => save("prediction.svg", plotView.svg(), "image/svg+xml"),
    "keep-curves": () => save("curves.svg", curvesView.svg(), "image/svg+xml"),
    "keep-lesson": () => save("lesson.json", JSON.stringify({ link: toLink(settings) }, null, 2), "application/json"),
    "keep-link": async () => {
      keepLink();
      await navigator.clipboard?.writeText(location.href).catch(() => {});
      say(t("linkCopied"), true);
    },
  };
  for (const [id, work] of Object.entries(kept))
    on(id, "click", () => {
      byId("keep").open = false;
      work();
    });
  document.addEventListener("click", (event) => {
    for (const id of ["keep", "lessons"]) if (!byId(id).contains(event.target)) byId(id).open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const id of ["keep", "lessons"]) byId(id).open = false;
      choose(null);
    }
    if (/^(INPUT|SELECT|BUTTON|SUMMARY|TEXTAREA)$/.test(event.target.tagName) || event.ctrlKey || event.metaKey) return;
    const work = { " ": togglePlay, s: () => steps(1), h: halfStep, ArrowLeft: () => seek(latest.steps - 1), ArrowRight: () => steps(1) }[event.key];
    if (!work) return;
    event.preventDefault();
    work();
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    byId("drop").hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) byId("drop").hidden = true;
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    byId("drop").hidden = true;
    const [file] = event.dataTransfer.files;
    if (file) openFile(file);
  });
  window.addEventListener("hashchange", () => inTurn(() => openLink(location.hash)));
  new ResizeObserver(() => {
    networkView.place();
    drawPlot();
    curvesView.draw();
  }).observe(byId("stage"));
}

function refresh() {
  keepLink();
  if (!running) inTurn(() => frame(0));
}

function redraw() {
  networkView.draw();
  drawPlot();
  curvesView.draw();
}

function applyTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = settings.theme || (dark ? "dark" : "light");
  document.documentElement.dataset.theme = theme;
  useTheme(theme);
}

function fillRegularizers() {
  for (const { name, accepted } of tables.regularizers) {
    const label = document.createElement("label");
    const flag = accepted === "0 or 1";
    label.className = flag ? "check" : "number";
    label.innerHTML = flag
      ? `<input id="${name}" type="checkbox"><span>${t(name)}</span>`
      : `<span>${t(name)}</span><input id="${name}" type="number" min="0" step="any" title="${accepted}">`;
    byId("regularizers").append(label);
    const input = label.querySelector("input");
    input.onchange = () => set(name, flag ? Number(input.checked) : Number(input.value), restart);
  }
}

async function start() {
  translate(document);
  document.title = t("title");
  applyTheme();
  listen();
  const wasm = await unpack(byId("core").textContent);
  formulas = JSON.parse(byId("formulas").textContent);
  embedded = JSON.parse(byId("embedded").textContent);
  client = new Client(byId("worker").textContent);
  await client.ask("start", { wasm });
  tables = JSON.parse((await client.call("describe_tables")).text);
  fillRegularizers();
  fillLessons();
  if (embedded.own) {
    own = { name: embedded.own.name, embedded: embedded.own };
    if (!location.hash.includes("set=")) settings.set = "own";
  }
  await loadData();
  fillFields();
  await rebuild();
  if (embedded.own?.model) await openModel(await unpack(embedded.own.model));
  document.documentElement.dataset.ready = "1";
}

inTurn(start);
