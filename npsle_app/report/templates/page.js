"use strict";

const COLUMNS = ["participant_id", "session_id", "rater", "rating", "exclude", "stages", "comment"];

function cell(text) {
  return String(text).replace(/[\t\r\n\u0000-\u001f\u2028\u2029]+/g, " ").trim() || "n/a";
}

function ratingTable(form) {
  const chosen = new FormData(form);
  const rating = chosen.get("rating");
  const row = [
    form.dataset.participant, form.dataset.session, chosen.get("rater"), rating,
    rating === "exclude" ? "yes" : "no", chosen.getAll("stage").join(","), chosen.get("comment"),
  ];
  return COLUMNS.join("\t") + "\n" + row.map(cell).join("\t") + "\n";
}

function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/tab-separated-values" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function ratingName(form) {
  const session = form.dataset.session;
  return form.dataset.participant + (session === "n/a" ? "" : "_" + session) + "_qc.tsv";
}

for (const form of document.querySelectorAll("form.rating")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save(ratingName(form), ratingTable(form));
    form.querySelector("output").textContent = "Saved. Move the file into the folder qc of the output dataset.";
  });
}

for (const button of document.querySelectorAll("[data-show]")) {
  button.addEventListener("click", () => {
    button.closest("figure").dataset.mode = button.dataset.show;
    for (const other of button.parentElement.children) {
      other.setAttribute("aria-pressed", String(other === button));
    }
  });
}

if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
  document.querySelectorAll("[data-show=before]").forEach((button) => button.click());
}

function copySelection(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  return document.execCommand("copy");
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => {
    const done = copySelection(document.getElementById(button.dataset.copy));
    button.textContent = done ? "Copied" : "Selected: press Ctrl+C";
  });
}

function copyText(text) {
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

function tableText(table) {
  return [...table.rows].map((row) => [...row.cells].map((one) => cell(one.textContent)).join("\t")).join("\n");
}

for (const button of document.querySelectorAll("[data-copy-table]")) {
  button.addEventListener("click", () => {
    const table = document.getElementById("table-" + button.dataset.copyTable);
    button.textContent = copyText(tableText(table)) ? "Copied" : "Could not copy: use the file";
  });
}

function value(row, column) {
  const text = row.children[column].dataset.sort ?? row.children[column].textContent.trim();
  const number = Number(text);
  return text === "" || text === "n/a" ? null : Number.isNaN(number) ? text : number;
}

function compare(first, second) {
  if (first === null || second === null) return (first === null) - (second === null);
  if (typeof first === "number" && typeof second === "number") return first - second;
  return String(first).localeCompare(String(second), "en", { numeric: true });
}

for (const button of document.querySelectorAll("table.sortable th button")) {
  button.addEventListener("click", () => {
    const head = button.parentElement;
    const body = head.closest("table").tBodies[0];
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows].sort((first, second) => {
      const pair = [value(first, head.cellIndex), value(second, head.cellIndex)];
      return pair.includes(null) || !down ? compare(...pair) : -compare(...pair);
    });
    body.append(...rows);
  });
}

for (const button of document.querySelectorAll("[data-enlarge]")) {
  button.addEventListener("click", () => {
    const large = button.closest(".split").classList.toggle("enlarged");
    button.setAttribute("aria-pressed", String(large));
    button.closest("figure").scrollIntoView({ block: "start" });
  });
}

function filterRows(input) {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [...document.getElementById(input.dataset.filter).tBodies[0].rows];
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  }
  const shown = rows.filter((row) => !row.hidden).length;
  input.closest(".all").querySelector("output").textContent = words.length ? shown + " of " + rows.length : "";
}

for (const input of document.querySelectorAll("[data-filter]")) {
  input.addEventListener("input", () => filterRows(input));
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) target.open = true;
}

addEventListener("hashchange", openTarget);
openTarget();

function composeOverlay(box, canvas) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  for (const layer of box.querySelectorAll("[name=layer]:checked")) {
    context.drawImage(box.querySelector(`[data-layer="${layer.value}"]`), 0, 0);
  }
}

function tellPlace(box, viewer, affine) {
  const voxel = [viewer.numSlice.X, viewer.numSlice.Y, viewer.numSlice.Z, 1];
  const mm = affine.slice(0, 3).map((row) => Math.round(row.reduce((sum, each, i) => sum + each * voxel[i], 0)));
  box.querySelector(".place").textContent = `x ${mm[0]}, y ${mm[1]}, z ${mm[2]} mm`.replaceAll("-", "−");
  for (const axis of "XYZ") {
    const slider = box.querySelector(`[name=${axis}]`);
    slider.value = viewer.numSlice[axis];
    slider.setAttribute("aria-valuetext", mm["XYZ".indexOf(axis)] + " mm");
  }
}

async function startViewer(box) {
  const { shape, affine } = JSON.parse(box.dataset.geometry);
  const images = [...box.querySelectorAll("[data-layer]")];
  await Promise.all(images.map((image) => image.decode()));
  const over = document.getElementById(`${box.id}`.replace(/-viewer$/, "-over"));
  over.width = images[0].naturalWidth;
  over.height = images[0].naturalHeight;
  composeOverlay(box, over);
  const slices = { X: shape[0], Y: shape[1], Z: shape[2] };
  const opacity = box.querySelector("[name=opacity]");
  const viewer = brainsprite({
    canvas: box.querySelector(".viewer-canvas canvas").id, sprite: images[0].id, nbSlice: slices,
    overlay: { sprite: over.id, nbSlice: slices, opacity: opacity ? opacity.value / 100 : 1 },
    radiological: true, crosshair: true, colorCrosshair: "#9aa0a6", sizeFont: 0.05, smooth: true,
    nanValue: true, // no values are told, so that none need be read back from the canvas
    onclick: () => tellPlace(box, viewer, affine),
  });
  const draw = (changed) => {
    if (changed) viewer.init();
    viewer.drawAll();
    tellPlace(box, viewer, affine);
  };
  box.addEventListener("input", ({ target }) => {
    if (target.type === "radio") viewer.sprite = box.querySelector(`[data-layer="${target.value}"]`);
    if (target.name === "layer") composeOverlay(box, over);
    if (target.name === "opacity") viewer.overlay.opacity = target.value / 100;
    if ("XYZ".includes(target.name)) viewer.numSlice[target.name] = Number(target.value);
    draw(!"XYZ".includes(target.name));
  });
  draw(false);
}

for (const box of document.querySelectorAll(".viewer")) startViewer(box);
