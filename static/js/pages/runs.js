// The experiment tracker: each part of it in a module of its own. What the explorer has, too, is its module.

import "../explorer/state.js";
import "../explorer/dialogs.js";
import "../explorer/columns.js";
import "../explorer/views.js";
import "../runs/filters.js";
import "../runs/completion.js";
import "../runs/rows.js";
import "../runs/selection.js";
import "../runs/editing.js";
import "../runs/columns.js";
import "../runs/live.js";
import "../runs/sparklines.js";
import "../runs/keys.js";
