// A panel to be filled; see main.js.
export function comparePanel(app, element) {}
