// <form data-upload>: sends files in slices, each with its place, and goes on where the server says after any interruption.
import { size, timeLeft } from "./progress.js";

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
const MOST_SHOWN = 200;
const whole = new Intl.NumberFormat("en");

class Refused extends Error {}

class Upload {
  constructor(form) {
    this.form = form;
    this.chosen = new Map();
    this.paused = false;
    this.running = false;
    this.sent = 0;
    this.slice = Number(form.dataset.uploadSlice);
    this.token = form.querySelector('input[name="csrf_token"]').value;
    for (const picker of form.querySelectorAll("[data-upload-files], [data-upload-folder]")) {
      picker.addEventListener("change", () => this.choose([...picker.files].map((file) => [file.webkitRelativePath || file.name, file])));
    }
    this.watchDrops(form.querySelector("[data-upload-drop]"));
    this.part("pause").addEventListener("click", () => this.pause());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.run();
    });
    addEventListener("beforeunload", (event) => this.running && event.preventDefault());
  }

  part(name) {
    return this.form.querySelector(`[data-upload-${name}]`);
  }

  watchDrops(area) {
    area.addEventListener("dragover", (event) => {
      event.preventDefault();
      area.classList.add("drop-over");
    });
    area.addEventListener("dragleave", () => area.classList.remove("drop-over"));
    area.addEventListener("drop", async (event) => {
      event.preventDefault();
      area.classList.remove("drop-over");
      const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
      const found = [];
      for (const entry of entries) {
        await collect(entry, "", found);
      }
      this.choose(found);
    });
  }

  choose(files) {
    if (this.running) {
      return;
    }
    for (const [name, file] of files) {
      this.chosen.set(name, file);
    }
    this.files = [...this.chosen].sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, file], place) => ({ name, file, place, received: 0 }));
    this.total = this.files.reduce((sum, { file }) => sum + file.size, 0);
    this.part("state").hidden = this.files.length === 0;
    this.part("chosen").textContent = `${whole.format(this.files.length)} ${this.files.length === 1 ? "file" : "files"}, ${size(this.total)}`;
    this.list();
    this.show("Ready to send");
  }

  list() {
    const list = this.part("list");
    list.replaceChildren();
    for (const one of this.files.slice(0, MOST_SHOWN)) {
      const row = document.createElement("li");
      const [name, bar, text] = ["span", "progress", "span"].map((tag) => row.appendChild(document.createElement(tag)));
      name.textContent = one.name;
      bar.max = Math.max(one.file.size, 1);
      bar.value = 0;
      bar.setAttribute("aria-label", one.name);
      text.className = "upload-size";
      text.textContent = size(one.file.size);
      one.bar = bar;
      list.append(row);
    }
    if (this.files.length > MOST_SHOWN) {
      const row = document.createElement("li");
      row.textContent = `and ${whole.format(this.files.length - MOST_SHOWN)} more`;
      list.append(row);
    }
  }

  show(message) {
    const received = this.files.reduce((sum, one) => sum + one.received, 0);
    const bar = this.part("bar");
    bar.max = Math.max(this.total, 1);
    bar.value = received;
    const parts = [message, `${size(received)} of ${size(this.total)}`];
    const seconds = (performance.now() - this.startedAt) / 1000;
    if (this.running && this.sent && seconds > 2) {
      const rate = this.sent / seconds;
      parts.push(`${size(Math.round(rate))} a second`, timeLeft((this.total - received) / rate));
    }
    this.part("text").textContent = parts.join(" · ");
  }

  pause() {
    this.paused = !this.paused;
    this.part("pause").textContent = this.paused ? "Go on" : "Pause";
    if (this.paused) {
      this.show("Paused");
    } else {
      this.wake?.();
    }
  }

  async run() {
    if (this.running) {
      return;
    }
    if (!this.files?.length) {
      this.part("state").hidden = false;
      this.part("text").textContent = "Choose files first.";
      return;
    }
    this.running = true;
    this.startedAt = performance.now();
    this.part("start").disabled = true;
    this.part("pause").hidden = false;
    try {
      await this.open();
      await this.announce();
      for (const one of this.files) {
        await this.send(one);
      }
      this.show("All files are here");
      const started = await this.ask(this.addresses.start, { method: "POST", body: new URLSearchParams() });
      this.running = false;
      location.assign(started.page);
    } catch (error) {
      this.running = false;
      this.part("start").disabled = false;
      this.part("pause").hidden = true;
      this.show(error instanceof Refused ? error.message : "The upload stopped. Press Import to go on where it stands.");
    }
  }

  async open() {
    const { uploadFilesUrl: files, uploadStartUrl: start, uploadPageUrl: page, uploadNew } = this.form.dataset;
    if (!this.addresses && files) {
      this.addresses = { files, start, page };
    }
    if (!this.addresses) {
      const custodian = this.form.elements.custodian.value;
      const label = this.files.length === 1 ? this.files[0].name : `${this.files[0].name.split("/")[0]} and others`;
      this.addresses = await this.ask(uploadNew, { method: "POST", body: new URLSearchParams({ custodian, label }) });
    }
    const link = this.part("page");
    if (link) {
      link.href = this.addresses.page;
      link.hidden = false;
    }
  }

  async announce() {
    const atOnce = Number(this.form.dataset.uploadAtOnce);
    for (let first = 0; first < this.files.length; first += atOnce) {
      const body = new URLSearchParams({ first });
      for (const { name, file } of this.files.slice(first, first + atOnce)) {
        body.append("name", name);
        body.append("size", file.size);
        body.append("modified", file.lastModified);
      }
      for (const told of await this.ask(this.addresses.files, { method: "POST", body })) {
        Object.assign(this.files[told.place], { url: told.url });
        this.note(this.files[told.place], told.received);
      }
    }
  }

  async send(one) {
    let stuck = 0;
    while (one.received < one.file.size) {
      while (this.paused) {
        await new Promise((resolve) => (this.wake = resolve));
      }
      const start = one.received;
      const body = one.file.slice(start, start + this.slice);
      const told = await this.ask(`${one.url}?start=${start}`, { method: "PUT", body, headers: { "Content-Type": "application/octet-stream" } }, () => this.announce());
      if (told) {
        this.sent += Math.max(0, told.received - start);
        this.note(one, told.received);
      }
      stuck = one.received === start ? stuck + 1 : 0;
      this.show(stuck ? "The server cannot take more just now. Trying again soon" : "Sending");
      if (stuck) {
        await new Promise((resolve) => setTimeout(resolve, Math.min(FIRST_WAIT_MS * 2 ** stuck, LONGEST_WAIT_MS)));
      }
    }
  }

  note(one, received) {
    one.received = received;
    if (one.bar) {
      one.bar.value = received;
    }
  }

  // Asks again and again, with longer and longer waits, while the line or the server is away. What is refused is said.
  // After a failure `look` finds out where to go on; then nothing is answered, and the caller looks anew.
  async ask(url, { headers = {}, ...options }, look = null) {
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      let answer = null;
      try {
        answer = await fetch(url, { ...options, headers: { Accept: "application/json", "X-CSRFToken": this.token, ...headers } });
      } catch {
        // no line
      }
      if (answer?.redirected) {
        throw new Refused("You were signed out. Sign in in another tab, then press the button to go on.");
      }
      if (answer?.ok) {
        return answer.json();
      }
      if (answer?.status === 409 && look && !this.looked) {
        this.looked = true;
        await look();
        this.looked = false;
        return null;
      }
      if (answer && answer.status < 500 && answer.status !== 429) {
        const told = await answer.json().catch(() => null);
        throw new Refused(told?.message ?? "The server did not take this.");
      }
      this.show(`The connection was lost. Trying again in ${Math.round(wait / 1000)} seconds`);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

// Every file below a dropped folder, with its path.
async function collect(entry, path, found) {
  if (entry.isFile) {
    found.push([path + entry.name, await new Promise((resolve, reject) => entry.file(resolve, reject))]);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) {
      return;
    }
    for (const one of some) {
      await collect(one, `${path}${entry.name}/`, found);
    }
  }
}

for (const form of document.querySelectorAll("form[data-upload]")) {
  new Upload(form);
}
