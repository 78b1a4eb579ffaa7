// A panel to be filled; see main.js.
export function curvesPanel(app, element) {}
