// Talking to the upload API: requests with their refusals, and one file's bytes through every break of the line.

const RETRIES = 8;
const LONGEST_PAUSE_MS = 30_000;

export class Refused extends Error {
  constructor(status, body) {
    super(words(status, body));
    this.status = status;
    this.body = body ?? {};
  }
  // The line or the server broke: the same request may work later. A refusal would come again.
  get passing() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

function words(status, body) {
  if (body?.detail) return String(body.detail);
  if (body) return Object.entries(body).map(([name, said]) => `${name}: ${[said].flat().join(" ")}`).join("; ");
  if (status === 0) return "The connection is broken.";
  if (status === 401 || status === 403) return "You are logged out, or may not do this. Log in again in another tab, then try again.";
  return `The server answered ${status}. Try again in a while.`;
}

const token = () =>
  document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ??
  document.querySelector("[name=csrfmiddlewaretoken]").value;

const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

export async function api(method, path, body, signal) {
  const headers = { Accept: "application/json", "X-CSRFToken": token() };
  if (body) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, null);
  }
  const said = answer.status === 204 ? null : parsed(await answer.text());
  if (!answer.ok) throw new Refused(answer.status, said);
  return said;
}

// XMLHttpRequest, because fetch does not tell how much of a body has left.
function put(path, blob, offset, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.open("PUT", path);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("Upload-Offset", String(offset));
    request.setRequestHeader("X-CSRFToken", token());
    request.upload.onprogress = (event) => onProgress(offset + event.loaded);
    request.onerror = () => reject(new Refused(0, null));
    request.onabort = () => reject(new DOMException("paused", "AbortError"));
    request.onloadend = () => signal.removeEventListener("abort", abort);
    request.onload = () => {
      const said = parsed(request.responseText);
      if (request.status < 300 && said) resolve(said);
      else reject(new Refused(request.status, said));
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort);
    request.send(blob);
  });
}

// A pause that ends early when the browser is online again.
function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      signal.removeEventListener("abort", end);
      signal.aborted ? reject(new DOMException("paused", "AbortError")) : resolve();
    };
    const timer = setTimeout(end, milliseconds);
    addEventListener("online", end);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}

// Sends what the server does not have yet. `remote`: the file as the API tells it. Resolves to it when complete.
export async function sendFile({ path, file, remote, pieceBytes, onProgress, onTrouble, signal }) {
  let known = remote;
  let failures = 0;
  while (known.state !== "complete") {
    const offset = known.received;
    try {
      const piece = file.slice(offset, Math.min(offset + pieceBytes, file.size));
      known = await put(`${path}content/`, piece, offset, onProgress, signal);
      failures = 0;
      onProgress(known.received);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const elsewhere = error.status === 409 && Number.isInteger(error.body.received);
      if (!error.passing && !elsewhere) throw error;
      if (++failures > RETRIES) throw error;
      if (elsewhere) {
        known = { ...known, received: error.body.received };
        continue;
      }
      onTrouble(error, failures);
      await pause(Math.min(1000 * 2 ** (failures - 1), LONGEST_PAUSE_MS), signal);
      known = await api("GET", path, null, signal).catch((again) => {
        if (again.name === "AbortError" || !again.passing) throw again;
        return known;
      });
    }
  }
  return known;
}

// Digests of files, by a worker; files too big to be held in memory go without.
export class Hasher {
  constructor(address, largest = 256 * 1024 * 1024) {
    this.largest = largest;
    this.waiting = new Map();
    this.next = 0;
    this.worker = new Worker(address);
    this.worker.onmessage = ({ data: { id, digest } }) => this.answer(id, digest);
    this.worker.onerror = () => {
      for (const id of [...this.waiting.keys()]) this.answer(id, "");
      this.largest = 0;
    };
  }
  answer(id, digest) {
    this.waiting.get(id)?.(digest);
    this.waiting.delete(id);
  }
  digest(file) {
    if (file.size === 0 || file.size >= this.largest) return Promise.resolve("");
    return new Promise((resolve) => {
      this.waiting.set(this.next, resolve);
      this.worker.postMessage({ id: this.next++, file });
    });
  }
}
