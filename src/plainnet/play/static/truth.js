// A panel to be filled; see main.js.
export function tablePanel(app, element) {}
