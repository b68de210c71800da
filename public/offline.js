// Keeps the page for when there is no network (`service-worker.js`), and tells when a newer version is ready. Plain JavaScript, and not in frames: a blog's readers did
// not ask for an installation.
"use strict";
(() => {
  const workers = navigator.serviceWorker;
  if (!workers || window.top !== window || navigator.connection?.saveData) return;
  // Whoever looks in for a moment does not download the whole program.
  const WAIT = 8000;

  const chinese = () => document.documentElement.lang.startsWith("zh");

  /** A line at the foot of the page with two buttons. */
  function tell(waiting) {
    if (document.getElementById("newer")) return;
    const note = document.createElement("div");
    note.id = "newer";
    note.setAttribute("role", "status");
    const text = document.createElement("p");
    text.textContent = chinese() ? "页面有新版本。" : "A newer version of this page is ready.";
    const button = (label, act) => {
      const one = document.createElement("button");
      one.type = "button";
      one.textContent = label;
      one.onclick = act;
      return one;
    };
    const use = button(chinese() ? "载入新版本" : "Load it", () => {
      workers.addEventListener("controllerchange", () => location.reload(), { once: true });
      waiting.postMessage("use");
    });
    const later = button(chinese() ? "稍后" : "Later", () => note.remove());
    note.append(text, use, later);
    document.body.append(note);
  }

  async function keep() {
    try {
      const registration = await workers.register("./service-worker.js", { updateViaCache: "none" });
      // Without a controller what waits is the first version, not a newer one.
      const look = (worker) => {
        if (worker?.state === "installed" && workers.controller) tell(worker);
      };
      look(registration.waiting);
      registration.addEventListener("updatefound", () => {
        const worker = registration.installing;
        worker?.addEventListener("statechange", () => look(worker));
      });
    } catch {
      // Storage is full or forbidden: the page works as before, with the network.
    }
  }

  addEventListener("load", () => {
    if (workers.controller) keep();
    else setTimeout(keep, WAIT);
  });
})();
