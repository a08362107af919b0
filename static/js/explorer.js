// The explorer: each part of it in a module of its own.

import "./explorer/state.js";
import "./explorer/panel.js";
import "./explorer/brush.js";
import "./explorer/rows.js";
import "./explorer/filmstrip.js";
import "./explorer/dialogs.js";
import "./explorer/columns.js";
import "./explorer/rules.js";
import "./explorer/keys.js";
import "./explorer/bulk.js";
import "./explorer/views.js";
import "./explorer/map.js";
