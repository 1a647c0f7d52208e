// Light, dark, or what the system has: before anything is painted, so it is no module.

const THEMES = ["system", "light", "dark"];
let theme = localStorage.getItem("theme") ?? "system";

function themed(next = theme) {
  theme = THEMES.includes(next) ? next : "system";
  document.documentElement.dataset.theme = theme;
  if (theme === "system") localStorage.removeItem("theme");
  else localStorage.setItem("theme", theme);
  const button = document.getElementById("theme");
  if (button) button.title = `Colours: ${theme}`;
  button?.setAttribute("aria-label", `Colours: ${theme}`);
}

themed();
addEventListener("storage", (event) => { if (event.key === "theme") themed(event.newValue ?? "system"); });
addEventListener("DOMContentLoaded", () => {
  themed();
  document.getElementById("theme").addEventListener("click", () => themed(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]));
});
