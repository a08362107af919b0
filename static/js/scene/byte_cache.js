// Files by address, the most recently used kept in memory up to a number of bytes.

export class ByteCache {
  constructor(limit, get = fetchBytes) {
    this.limit = limit;
    this.get = get;
    this.entries = new Map(); // address -> {promise, bytes}; the order is the order of use
    this.bytes = 0;
  }

  /** The file's ArrayBuffer. A failed one is forgotten, so that asking again tries again. */
  read(url, priority = "auto") {
    const known = this.entries.get(url);
    if (known) {
      this.entries.delete(url);
      this.entries.set(url, known);
      return known.promise;
    }
    const entry = { bytes: 0, promise: null };
    entry.promise = this.get(url, priority).then(
      (buffer) => {
        if (this.entries.get(url) !== entry) return buffer;
        entry.bytes = buffer.byteLength;
        this.bytes += entry.bytes;
        this.evict();
        return buffer;
      },
      (problem) => {
        this.entries.delete(url);
        throw problem;
      },
    );
    this.entries.set(url, entry);
    return entry.promise;
  }

  has(url) {
    return (this.entries.get(url)?.bytes ?? 0) > 0;
  }

  evict() {
    for (const [url, entry] of this.entries) {
      if (this.bytes <= this.limit || this.entries.size <= 1) return;
      if (!entry.bytes) continue; // still on its way
      this.entries.delete(url);
      this.bytes -= entry.bytes;
    }
  }
}

const WORDS = { 403: "you may not read it", 404: "it is not there any more", 413: "it is too large", 503: "the site is busy" };

async function fetchBytes(url, priority) {
  let answer;
  try {
    answer = await fetch(url, { priority, credentials: "same-origin" });
  } catch {
    throw new Error("The site could not be reached.");
  }
  if (!answer.ok) throw new Error(`The file did not come: ${WORDS[answer.status] ?? `the site answered ${answer.status}`}.`);
  return answer.arrayBuffer();
}
