// Every page works without scripts; these modules make it quicker to use.
import "./theme.js";
import "./menu.js";
import "./live-search.js";
import "./bulk.js";
import "./progress.js";
import "./password.js";
import "./copy.js";
import "./countdown.js";
import "./passkeys.js";
import "./session-end.js";
import "./shortcuts.js";
import "./upload.js";
import "./time-zone.js";
