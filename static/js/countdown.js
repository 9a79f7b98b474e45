// <span data-countdown="2026-11-24T12:10:00+00:00">: says how long it is until then, each second; reloads when it is over.
const RELOAD_AFTER_MS = 1500;

function left(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = String(seconds % 60).padStart(2, "0");
  return hours ? `${hours} h ${minutes} min` : `${minutes}:${rest} min`;
}

for (const place of document.querySelectorAll("[data-countdown]")) {
  const end = Date.parse(place.dataset.countdown);
  const tick = () => {
    const remaining = end - Date.now();
    place.textContent = `, in ${left(remaining)}`;
    if (remaining > 0) {
      setTimeout(tick, 1000);
    } else if (remaining > -60_000) {
      setTimeout(() => location.reload(), RELOAD_AFTER_MS);
    }
  };
  tick();
}
