// The address of the page: `?lesson=2&hide=setup,take` for teachers, and in the fragment, which never leaves the
// browser, the whole setup (compressed) and once the token.

const PLACE = "plainnet-token";

// Read the address; take the token out of the address bar at once, and keep it for this tab.
export async function readAddress() {
  const query = new URLSearchParams(location.search);
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get("token");
  if (token) {
    keepToken(token);
    fragment.delete("token");
    history.replaceState(null, "", address(fragment.get("setup")));
  }
  const hide = (query.get("hide") ?? "").split(",").filter(Boolean);
  return {
    lesson: Number(query.get("lesson")) || null,
    hide: new Set(hide),
    token: token ?? keptToken() ?? "",
    setup: await unpacked(fragment.get("setup")),
  };
}

// Keep the token for the next time that this tab is loaded.
export function keepToken(token) {
  try {
    sessionStorage.setItem(PLACE, token);
  } catch {
    // a frame in a page of another site may be allowed to keep nothing
  }
}

function keptToken() {
  try {
    return sessionStorage.getItem(PLACE);
  } catch {
    return null;
  }
}

const address = (packed) => location.pathname + location.search + (packed ? `#setup=${packed}` : "");

// Return a setup as base64url of its compressed JSON.
async function packed(setup) {
  const stream = new Blob([JSON.stringify(setup)]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const letters = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

// Return the setup of such a text, null where there is none, undefined where it cannot be read.
async function unpacked(packed) {
  if (!packed) return null;
  try {
    const letters = atob(packed.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return JSON.parse(await new Response(stream).text());
  } catch {
    return undefined;
  }
}

// Put the setup into the address bar, without a new entry in the history.
export async function writeAddress(setup) {
  history.replaceState(null, "", address(await packed(setup)));
}
