// <form data-zone-offer="Europe/Berlin" hidden>: shown where the browser's clock is another; "Keep" is remembered.
const KEPT = "safekeep-zone-kept";
const form = document.querySelector("[data-zone-offer]");

// Two names of one zone (Asia/Calcutta, Asia/Kolkata) are no difference: what counts is what the clocks show.
function clockOf(zone) {
  const year = new Date().getUTCFullYear();
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, dateStyle: "short", timeStyle: "short" });
  return [0, 3, 6, 9].map((month) => format.format(Date.UTC(year, month, 15, 12))).join();
}

function offer() {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const shown = form.dataset.zoneOffer;
  const pair = `${shown} ${here}`;
  try {
    if (!here || localStorage.getItem(KEPT) === pair || clockOf(here) === clockOf(shown)) {
      return;
    }
  } catch {
    return;
  }
  form.querySelector("[data-zone-name]").textContent = here.replaceAll("_", " ");
  form.elements.time_zone.value = here;
  form.elements.next.value = location.pathname + location.search;
  form.querySelector("[data-zone-keep]").addEventListener("click", () => {
    localStorage.setItem(KEPT, pair);
    form.hidden = true;
  });
  form.hidden = false;
}

if (form !== null) {
  offer();
}
