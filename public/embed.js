// The custom element <attention-playground>: a part of the playground inside another page.
//
//   <script defer src="https://…/embed.js"></script>
//   <attention-playground src="#v1&mask=causal" view="map" controls="mask,heads" loading="lazy">
//     <a href="https://…/#v1&mask=causal"><img src="still.png" alt="A causal attention map"></a>
//   </attention-playground>
//
// What stands inside the element is its poster, and all that is left where scripts do not run. A classic script: hosts without CORS headers
// can't serve a module to other origins, and only a classic one knows where it came from.
"use strict";
(() => {
  const NAME = "attention-playground";
  const script = document.currentScript;
  if (!script || !("customElements" in window) || customElements.get(NAME)) return;
  const base = new URL(".", script.src);
  // A host in a sandbox without an origin hands the sandbox down: the frame has none either. A host without an origin for another reason (a file)
  // leaves the frame its own. The source of a message is checked in both.
  const PEERS = self.origin === "null" ? ["null", base.origin] : [base.origin];
  const TARGET = self.origin === "null" ? "*" : base.origin;
  // A frame that has not told its height so long after it was loaded is shown as it is: it says what is missing.
  const PATIENCE_MS = 8000;

  const SHEET = `
    :host { display: block; position: relative; min-height: 6rem; }
    :host([hidden]) { display: none; }
    iframe { display: block; width: 100%; height: 30rem; border: 0; }
    .poster { display: block; position: relative; overflow: hidden; }
    .poster img, ::slotted(img) { display: block; max-width: 100%; height: auto; }
    button { position: absolute; inset: auto auto 0.75rem 0.75rem; padding: 0.5rem 0.875rem; border: 0; border-radius: 8px;
      background: #3d3fb5; color: #fff; font: 600 0.875rem/1.2 system-ui, sans-serif; cursor: pointer; }
    button:focus-visible { outline: 3px solid #a9acff; outline-offset: 2px; }
    .waiting iframe { position: absolute; inset: 0; visibility: hidden; }
  `;
  const WORDS = {
    en: { start: "Compute it here", title: "Attention Playground" },
    zh: { start: "在此计算", title: "注意力实验场" },
  };
  // Attributes that the frame's address carries as they are.
  const CARRIED = ["view", "theme", "lang", "controls", "lock"];

  class AttentionPlayground extends HTMLElement {
    static observedAttributes = ["src", "poster", "loading", "title", ...CARRIED];

    #root = this.attachShadow({ mode: "open" });
    #box = document.createElement("div");
    #frame = null;
    #seen = null;
    #last = 0;
    #asked = new Map();
    #ready = null;
    #arrived = null;
    #gone = null;
    #placed = false;
    #listen = (event) => this.#receive(event);

    constructor() {
      super();
      // A sheet made by a script is no inline style: it works under the strictest policy.
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(SHEET);
      this.#root.adoptedStyleSheets = [sheet];
      this.#root.append(this.#box);
      this.#await();
    }

    connectedCallback() {
      addEventListener("message", this.#listen);
      this.#placed = true;
      this.#show();
      this.#wait();
    }

    /** Starts the frame when its `loading` says so. */
    #wait() {
      this.#seen?.disconnect();
      const loading = this.getAttribute("loading") ?? "lazy";
      if (loading === "eager") this.start();
      else if (loading !== "click") {
        this.#seen = new IntersectionObserver((entries) => entries.some((e) => e.isIntersecting) && this.start(), { rootMargin: "200px" });
        this.#seen.observe(this);
      }
    }

    disconnectedCallback() {
      removeEventListener("message", this.#listen);
      this.#placed = false;
      this.#seen?.disconnect();
      this.#frame?.remove();
      this.#frame = null;
      this.#reset("the element was removed from its page");
    }

    /** The frame is another one, or none: what was asked of it is not answered any more. */
    #reset(why) {
      this.#gone(new Error(why));
      for (const { fail } of this.#asked.values()) fail(new Error(why));
      this.#asked.clear();
      this.#await();
    }

    attributeChangedCallback(name, before, after) {
      // An element that was in the page before this script is told of its attributes first.
      if (before === after || !this.#placed) return;
      if (!this.#frame) {
        this.#show();
        if (name === "loading") this.#wait();
      } else if (name === "title") this.#frame.title = this.#title();
      else if (name !== "poster" && name !== "loading") {
        // Another experiment is opened where the frame is; any other setting loads it anew.
        if (name !== "src") this.#reset("the frame was loaded anew");
        this.#frame.src = this.#address();
      }
    }

    /** Starts the frame, if it has not started yet. */
    start() {
      if (this.#frame || !this.isConnected) return;
      this.#seen?.disconnect();
      const frame = document.createElement("iframe");
      frame.title = this.#title();
      frame.allow = "clipboard-write; fullscreen";
      frame.src = this.#address();
      frame.addEventListener("load", () => setTimeout(() => this.#frame === frame && this.#reveal(), PATIENCE_MS));
      this.#frame = frame;
      this.#box.className = "waiting";
      this.#box.querySelector("button")?.remove();
      this.#box.append(frame);
    }

    /** The experiment in the frame. */
    get() { return this.#ask("get"); }
    /** Changes part of it; rejects with an `ExperimentError`. */
    set(experiment) { return this.#ask("set", experiment); }
    /** Computes a request beside it. */
    run(request) { return this.#ask("run", request); }
    /** The address that opens it. */
    link(experiment) { return this.#ask("link", experiment); }

    #await() {
      this.#ready = new Promise((done, fail) => { this.#arrived = done; this.#gone = fail; });
      // Nobody may be waiting.
      this.#ready.catch(() => {});
    }

    #words() {
      const lang = this.getAttribute("lang") ?? document.documentElement.lang ?? "";
      return lang.toLowerCase().startsWith("zh") ? WORDS.zh : WORDS.en;
    }

    #title() { return this.getAttribute("title") || this.#words().title; }

    #address() {
      const address = new URL("./", base);
      address.search = "?embed";
      for (const name of CARRIED) {
        const value = this.getAttribute(name);
        if (value !== null) address.searchParams.set(name, value);
      }
      const src = this.getAttribute("src") ?? "";
      const at = src.indexOf("#");
      address.hash = at < 0 ? "" : src.slice(at);
      return address.href;
    }

    /** The poster: the picture named by the attribute, else what the author put inside. */
    #show() {
      const poster = document.createElement("div");
      poster.className = "poster";
      const picture = this.getAttribute("poster");
      if (picture) {
        const image = document.createElement("img");
        image.src = picture;
        image.alt = this.#title();
        poster.append(image);
      } else poster.append(document.createElement("slot"));
      this.#box.replaceChildren(poster);
      if (this.getAttribute("loading") === "click") {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = this.#words().start;
        button.addEventListener("click", () => this.start());
        this.#box.append(button);
      }
    }

    /** The frame in the poster's place. */
    #reveal() {
      if (!this.#box.className) return;
      this.#box.className = "";
      this.#box.querySelector(".poster")?.remove();
    }

    async #ask(method, params) {
      if (!this.isConnected) throw new Error("the element is in no page");
      this.start();
      await this.#ready;
      const id = ++this.#last;
      return new Promise((done, fail) => {
        this.#frame.contentWindow.postMessage({ type: NAME, version: 1, id, method, params }, TARGET);
        this.#asked.set(id, { done, fail });
      });
    }

    #receive(event) {
      const data = event.data;
      if (!this.#frame || event.source !== this.#frame.contentWindow || !PEERS.includes(event.origin)) return;
      if (data?.type !== NAME || data.version !== 1) return;
      if (data.method === undefined) {
        const asked = this.#asked.get(data.id);
        this.#asked.delete(data.id);
        if (data.error) {
          const message = data.error.issues?.map((issue) => `${issue.path}: ${issue.message}`).join("; ");
          asked?.fail(Object.assign(new Error(message), data.error));
        } else asked?.done(data.result);
        return;
      }
      if (data.method === "ready") {
        this.#arrived();
        // Who has spoken is told of changes.
        this.#frame.contentWindow.postMessage({ type: NAME, version: 1, id: 0, method: "get" }, TARGET);
      } else if (data.method === "resize" && data.params.height > 0) {
        this.#frame.style.height = `${data.params.height}px`;
        this.#reveal();
      }
      this.dispatchEvent(new CustomEvent(data.method, { detail: data.params }));
    }
  }

  customElements.define(NAME, AttentionPlayground);
})();
