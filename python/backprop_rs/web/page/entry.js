// A choice from a table of the core: a name, and numbers for its settings.

import { t } from "./texts.js";
import { escaped } from "./format.js";

/** Return name and settings of a text such as "adam(beta1=0.8)". */
function parsed(text, table) {
  const [, name, inside] = /^([^(]*)(?:\((.*)\))?$/.exec(text) || [null, text, ""];
  const entry = table.find((one) => one.name === name.trim());
  const values = {};
  (inside || "").split(",").filter(Boolean).forEach((part, i) => {
    const [key, value] = part.includes("=") ? part.split("=") : [entry?.settings[i]?.name, part];
    if (key) values[key.trim()] = value.trim();
  });
  return { name: name.trim(), entry, values };
}

/** Fill an element with the choice; `change` gets its new text. */
export function showEntry(element, { label, table, text, usual, allowed, change }) {
  const { name, entry, values } = parsed(text, table);
  const combined = / then | \* /.test(text);
  const names = table.map((one) => one.name).filter((one) => !allowed || allowed(one) || one === name);
  const options = names.map((one) => `<option${one === name && !combined ? " selected" : ""}>${one}</option>`);
  if (usual) options.unshift(`<option value=""${text ? "" : " selected"}>${escaped(usual)} (${t("taskAuto")})</option>`);
  if (combined) options.unshift(`<option selected>${escaped(text)}</option>`);
  const id = `${element.id}-name`;
  element.innerHTML = `<label><span>${label}</span><select id="${id}">${options.join("")}</select></label>`;
  const select = element.querySelector("select");
  select.onchange = () => change(select.value);
  if (!entry || !entry.settings.length || combined) return;
  const box = document.createElement("div");
  box.className = "settings";
  for (const setting of entry.settings) {
    const row = document.createElement("label");
    row.className = "number";
    row.innerHTML = `<span>${setting.name}</span><input type="number" step="any" title="${escaped(setting.accepted)}">`;
    const input = row.querySelector("input");
    input.value = values[setting.name] ?? setting.default;
    input.onchange = () => {
      const next = { ...values, [setting.name]: input.value };
      const given = entry.settings.filter((one) => next[one.name] !== undefined && Number(next[one.name]) !== one.default);
      change(given.length ? `${name}(${given.map((one) => `${one.name}=${Number(next[one.name])}`).join(", ")})` : name);
    };
    box.append(row);
  }
  const fold = document.createElement("details");
  fold.innerHTML = `<summary>${t("settings")}</summary>`;
  fold.open = Object.keys(values).length > 0;
  fold.append(box);
  element.append(fold);
}
