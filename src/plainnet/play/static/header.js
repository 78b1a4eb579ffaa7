// The head of the page: what learns from what, a link to this state, and help. The address bar follows the setup.

import { make } from "./dom.js";
import { openHelp } from "./help.js";
import { readAddress, writeAddress } from "./link.js";

export function headerPanel(app, about, links) {
  const copy = make("button", { type: "button", id: "copy-link", class: "plain" }, app.text("header.copy"));
  copy.addEventListener("click", () => copyLink(app, copy));
  const help = make("button", { type: "button", id: "open-help", class: "plain", onclick: () => openHelp(app) }, app.text("header.help"));
  links.append(copy, help);
  let written = null;
  let later;
  app.on("scene", ({ setup, data, network }) => {
    const layers = [network.inputs.length, ...network.layers.map(({ label }) => label)].join(" → ");
    about.textContent = app.text("header.about", { name: data.name, layers, count: network.parameters });
    document.title = app.text("header.title", { name: data.name });
    const now = JSON.stringify(setup);
    if (written !== null && written !== now) {
      // The first setup is what the address gave already. Browsers take long to change it, and not often: once it rests.
      clearTimeout(later);
      later = setTimeout(() => writeAddress(app.scene.setup), 500);
    }
    written = now;
  });
  window.addEventListener("hashchange", async () => {
    const { setup } = await readAddress();
    if (setup) app.act("setup", { setup });
    else if (setup === undefined) app.say(app.text("header.unreadable"), { assertive: true });
  });
}

// Copy the address with the whole state; data that was uploaded is not in it, and that is said.
async function copyLink(app, button) {
  await writeAddress(app.scene.setup);
  const kind = app.scene.setup.data.kind;
  const key = kind === "table" || kind === "given" ? "copiedWithoutData" : "copied";
  let sentence = app.text(`header.${key}`);
  try {
    await navigator.clipboard.writeText(location.href);
  } catch {
    sentence = app.text("header.inAddress");
  }
  app.say(sentence);
  app.tell("notice", sentence);
  button.textContent = sentence;
  setTimeout(() => (button.textContent = app.text("header.copy")), 4000);
}
