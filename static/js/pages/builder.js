// The builder's page: what is selected on the left goes into the draft on the right.

import "../explorer/dialogs.js";
import "../builder/plan.js";
import "../builder/staged.js";

if (document.getElementById("explorer")) await import("../builder/list.js");
