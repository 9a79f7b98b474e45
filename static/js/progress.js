// <section data-progress-url="…">: asks each second how far a long task is, and reloads the page at its end.
const INTERVAL_MS = 1000;
const SLOW_INTERVAL_MS = 5000;
const reloaded = performance.getEntriesByType("navigation")[0]?.type === "reload";
let seenRunning = false;
const whole = new Intl.NumberFormat("en");

export function timeLeft(seconds) {
  if (seconds < 60) {
    return "less than a minute left";
  }
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) {
    return minutes === 1 ? "about 1 minute left" : `about ${minutes} minutes left`;
  }
  const hours = Math.round(minutes / 60);
  return hours === 1 ? "about 1 hour left" : `about ${hours} hours left`;
}

// A size in bytes as the pages say it: "3.4 MiB".
export function size(bytes) {
  for (const [unit, word] of [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]]) {
    if (bytes >= unit) {
      return `${(bytes / unit).toFixed(1)} ${word}`;
    }
  }
  return `${bytes} byte${bytes === 1 ? "" : "s"}`;
}

function byteSentence({ message, done, total, items, rate_per_second: rate, seconds_left: seconds }) {
  const parts = message ? [message] : [];
  parts.push(`${size(done)} of ${size(total)}`, `${whole.format(items)} ${items === 1 ? "item" : "items"}`);
  if (rate) {
    parts.push(`${size(Math.round(rate))} a second`);
  }
  if (seconds !== null && seconds !== undefined) {
    parts.push(timeLeft(seconds));
  }
  return parts.join(" · ");
}

function sentence(answer) {
  if (answer.unit === "bytes") {
    return byteSentence(answer);
  }
  const { message, done, total, rate_per_second: rate, seconds_left: seconds } = answer;
  const parts = [];
  if (message) {
    parts.push(message);
  }
  if (total) {
    parts.push(`${whole.format(done)} of ${whole.format(total)}`);
  }
  if (rate) {
    parts.push(`${whole.format(Math.round(rate * 10) / 10)} a second`);
  }
  if (seconds !== null && seconds !== undefined) {
    parts.push(timeLeft(seconds));
  }
  return parts.join(" · ");
}

function show(section, answer) {
  const bar = section.querySelector("progress");
  if (bar !== null && answer.total) {
    bar.max = answer.total;
    bar.value = answer.done;
  }
  for (const place of section.querySelectorAll("[data-progress-text]")) {
    place.textContent = sentence(answer);
  }
}

async function watch(section) {
  let wait = INTERVAL_MS;
  try {
    const answer = await fetch(section.dataset.progressUrl, { headers: { Accept: "application/json" } });
    if (!answer.ok || answer.redirected) {
      throw new Error(`status ${answer.status}`);
    }
    const body = await answer.json();
    show(section, body);
    if (body.finished) {
      if (seenRunning || !reloaded) {
        location.reload();
      }
      return;
    }
    seenRunning = true;
  } catch {
    wait = SLOW_INTERVAL_MS;
  }
  setTimeout(watch, wait, section);
}

for (const section of document.querySelectorAll("[data-progress-url]")) {
  watch(section);
}
