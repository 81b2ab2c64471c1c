// Before anything is drawn, so that a dark hall sees no white flash.
"use strict";
(() => {
  const kept = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const theme = kept();
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
