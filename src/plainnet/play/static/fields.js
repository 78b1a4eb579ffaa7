// One control for one argument of the catalogue: a number, a flag, a choice, or a rate with its schedule.
//
// `form` is what a control works on: {app, prefix, value(path), change(path, value), fields: Map}. An argument is
// {name, kind, default, least|above, most|below, log, of, optional, help}. A field is {element, show(), problem(text)}.

import { hasText } from "./texts.js";
import { make } from "./dom.js";
import { setText } from "./svg.js";

export const key = (path) => path.join("/");
export const identity = (form, path, more = "") => `${form.prefix}-${path.join("-")}${more}`;

// Return a name as people read it: its own text, or the name without underscores.
export function title(app, name) {
  const own = `controls.names.${name}`;
  return hasText(own) ? app.text(own) : String(name).replaceAll("_", " ");
}

// What an empty input means: no number, or for the batch size all rows.
function empty(app, name) {
  const own = `controls.empty.${name}`;
  return app.text(hasText(own) ? own : "controls.none");
}

const MAKERS = { whole: numberInput, number: numberInput, flag: flagInput, choice: choiceInput, rate: rateInput, text: textInput };

// Return the field of an argument at a path of the setup, entered into form.fields.
export function field(form, argument, path, { label, hint = false } = {}) {
  const id = identity(form, path);
  const shown = { id, label: label ?? title(form.app, argument.name), "aria-describedby": `${id}-note` };
  const now = () => form.value(path) ?? (argument.optional ? null : argument.default);
  const input = (MAKERS[argument.kind] ?? textInput)(form, argument, path, now, shown);
  const note = make("p", { class: "note", id: `${id}-note` });
  const name = make("label", { for: id }, shown.label);
  const parts = argument.kind === "flag" ? [input.element, name] : [name, input.element];
  const element = make("div", { class: `field of-${argument.kind}` }, parts, input.more, note);
  const made = {
    element,
    show() {
      input.show();
      this.problem("");
    },
    // Show a sentence beside the control, "" for none; the help stands there otherwise.
    problem(sentence) {
      element.classList.toggle("wrong", Boolean(sentence));
      const control = element.querySelector("input, select");
      if (sentence) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
      setText(note, sentence || (hint && argument.help) || ""); // to set the same text again would lay out the page anew
    },
  };
  made.show();
  form.fields.set(key(path), made);
  return made;
}

// Show each problem beside the control that it is about, or the nearest one around it; return those without any.
export function place(fields, problems) {
  const sentences = new Map();
  const rest = [];
  for (const { at, message } of problems) {
    let path = at ?? [];
    while (path.length && !fields.has(key(path))) path = path.slice(0, -1);
    if (path.length) sentences.set(key(path), [...(sentences.get(key(path)) ?? []), message]);
    else rest.push(message);
  }
  for (const [path, one] of fields) one.problem((sentences.get(path) ?? []).join(" "));
  return rest;
}

const SERIES = [1, 2, 5, 10];

// Return the next number up or down of 1, 2, 5, 10, 20, ...; 0 lies below 1e-6.
function neighbour(value, direction) {
  if (!(value > 0)) return direction > 0 ? 1e-6 : 0;
  const power = Math.floor(Math.log10(value) + 1e-9);
  const tens = 10 ** power;
  const lead = value / tens;
  let found;
  if (direction > 0) found = SERIES.find((step) => step > lead * (1 + 1e-9)) * tens;
  else found = ([...SERIES].reverse().find((step) => step < lead * (1 - 1e-9)) ?? 0.5) * tens;
  return found < 0.9e-6 ? 0 : Number(found.toPrecision(1));
}

const limits = ({ least, most }) => ({ min: least ?? null, max: most ?? null });

function numberInput(form, argument, path, now, { id, ...named }) {
  const commit = () => {
    if (element.value === "" && !argument.optional) return show();
    const value = element.value === "" ? null : Number(element.value);
    if (value !== now()) form.change(path, value);
  };
  const element = make("input", {
    type: "number",
    id,
    step: argument.kind === "whole" ? 1 : argument.log || unbounded(argument) ? "any" : 0.05,
    ...limits(argument),
    placeholder: argument.optional ? empty(form.app, argument.name) : null,
    "aria-describedby": named["aria-describedby"],
    onchange: commit,
  });
  if (argument.log) byRatio(element, commit);
  const slider = sliderOf(form, argument, path, now, named);
  const show = () => {
    const value = now();
    if (document.activeElement !== element || Number(element.value) !== value) element.value = Number.isFinite(value) ? value : "";
    slider?.show(value);
  };
  return { element: slider ? make("span", { class: "pair" }, slider.element, element) : element, show };
}

const unbounded = ({ most, below }) => (most ?? below ?? Infinity) > 1;

// The arrow keys go through 1, 2, 5, 10, ...: a step that is added is too large or too small for rates.
function byRatio(element, commit) {
  element.classList.add("ratio");
  element.addEventListener("keydown", (event) => {
    const direction = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!direction) return;
    event.preventDefault();
    element.value = neighbour(Number(element.value), direction);
    commit();
  });
}

// A slider beside the number: for rates along their powers of ten, for shares from 0 to 1.
function sliderOf(form, argument, path, now, { label }) {
  const share = argument.kind === "number" && !unbounded(argument) && (argument.least ?? argument.above) === 0;
  if (argument.kind === "whole" || (!argument.log && !share)) return null;
  const zero = argument.least === 0;
  const low = zero ? -6 : -5;
  const high = Math.log10(argument.most ?? argument.below ?? 10);
  const toValue = (place) => (place <= low && zero ? 0 : Number((10 ** place).toPrecision(2)));
  const toPlace = (value) => (value > 0 ? Math.log10(value) : low);
  const most = argument.most ?? argument.below - 0.05;
  const element = make("input", {
    type: "range",
    id: identity(form, path, "-slider"),
    ...(argument.log ? { min: low, max: high, step: 0.05 } : { min: 0, max: most, step: 0.05 }),
    "aria-label": form.app.text("controls.slider", { name: label }),
    // Where a change makes other controls, it waits for the release: the slider itself would be made anew.
    [argument.rebuilds ? "onchange" : "oninput"]: () =>
      form.change(path, argument.log ? toValue(Number(element.value)) : Number(element.value)),
  });
  const show = (value) => {
    element.value = argument.log ? toPlace(value ?? 0) : (value ?? 0);
    element.setAttribute("aria-valuetext", form.app.number(value ?? 0));
  };
  return { element, show };
}

function flagInput(form, argument, path, now, { id, ...named }) {
  const element = make("input", {
    type: "checkbox",
    id,
    "aria-describedby": named["aria-describedby"],
    onchange: () => form.change(path, element.checked),
  });
  return { element, show: () => (element.checked = Boolean(now())) };
}

// Return the entries of a choice: those of the catalogue's list, or the values that the argument names itself.
function entriesOf(app, argument) {
  if (!Array.isArray(argument.of)) return app.choices[argument.of] ?? [];
  const known = app.choices[`${argument.name}s`] ?? []; // an initializer has an entry in the list of initializers
  return argument.of.map((name) => known.find((entry) => entry.name === name) ?? { name });
}

export function options(app, values, current) {
  const all = values.includes(current) ? values : [current, ...values];
  return all.map((value) => make("option", { value: JSON.stringify(value) }, title(app, value)));
}

// A choice is a name; a part with settings of its own, such as the delta of a loss, shows them below.
function choiceInput(form, argument, path, now, { id, ...named }) {
  const { app } = form;
  const entries = entriesOf(app, argument);
  const values = [...(argument.optional ? [null] : []), ...entries.map(({ name }) => name)];
  const element = make("select", {
    id,
    "aria-describedby": named["aria-describedby"],
    onchange: () => form.change(path, JSON.parse(element.value)),
  });
  const inner = make("div", { class: "inner" });
  let built;
  const show = () => {
    const value = nameOf(now()) ?? null;
    const wanted = JSON.stringify(value);
    if (![...element.options].some((option) => option.value === wanted)) {
      element.replaceChildren(...options(app, values, value));
    }
    element.value = wanted;
    if (built === value || argument.alone) return;
    built = value;
    for (const known of form.fields.keys()) if (known.startsWith(`${key(path)}/`)) form.fields.delete(known);
    const entry = entries.find(({ name }) => name === value);
    const own = partForm(form, path, entry);
    inner.replaceChildren(...(entry?.arguments ?? []).map((one) => field(own, one, [...path, one.name], { hint: true }).element));
  };
  return { element, show, more: inner };
}

// The form of a part's own settings: the first one that changes makes a description of what was only a name.
function partForm(form, path, entry) {
  const change = (at, value) => {
    if (typeof form.value(path) === "object") return form.change(at, value);
    return form.change(path, { ...defaults(entry), [at.at(-1)]: value });
  };
  return { ...form, change };
}

// A part of plainnet is a name, or a description with a name among its settings.
export const nameOf = (part) => (part && typeof part === "object" ? part.name : part);

// Settings that are lists or objects are written as JSON; an empty input is none.
function textInput(form, argument, path, now, { id, ...named }) {
  const read = (text) => {
    try {
      return text.trim() ? JSON.parse(text) : null;
    } catch {
      return text;
    }
  };
  const element = make("input", {
    type: "text",
    id,
    placeholder: empty(form.app, argument.name),
    "aria-describedby": named["aria-describedby"],
    onchange: () => form.change(path, read(element.value)),
  });
  const write = (value) => (typeof value === "string" ? value : value == null ? "" : JSON.stringify(value));
  return { element, show: () => (element.value = write(now())) };
}

// A rate is a number or a schedule: the number, a choice of the schedule, and the schedule's own arguments.
function rateInput(form, argument, path, now, named) {
  const { app } = form;
  const schedule = () => (now() && typeof now() === "object" ? now() : null);
  const at = schedule() ? [...path, "learning_rate"] : path;
  const plain = () => schedule()?.learning_rate ?? (schedule() ? null : now());
  const number = numberInput(form, { ...argument, kind: "number" }, at, plain, named);
  const entries = app.choices.schedules;
  const select = make(
    "select",
    {
      id: identity(form, path, "-schedule"),
      "aria-label": app.text("controls.schedule", { name: named.label }),
      onchange: () => form.change(path, described(entries, select.value, plain() ?? argument.default)),
    },
    make("option", { value: "" }, app.text("controls.constant")),
    entries.filter(({ name }) => name !== "constant").map(({ name }) => make("option", { value: name }, title(app, name))),
  );
  const inner = make("div", { class: "inner" });
  const entry = entries.find(({ name }) => name === schedule()?.name);
  for (const one of entry?.arguments ?? []) {
    if (one.name === "learning_rate") continue;
    inner.append(field(form, one, [...path, one.name], { hint: true }).element);
  }
  const show = () => {
    number.show();
    select.value = schedule()?.name === "constant" ? "" : (schedule()?.name ?? "");
  };
  return { element: number.element, more: make("div", { class: "schedule" }, select, inner), show };
}

// Return the description of a schedule: its defaults with this rate, or the rate alone for a constant one.
function described(entries, name, rate) {
  const entry = entries.find((one) => one.name === name);
  return entry ? { ...defaults(entry), learning_rate: rate } : rate;
}

// Return the description of a part of the catalogue with the defaults of its arguments.
export function defaults(entry) {
  const settings = { name: entry.name };
  for (const argument of entry.arguments ?? []) settings[argument.name] = argument.default ?? null;
  return settings;
}
