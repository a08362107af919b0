// The advanced door: groups of conditions, joined by and, or and not, as deep as one needs. What is built here is the
// parameter `rules` of the address (scenes/rules.py).

import { change, current } from "./state.js";

const dialog = document.getElementById("dialog-rules");
const root = dialog.querySelector("[data-rules]");
const columns = JSON.parse(document.getElementById("rule-columns").textContent);
const byName = new Map(columns.map((column) => [column.name, column]));
const JOINS = [
  ["all", "All of these hold"],
  ["any", "Any of these holds"],
  ["not-all", "Not all of these hold"],
  ["not-any", "None of these holds"],
];

function make(tag, properties = {}, ...children) {
  const { dataset = {}, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
}

const cross = () => dialog.querySelector("template[data-cross]").content.cloneNode(true);

function choices(options, chosen, label) {
  const select = make("select", { className: "field" });
  select.setAttribute("aria-label", label);
  for (const [value, words] of options) select.append(make("option", { value, textContent: words }));
  if (options.some(([value]) => value === chosen)) select.value = chosen;
  return select;
}

function input(type, value, label) {
  const field = make("input", { className: "field", type, value: value ?? "", required: true });
  if (type === "number") field.step = "any";
  field.setAttribute("aria-label", label);
  field.dataset.value = "";
  return field;
}

/** The fields of a condition's value. */
function valueFields(column, operator, values) {
  if (operator.endsWith("empty")) return [];
  const type = { number: "number", day: "date" }[column.kind] ?? "text";
  if (["choice", "flag"].includes(column.kind)) {
    const select = choices(column.choices, String(values[0] ?? ""), "Value");
    select.dataset.value = "";
    return [select];
  }
  if (operator !== "between") return [input(type, values[0], "Value")];
  return [input(type, values[0], "Lowest"), make("span", { className: "faint", textContent: "and" }), input(type, values[1], "Highest")];
}

function condition({ column = columns[0].name, operator = "", values = [] } = {}) {
  const line = make("div", { className: "rule", dataset: { leaf: "" } });
  const which = choices(columns.map((known) => [known.name, known.label]), column, "Column");
  const how = make("span", { className: "rule-how" });
  const fields = make("span", { className: "rule-values" });
  const remove = make("button", { type: "button", className: "button button-quiet button-icon button-small", title: "Remove this condition" }, cross());
  remove.setAttribute("aria-label", "Remove this condition");
  const showFields = (given) => fields.replaceChildren(...valueFields(byName.get(which.value), how.firstChild.value, given));
  const showOperators = (chosen, given) => {
    const select = choices(byName.get(which.value).operators, chosen, "Comparison");
    how.replaceChildren(select);
    select.addEventListener("change", () => showFields([]));
    showFields(given);
  };
  which.addEventListener("change", () => showOperators("", []));
  remove.addEventListener("click", () => takeAway(line));
  showOperators(operator, values);
  line.append(which, how, fields, remove);
  return line;
}

function takeAway(element) {
  const near = element.nextElementSibling ?? element.previousElementSibling ?? element.parentElement.closest("[data-group]");
  element.remove();
  (near?.querySelector("select, button") ?? near)?.focus();
}

function group({ join = "all", parts = [] } = {}, outermost = false) {
  const box = make("fieldset", { className: "rule-group", dataset: { group: "" } });
  const head = make("div", { className: "rule-head" }, choices(JOINS, join, "How these combine"));
  const inside = make("div", { className: "rule-parts", dataset: { parts: "" } }, ...parts);
  const addOne = make("button", { type: "button", className: "button button-small", textContent: "Add a condition" });
  const addGroup = make("button", { type: "button", className: "button button-small button-quiet", textContent: "Add a group" });
  const put = (element) => {
    inside.append(element);
    element.querySelector("select").focus();
  };
  addOne.addEventListener("click", () => put(condition()));
  addGroup.addEventListener("click", () => put(group({ join: "any", parts: [condition()] })));
  if (!outermost) {
    const remove = make("button", { type: "button", className: "button button-quiet button-small", textContent: "Remove the group" });
    remove.addEventListener("click", () => takeAway(box));
    head.append(remove);
  }
  box.append(make("legend", { className: "unseen", textContent: "Group of conditions" }), head, inside);
  box.append(make("div", { className: "rule-adds" }, addOne, addGroup));
  return box;
}

/** A rule of the address as an element; negations become their own comparison or join where there is one. */
function shown(rule, outermost = false) {
  if ("not" in rule) {
    const inner = rule.not;
    if ("all" in inner) return shownGroup("not-all", inner.all, outermost);
    if ("any" in inner) return shownGroup("not-any", inner.any, outermost);
    const operator = "column" in inner ? operatorOf(inner) : "";
    if (["is", "contains"].includes(operator) && !Array.isArray(inner[operator]) && !outermost) {
      return condition({ column: inner.column, operator: `not-${operator}`, values: [inner[operator]] });
    }
    return shownGroup("not-all", [inner], outermost);
  }
  if ("all" in rule) return shownGroup("all", rule.all, outermost);
  if ("any" in rule) return shownGroup("any", rule.any, outermost);
  if (outermost) return shownGroup("all", [rule], true);
  const operator = operatorOf(rule);
  const value = rule[operator];
  if (operator === "empty") return condition({ column: rule.column, operator: value ? "empty" : "not-empty" });
  if (operator === "is" && Array.isArray(value)) {
    return shownGroup("any", value.map((one) => ({ column: rule.column, is: one })));
  }
  return condition({ column: rule.column, operator, values: [value].flat() });
}
const operatorOf = (leaf) => Object.keys(leaf).find((name) => name !== "column");
const shownGroup = (join, rules, outermost = false) => group({ join, parts: rules.map((rule) => shown(rule)) }, outermost);

/** What an element says, as a rule; null for a group with nothing in it. */
function said(element) {
  if ("leaf" in element.dataset) return saidCondition(element);
  const parts = [...element.querySelector("[data-parts]").children].map(said).filter(Boolean);
  if (!parts.length) return null;
  const join = element.querySelector("select").value;
  const inner = { [join.replace("not-", "")]: parts };
  return join.startsWith("not-") ? { not: inner } : inner;
}

function saidCondition(line) {
  const column = byName.get(line.querySelector("select").value);
  const chosen = line.querySelector(".rule-how select").value;
  const values = [...line.querySelectorAll("[data-value]")].map((field) => {
    if (column.kind === "number") return Number(field.value);
    return column.kind === "flag" ? field.value === "true" : field.value;
  });
  if (chosen.endsWith("empty")) return { column: column.name, empty: chosen === "empty" };
  const operator = chosen.replace("not-", "");
  const leaf = { column: column.name, [operator]: operator === "between" ? values : values[0] };
  return chosen === operator ? leaf : { not: leaf };
}

dialog.addEventListener("explorer:open", () => {
  let first = group({ parts: [condition()] }, true);
  try {
    if (current().get("rules")) first = shown(JSON.parse(current().get("rules")), true);
  } catch {
    // Rules that cannot be read are told on the page; here one starts anew.
  }
  root.replaceChildren(first);
  first.querySelector("select").dataset.first = "";
});
dialog.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const rule = said(root.firstElementChild);
  dialog.close();
  change({ rules: rule ? JSON.stringify(rule) : null });
});
dialog.querySelector("[data-no-rules]").addEventListener("click", () => {
  dialog.close();
  change({ rules: null });
});
