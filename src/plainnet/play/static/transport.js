// How messages reach the session: over a WebSocket to `plainnet play`, or to a worker that runs Python (Pyodide).
// Both answer questions by their id, in any order.

import { pack, unpack } from "./message.js";

// The session refused a command: `message` is one sentence, `at` the path in the setup that it concerns, or null.
export class Refusal extends Error {
  constructor(message, at = null) {
    super(message);
    this.at = at;
  }
}

// What both have in common: questions that wait for their answers. `onState` hears "open" and "lost" (or "starting"), and
// "refused" (or "failed") where it is no use to try again.
class Transport {
  waiting = new Map();
  last = 0;
  onState = () => {};

  // Send one question, and return a promise of its answer: the header with `arrays`.
  ask(name, fields = {}, arrays = {}) {
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      try {
        this.send(pack({ id, do: name, ...fields }, arrays));
      } catch (error) {
        this.waiting.delete(id);
        reject(error);
      }
    });
  }

  receive(buffer) {
    const reply = unpack(buffer);
    const asked = this.waiting.get(reply.id);
    this.waiting.delete(reply.id);
    if (!asked) return;
    if ("error" in reply) asked.reject(new Refusal(reply.error, reply.at ?? null));
    else asked.resolve(reply);
  }

  // Refuse what still waits: nobody knows whether the other side has done it.
  drop(message) {
    for (const { reject } of this.waiting.values()) reject(new Refusal(message));
    this.waiting.clear();
  }
}

export class WebSocketTransport extends Transport {
  session = null;
  tries = 0;

  constructor(address, token, lost) {
    super();
    this.address = address;
    this.token = token;
    this.lost = lost; // the sentence for questions that a cut leaves without an answer
  }

  send(bytes) {
    if (this.socket?.readyState !== WebSocket.OPEN) throw new Refusal(this.lost);
    this.socket.send(bytes);
  }

  // Open the connection and keep it: after a cut try again, each time after a longer pause, and resume the session.
  open() {
    const socket = (this.socket = new WebSocket(this.address));
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.greet();
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = (event) => {
      this.drop(this.lost);
      if (event.code === 1008) return this.onState("refused", { reason: event.reason });
      const pause = Math.min(8000, 250 * 2 ** this.tries++) * (0.75 + Math.random() / 2);
      this.onState("lost", {});
      this.timer = setTimeout(() => this.open(), pause);
    };
  }

  async greet() {
    try {
      const reply = await this.ask("hello", { token: this.token, session: this.session });
      this.session = reply.session;
      this.token = reply.token; // we may have come with a ticket, which works once
      this.tries = 0;
      this.onState("open", reply);
    } catch (error) {
      if (this.socket.readyState === WebSocket.OPEN) this.onState("refused", { reason: error.message });
    }
  }

  // Try at once, for instance when the reader asks or the machine has woken up.
  retry() {
    clearTimeout(this.timer);
    if (this.socket.readyState > WebSocket.OPEN) this.open();
  }
}

export class WorkerTransport extends Transport {
  isReady = false;

  constructor(address, starting) {
    super();
    this.address = address;
    this.starting = starting; // the sentence for questions that come too early
  }

  // The worker says {ready: true} once, when Python has started, or {failed: sentence}; all else are replies.
  open() {
    const failed = (reason) => this.onState("failed", { reason });
    this.onState("starting", {});
    this.worker = new Worker(this.address, { type: "module" });
    this.worker.onmessage = ({ data }) => {
      if (data.ready) {
        this.isReady = true;
        this.onState("open", { resumed: false });
      } else if (data.failed) failed(data.failed);
      else this.receive(data);
    };
    this.worker.onerror = ({ message }) => failed(message ?? "");
  }

  send(bytes) {
    if (!this.isReady) throw new Refusal(this.starting);
    this.worker.postMessage(bytes.buffer, [bytes.buffer]);
  }

  retry() {}
}
