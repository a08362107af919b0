// Completion in the query box: names, signs, values and words, at the cursor. Arrows choose, Tab or Enter take.

import { apply } from "./filters.js";

const field = document.getElementById("query");
const list = document.getElementById("query-names");
const { attributes, choices, keys } = JSON.parse(document.getElementById("query-language").textContent);
const SIGNS = { empty: "is empty", filled: "is not empty", in: "in (", "not in": "not in (" };
const KEY_SIGNS = { metrics: ["=", "!=", "<", "<=", ">", ">="], params: ["=", "!=", "<", "<=", ">", ">=", "contains"], tags: ["=", "!=", "contains", "empty", "filled"] };
const DELAY_MS = 120;
let offered = [];
let at = -1;
let asked = 0;
let timer = 0;

/** What stands before the cursor: what kind of word is wanted, its beginning, and where it begins. */
function place() {
  const before = field.value.slice(0, field.selectionStart);
  const value = /([A-Za-z_][\w.\-/:"`]*)\s*(?:>=|<=|!=|==?|<|>|~|\bcontains\b|(?:\bin\s*\((?:[^()]*,)?))\s*("?[\w\-./:@]*)$/i.exec(before);
  if (value) return { kind: "value", name: value[1], begin: value[2], start: before.length - value[2].length };
  const word = /(?:^|[\s(])((?:metrics|params|tags)\.(?:"[^"]*|[\w\-./:]*)|[\w]*)$/i.exec(before);
  if (!word) return null;
  const start = before.length - word[1].length;
  const rest = before.slice(0, start).trimEnd();
  if (/(?:^|[\s(])(?:(?:metrics|params|tags)\.(?:"[^"]*"|[\w\-./:]+)+|[a-z_]+)$/i.test(rest) && !/\b(?:and|or|not)$|\($|^$/i.test(rest) && !/["\d)]$/.test(rest.replace(/(metrics|params|tags)\.\S+$/, "x")) && !afterValue(rest)) {
    const name = /(\S+)$/.exec(rest)[1].replace(/^\(+/, "");
    return { kind: "sign", name, begin: word[1], start };
  }
  if (rest && !/(?:\band|\bor|\bnot|\()$/i.test(rest)) return { kind: "link", begin: word[1], start };
  return { kind: "name", begin: word[1], start };
}

/** Whether the last word is a value rather than a name: a sign stands before it. */
const afterValue = (text) => /(?:>=|<=|!=|==?|<|>|~|\bcontains|\bempty)\s*\S*$/i.test(text) && !/(?:\band|\bor|\bnot)\s+\S+$/i.test(text);

const quoted = (name) => (/^[\w\-/:]+(\.[\w\-/:]+)*$/.test(name) && !/\.(last|min|max)$/.test(name) ? name : `"${name}"`);

async function fetched(query) {
  const answer = await fetch(`${keys}?${new URLSearchParams(query)}`).catch(() => null);
  return answer?.ok ? answer.json() : {};
}

async function candidates(where) {
  const begin = where.begin.toLowerCase();
  const fits = (word) => word.toLowerCase().startsWith(begin) && word.toLowerCase() !== begin;
  if (where.kind === "link") return ["and", "or"].filter(fits).map((word) => ({ text: `${word} `, shown: word, about: "" }));
  if (where.kind === "sign") {
    const kind = where.name.split(".")[0].toLowerCase();
    const signs = KEY_SIGNS[kind] ?? attributes[kind]?.operators ?? [];
    return signs.map((sign) => SIGNS[sign] ?? sign).filter(fits).map((sign) => ({ text: sign.endsWith("(") ? sign : `${sign} `, shown: sign, about: "" }));
  }
  if (where.kind === "value") return values(where);
  const dot = /^(metrics|params|tags)\.(.*)$/i.exec(where.begin);
  if (dot) {
    const kind = dot[1].toLowerCase();
    const found = (await fetched({ prefix: dot[2].replace(/^"/, "") }))[kind] ?? [];
    return found.map((name) => ({ text: `${kind}.${quoted(name)} `, shown: name, about: kind.replace(/s$/, "") }));
  }
  const names = Object.keys(attributes).filter(fits).map((name) => ({ text: `${name} `, shown: name, about: attributes[name].kind }));
  const kinds = ["metrics.", "params.", "tags."].filter(fits).map((name) => ({ text: name, shown: name, about: "by key" }));
  const found = begin ? await fetched({ prefix: where.begin }) : {};
  const byKey = ["metrics", "params", "tags"].flatMap((kind) => (found[kind] ?? []).slice(0, 6).map((name) => ({ text: `${kind}.${quoted(name)} `, shown: `${kind}.${quoted(name)}`, about: kind.replace(/s$/, "") })));
  const negation = fits("not") ? [{ text: "not ", shown: "not", about: "" }] : [];
  return [...kinds, ...names, ...byKey, ...negation];
}

async function values({ name, begin }) {
  const bare = begin.replace(/^"/, "");
  const known = choices[name.toLowerCase()];
  const found = known ?? (attributes[name.toLowerCase()] ? (await fetched({ values: name === "started_by" ? "user" : name.toLowerCase(), prefix: bare })).values ?? [] : []);
  return found
    .filter((value) => value.toLowerCase().startsWith(bare.toLowerCase()) && value !== bare)
    .map((value) => ({ text: known ? `${value} ` : `"${value}" `, shown: value, about: name }));
}

function close() {
  offered = [];
  at = -1;
  list.hidden = true;
  list.replaceChildren();
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
}

function show(found, start) {
  close();
  if (!found.length) return;
  offered = found.slice(0, 12).map((one) => ({ ...one, start }));
  list.append(
    ...offered.map((one, index) => {
      const entry = document.createElement("li");
      entry.id = `query-name-${index}`;
      entry.setAttribute("role", "option");
      entry.setAttribute("aria-selected", "false");
      const words = document.createElement("span");
      words.textContent = one.shown;
      const about = document.createElement("small");
      about.textContent = one.about;
      entry.append(words, about);
      return entry;
    }),
  );
  list.hidden = false;
  field.setAttribute("aria-expanded", "true");
}

function choose(index) {
  list.children[at]?.setAttribute("aria-selected", "false");
  at = (index + offered.length) % offered.length;
  const entry = list.children[at];
  entry.setAttribute("aria-selected", "true");
  entry.scrollIntoView({ block: "nearest" });
  field.setAttribute("aria-activedescendant", entry.id);
}

function take(index) {
  const { text, start } = offered[index];
  field.setRangeText(text, start, field.selectionStart, "end");
  close();
  offer();
}

function offer() {
  clearTimeout(timer);
  const round = ++asked;
  timer = setTimeout(async () => {
    const where = place();
    const found = where ? await candidates(where) : [];
    // Somebody typed on, or left the field meanwhile.
    if (round === asked && document.activeElement === field) show(found, where?.start ?? 0);
  }, DELAY_MS);
}

function leave() {
  clearTimeout(timer);
  asked += 1;
  close();
}

field.addEventListener("input", offer);
field.addEventListener("blur", leave);
field.addEventListener("keydown", (event) => {
  if (event.key === " " && event.ctrlKey) {
    event.preventDefault();
    offer();
    return;
  }
  if (event.key === "Enter" && at < 0) {
    event.preventDefault();
    leave();
    apply();
    return;
  }
  if (list.hidden) return;
  const actions = {
    ArrowDown: () => choose(at + 1),
    ArrowUp: () => choose(at < 0 ? -1 : at - 1),
    Enter: () => take(at),
    Tab: () => take(Math.max(0, at)),
    Escape: () => close(),
  };
  if (!actions[event.key] || event.shiftKey) return;
  event.preventDefault();
  event.stopPropagation();
  actions[event.key]();
});
// Before the field loses the focus.
list.addEventListener("mousedown", (event) => {
  const entry = event.target.closest("li");
  event.preventDefault();
  if (entry) take([...list.children].indexOf(entry));
});
// A cleared box asks for everything again.
field.addEventListener("change", () => field.value.trim() === "" && apply());
