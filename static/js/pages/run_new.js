// The form of a new training run: rows of parameters are added and removed, the way they are written is changed.

const form = document.getElementById("run-new");

function addRow(after) {
  const rows = form.querySelectorAll(".parameter-row:not(.parameter-heads)");
  const row = rows[rows.length - 1].cloneNode(true);
  for (const input of row.querySelectorAll("input")) {
    input.value = "";
    input.setAttribute("aria-label", input.getAttribute("aria-label").replace(/\d+$/, String(rows.length + 1)));
  }
  row.querySelector("[data-remove-row] .unseen").textContent = `Remove parameter ${rows.length + 1}`;
  after.after(row);
  row.querySelector("input").focus();
}

const rows = () => [...form.querySelectorAll(".parameter-row:not(.parameter-heads)")];

form?.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if ("addRow" in button.dataset) addRow(rows().at(-1));
  if ("removeRow" in button.dataset) {
    const row = button.closest(".parameter-row");
    if (rows().length > 1) {
      (row.nextElementSibling?.querySelector("input, button") ?? row.previousElementSibling.querySelector("input"))?.focus();
      row.remove();
    } else for (const input of row.querySelectorAll("input")) input.value = "";
  }
});

// Enter in a value goes on to the next row, as in a table; the form is sent by its button.
form?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.target.name !== "value") return;
  event.preventDefault();
  const row = event.target.closest(".parameter-row");
  const next = row.nextElementSibling?.querySelector?.('input[name="key"]');
  if (next) next.focus();
  else addRow(row);
});

// What was written in one way goes over to the other.
form?.addEventListener("change", (event) => {
  if (event.target.name !== "form") return;
  const text = form.elements.yaml;
  if (event.target.value === "yaml" && !text.value.trim()) {
    const written = rows().map((row) => [...row.querySelectorAll("input")].map((input) => input.value.trim()));
    text.value = written.filter(([key]) => key).map(([key, value]) => `${/^[\w.-]+$/.test(key) ? key : JSON.stringify(key)}: ${value}`).join("\n");
  }
  (event.target.value === "yaml" ? text : rows()[0].querySelector("input")).focus();
});

document.querySelector("#run-problem")?.scrollIntoView({ block: "center" });
document.querySelector("[aria-invalid=true]")?.focus();
