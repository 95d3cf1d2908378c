// Files: models as backprop_rs saves them, the Python program of a training, and its film.

import { t } from "./texts.js";

/** Have the browser save a file. */
export function save(name, content, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** The settings of a file and of its layers that the page knows. */
const KNOWN = "sizes activation output cost dtype seed epochs_trained metadata layers several_labels functions".split(" ");
export const KNOWN_OF_LAYERS = "dropout l1 l2 weight_decay max_norm layer_norm".split(" ");
const ARRAYS = { float32: Float32Array, float64: Float64Array };

/** Return the parameters of each layer in the order of the core, by name. */
export function layersOf(sizes, normalized, numbers) {
  let place = 0;
  const take = (count) => numbers.subarray(place, (place += count));
  return sizes.slice(1).map((n, l) => {
    const layer = { w: take(n * sizes[l]), b: take(n) };
    if (normalized[l]) Object.assign(layer, { gains: take(n), shifts: take(n) });
    return layer;
  });
}

/** Return a model file: the length of the header, the header, the numbers. */
export async function writeModel(settings, parameters, checksum) {
  const Numbers = ARRAYS[settings.dtype];
  const normalized = (settings.layers || []).map((layer) => layer.layer_norm);
  const header = {};
  const pieces = [];
  let start = 0;
  for (const [l, layer] of layersOf(settings.sizes, normalized, parameters).entries()) {
    const [n_in, n_out] = [settings.sizes[l], settings.sizes[l + 1]];
    const parts = { weights: layer.w, biases: layer.b, gains: layer.gains, shifts: layer.shifts };
    for (const [name, values] of Object.entries(parts)) {
      if (!values) continue;
      const array = Numbers.from(values);
      const shape = name === "weights" ? [n_out, n_in] : [n_out];
      const end = start + array.byteLength;
      const dtype = `F${8 * Numbers.BYTES_PER_ELEMENT}`;
      header[`layer.${l + 1}.${name}`] = { dtype, shape, data_offsets: [start, end] };
      pieces.push(new Uint8Array(array.buffer));
      start = end;
    }
  }
  const text = JSON.stringify(settings).replace(/"seed":"(\d+)"/, '"seed":$1'); // too long for a double
  const body = await bytesOf(pieces);
  const digest = await checksum(await bytesOf([text, body]));
  const metadata = { format: "backprop_rs", format_version: "1", settings: text, sha256: digest };
  let head = new TextEncoder().encode(JSON.stringify({ __metadata__: metadata, ...header }));
  head = await bytesOf([head, " ".repeat((8 - (head.length % 8)) % 8)]);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(head.length), true);
  return bytesOf([length, head, body]);
}

async function bytesOf(parts) {
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Return the settings of a model file, and its parameters in the order of the core. */
export async function readModel(bytes, checksum) {
  const unknown = () => new Error(t("modelUnknown"));
  let header, body, settings;
  try {
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    body = bytes.subarray(8 + length);
  } catch {
    throw unknown();
  }
  const metadata = header.__metadata__ || {};
  if (metadata.format?.startsWith("backprop_rs") && metadata.format !== "backprop_rs")
    throw new Error(t("modelWithPreparation"));
  if (metadata.format !== "backprop_rs" || metadata.format_version !== "1") throw unknown();
  const digest = await checksum(await bytesOf([metadata.settings, body]));
  if (digest !== metadata.sha256) throw new Error(t("modelChanged"));
  // A seed may have more digits than a number of JavaScript.
  settings = JSON.parse(metadata.settings.replace(/"seed":\s*(\d+)/, '"seed": "$1"'));
  if (settings.functions?.length) throw new Error(t("modelFunctions"));
  if (!settings.sizes) throw new Error(t("modelWithPreparation"));
  const given = (one, known) => Object.keys(one).find((name) => one[name] && !known.includes(name));
  const layers = (settings.layers || []).map((layer) => given(layer, KNOWN_OF_LAYERS));
  const unsupported = given(settings, KNOWN) ?? layers.find(Boolean);
  if (unsupported) throw new Error(t("modelUnsupported", unsupported));
  const Numbers = ARRAYS[settings.dtype];
  const parameters = [];
  for (let l = 1; l < settings.sizes.length; l++) {
    for (const name of ["weights", "biases", "gains", "shifts"]) {
      const entry = header[`layer.${l}.${name}`];
      delete header[`layer.${l}.${name}`];
      if (!entry) continue;
      const [start, end] = entry.data_offsets;
      for (const value of new Numbers(body.slice(start, end).buffer)) parameters.push(value);
    }
  }
  delete header.__metadata__;
  const [left] = Object.keys(header);
  if (left) throw new Error(t("modelUnsupported", left));
  return { settings, parameters: Float64Array.from(parameters) };
}

/** Return base64 of numbers, in lines. */
function base64(numbers, Numbers) {
  const bytes = new Uint8Array(Numbers.from(numbers).buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text).replace(/.{1,96}/g, '    "$&"\n').trimEnd();
}

const python = (value) => (typeof value === "string" ? JSON.stringify(value) : String(value));

/** Return the Python program that trains the same network to the same bits. */
export function program({ settings, init, data, log, steps, started }) {
  const Numbers = ARRAYS[settings.dtype];
  const size = 8 * Numbers.BYTES_PER_ELEMENT;
  const outputs = settings.sizes.at(-1);
  const labels = data.classes > 0 && outputs > 1;
  const rows = data.training;
  const x = rows.flatMap((row) => Array.from(row.slice(0, data.inputs)));
  const y = rows.flatMap((row) => Array.from(row.slice(data.inputs)));
  const shape = labels || outputs === 1 ? `${rows.length}` : `${rows.length}, ${outputs}`;
  const lines = [
    '"""Train the network of the playground to the same bits."""',
    "",
    "from base64 import b64decode",
    "",
    "import numpy as np",
    "",
    "import backprop_rs as bp",
    "",
    "",
    "def numbers(text, *shape):",
    '    """Return the numbers that a text holds."""',
    `    return np.frombuffer(b64decode(text), "<f${size / 8}").reshape(shape)`,
    "",
    "",
    "class StopAfter:",
    '    """Stop a training after some steps."""',
    "",
    "    def __init__(self, steps):",
    "        self.left = steps",
    "",
    "    def on_step_end(self, step):",
    "        self.left -= 1",
    "        if self.left == 0:",
    "            step.stop()",
    "",
    "",
    `# ${rows.length} samples of ${data.inputs} inputs.`,
    "X = numbers(",
    base64(x, Numbers) + ",",
    `    ${rows.length},`,
    `    ${data.inputs},`,
    ")",
    "y = numbers(",
    base64(y, Numbers) + ",",
    `    ${shape},`,
    `)${labels ? ".astype(int)" : ""}`,
    "",
  ];
  const layers = settings.layers;
  const sizes = layers
    ? settings.sizes.map((n, l) => (l ? `bp.Dense(${[n, ...denseOptions(layers[l - 1])].join(", ")})` : n))
    : settings.sizes;
  lines.push(
    "net = bp.Network(",
    `    [${sizes.join(", ")}],`,
    `    activation=[${settings.activation.map(python).join(", ")}],`,
    `    output=${python(settings.output)},`,
    `    cost=${python(settings.cost)},`,
    `    init=${python(init)},`,
    `    dtype=${python(settings.dtype)},`,
    `    seed=${settings.seed},`,
    ")",
  );
  const assign = (values) => {
    const normalized = (layers || []).map((layer) => layer.layer_norm);
    const parts = { weights: "w", biases: "b", gains: "gains", shifts: "shifts" };
    const all = layersOf(settings.sizes, normalized, Float64Array.from(values));
    for (const [name, key] of Object.entries(parts)) {
      if (!all.some((layer) => layer[key])) continue;
      lines.push(`net.${name} = [`);
      for (const [l, layer] of all.entries()) {
        const shape = key === "w" ? `${settings.sizes[l + 1]}, ${settings.sizes[l]}` : `${settings.sizes[l + 1]}`;
        lines.push(layer[key] ? `    numbers(\n    ${base64(layer[key], Numbers).replaceAll("\n", "\n    ")},\n        ${shape},\n    ),` : "    None,");
      }
      lines.push("]");
    }
  };
  if (started) {
    assign(started.parameters);
    lines.push(`net.epochs_trained = ${settings.epochs_before || 0}`);
  }
  for (const [i, entry] of log.entries()) {
    if (entry.edited) assign(entry.edited);
    const count = (log[i + 1]?.steps ?? steps) - entry.steps;
    if (count <= 0) continue;
    const { plan } = entry;
    const perEpoch = Math.max(1, Math.ceil(rows.length / Math.min(plan.batch_size, rows.length)));
    const epochs = plan.schedule === "constant" ? Math.ceil(count / perEpoch) : plan.epochs;
    const whole = epochs * perEpoch === count;
    lines.push(
      "net.fit(",
      "    X,",
      "    y,",
      `    epochs=${epochs},`,
      `    batch_size=${plan.batch_size},`,
      `    learning_rate=${plan.learning_rate},`,
      `    optimizer=${python(plan.optimizer)},`,
      `    schedule=${python(plan.schedule)},`,
      `    shuffle=${Number(plan.shuffle) ? "True" : "False"},`,
      ...(whole ? [] : [`    callbacks=StopAfter(${count}),`]),
      "    progress=False,",
      ")",
    );
  }
  lines.push('net.save("playground.safetensors")', "print(net, net.evaluate(X, y))", "");
  return lines.join("\n");
}

function denseOptions(options) {
  return Object.entries(options)
    .filter(([, value]) => value)
    .map(([name, value]) => `${name}=${value === true ? "True" : value}`);
}

/** Return a page that plays pictures. */
export function film(frames, captions) {
  const data = JSON.stringify({ frames, captions });
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${t("title")}</title>
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<style>body{margin:2rem auto;max-width:960px;font:16px system-ui;text-align:center;background:#fff;color:#1c2330}img{width:100%}input{width:60%}</style>
<img id="picture" alt=""><p id="caption"></p>
<p><button id="play">⏯</button> <input id="place" type="range" min="0" value="0" aria-label="frame"></p>
<script>
  const { frames, captions } = ${data};
  const [picture, caption, place, play] = ["picture", "caption", "place", "play"].map((id) => document.getElementById(id));
  place.max = frames.length - 1;
  let running = true;
  function show() { picture.src = frames[place.value]; caption.textContent = captions[place.value]; }
  setInterval(() => { if (running) { place.value = (Number(place.value) + 1) % frames.length; show(); } }, 120);
  play.onclick = () => { running = !running; };
  place.oninput = () => { running = false; show(); };
  show();
</script></html>
`;
}
