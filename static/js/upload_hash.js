// A worker: the sha256 of one file after the other, so that the page stays free. Posts { id, digest }; the digest
// is empty where the browser can't hash (a page without HTTPS) or read the file.

async function digest(file) {
  if (!crypto.subtle) return "";
  try {
    const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  } catch {
    return "";
  }
}

let last = Promise.resolve();
addEventListener("message", ({ data: { id, file } }) => {
  last = last.then(async () => postMessage({ id, digest: await digest(file) }));
});
