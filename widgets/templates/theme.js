// Says on <body>, as JupyterLab does, whether the page is light or dark; widgets read it there.
function followTheme(theme) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const dark = theme === "system" ? system.matches : theme === "dark";
    document.documentElement.style.colorScheme = dark ? "dark" : "light";
    document.body.dataset.jpThemeLight = String(!dark);
    document.body.dataset.jpThemeName = dark ? "JupyterLab Dark" : "JupyterLab Light";
  };
  system.addEventListener("change", apply);
  apply();
}
