// The reader's own table: chosen or dropped, its columns shown, the target chosen. It stays in this machine's memory.

import { make } from "./dom.js";

const MOST = 64 * 2 ** 20; // bytes, as the server allows

export function uploadForm(app, panel) {
  const input = make("input", { type: "file", id: "data-file", accept: ".csv,.tsv,.txt,.parquet,.xlsx,.xls,.json,.jsonl,.ndjson" });
  const message = make("p", { class: "note", role: "status" });
  const chosen = make("div", { class: "controls" });
  const element = make(
    "div",
    { class: "upload" },
    make("h3", {}, app.text("data.own")),
    make("label", { for: "data-file", class: "drop" }, make("span", {}, app.text("data.choose")), input),
    make("p", { class: "quiet" }, app.text("data.memory")),
    message,
    chosen,
  );
  let reads = 0; // of two files in a row the later counts, whichever comes first
  const read = async (file) => {
    if (!file) return;
    const number = (reads += 1);
    const isMeant = () => number === reads;
    const done = (sentence, isDone) => {
      if (!isMeant()) return;
      say(sentence);
      if (isDone) chosen.replaceChildren();
    };
    chosen.replaceChildren();
    if (file.size > MOST) return say(app.text("data.large", { name: file.name }));
    say(app.text("data.reading", { name: file.name }));
    try {
      const bytes = new Uint8Array(await file.arrayBuffer());
      const { columns } = await app.ask("upload", { name: file.name, target: null, options: {} }, { bytes });
      if (!isMeant()) return;
      say("");
      chosen.replaceChildren(...targetForm(app, file.name, bytes, columns, done));
      chosen.querySelector("select").focus();
    } catch (error) {
      done(error.message, false);
    }
  };
  const say = (sentence) => (message.textContent = sentence);
  input.addEventListener("change", () => read(input.files[0]).then(() => (input.value = "")));
  takeDrops(panel.closest(".panel"), read);
  return element;
}

// A file dropped anywhere on the panel is read; a drop beside it must not replace the page.
function takeDrops(panel, read) {
  for (const name of ["dragover", "drop"]) {
    document.addEventListener(name, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      const inside = panel.contains(event.target);
      panel.classList.toggle("dropping", inside && name === "dragover");
      if (inside && name === "drop") read(event.dataTransfer.files[0]);
    });
  }
  panel.addEventListener("dragleave", () => panel.classList.remove("dropping"));
}

function targetForm(app, name, bytes, columns, done) {
  const target = make("select", { id: "data-target" }, columns.map((column, i) => make("option", { value: i }, column.name)));
  target.value = columns.length - 1;
  const use = make("button", { type: "button", class: "main" }, app.text("data.use"));
  use.addEventListener("click", async () => {
    use.disabled = true;
    done(app.text("data.learning", { name }), false);
    try {
      await app.ask("upload", { name, target: columns[target.value].name, options: {} }, { bytes });
      done(app.text("data.used", { name }), true);
    } catch (error) {
      done(error.message, false);
    } finally {
      use.disabled = false;
    }
  });
  return [
    make("p", { class: "quiet" }, app.text("data.found", { name, count: columns.length })),
    make("div", { class: "field" }, make("label", { for: "data-target" }, app.text("data.target")), target),
    use,
  ];
}
