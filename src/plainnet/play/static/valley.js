// A panel to be filled; see main.js.
export function valleyPanel(app, element) {}
