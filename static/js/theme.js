// Loaded before the first paint, so that the page never flashes in the wrong theme.
(() => {
  const root = document.documentElement;
  const stored = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // storage is switched off: the system's theme stays
    }
  };
  // One entry for the site and the admin, whose script wraps the word in quotation marks.
  const theme = (stored("adminTheme") ?? "").replaceAll('"', "");
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  const narrowWindow = matchMedia("(max-width: 1599px)");
  const setRail = () => {
    const chosen = stored("lamm-rail");
    root.dataset.rail = chosen ?? (narrowWindow.matches ? "narrow" : "wide");
  };
  narrowWindow.addEventListener("change", setRail);
  setRail();
})();
