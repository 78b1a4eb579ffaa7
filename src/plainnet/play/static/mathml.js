// Formulas: MathML that plainnet made, as elements; and what units, weights and parameters are called.

const SPACE = "http://www.w3.org/1998/Math/MathML";

// Return the element of a formula, or its plain text where the browser cannot read it. The formula is parsed as XML,
// and of what comes out only MathML goes into the page.
export function formula(mathml, plain) {
  const box = document.createElement("div");
  box.className = "formula";
  const parsed = mathml && new DOMParser().parseFromString(mathml.replace("<math", `<math xmlns="${SPACE}"`), "application/xml");
  const root = parsed?.documentElement;
  const own = root && [root, ...root.querySelectorAll("*")].every(({ namespaceURI }) => namespaceURI === SPACE);
  if (own && root.localName === "math") {
    root.setAttribute("alttext", plain);
    box.append(document.importNode(root, true));
  } else box.textContent = plain;
  return box;
}

const networkOf = (app) => app.scene.networks?.[app.chosen.run] ?? app.scene.network;

// Return the name of a unit, [layer, unit]; layer -1 has the inputs.
export function unitName(app, [layer, unit]) {
  const { inputs, layers, outputs } = networkOf(app);
  if (layer === -1) return inputs[unit]?.name ?? app.text("drawing.unit", { layer, unit });
  const isOutput = layer === layers.length - 1 && unit < outputs.length;
  return app.text(isOutput ? "drawing.output" : "drawing.unit", { name: outputs[unit], layer, unit });
}

// Return what a label of the session stands for: {unit}, {weight}, {from} (a unit), {parameter}, {rest} or {text}.
export function labelText(app, { unit, weight, from, parameter, rest, text }) {
  if (unit) return unitName(app, unit);
  if (from) return app.text("insight.from", { name: unitName(app, from) });
  if (weight) {
    const [layer, from, to] = weight;
    return app.text("drawing.pin.weight", { from: unitName(app, [layer - 1, from]), to: unitName(app, [layer, to]) });
  }
  if (parameter) return `${parameter[1]}[${parameter[2]}]`;
  return rest ? app.text("insight.rest", { count: rest }) : text;
}

// Return the name of a parameter by its place in the vector of all.
export function parameterName(app, place) {
  for (const layer of networkOf(app).layers) {
    for (const [name, { start, shape }] of Object.entries(layer.parameters)) {
      const offset = place - start;
      const columns = shape.at(-1) ?? 1;
      if (offset < 0 || offset >= shape.reduce((product, size) => product * size, 1)) continue;
      const to = [layer.place, offset % columns];
      if (name === "weights" && shape.length === 2) return labelText(app, { weight: [layer.place, Math.floor(offset / columns), to[1]] });
      return app.text("insight.parameter", { name, unit: unitName(app, to) });
    }
  }
  return app.text("drawing.pin.parameter", { place });
}
