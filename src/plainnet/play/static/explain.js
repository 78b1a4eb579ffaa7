// A panel to be filled; see main.js.
export function unitPanel(app, element) {}

// A panel to be filled; see main.js.
export function explainPanel(app, element) {}
