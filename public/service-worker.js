// Keeps the page for when there is no network. `cargo xtask finish` writes the list of its files and the version, which is a hash of all of them.
//
// A page that was opened with one version keeps to it: what answers it, down to the parts that it fetches hours later, is that version's cache. The next one is
// fetched beside it and waits until no page of the old one is open, or until somebody asks for it; then the old cache stays once more, for pages that still run on it.
"use strict";
const VERSION = "";
const FILES = [];

const OWN = `attention-playground ${registration.scope} `;
const HERE = OWN + VERSION;
const at = (file) => new URL(file, registration.scope).href;

/** Caches of this page, of whatever version, oldest first; other folders of the host may hold playgrounds of their own. */
const versions = async () => (await caches.keys()).filter((name) => name.startsWith(OWN));

/** Files whose names hold a hash of what is in them never change; others are asked for anew. */
const hashed = (file) => /-[0-9a-f]{8,}[./]/.test(file);

async function fill() {
  const cache = await caches.open(HERE);
  // One after the other: the page that is open comes first.
  for (const file of FILES) {
    const address = at(file);
    if (await cache.match(address)) continue;
    const known = hashed(file) ? await caches.match(address) : undefined;
    const answer = known ?? (await fetch(address, { cache: hashed(file) ? "default" : "no-cache" }));
    if (!answer.ok || answer.redirected) throw new Error(`${file}: ${answer.status}`);
    await cache.put(address, answer);
  }
}

async function tidy() {
  const old = (await versions()).filter((name) => name !== HERE);
  await Promise.all(old.slice(0, -1).map((name) => caches.delete(name)));
}

/** The file that an address names; nothing of one outside the page's folder. */
function file(address) {
  const path = address.split(/[?#]/)[0];
  if (!path.startsWith(registration.scope)) return undefined;
  const name = path.slice(registration.scope.length);
  return name === "" || name.endsWith("/") ? `${name}index.html` : name;
}

async function answer(request, name) {
  const kept = FILES.includes(name) ? await caches.match(at(name), { cacheName: HERE }) : undefined;
  // A page of the version before asks for a part of its own, or somebody for what is no part of the page.
  const found = kept ?? (await caches.match(at(name)));
  // A new answer has no address of its own: the one that was asked stays, with what stands behind its question mark, which workers read.
  return found ? new Response(found.body, { headers: found.headers }) : fetch(request);
}

addEventListener("install", (event) => event.waitUntil(fill()));
addEventListener("activate", (event) => event.waitUntil(tidy().then(() => clients.claim())));
addEventListener("message", (event) => {
  if (event.data === "use") skipWaiting();
});
addEventListener("fetch", (event) => {
  const name = event.request.method === "GET" ? file(event.request.url) : undefined;
  if (name !== undefined && (FILES.includes(name) || hashed(name))) event.respondWith(answer(event.request, name));
});
