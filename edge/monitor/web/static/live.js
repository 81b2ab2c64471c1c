// Keeps the page up to date, times in the browser's zone, and the choice of light or dark. The page works without it.
"use strict";
(() => {
  const EVERY_MS = 5000;
  const status = document.getElementById("live");
  let tag = null, told = "", waiting = false;

  // -- times --------------------------------------------------------------------------------------------------------

  const full = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });
  const clock = new Intl.DateTimeFormat("sv-SE", { timeStyle: "short" });
  const day = new Intl.DateTimeFormat("sv-SE", { day: "2-digit", month: "2-digit" });

  function localise(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const then = new Date(time.dateTime);
      if (isNaN(then)) continue;
      const today = then.toDateString() === new Date().toDateString();
      const short = today ? clock.format(then) : `${day.format(then)} ${clock.format(then)}`;
      time.textContent = time.dataset.form === "short" ? short : full.format(then);
    }
  }

  // -- what changed on the page ---------------------------------------------------------------------------------------

  const keyOf = (node) => (node.nodeType === 1 ? node.dataset.key || node.id || "" : "");
  const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

  function attributes(old, fresh) {
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
  }

  function morph(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== 1) { old.nodeValue = fresh.nodeValue; return; }
    attributes(old, fresh);
    const keyed = new Map([...old.children].filter(keyOf).map((child) => [keyOf(child), child]));
    let at = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const known = keyOf(child) ? keyed.get(keyOf(child)) : at;
      if (known && alike(known, child)) {
        if (known === at) at = at.nextSibling; else old.insertBefore(known, at);
        morph(known, child);
      } else {
        old.insertBefore(child, at);
      }
    }
    while (at) { const next = at.nextSibling; at.remove(); at = next; }
  }

  function update(text) {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    localise(fresh);
    const focused = document.activeElement;
    for (const region of document.querySelectorAll("[data-live]")) {
      const other = fresh.getElementById(region.id);
      if (other) morph(region, other);
    }
    if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  }

  // -- asking -------------------------------------------------------------------------------------------------------

  function tell(text, lost) {
    if (!status || told === text) return;
    told = status.textContent = text;
    status.classList.toggle("lost", lost);
  }

  const busy = () => document.hidden || (getSelection() && getSelection().type === "Range");

  async function ask() {
    if (waiting || busy()) return;
    waiting = true;
    try {
      const answer = await fetch(location.href, {
        headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store", signal: AbortSignal.timeout(20000),
      });
      if (answer.redirected) { location.reload(); return; }
      if (answer.status !== 304) {
        if (!answer.ok) throw new Error(answer.status);
        tag = answer.headers.get("ETag");
        update(await answer.text());
      }
      tell("live", false);
    } catch {
      tell("no connection to the monitor", true);
    } finally {
      waiting = false;
    }
  }

  // -- light and dark -----------------------------------------------------------------------------------------------

  const button = document.getElementById("theme");
  if (button) {
    const dark = () => document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    const name = () => { button.textContent = dark() ? "Light" : "Dark"; };
    button.hidden = false;
    name();
    button.addEventListener("click", () => {
      const theme = dark() ? "light" : "dark";
      document.documentElement.dataset.theme = theme;
      try { localStorage.setItem("theme", theme); } catch { /* a private window */ }
      name();
    });
  }

  for (const choice of document.querySelectorAll("select[data-go]")) {
    choice.addEventListener("change", () => choice.form.requestSubmit());
  }
  localise(document);
  if (document.querySelector("[data-live]")) {
    tell("live", false);
    setInterval(ask, EVERY_MS);
    document.addEventListener("visibilitychange", ask);
  }
})();
