// Theme and density: the desk's choice, kept in this browser, set before the first paint.
(() => {
  const root = document.documentElement;
  const CHOICES = { theme: ["system", "dark", "light"], density: ["compact", "comfortable"] };

  const chosen = (name) => {
    try {
      return localStorage.getItem(name) || CHOICES[name][0];
    } catch {
      return CHOICES[name][0];
    }
  };

  const show = (name) => {
    const choice = chosen(name);
    root.dataset[name] = choice;
    for (const word of document.querySelectorAll(`[data-shows="${name}"]`)) word.textContent = choice;
  };

  const next = (name) => {
    const choices = CHOICES[name];
    const choice = choices[(choices.indexOf(chosen(name)) + 1) % choices.length];
    try {
      localStorage.setItem(name, choice);
    } catch {
      root.dataset[name] = choice; // a browser without storage keeps it for this page
    }
    show(name);
    document.dispatchEvent(new CustomEvent("screen:theme"));
  };

  for (const name of Object.keys(CHOICES)) show(name);
  document.addEventListener("DOMContentLoaded", () => Object.keys(CHOICES).forEach(show));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-next]");
    if (button) next(button.dataset.next);
  });
})();
