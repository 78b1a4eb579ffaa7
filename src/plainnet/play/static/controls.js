// A panel to be filled; see main.js.
export function setupPanel(app, element) {}
