// <form data-live-search="#list-id">: the list is fetched and replaced as the person types or picks a filter.
// data-live-delay: how long typing must pause, for lists whose searches go on record.
const DELAY_MS = 200;
const status = document.querySelector("[data-live-status]");
let timer = 0;
let running = null;

function addressOf(form) {
  const query = new URLSearchParams(new FormData(form));
  for (const [name, value] of [...query]) {
    if (value === "") {
      query.delete(name);
    }
  }
  const address = new URL(form.getAttribute("action") || location.pathname, location.href);
  address.search = query.toString();
  return address;
}

function announce(list) {
  const rows = list.querySelectorAll("tbody tr").length;
  status.textContent = list.dataset.resultText ?? (rows === 1 ? "1 result" : `${rows} results`);
}

async function refresh(form) {
  const selector = form.dataset.liveSearch;
  const list = document.querySelector(selector);
  const address = addressOf(form);
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  list.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, { signal, headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector(selector);
    if (!answer.ok || answer.redirected || fresh === null) {
      location.assign(address);
      return;
    }
    list.replaceWith(fresh);
    history.replaceState(null, "", address);
    announce(fresh);
    document.dispatchEvent(new CustomEvent("safekeep:replaced", { detail: fresh }));
  } catch (error) {
    list.removeAttribute("aria-busy");
    if (error.name !== "AbortError") {
      status.textContent = "The list could not be refreshed. Check your connection and try again.";
    }
  }
}

function schedule(form, delay) {
  clearTimeout(timer);
  timer = setTimeout(refresh, delay, form);
}

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (form?.matches("[data-live-search]") && event.target.matches("input")) {
    schedule(form, Number(form.dataset.liveDelay ?? DELAY_MS));
  }
});

document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (form?.matches("[data-live-search]") && event.target.matches("select")) {
    schedule(form, 0);
  }
});

document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-live-search]")) {
    event.preventDefault();
    schedule(event.target, 0);
  }
});
