// The sentences of the page, from one file per language: texts/en.json. A key is a path, "page.player.play". A text
// holds {names} for values; a text that depends on a count is an object of plural forms, {"one": ..., "other": ...}.

let texts = {};
let plural = new Intl.PluralRules("en");

export async function loadTexts(language = "en") {
  const reply = await fetch(new URL(`texts/${language}.json`, import.meta.url));
  texts = await reply.json();
  plural = new Intl.PluralRules(language);
}

const look = (key) => key.split(".").reduce((part, name) => part?.[name], texts);

export const hasText = (key) => look(key) !== undefined;

// Return the text of a key with the values in their places; a key without a text comes back itself.
export function text(key, values = {}) {
  let found = look(key);
  if (found?.other) found = found[plural.select(Number(values.count))] ?? found.other;
  if (typeof found !== "string") return key;
  return found.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? shown(values[name]) : whole));
}

const shown = (value) => (typeof value === "number" ? number(value) : String(value ?? "–"));

// Return a number as people read it: at most `digits` significant digits, powers of ten where it is very small or large.
export function number(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) {
    const [mantissa, power] = value.toExponential(digits - 2).split("e");
    return `${signed(Number(mantissa))}·10${raised(Number(power))}`;
  }
  if (Number.isInteger(value)) return signed(value);
  return signed(Number(value.toPrecision(digits)));
}

const signed = (value) => value.toLocaleString("en", { maximumSignificantDigits: 10 }).replace("-", "−");
const raised = (power) => [...String(power)].map((sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]).join("");

// Write the texts into the elements that name them: data-text for the content, data-label for aria-label.
export function fill(root) {
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", text(element.dataset.label));
  }
}
