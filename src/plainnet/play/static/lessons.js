// Six short lessons beside the page. A lesson sets up the page and shows the panels that it needs; each of its tasks is
// checked by the session, which saw what was done.

import { make } from "./dom.js";
import { hasText } from "./texts.js";

const PANELS = ["data", "setup", "network", "plane", "curves", "table", "unit", "explain", "valley", "compare", "take", "player"];
const FOLDED = ["unit", "explain", "valley", "compare", "take"];
const PLACE = "plainnet-lesson"; // the lesson that this browser had open last

export function lessonPanel(app, element) {
  const panel = new LessonPanel(app, element);
  const open = make("button", { type: "button", id: "open-lessons", class: "plain", onclick: () => panel.toggle() }, app.text("lessons.open"));
  if (!app.settings.hide.has("lesson")) document.getElementById("links").prepend(open);
  panel.open = open;
  app.on("lesson", (lesson) => panel.show(lesson));
}

class LessonPanel {
  number = null;
  tasks = new Map(); // key → {done, show(isDone)}

  constructor(app, element) {
    this.app = app;
    this.element = element;
    this.section = element.closest("#lesson");
    this.heading = this.section.querySelector("h2");
  }

  toggle() {
    if (this.number) return this.begin(null);
    return this.begin(Number(localStorage.getItem(PLACE)) || 1);
  }

  async begin(number) {
    const reply = await this.app.act("lesson", { number });
    if (!reply) return;
    if (number) {
      localStorage.setItem(PLACE, number);
      this.heading.focus();
      this.section.scrollIntoView({ block: "nearest" });
    } else this.open.focus();
  }

  show(lesson) {
    if (!lesson) return this.close();
    if (lesson.view) this.build(lesson);
    if (lesson.number !== this.number) return undefined;
    for (const { key, done } of lesson.tasks) this.mark(key, done, !lesson.view);
    const done = lesson.tasks.filter((task) => task.done).length;
    const count = lesson.tasks.length;
    this.progress.value = done;
    this.told.textContent = done === count ? this.app.text("lessons.whole") : this.app.text("lessons.progress", { done, count });
    if (this.tally) this.tally.textContent = lesson.tally ? this.app.text("lessons.tally", lesson.tally) : "";
    for (const [number, button] of this.numbers) button.classList.toggle("done", lesson.whole.includes(number));
    return undefined;
  }

  close() {
    this.number = null;
    this.section.hidden = true;
    for (const name of PANELS) document.getElementById(name).classList.remove("off");
    this.open.textContent = this.app.text("lessons.open");
  }

  build({ number, of, tasks, view }) {
    const { app } = this;
    this.number = number;
    const text = (key) => app.text(`lessons.${number}.${key}`);
    this.heading.tabIndex = -1;
    this.heading.textContent = text("title");
    this.tasks.clear();
    this.progress = make("progress", { max: tasks.length, value: 0, "aria-label": app.text("lessons.of", { number, of }) });
    this.told = make("p", { class: "quiet" });
    this.tally = make("p", { class: "quiet" });
    const prose = ["lead", "more", "most"].filter((key) => hasText(`lessons.${number}.${key}`));
    const again = make("button", { type: "button", class: "plain", id: "lesson-again", onclick: () => this.begin(number) }, app.text("lessons.again"));
    const leave = make("button", { type: "button", class: "plain", id: "lesson-leave", onclick: () => this.begin(null) }, app.text("lessons.leave"));
    this.element.replaceChildren(
      this.course(number, of),
      ...prose.map((key) => make("p", {}, text(key))),
      make("ol", { class: "tasks" }, tasks.map((task) => this.task(number, task, view.offers[task.key]))),
      make("div", { class: "lesson-done" }, this.progress, this.told, this.tally),
      make("div", { class: "buttons" }, this.step(number - 1, of, "previous"), this.step(number + 1, of, "next"), again, leave),
    );
    this.section.hidden = false;
    this.open.textContent = app.text("lessons.leave");
    for (const name of PANELS) document.getElementById(name).classList.toggle("off", !view.show.includes(name));
    for (const name of FOLDED) document.querySelector(`#${name} details`).open = view.open.includes(name);
    app.choose({ row: null, ...view.look });
  }

  // The numbers of all lessons, to go to any of them.
  course(number, of) {
    const { app } = this;
    this.numbers = new Map();
    const items = Array.from({ length: of }, (_, i) => {
      const name = app.text("lessons.called", { number: i + 1, title: app.text(`lessons.${i + 1}.title`) });
      const button = make("button", { type: "button", title: name, "aria-label": name, "aria-current": i + 1 === number && "step", onclick: () => this.begin(i + 1) }, i + 1);
      this.numbers.set(i + 1, button);
      return make("li", {}, button);
    });
    return make("nav", { "aria-label": app.text("lessons.course") }, make("ol", { class: "course-numbers" }, items));
  }

  step(number, of, name) {
    if (number < 1 || number > of) return null;
    return make("button", { type: "button", id: `lesson-${name}`, class: name === "next" && "main", onclick: () => this.begin(number) }, this.app.text(`lessons.${name}`));
  }

  task(number, { key, asks }, offer) {
    const { app } = this;
    const text = (part) => app.text(`lessons.${number}.tasks.${key}.${part}`);
    const state = make("span", { class: "unseen" });
    const hint = make("details", { class: "more" }, make("summary", {}, app.text("lessons.hint")), make("p", { class: "quiet" }, text("hint")));
    const setUp = offer && make("button", { type: "button", id: `offer-${key}`, onclick: () => app.change(offer.path, offer.value) }, text("offer"));
    const item = make("li", {}, make("p", {}, state, text("do")), setUp, asks && this.field(key, `lessons.${number}.tasks.${key}.unready`), hint);
    this.tasks.set(key, { item, state });
    return item;
  }

  // A field for the number that a task asks for; decimal commas and the sign − are taken as well.
  field(key, unready) {
    const { app } = this;
    const input = make("input", { type: "text", inputmode: "decimal", id: `answer-${key}`, autocomplete: "off", "aria-label": app.text("lessons.answer") });
    const said = make("span", { role: "status" });
    const check = async (event) => {
      event.preventDefault();
      const value = Number(input.value.trim().replace(",", ".").replace("−", "-"));
      if (!input.value.trim() || !Number.isFinite(value)) return (said.textContent = app.text("lessons.number"));
      const reply = await app.act("answer", { task: key, value });
      if (reply) said.textContent = reply.right === null ? (hasText(unready) ? app.text(unready) : app.text("lessons.unready")) : app.text(reply.right ? "lessons.right" : "lessons.wrong");
      return undefined;
    };
    return make("form", { class: "answer", onsubmit: check }, input, make("button", {}, app.text("lessons.check")), said);
  }

  mark(key, isDone, isNews) {
    const { item, state } = this.tasks.get(key);
    if (item.classList.contains("done") === isDone) return;
    item.classList.toggle("done", isDone);
    state.textContent = isDone ? `${this.app.text("lessons.done")} ` : "";
    if (isDone && isNews) this.app.say(this.app.text("lessons.isDone", { task: item.querySelector("p").textContent }));
  }
}
