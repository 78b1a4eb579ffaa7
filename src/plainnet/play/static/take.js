// A panel to be filled; see main.js.
export function takePanel(app, element) {}
