// The player: play, pause, one step, one epoch, speed, restart, new seed; what the runs do now, in numbers and words.

import { openHelp, watchKeys } from "./help.js";
import { icon, make } from "./dom.js";
import { hasText } from "./texts.js";

// Steps a second for slow motion, epochs a second, and null: as fast as it goes.
const SPEEDS = [[1, "steps"], [5, "steps"], ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].map((speed) => [speed, "epochs"]), [null, "epochs"]];
const USUAL = 9;
const QUIET = 8000; // milliseconds between two sentences of the story for screen readers

export function playerPanel(app, element) {
  const acts = actions(app);
  const buttons = makeButtons(app, acts);
  const speed = makeSpeed(app, acts);
  const readouts = make("dl", { class: "readouts" });
  const facts = make("p", { class: "facts" });
  const story = make("div", { class: "story" });
  element.append(
    make("div", { class: "bar" }, buttons.element, readouts, facts),
    make("div", { class: "stories" }, story, speed, make("p", { class: "refused", hidden: true })),
  );
  const refused = element.querySelector(".refused");
  const say = teller(app);
  watchKeys(app, { ...acts, help: () => openHelp(app) });
  const problems = () => {
    const sentences = app.scene.problems.map(({ message }) => `${message}.`).join(" ");
    showRefused(refused, sentences && app.text("player.problems", { sentences }));
  };
  app.on("playing", (playing) => {
    buttons.show(playing);
    if (playing && app.scene) problems(); // what was refused before that is past
  });
  app.on("frame", (frame) => {
    showReadouts(app, readouts, frame);
    showFacts(app, facts, frame);
    say(showStory(app, story, frame), frame.runs[0].state);
  });
  app.on("late", (isLate) => {
    if (isLate) app.say((facts.textContent = app.text("player.late")));
    else if (app.frame) showFacts(app, facts, app.frame);
  });
  const enable = (is) => [...buttons.element.children].forEach((button) => (button.disabled = !is));
  enable(false); // what is pressed before the session has begun, its beginning would undo
  app.on("scene", () => {
    enable(true);
    problems();
  });
  app.on("refusal", ({ message }) => {
    showRefused(refused, message);
    app.say(message, { assertive: true });
  });
  connection(app, element);
}

function showRefused(place, sentence) {
  place.textContent = sentence;
  place.hidden = !sentence;
}

// What the buttons and the keys do.
function actions(app) {
  const acts = {
    speed: USUAL,
    play: () => app.act("play", { speed: SPEEDS[acts.speed][0], by: SPEEDS[acts.speed][1] }),
    pause: () => app.act("pause"),
    toggle: () => (app.playing ? acts.pause() : acts.play()),
    step: () => app.act("step"),
    epoch: () => app.act("epoch"),
    restart: () => app.act("restart", { seed: null }),
    seed: () => app.act("restart", { seed: Math.floor(Math.random() * 1e6) }),
  };
  return acts;
}

function makeButtons(app, acts) {
  const button = (name, act = acts[name]) =>
    make(
      "button",
      { type: "button", id: `player-${name}`, class: name === "play" ? "main" : null, title: app.text(`player.tip.${name}`), onclick: act },
      icon(name),
      make("span", {}, app.text(`player.${name}`)),
    );
  const play = button("play", acts.toggle);
  const show = (playing) => {
    play.replaceChildren(icon(playing ? "pause" : "play"), make("span", {}, app.text(playing ? "player.pause" : "player.play")));
  };
  const element = make("div", { class: "buttons" }, play, ...["step", "epoch", "restart", "seed"].map((name) => button(name)));
  return { element, show };
}

function makeSpeed(app, acts) {
  const name = (place) => {
    const [count, by] = SPEEDS[place];
    return count === null ? app.text("player.full") : app.text(`player.rate.${by}`, { count });
  };
  const shown = make("output", { for: "player-speed" }, name(acts.speed));
  const slider = make("input", {
    type: "range",
    id: "player-speed",
    min: 0,
    max: SPEEDS.length - 1,
    step: 1,
    value: acts.speed,
    "aria-valuetext": name(acts.speed),
    oninput: () => {
      acts.speed = Number(slider.value);
      shown.textContent = name(acts.speed);
      slider.setAttribute("aria-valuetext", name(acts.speed));
      if (app.playing) acts.play();
    },
  });
  slider.value = acts.speed;
  return make("div", { class: "speed" }, make("label", { for: "player-speed" }, app.text("player.speed")), slider, shown);
}

// The numbers of the runs; of two runs each number stands twice, the second below the first.
function showReadouts(app, list, { runs }) {
  const rows = [
    ["epoch", (run) => Math.floor(run.epoch).toLocaleString("en")],
    ["loss", (run) => app.number(run.loss)],
    ["validation", (run) => run.validation_loss ?? null, (value) => app.number(value)],
    ...Object.keys(runs[0].metrics ?? {}).slice(0, 1).map((name) => [name, (run) => app.number(run.metrics?.[name], 3)]),
  ];
  const shown = rows.filter(([, read]) => runs.some((run) => read(run) !== null));
  const names = shown.map(([name]) => name).join(" ") + runs.length;
  if (list.dataset.names !== names) {
    list.dataset.names = names;
    list.replaceChildren(...shown.map(([name]) => readout(app, name, runs.length)));
  }
  const places = list.querySelectorAll("dd");
  shown.flatMap(([, read, write = String]) => runs.map((run) => write(read(run)))).forEach((text, i) => {
    if (places[i].textContent !== text) places[i].textContent = text;
  });
}

// Numbers about the run that few people need, in small letters; what is not known yet is left out.
function showFacts(app, place, { runs }) {
  const { learning_rate: rate, gradient_norm: gradient, rows_per_second: rows, engine, step } = runs[0];
  const facts = { step: Math.round(step), rate, gradient, rows: rows && Number(rows.toPrecision(2)), engine };
  const known = Object.entries(facts).filter(([, value]) => value !== null && value !== undefined);
  place.textContent = known.map(([name, value]) => app.text(`player.fact.${name}`, { value })).join(" · ");
}

function readout(app, name, runs) {
  const key = `player.readout.${name}`;
  const called = hasText(key) ? app.text(key) : name.replaceAll("_", " ");
  return make("div", { class: name }, make("dt", {}, called), Array.from({ length: runs }, () => make("dd")));
}

// Show what each run does, as a sentence of the texts, and return the sentences.
function showStory(app, place, { runs }) {
  if (place.childElementCount !== runs.length) place.replaceChildren(...runs.map(() => make("p")));
  const told = runs.map(({ story, state }, i) => {
    const sentence = app.text(`story.${story.key}`, story.values);
    const line = place.children[i];
    line.dataset.state = state;
    const shown = runs.length > 1 ? app.text("player.run", { run: i + 1, sentence }) : sentence;
    if (line.textContent !== shown) line.textContent = shown;
    return shown;
  });
  return told.join(" ");
}

// Tell screen readers a change of state at once, and the rest of the story now and then.
function teller(app) {
  let last = 0;
  let state = "";
  let said = "";
  return (sentence, now) => {
    const time = performance.now();
    if (sentence === said || (now === state && time - last < QUIET)) return;
    [last, state, said] = [time, now, sentence];
    app.say(sentence);
  };
}

// A cut connection is said plainly, with what can be done.
function connection(app, element) {
  const lost = document.getElementById("lost");
  app.on("connection", ({ state, reason }) => {
    element.classList.toggle("cut", state !== "open");
    if (state === "open") {
      lost.hidden = true;
      return;
    }
    const retry = make("button", { type: "button", onclick: () => app.transport.retry() }, app.text("player.retry"));
    const sentence = app.text(`player.${state}`, { reason: reason ?? "" });
    if (lost.hidden || lost.dataset.state !== state) lost.replaceChildren(sentence, " ", ...(state === "lost" ? [retry] : []));
    lost.dataset.state = state;
    lost.hidden = false;
  });
}
