// Take it along: the run as code, exports, a model, a report, a picture or a link, each with what it is good for.

import { make } from "./dom.js";
import { picture } from "./picture.js";
import { Refusal } from "./transport.js";

const FILES = ["script", "trainer", "model", "onnx", "c", "report"];
const PICTURES = ["svg", "png"];
const REMEDY = { edited: "model", middle: "model", data: "data" }; // the file that goes with a note

export function takePanel(app, element) {
  const told = make("div", { class: "take-told", role: "status" });
  const code = make("div", { class: "take-code", hidden: true });
  const panel = { app, told, code, tell: (...what) => told.replaceChildren(...what) };
  const offers = make("dl", { class: "offers" });
  const offer = (name, act) => {
    const button = make("button", { type: "button", id: `take-${name}`, "aria-describedby": `take-${name}-why` }, app.text(`take.${name}.name`));
    button.addEventListener("click", () => busy(panel, button, act));
    offers.append(make("dt", {}, button), make("dd", { id: `take-${name}-why` }, app.text(`take.${name}.why`)));
  };
  offer("code", () => showCode(panel));
  for (const name of FILES) offer(name, () => takeFile(panel, name));
  for (const name of PICTURES) offer(name, () => takePicture(panel, name));
  offer("link", () => document.getElementById("copy-link").click());
  app.on("notice", (sentence) => element.closest("details").open && panel.tell(make("p", {}, sentence)));
  app.on("scene", ({ restarted }) => restarted && (code.hidden = true)); // it was that of another run
  element.append(offers, told, code);
}

// One file at a time; what cannot be made is said in plainnet's own sentence.
async function busy(panel, button, act) {
  if (panel.busy) return;
  panel.busy = true;
  button.setAttribute("aria-busy", "true");
  panel.tell(make("p", { class: "quiet" }, panel.app.text("take.making")));
  try {
    await act();
  } catch (error) {
    panel.tell(make("p", { class: "refused" }, error.message));
    if (!(error instanceof Refusal)) throw error; // a mistake of ours: the console says more
  } finally {
    panel.busy = false;
    button.removeAttribute("aria-busy");
  }
}

const asked = ({ app }, what) => app.ask("take", { what, run: app.chosen.run });

async function takeFile(panel, what) {
  const reply = await asked(panel, what);
  save(new Blob([reply.arrays.bytes], { type: reply.type }), reply.name);
  panel.tell(...saved(panel, reply.name), ...notes(panel, reply));
}

async function takePicture(panel, kind) {
  const name = `plainnet.${kind}`;
  save(await picture(panel.app, kind), name);
  panel.tell(...saved(panel, name));
}

async function showCode(panel) {
  const { app, code } = panel;
  const reply = await asked(panel, "code");
  const program = new TextDecoder().decode(reply.arrays.bytes);
  const copy = make("button", { type: "button", id: "take-copy" }, app.text("take.copy"));
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(program);
      panel.tell(make("p", {}, app.text("take.copied")));
    } catch {
      getSelection().selectAllChildren(code.querySelector("pre"));
      panel.tell(make("p", {}, app.text("take.selected")));
    }
  });
  const keep = () => {
    save(new Blob([program], { type: reply.type }), reply.name);
    panel.tell(...saved(panel, reply.name));
  };
  code.replaceChildren(
    make("div", { class: "buttons" }, copy, make("button", { type: "button", id: "take-save", onclick: keep }, app.text("take.save", { name: reply.name }))),
    make("pre", { tabindex: 0, role: "region", "aria-label": app.text("take.code.name") }, make("code", {}, program)),
  );
  code.hidden = false;
  panel.tell(make("p", {}, app.text("take.shown")), ...notes(panel, reply));
}

const saved = ({ app }, name) => [make("p", {}, app.text("take.saved", { name }))];

// What is to be known about a file, with the file that helps.
function notes(panel, { notes: found }) {
  return found.map(({ key, values }) => {
    const file = REMEDY[key];
    const more = file && make("button", { type: "button", class: "plain", onclick: () => busy(panel, panel.told, () => takeFile(panel, file)) }, panel.app.text(`take.${file}.name`));
    return make("p", { class: "take-note" }, panel.app.text(`take.note.${key}`, values), more && " ", more);
  });
}

// Have the browser save a Blob as a file.
function save(blob, name) {
  const address = URL.createObjectURL(blob);
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
