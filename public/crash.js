// Shown when the page's module cannot start or has panicked. Plain JavaScript, because by then nothing else may be left.
"use strict";
(() => {
  // Read when it is needed: the language may be switched.
  const words = () => document.documentElement.lang.startsWith("zh")
    ? {
        crashed: "页面遇到错误，已停止",
        crashedText: "地址所含的实验内容保存在下面：可以复制它，或重新载入后继续。",
        start: "页面未能启动",
        startText: "可能是文件没有完整载入，或浏览器版本过旧（需要支持 WebAssembly SIMD）。请重新载入；地址中的实验不会丢失。",
        link: "地址", copy: "复制地址", copied: "已复制", reload: "重新载入", afresh: "打开默认实验", detail: "错误信息",
      }
    : {
        crashed: "The page met an error and has stopped",
        crashedText: "What the address holds of your experiment is kept below: copy it, or reload and go on from there.",
        start: "The page could not start",
        startText: "A file may not have arrived whole, or the browser may be too old (WebAssembly with SIMD is needed). Reloading is safe: the experiment is in the address.",
        link: "Address", copy: "Copy address", copied: "Copied", reload: "Reload", afresh: "Open the default experiment", detail: "What the browser said",
      };

  const $ = (id) => document.getElementById(id);
  let shown = false;

  function show(error, started) {
    // Without an origin nothing can start, and the page already says so.
    if (shown || origin === "null") return;
    shown = true;
    const box = $("crash"), said = words();
    $("crash-title").textContent = started ? said.crashed : said.start;
    $("crash-text").textContent = started ? said.crashedText : said.startText;
    box.querySelector("label").textContent = said.link;
    box.querySelector("summary").textContent = said.detail;
    $("crash-link").value = location.href;
    $("crash-detail").textContent = String(error?.message ?? error).slice(0, 2000);
    const copy = $("crash-copy");
    copy.textContent = said.copy;
    copy.onclick = async () => {
      $("crash-link").select();
      try {
        await navigator.clipboard.writeText(location.href);
        copy.textContent = said.copied;
      } catch {
        // The address stays selected: the keyboard's own copy still works.
      }
    };
    $("crash-reload").textContent = said.reload;
    $("crash-reload").onclick = () => location.reload();
    // For an address that stops the page again.
    $("crash-afresh").textContent = said.afresh;
    $("crash-afresh").onclick = () => {
      history.replaceState(null, "", location.pathname + location.search);
      location.reload();
    };
    box.hidden = false;
    $("crash-reload").focus();
  }

  // The first paint may cover the page for a moment longer.
  const started = () => !$("shell") || document.querySelector("main");
  // A trap in the page's own module. Errors of workers and of extensions come without it and are not ours.
  const trap = (error) => error instanceof WebAssembly.RuntimeError;
  // Firefox ends a running script when its page is about to be left. Should the page stay after all (the address was a download), the program stands in the middle of itself
  // and answers each call with this, or not at all; a page that does go is gone before it is asked.
  const cut = (error) => /^closure invoked/.test(error?.message), WAIT_MS = 1500;
  const wait = () => new Promise((done) => setTimeout(done, WAIT_MS));
  async function ask(error) {
    await wait();
    const answers = (async () => (await self.attentionPlayground).link())().then(() => true, () => false);
    if (!(await Promise.race([answers, wait()]))) show(error, true);
  }

  addEventListener("error", (event) => {
    if (event.target instanceof HTMLScriptElement) {
      // A module script whose import fails, or a file that a script tag names.
      show(`cannot load ${event.target.src || "the page's module"}`, false);
    } else if (trap(event.error) || (!started() && event.filename?.startsWith(location.origin))) {
      show(event.error ?? event.message, started());
    } else if (cut(event.error)) {
      ask(event.error);
    }
  }, true);
  addEventListener("unhandledrejection", ({ reason }) => {
    if (trap(reason) || !started()) show(reason, started());
  });
})();
