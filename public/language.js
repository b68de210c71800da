// The pages beside the playground hold both languages; this shows one of them, and lets the button in their bar choose the other.
"use strict";
(() => {
  const root = document.documentElement;
  const asked = new URLSearchParams(location.search).get("lang") ?? navigator.language ?? "en";
  const toggle = document.getElementById("language");
  const choose = (lang) => {
    root.dataset.lang = root.lang = lang;
    // The button names the other language, in that language.
    [toggle.lang, toggle.textContent] = lang === "en" ? ["zh-CN", "中文"] : ["en", "English"];
  };
  choose(asked.toLowerCase().startsWith("zh") ? "zh-CN" : "en");
  toggle.addEventListener("click", () => choose(root.lang === "en" ? "zh-CN" : "en"));
})();
