// The page: reads the address, connects to the session, and gives each panel its element.

import { App } from "./app.js";
import { balance } from "./board.js";
import { comparePanel } from "./compare.js";
import { setupPanel } from "./controls.js";
import { curvesPanel } from "./curves.js";
import { dataPanel } from "./data.js";
import { networkPanel } from "./diagram.js";
import { takeCommas } from "./dom.js";
import { explainPanel, unitPanel } from "./explain.js";
import { headerPanel } from "./header.js";
import { lessonPanel } from "./lessons.js";
import { keepToken, readAddress } from "./link.js";
import { planePanel } from "./plane.js";
import { playerPanel } from "./player.js";
import { takePanel } from "./take.js";
import { fill, loadTexts, text } from "./texts.js";
import { WebSocketTransport, WorkerTransport } from "./transport.js";
import { tablePanel } from "./truth.js";
import { valleyPanel } from "./valley.js";

const PANELS = {
  player: playerPanel,
  data: dataPanel,
  setup: setupPanel,
  network: networkPanel,
  plane: planePanel,
  curves: curvesPanel,
  table: tablePanel,
  unit: unitPanel,
  explain: explainPanel,
  valley: valleyPanel,
  compare: comparePanel,
  take: takePanel,
  lesson: lessonPanel,
};

// `<html data-worker="worker.js">` is the page that carries Python with it.
function transportOf(settings) {
  const { worker } = document.documentElement.dataset;
  if (worker) return new WorkerTransport(new URL(worker, location.href), text("player.starting"));
  const address = new URL("session", location.href.split(/[?#]/)[0]);
  address.protocol = address.protocol.replace("http", "ws");
  return new WebSocketTransport(address, settings.token, text("page.lost"));
}

async function start() {
  const [settings] = await Promise.all([readAddress(), loadTexts()]);
  fill(document);
  takeCommas(document);
  const transport = transportOf(settings);
  const app = new App(transport, settings);
  for (const [name, panel] of Object.entries(PANELS)) {
    const place = document.getElementById(name);
    if (settings.hide.has(name)) place.hidden = true;
    panel(app, place.querySelector(".body") ?? place);
  }
  headerPanel(app, document.getElementById("about"), document.getElementById("links"));
  transport.onState = (state, reply) => {
    app.connection = state;
    app.tell("connection", { state, ...reply });
    if (state !== "open") return;
    if (reply.token) keepToken(reply.token);
    if (reply.resumed && app.scene) app.refresh();
    else begin(app, settings).catch((error) => app.tell("refusal", error)); // a new cut, say; it is tried again then
  };
  balance(document.querySelector(".board"));
  if (matchMedia("(max-width: 48rem)").matches) {
    for (const fold of document.querySelectorAll(".settings details")) fold.open = false; // the pictures come first
  }
  transport.open();
}

// Begin a session: with the setup before a cut, else with that of the address.
async function begin(app, settings) {
  const choices = app.choices ?? app.ask("choices"); // both are asked at once; the answers come in this order
  const started = setUp(app, app.scene?.setup ?? settings.setup ?? null);
  app.choices = await choices;
  await started;
  if (settings.setup === undefined) app.tell("refusal", { message: text("header.unreadable"), at: null });
  if (settings.lesson) await app.act("lesson", { number: settings.lesson });
}

// A setup that is refused, such as that of a table which is not in memory, gives way to the usual one.
async function setUp(app, setup) {
  try {
    await app.ask("start", { setup });
  } catch (error) {
    if (setup === null || app.connection !== "open") throw error;
    await app.ask("start", { setup: null });
    app.tell("refusal", error);
  }
}

start();
