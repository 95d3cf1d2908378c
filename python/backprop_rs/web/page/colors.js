// Colors that color-blind people tell apart: orange and blue for two signs, Okabe and Ito's for classes.

const LIGHT = { low: [214, 107, 0], middle: [244, 245, 247], high: [0, 104, 181] };
const DARK = { low: [245, 150, 50], middle: [30, 34, 42], high: [72, 160, 240] };
const CLASSES = ["#e69f00", "#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b7a900", "#8c6bb1", "#7f7f7f", "#a6611a"];
const PAIR = { light: ["#d66b00", "#0068b5"], dark: ["#f59632", "#48a0f0"] };

let theme = "light";
let table = null;
const styles = new Map(); // of the theme

/** Use the colors of the light or the dark theme. */
export function useTheme(name) {
  theme = name;
  styles.clear();
  const { low, middle, high } = name === "dark" ? DARK : LIGHT;
  table = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const part = i / 127.5 - 1;
    const end = part < 0 ? low : high;
    const share = Math.abs(part) ** 0.85;
    const [r, g, b] = middle.map((value, k) => Math.round(value + (end[k] - value) * share));
    table[i] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
}

/** Return the packed color of a number between -1 and 1. */
export function packed(value) {
  const at = Math.round((value + 1) * 127.5);
  return table[at < 0 ? 0 : at > 255 ? 255 : at || 0];
}

/** Return the color of a number between -1 and 1 as text. */
export function colorOf(value) {
  const color = packed(value);
  return `rgb(${color & 255},${(color >> 8) & 255},${(color >> 16) & 255})`;
}

/** Return the color of a sign, for lines. */
export function signColor(value) {
  return PAIR[theme][value < 0 ? 0 : 1];
}

/** Return the color of a class. */
export function classColor(label, classes) {
  return classes === 2 ? PAIR[theme][label] : CLASSES[label % CLASSES.length];
}

/** Return the packed color of a class that is sure to a degree from 0 to 1. */
export function packedClass(label, share) {
  const hex = CLASSES[label % CLASSES.length];
  const middle = (theme === "dark" ? DARK : LIGHT).middle;
  const part = [1, 3, 5].map((at, k) => {
    const value = parseInt(hex.slice(at, at + 2), 16);
    return Math.round(middle[k] + (value - middle[k]) * share);
  });
  return (255 << 24) | (part[2] << 16) | (part[1] << 8) | part[0];
}

/** Return the value of a color of the style sheet. */
export function styleColor(name) {
  if (!styles.has(name)) {
    styles.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  }
  return styles.get(name);
}
