// A panel to be filled; see main.js.
export function dataPanel(app, element) {}
