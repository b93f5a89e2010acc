// What pages can do better with JavaScript. Everything here is extra: without it the
// same buttons are plain forms. Listeners sit on the document, so that parts of a page
// which arrive later need no wiring.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");

  const live = document.createElement("div");
  live.className = "visually-hidden";
  live.setAttribute("role", "status");
  document.body.append(live);

  // Theme: change at once, tell the server in the background; the cookie keeps it.
  const setTheme = (button) => {
    const form = button.form;
    if (button.value === "system") delete root.dataset.theme;
    else root.dataset.theme = button.value;
    for (const b of form.querySelectorAll("[name=theme]")) b.setAttribute("aria-pressed", String(b === button));
    const body = new URLSearchParams(new FormData(form));
    body.set("theme", button.value);
    fetch(form.action, { method: "POST", body, redirect: "manual", keepalive: true }).catch(() => {});
  };

  const copy = async (button) => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      getSelection().selectAllChildren(button.previousElementSibling); // to be copied by hand
      return;
    }
    button.classList.add("copied");
    live.textContent = button.dataset.done;
    setTimeout(() => {
      button.classList.remove("copied");
      live.textContent = "";
    }, 1800);
  };

  const reveal = (button) => {
    const input = document.getElementById(button.dataset.reveal);
    const show = input.type === "password";
    input.type = show ? "text" : "password";
    button.setAttribute("aria-pressed", String(show));
    input.focus();
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.copy !== undefined) copy(button);
    else if (button.dataset.reveal) reveal(button);
    else if (button.name === "theme" && button.form?.dataset.themes !== undefined) {
      event.preventDefault();
      setTheme(button);
    }
  });

  // A form is sent once. The button stays enabled: a disabled one would not be sent along.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method === "dialog") return;
    if (form.dataset.sent !== undefined) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "";
    for (const input of form.querySelectorAll("[data-reveal][aria-pressed=true]")) reveal(input); // so that password managers see a password
    event.submitter?.setAttribute("aria-busy", "true");
  });
  const unlock = (form) => {
    delete form.dataset.sent;
    for (const b of form.querySelectorAll("[aria-busy]")) b.removeAttribute("aria-busy");
  };
  // Back from the browser's memory, or answered by htmx: the form may be sent again.
  addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("form[data-sent]").forEach(unlock);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target.closest?.("form");
    if (form) unlock(form);
  });

  // After a mistake the reader starts at the list of mistakes, or at the first wrong field.
  const focusError = (within) => {
    const wrong = within.querySelector("[data-errors], [aria-invalid=true]");
    if (wrong) wrong.focus();
  };
  focusError(document);
  document.addEventListener("htmx:afterSettle", (event) => focusError(event.target));

  // Keys: / searches, j and k walk through a list, Enter opens (the row's link has the focus).
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const search = document.querySelector("[data-search]");
    if (event.key === "/" && search) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape") {
      document.querySelectorAll(".menu[open]").forEach((menu) => (menu.open = false));
    } else if (event.key === "j" || event.key === "k") {
      const rows = [...document.querySelectorAll("[data-rows] .row-link")];
      const at = rows.findIndex((row) => row.closest("tr").contains(document.activeElement));
      rows[event.key === "j" ? Math.min(at + 1, rows.length - 1) : Math.max(at - 1, 0)]?.focus();
    }
  });
  document.addEventListener("click", (event) => {
    document.querySelectorAll(".menu[open]").forEach((menu) => menu.contains(event.target) || (menu.open = false));
  });

  // Live: when something happened, ask for this page again and put in the regions that changed.
  const regions = (within) => [...within.querySelectorAll("[data-live]")];
  const address = document.body.dataset.stream;
  if (!address || !regions(document).length) return;
  const button = document.querySelector("[data-live-switch]");
  let stream, soon, asked;

  const busy = (region) => region.contains(document.activeElement) && document.activeElement.matches("input, select, textarea, summary") || region.querySelector(".menu[open], [data-bulk] :checked");
  const swap = (old, next) => {
    if (old.innerHTML === next.innerHTML || busy(old)) return;
    const focus = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const scrolled = [...old.querySelectorAll(".table-wrap")].map((box) => [box.scrollLeft, box.scrollTop]);
    const open = [...old.querySelectorAll("details")].map((box) => box.open);
    old.innerHTML = next.innerHTML;
    [...old.querySelectorAll(".table-wrap")].forEach((box, i) => scrolled[i] && ([box.scrollLeft, box.scrollTop] = scrolled[i]));
    [...old.querySelectorAll("details")].forEach((box, i) => i in open && (box.open = open[i]));
    if (focus) [...old.querySelectorAll("a")].find((a) => a.getAttribute("href") === focus)?.focus({ preventScroll: true });
  };
  const refresh = async () => {
    const mine = (asked = {});
    try {
      const response = await fetch(location.href, { headers: { "Sluice-Refresh": "live" } });
      if (!response.ok || response.redirected || mine !== asked) return;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const now = regions(document), next = regions(page);
      if (now.length === next.length) now.forEach((region, i) => swap(region, next[i]));
    } catch {} // the next event tries again
  };
  const heard = (event) => {
    const wanted = regions(document).some(({ dataset: { live } }) => event.data === "*" || (live ? live.split(" ").some((type) => event.data.startsWith(type)) : !event.data.startsWith("request_log.")));
    if (wanted) soon ??= setTimeout(() => ((soon = undefined), refresh()), 400);
  };
  const listen = () => {
    const on = button.getAttribute("aria-pressed") === "true" && !document.hidden; // browsers share few streams among tabs
    if (on === !!stream) return;
    stream?.close();
    stream = on ? new EventSource(address) : undefined;
    if (stream) stream.onmessage = heard;
  };
  button.hidden = false;
  if (localStorage.getItem("live") === "off") button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    localStorage.setItem("live", on ? "on" : "off");
    listen();
    if (on) refresh();
  });
  document.addEventListener("visibilitychange", () => {
    listen();
    if (stream) refresh();
  });
  addEventListener("pagehide", () => stream?.close());
  listen();
})();
