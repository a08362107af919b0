// The page of one scene: fetches what can be played and shows it; while the scene is ingested it is kept fresh.

import { ScenePage, playbackOf } from "../scene/page.js";
import { Panel } from "../scene/panel.js";

const facts = JSON.parse(document.getElementById("scene-facts").textContent);
const find = (name) => document.querySelector(`[data-${name}]`);

/** While frames come in, the panel is kept fresh; the viewer starts anew when there is something to see, and at the end. */
function followIngestion(page) {
  document.addEventListener("htmx:afterSettle", () => {
    const notice = document.getElementById("scene-notice");
    page?.thisFrame.keep();
    if (!notice) return; // the site answered with something else, such as a fault
    const { frames } = notice.dataset;
    const ended = !frames;
    if (ended) delete document.getElementById("scene").dataset.refreshing;
    page?.thisFrame.show(page.store.state.frame);
    const seesSome = page && page.line.frames.id.some((_, position) => page.line.shown(position));
    const writing = document.querySelector("dialog[open]") || document.activeElement?.matches("input, textarea");
    // The address keeps everything that the person chose.
    if (!writing && facts.ingesting && (ended || (!seesSome && !frames.endsWith("/0")))) location.reload();
  });
}

/** The overlays that the address of the page names come even where only the newest are offered. */
function withAsked(address) {
  const named = new URLSearchParams(location.search).toString().matchAll(/(?:predictions|uncertainty|flips)(?:(?::|%3A)\d+)+/gi);
  const keys = new Set([...named].map(([key]) => decodeURIComponent(key)));
  const also = [...keys].map((key) => `also=${encodeURIComponent(key)}`).join("&");
  return also ? `${address}?${also}` : address;
}

async function start() {
  let page = null;
  const panel = new Panel();
  try {
    const playback = await playbackOf(withAsked(facts.playback));
    page = new ScenePage(playback, { panel, facts });
    window.scenePage = page;
    if (page.line.count) await page.openViewer();
    else page.messages.empty(facts.ingesting);
  } catch (problem) {
    const message = find("message");
    message.textContent = `The frames could not be loaded. ${problem.message}`;
    message.hidden = false;
    console.error(problem);
  }
  followIngestion(page);
}

start();
