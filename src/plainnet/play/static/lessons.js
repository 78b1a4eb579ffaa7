// A panel to be filled; see main.js.
export function lessonPanel(app, element) {}
