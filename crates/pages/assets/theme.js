// Sets the chosen colours before the first paint, so it is no module.
(() => {
  let theme = null;
  try {
    theme = localStorage.getItem("opencredits.theme");
  } catch {
    // Storage may be forbidden: then the system's colours hold.
  }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  document.documentElement.dataset.script = "";
})();
