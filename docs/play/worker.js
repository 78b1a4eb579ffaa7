// The page's session in this worker: Python and NumPy as WebAssembly (Pyodide), and plainnet as it is everywhere else.
// It answers the same messages as `plainnet play` does over its WebSocket, and trains in slices between them.
//
// Its address says where Pyodide is: worker.js?pyodide=ADDRESS.

const SESSION = `
from pyodide.ffi import to_js
from plainnet.play.session.session import Session

session = Session()


def answer(message):
    return to_js(session.receive(message.to_bytes()))


def wait():
    return session.wait if session.is_playing else None
`;

// Start Python, and return the functions that the page needs of it.
async function start() {
  const address = new URL(new URL(location).searchParams.get("pyodide"), location);
  const source = fetch(new URL("plainnet.zip", location)); // while Python comes
  const { loadPyodide } = await import(new URL("pyodide.mjs", address));
  const python = await loadPyodide({ indexURL: address.href, packages: ["numpy"] });
  python.unpackArchive(await (await source).arrayBuffer(), "zip", { extractDir: "/plainnet" });
  python.runPython("import sys; sys.path.insert(0, '/plainnet')");
  python.runPython(SESSION);
  const [answer, wait, session] = ["answer", "wait", "session"].map((name) => python.globals.get(name));
  return { answer, wait, advance: session.advance };
}

const slice = new MessageChannel(); // asks for the next slice, behind the messages that wait; a timer would take 4 ms
let session = null;
let timer;

function answer(message) {
  const reply = session.answer(new Uint8Array(message)).buffer;
  postMessage(reply, [reply]);
  schedule();
}

// Ask for the next slice when it is time: at once, after a pause in slow motion, or not at all.
let isAsked = false;
function schedule() {
  const wait = session.wait();
  clearTimeout(timer);
  if (isAsked || wait == null) return;
  if (wait > 0) {
    timer = setTimeout(schedule, 1000 * wait);
  } else {
    isAsked = true;
    slice.port2.postMessage(null);
  }
}

slice.port1.onmessage = () => {
  isAsked = false;
  session.advance();
  schedule();
};

try {
  session = await start();
  onmessage = ({ data }) => answer(data);
  postMessage({ ready: true });
} catch (error) {
  postMessage({ failed: error.message });
}
