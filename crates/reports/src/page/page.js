// Sorting, the switch of the theme, and values of marks, by pointer and by keyboard.
"use strict";
(() => {
  const root = document.documentElement;
  const store = {
    get: () => { try { return localStorage.getItem("theme"); } catch { return null; } },
    set: value => { try { localStorage.setItem("theme", value); } catch { /* a page from disk may have no storage */ } },
  };
  const themes = ["auto", "light", "dark"];
  const button = document.getElementById("theme");
  const show = theme => {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    button.textContent = "Theme: " + theme;
  };
  let theme = themes.includes(store.get()) ? store.get() : "auto";
  show(theme);
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    store.set(theme);
    show(theme);
  });

  // Numbers before words, gaps last whichever way; rows that are equal keep their order.
  const key = cell => cell.dataset.value !== undefined ? Number(cell.dataset.value) : cell.textContent.trim();
  const rank = value => typeof value === "number" ? 0 : value === "–" ? 2 : 1;
  const compare = (a, b, sign) => {
    if (rank(a) !== rank(b)) return rank(a) - rank(b);
    if (typeof a === "number") return sign * (a === b ? 0 : a - b);
    return sign * a.localeCompare(b, "en", { numeric: true });
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = table.tBodies[0];
      const rows = [...body.rows].map(row => [key(row.cells[column]), row]);
      rows.sort((a, b) => compare(a[0], b[0], down ? -1 : 1));
      body.append(...rows.map(row => row[1]));
    }));
  }

  const hover = document.getElementById("hover");
  let here = null;
  const leave = () => {
    if (here) here.classList.remove("here");
    here = null;
    hover.hidden = true;
  };
  const enter = mark => {
    leave();
    here = mark;
    mark.classList.add("here");
    hover.textContent = mark.getAttribute("aria-label");
    hover.hidden = false;
    const at = mark.getBoundingClientRect();
    const own = hover.getBoundingClientRect();
    const left = Math.min(Math.max(4, at.left + at.width / 2 - own.width / 2), innerWidth - own.width - 4);
    const above = at.top - own.height - 6;
    hover.style.left = left + "px";
    hover.style.top = (above > 4 ? above : at.bottom + 6) + "px";
  };
  for (const scene of document.querySelectorAll("svg.scene")) {
    const marks = [...scene.querySelectorAll(".mark")];
    scene.addEventListener("pointerover", event => event.target.classList.contains("mark") ? enter(event.target) : leave());
    scene.addEventListener("pointerleave", leave);
    scene.addEventListener("blur", leave);
    scene.addEventListener("keydown", event => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") leave();
      if (!step || !marks.length) return;
      event.preventDefault();
      const now = marks.indexOf(here);
      const next = now < 0 ? (step > 0 ? 0 : marks.length - 1) : (now + step + marks.length) % marks.length;
      enter(marks[next]);
    });
  }
  addEventListener("scroll", leave, { passive: true });
})();
