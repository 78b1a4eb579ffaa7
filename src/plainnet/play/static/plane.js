// A panel to be filled; see main.js.
export function planePanel(app, element) {}
