// What a person chose or dropped, as [{ path, file }], and how it falls into scenes. The server decides what is
// taken; these rules only sort out early what it would refuse anyway.

const SYSTEM_FILES = new Set(["thumbs.db", "desktop.ini"]);

export function fromInput(input) {
  return [...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

// Entries must be taken from a drop at once: the list is gone when its event has passed.
export function fromDrop(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return Promise.resolve([...transfer.files].map((file) => ({ path: file.name, file })));
  return Promise.all(entries.map(walk)).then((found) => found.flat());
}

async function walk(entry) {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    return [{ path, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) }];
  }
  const found = [];
  const reader = entry.createReader();
  for (;;) {
    // A reader answers at most 100 entries at a time, and none when it is through.
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!part.length) return found;
    for (const child of part) found.push(...(await walk(child)));
  }
}

export const isSystemFile = (path) => {
  const name = path.split("/").pop().toLowerCase();
  return name.startsWith(".") || SYSTEM_FILES.has(name);
};

// Scenes by name, each with its files by their name in the scene.
export function grouped(chosen, grouping, single) {
  const scenes = new Map();
  for (const { path, file } of chosen) {
    const [top, ...rest] = path.split("/");
    const perFolder = grouping === "folder" && rest.length > 0 && !single;
    const oneFolder = single && rest.length > 0;
    const key = perFolder ? top : (single ?? "");
    const name = perFolder || oneFolder ? rest.join("/") : path;
    if (!scenes.has(key)) scenes.set(key, new Map());
    scenes.get(key).set(name, file);
  }
  return scenes;
}

export function nameFor(files) {
  const names = [...files.keys()];
  const tops = new Set(names.map((name) => name.split("/")[0]));
  if (names.length === 1) return names[0].split("/").pop().split(".")[0];
  if (tops.size === 1 && names[0].includes("/")) return [...tops][0];
  return `upload-${new Date().toISOString().slice(0, 16).replace("T", "-").replace(":", "")}`;
}

// Why a file is left out at once, and whether its name leaves its format open.
export function judge(name, rules) {
  const base = name.split("/").pop().toLowerCase();
  const ends = (suffixes) => suffixes.filter((suffix) => base.endsWith(suffix)).sort((a, b) => b.length - a.length)[0];
  if (rules.names.includes(base)) return { problem: "", undecided: false };
  if (ends(rules.labels)) return { problem: "Labels are added to the scene when it is in.", undecided: false };
  const suffix = ends(rules.suffixes);
  if (!suffix) return { problem: "No point cloud, and no file beside one.", undecided: false };
  return { problem: "", undecided: rules.undecided.includes(suffix) };
}

const inOrder = new Intl.Collator("en", { numeric: true });
export const natural = (one, other) => inOrder.compare(one.name, other.name);
