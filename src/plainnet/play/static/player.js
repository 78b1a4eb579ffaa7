// A panel to be filled; see main.js.
export function playerPanel(app, element) {}
