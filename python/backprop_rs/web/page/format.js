// Numbers as text.

/** Return a number with few digits, and with a true minus sign. */
export function short(value, digits = 4) {
  if (value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text = size >= 1e6 || size < 1e-4 ? value.toExponential(digits - 2) : value.toPrecision(digits);
  if (!text.includes("e")) text = String(Number(text));
  return text.replace(/-/g, "−").replace(/e\+?/, "e");
}

/** Return a share as percents. */
export function percent(value) {
  return Number.isNaN(value) ? "–" : `${(100 * value).toFixed(value > 0.995 && value < 1 ? 1 : 0)} %`;
}

/** Return text that is safe within HTML. */
export function escaped(text) {
  return String(text).replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);
}
