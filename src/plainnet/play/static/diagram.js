// A panel to be filled; see main.js.
export function networkPanel(app, element) {}
