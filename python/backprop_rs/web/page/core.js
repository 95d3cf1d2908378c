// The core: calls of WebAssembly. A call gets settings and numbers, and returns a text and numbers.

/** Return settings as the lines that the core reads. */
function settingLines(settings) {
  return Object.entries(settings)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `${name}\t${Array.isArray(value) ? value.join(";") : value}`)
    .join("\n");
}

export class Core {
  constructor(instance) {
    this.exports = instance.exports;
    this.call("start");
  }

  /** Call a function; throw an Error with one sentence if it fails. */
  call(name, input = {}, numbers = null) {
    const core = this.exports;
    const bytes =
      input instanceof Uint8Array
        ? input
        : new TextEncoder().encode(typeof input === "string" ? input : settingLines(input));
    const place = core.text_in(bytes.length);
    new Uint8Array(core.memory.buffer, place, bytes.length).set(bytes);
    const start = core.numbers_in(numbers ? numbers.length : 0);
    if (numbers) new Float64Array(core.memory.buffer, start, numbers.length).set(numbers);
    const failed = core[name]();
    const text = new TextDecoder().decode(
      new Uint8Array(core.memory.buffer, core.text_out(), core.text_length()),
    );
    if (failed) throw new Error(text);
    const view = new Float64Array(core.memory.buffer, core.numbers_out(), core.numbers_length());
    return { text, numbers: view.slice() };
  }
}
