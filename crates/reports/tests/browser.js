// Drives the page and writes what it finds into it.
"use strict";
(() => {
  const found = {};
  const scenes = [...document.querySelectorAll("svg.scene")];
  const name = scene => scene.getAttribute("aria-label");
  found["figures"] = scenes.length;
  found["tables"] = document.querySelectorAll("table.sortable").length;
  found["empty figures"] = scenes.filter(scene => {
    const box = scene.getBoundingClientRect();
    return box.width < 300 || box.height < 60 || scene.querySelectorAll("text").length < 5 || !scene.querySelector(".mark");
  }).map(name).join(", ");
  // A letter may touch the edge, not more.
  const outside = scene => {
    const box = scene.getBoundingClientRect();
    return [...scene.querySelectorAll("text")].filter(text => {
      const own = text.getBoundingClientRect();
      return own.left < box.left - 2 || own.right > box.right + 2 || own.top < box.top - 3 || own.bottom > box.bottom + 3;
    }).map(text => name(scene) + ": " + text.textContent);
  };
  found["text outside"] = scenes.flatMap(outside).join(", ");
  found["scrolls sideways"] = document.documentElement.scrollWidth > innerWidth;
  found["requests"] = performance.getEntriesByType("resource").length;

  const table = document.querySelector("#table-main table");
  const head = table.tHead.rows[0].cells[1];
  const column = () => [...table.tBodies[0].rows].map(row => Number(row.cells[1].dataset.value));
  const rows = column().length;
  const ordered = sign => column().every((value, i, all) => i === 0 || sign * (value - all[i - 1]) >= 0);
  head.querySelector("button").click();
  found["ascending"] = ordered(1) && head.getAttribute("aria-sort") === "ascending";
  head.querySelector("button").click();
  found["descending"] = ordered(-1) && head.getAttribute("aria-sort") === "descending";
  found["rows lost"] = rows - column().length;

  const button = document.getElementById("theme");
  const themes = [], backgrounds = new Set();
  for (let i = 0; i < 4; i++) {
    themes.push(document.documentElement.dataset.theme ?? "auto");
    backgrounds.add(getComputedStyle(document.body).backgroundColor);
    if (i < 3) button.click();
  }
  found["themes"] = themes.join(" ");
  found["backgrounds"] = backgrounds.size;

  const hover = document.getElementById("hover");
  const marks = scenes[0].querySelectorAll(".mark");
  const says = mark => !hover.hidden && hover.textContent !== "" && hover.textContent === mark.getAttribute("aria-label");
  marks[2].dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
  found["hovered"] = says(marks[2]);
  scenes[0].dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
  found["keyed"] = says(marks[3]);
  scenes[0].dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  found["left"] = hover.hidden;
  found["faults"] = faults.join(", ");

  const list = document.createElement("pre");
  list.id = "found";
  list.textContent = Object.entries(found).map(pair => pair.join("=")).join("\n");
  document.body.append(list);
})();
