"use strict";

const $ = (id) => document.getElementById(id);
const PLANES = ["sagittal", "coronal", "axial"]; // axis 0, 1, 2 of an image turned to RAS
const REASONS = { m: "motion", c: "coverage", r: "registration", k: "mask" };
const VERDICTS = { 1: "usable", 2: "acceptable", 3: "exclude", 4: null };
const ZOOMS = [1, 2, 4];

let queue = null; // what the room says of all cases
let here = null; // the case that is shown
let item = null; // what of it is judged
let at = [0, 0, 0]; // the voxel under the cross
let zoom = 1;
let lesion = -1; // its place in the list, -1: none
let cut = null; // the threshold that is looked at
let changes = 0; // so that lesions are drawn anew
let plane = "axial"; // the one that arrows move through
let working = Promise.resolve(); // one word after the other, however fast they come

async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The room does not answer. Is npsle_review still running?");
  }
  const content = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(content.error), { status: answer.status });
  return content;
}

function say(text, bad = false) {
  $("said").textContent = text;
  $("said").classList.toggle("bad", bad);
}

function attempt(work) {
  return async (...given) => {
    try {
      await work(...given);
    } catch (error) {
      if (error.status === 401) { $("room").hidden = true; $("enter").hidden = false; $("refused").textContent = error.message; }
      say(error.message, true);
    }
  };
}

// What is said while a case is being opened waits for it, lest it is taken for another's.
const inTurn = (work) => (...given) => {
  working = working.then(attempt(() => work(...given)));
};

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const ml = (value) => (value < 0.1 ? value.toFixed(3) : value.toFixed(2)) + " mL";

// ---- the way through the cases

async function begin() {
  queue = await ask("/queue");
  $("enter").hidden = true;
  $("room").hidden = false;
  $("reader").textContent = queue.reader;
  const open = queue.cases.find((one) => one.verdict === null) ?? queue.cases[0];
  await show(open.key);
  say(queue.done ? "Welcome back: " + queue.done + " judged so far." : queue.order);
}

function showQueue() {
  $("count").textContent = queue.done + " of " + queue.cases.length;
  $("bar").value = queue.cases.length ? queue.done / queue.cases.length : 0;
  const votes = Object.entries(queue.thresholds).map(([value, n]) => value + ": " + n).join(", ");
  $("order").textContent = queue.order + (queue.blinded ? ". Blinded." : ".") + (votes ? " Thresholds chosen: " + votes + "." : "");
  $("cases").replaceChildren(...queue.cases.map((one) => {
    const button = element("button", { type: "button", textContent: one.name, onclick: inTurn(() => { toggleQueue(false); return show(one.key); }) });
    button.dataset.said = one.verdict ?? "";
    button.setAttribute("aria-current", String(here && one.key === here.key));
    return element("li", {}, button);
  }));
}

function toggleQueue(open = $("queue").hidden) {
  $("queue").hidden = !open;
  $("list").setAttribute("aria-expanded", String(open));
}

async function show(key, name) {
  await saveNote();
  say("Opening …");
  here = await ask("/case/" + key);
  $("case").textContent = queue.cases.find((one) => one.key === key).name;
  showQueue();
  await pick(here.items.find((one) => one.name === name) ?? here.items[0]);
  say("");
}

async function step(by) {
  const place = queue.cases.findIndex((one) => one.key === here.key) + by;
  if (place < 0 || place >= queue.cases.length) return say(by > 0 ? "That was the last case." : "This is the first case.");
  return show(queue.cases[place].key);
}

async function next(by) {
  const place = here.items.indexOf(item) + by;
  if (place >= 0 && place < here.items.length) { await saveNote(); await pick(here.items[place]); return; }
  return step(by);
}

async function lookAt(one) {
  const path = "/case/" + here.key;
  one.image ??= await ask(`${path}/${one.name}/image`);
  if (one.name === "lesions") here.lesions ??= await ask(path + "/lesions");
}

async function pick(chosen) {
  await lookAt(chosen);
  item = chosen;
  cut = null;
  at = shown() ? [...item.image.start] : [0, 0, 0];
  lesion = -1;
  zoom = 1;
  if (oneByOne() && here.lesions.all.length) {
    const open = here.lesions.all.findIndex((one) => !one.decision);
    goTo(Math.max(open, 0));
  }
  showItem();
  draw();
  prepare().catch(() => {}); // what fails ahead of time is told when its time comes
}

// While the reader looks, the next image is made ready.
async function prepare() {
  const after = here.items[here.items.indexOf(item) + 1];
  if (!after) return;
  const now = here;
  await lookAt(after);
  if (here !== now || !after.image.shape) return;
  PLANES.forEach((name, axis) => { new Image().src = `/case/${here.key}/${after.name}/base/${name}/${after.image.start[axis]}.png`; });
}

const shown = () => Boolean(item.image.shape);

// ---- what is said

function showItem() {
  $("items").replaceChildren(...here.items.map((one) => {
    const button = element("button", { type: "button", textContent: one.label, onclick: inTurn(async () => { await saveNote(); await pick(one); }) });
    button.dataset.said = one.verdict ?? "";
    button.setAttribute("aria-current", String(one === item));
    return button;
  }));
  $("item").textContent = item.label;
  for (const one of document.querySelectorAll("[data-verdict]")) one.setAttribute("aria-pressed", String(one.dataset.verdict === item.verdict));
  for (const one of document.querySelectorAll("[data-reason]")) one.setAttribute("aria-pressed", String(item.reasons.includes(one.dataset.reason)));
  $("note").value = item.note;
  $("excluded").textContent = item.kind === "session" ? "If it is excluded, the person is left out of all statistics." : "If it is excluded, numbers of these stages are not used: " + item.excluded.join(", ") + ".";
  $("checks").replaceChildren(...item.checks.filter((one) => item.kind !== "session" || one.state !== "pass").map((one) =>
    element("li", { className: one.state }, element("b", { textContent: one.name }), one.state + ": " + one.seen)));
  if (!$("checks").children.length) $("checks").append(element("li", { className: "pass", textContent: "nothing was noticed" }));
  $("figures").replaceChildren(...item.figures.flatMap((one, number) => Array.from({ length: one.parts }, (_, part) => {
    const source = `/case/${here.key}/${item.name}/figure/${number}/${part}`;
    return element("button", { type: "button", onclick: () => { Object.assign($("large").firstChild, { src: source, alt: one.title }); $("large").showModal(); } },
      element("img", { src: source, alt: one.title, loading: "lazy" }), element("span", {}, element("b", { textContent: one.title }), one.caption));
  })));
  showStructures();
  showLesion();
}

function showStructures() {
  const mine = here.structures.filter((one) => one.item === item.name);
  $("structures").hidden = !mine.length;
  $("structures").replaceChildren(...mine.map((one) => {
    const button = element("button", { type: "button", textContent: one.decision === "reject" ? "rejected" : "reject" });
    button.setAttribute("aria-pressed", String(one.decision === "reject"));
    button.onclick = inTurn(async () => {
      const decision = one.decision === "reject" ? null : "reject";
      await ask("/structure", { case: here.key, name: one.name, decision });
      one.decision = decision;
      showStructures();
      say(one.text + (decision ? " is not to be measured." : " may be measured."));
    });
    return element("li", {}, element("span", { textContent: one.text + (one.state ? " · " + one.state : "") }), button);
  }));
}

async function judge(said) {
  await ask("/judge", { case: here.key, item: item.name, verdict: item.verdict, reasons: item.reasons, note: item.note, ...said });
  Object.assign(item, said);
  if (item.kind === "session") {
    const row = queue.cases.find((one) => one.key === here.key);
    queue.done += (item.verdict !== null) - (row.verdict !== null);
    row.verdict = item.verdict;
    showQueue();
  }
  showItem();
  say(item.label + ": " + (item.verdict ?? "not judged") + (item.reasons.length ? " (" + item.reasons.join(", ") + ")" : ""));
}

function toggleReason(reason) {
  const reasons = item.reasons.includes(reason) ? item.reasons.filter((one) => one !== reason) : [...item.reasons, reason];
  return judge({ reasons });
}

async function saveNote() {
  if (item && $("note").value.trim() !== item.note) await judge({ note: $("note").value.trim() });
}

async function undo() {
  const { case: key } = await ask("/undo", {});
  if (key === null) return say("There is nothing to undo.");
  const [name, place] = [item.name, lesion];
  queue = await ask("/queue");
  changes += 1;
  item = null;
  await show(key, name);
  if (oneByOne() && place >= 0) { goTo(Math.min(place, here.lesions.all.length - 1)); showLesion(); draw(); }
  say("Taken back.");
}

// ---- lesions one by one

const oneByOne = () => item.name === "lesions" && Boolean(here.lesions?.all);

function goTo(place) {
  lesion = place;
  at = [...here.lesions.all[place].at];
  zoom = 2;
}

function showLesion() {
  $("lesion").hidden = !oneByOne() || cut !== null;
  $("cut").hidden = !oneByOne() || !Object.keys(here.lesions.cuts).length;
  $("viewer").classList.toggle("lesions", oneByOne());
  if (!oneByOne()) return;
  const all = here.lesions.all, now = all[lesion];
  $("which").textContent = now ? `Lesion ${lesion + 1} of ${all.length}` : "No lesions";
  $("kept").textContent = { keep: "kept", reject: "rejected" }[now?.decision] ?? (now ? "open" : "");
  $("kept").dataset.decision = now?.decision ?? "";
  $("volume").textContent = now ? ml(now.volume) : "";
  $("probability").textContent = now ? now.probability?.toFixed(2) ?? "no map" : "";
  $("total").replaceChildren(element("b", { textContent: ml(here.lesions.left) }), ` of ${ml(here.lesions.volume)} · ${all.filter((one) => one.decision).length} of ${all.length} decided`);
  $("lost").hidden = !here.lesions.lost;
  $("lost").textContent = here.lesions.lost + " earlier decisions fit no lesion of today's map.";
  showCut();
}

function showCut() {
  const { cuts, chosen, asked } = here.lesions;
  const steps = Object.keys(cuts).sort(), now = cut ?? chosen ?? "0.2";
  if (!steps.length) return;
  $("threshold").max = steps.length - 1;
  $("threshold").value = Math.max(steps.indexOf(now), 0);
  $("at").textContent = Number(now).toFixed(2) + (chosen === now ? " · chosen" : "");
  $("cutvolume").textContent = ml(cuts[now] ?? 0) + " at this threshold";
  $("uncut").hidden = cut === null;
  $("asked").textContent = asked ? "This case is of the sample: move the slider and choose the threshold that fits best." : "";
}

async function decide(decision) {
  if (lesion < 0) return next(1);
  const now = here.lesions.all[lesion];
  const { left } = await ask("/lesion", { case: here.key, lesion: now.number, decision });
  now.decision = decision;
  here.lesions.left = left;
  changes += 1;
  say("Lesion " + (lesion + 1) + ({ keep: " kept", reject: " rejected" }[decision] ?? " open"));
  if (lesion + 1 < here.lesions.all.length) goTo(lesion + 1);
  else say("That was the last lesion: judge the map with 1, 2 or 3, or go on with Space.");
  showLesion();
  draw();
}

function moveLesion(by) {
  const place = lesion + by;
  if (place < 0 || place >= here.lesions.all.length) return;
  goTo(place);
  showLesion();
  draw();
}

async function choose() {
  const chosen = cut ?? here.lesions.chosen ?? "0.2";
  const told = here.lesions.chosen === chosen ? null : chosen;
  await ask("/threshold", { case: here.key, threshold: told === null ? null : Number(told) });
  here.lesions.chosen = told;
  queue = await ask("/queue");
  showQueue();
  showCut();
  say(told ? "Threshold " + told + " chosen." : "Choice taken back.");
}

// ---- pictures

function source(layer, name, index) {
  const path = `/case/${here.key}/${item.name}/${layer}/${name}/${index}.png`;
  if (layer === "lesions") return `${path}?now=${here.lesions.all[lesion]?.number ?? ""}&v=${changes}`;
  return layer === "cut" ? `${path}?at=${cut}` : path;
}

function overlay() {
  if (oneByOne()) return cut === null ? "lesions" : "cut";
  return item.image.overlay ? "overlay" : null;
}

function put(image, url) {
  if (image.dataset.url === url) return;
  image.dataset.url = url;
  image.src = url;
}

function draw() {
  $("viewer").classList.toggle("none", !shown());
  if (!shown()) return;
  PLANES.forEach((name, axis) => {
    const box = $(name), film = box.querySelector(".film"), [across, down] = [0, 1, 2].filter((one) => one !== axis);
    const { shape, sizes } = item.image;
    const [width, height] = [shape[across] * sizes[across], shape[down] * sizes[down]];
    const scale = Math.min(box.clientWidth / width, box.clientHeight / height) * 0.98;
    film.style.width = width * scale + "px";
    film.style.height = height * scale + "px";
    const x = (axis === 0 ? at[across] + 0.5 : shape[across] - at[across] - 0.5) / shape[across];
    const y = (shape[down] - at[down] - 0.5) / shape[down];
    film.style.transform = zoom === 1 ? "" : `translate(${(0.5 - x) * 100 * zoom}%, ${(0.5 - y) * 100 * zoom}%) scale(${zoom})`;
    film.querySelector(".across").style.top = y * 100 + "%";
    film.querySelector(".down").style.left = x * 100 + "%";
    put(film.querySelector(".base"), source("base", name, at[axis]));
    const over = film.querySelector(".over"), layer = overlay();
    over.hidden = layer === null;
    if (layer) put(over, source(layer, name, at[axis]));
    box.querySelector(".slice").textContent = at[axis] + 1 + " / " + shape[axis];
  });
  fetchAhead();
}

function fetchAhead() {
  const wanted = PLANES.flatMap((name, axis) => [-1, 1].map((by) => [name, at[axis] + by, item.image.shape[axis]]));
  const after = oneByOne() ? here.lesions.all[lesion + 1] : null;
  if (after) wanted.push(...PLANES.map((name, axis) => [name, after.at[axis], item.image.shape[axis]]));
  for (const [name, index, size] of wanted) if (index >= 0 && index < size) new Image().src = source("base", name, index);
}

function move(axis, by) {
  if (!shown()) return;
  at[axis] = Math.min(Math.max(at[axis] + by, 0), item.image.shape[axis] - 1);
  draw();
}

for (const [axis, name] of PLANES.entries()) {
  $(name).addEventListener("wheel", (event) => { event.preventDefault(); move(axis, event.deltaY < 0 ? 1 : -1); }, { passive: false });
  $(name).addEventListener("pointerenter", () => { plane = name; });
  $(name).querySelector(".film").addEventListener("click", (event) => {
    const place = event.currentTarget.getBoundingClientRect(), { shape } = item.image;
    const [across, down] = [0, 1, 2].filter((one) => one !== axis);
    const x = (event.clientX - place.left) / place.width, y = (event.clientY - place.top) / place.height;
    at[across] = Math.min(Math.floor((axis === 0 ? x : 1 - x) * shape[across]), shape[across] - 1);
    at[down] = Math.min(Math.floor((1 - y) * shape[down]), shape[down] - 1);
    draw();
  });
}

// ---- keys and buttons

const KEYS = {
  ...Object.fromEntries(Object.entries(VERDICTS).map(([key, verdict]) => [key, () => judge({ verdict })])),
  ...Object.fromEntries(Object.entries(REASONS).map(([key, reason]) => [key, () => toggleReason(reason)])),
  " ": (event) => (event.shiftKey ? next(-1) : oneByOne() && cut === null && lesion >= 0 && !finished() ? decide("keep") : next(1)),
  x: () => oneByOne() && decide("reject"),
  n: () => $("note").focus(),
  u: undo,
  o: () => $("viewer").classList.toggle("bare"),
  z: () => { zoom = ZOOMS[(ZOOMS.indexOf(zoom) + 1) % ZOOMS.length]; draw(); },
  l: () => toggleQueue(),
  t: () => oneByOne() && choose(),
  "[": () => step(-1),
  "]": () => step(1),
  ArrowUp: () => move(PLANES.indexOf(plane), 1),
  ArrowDown: () => move(PLANES.indexOf(plane), -1),
  ArrowLeft: () => (oneByOne() ? moveLesion(-1) : next(-1)),
  ArrowRight: () => (oneByOne() ? moveLesion(1) : next(1)),
};

function finished() {
  return lesion === here.lesions.all.length - 1 && Boolean(here.lesions.all[lesion].decision);
}

document.addEventListener("keydown", (event) => {
  if ($("room").hidden || event.ctrlKey || event.metaKey || event.altKey || $("large").open) return;
  if (event.target === $("note")) {
    if (event.key === "Escape" || (event.key === "Enter" && !event.shiftKey)) { event.preventDefault(); $("note").blur(); }
    return;
  }
  if (event.target === $("threshold") && event.key.startsWith("Arrow")) return;
  const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  inTurn(action)(event);
});

for (const button of document.querySelectorAll("[data-verdict]")) button.onclick = inTurn(() => judge({ verdict: button.dataset.verdict === item.verdict ? null : button.dataset.verdict }));
for (const button of document.querySelectorAll("[data-reason]")) button.onclick = inTurn(() => toggleReason(button.dataset.reason));
$("keep").onclick = inTurn(() => decide("keep"));
$("reject").onclick = inTurn(() => decide("reject"));
$("back").onclick = () => moveLesion(-1);
$("on").onclick = () => moveLesion(1);
$("choose").onclick = inTurn(choose);
$("uncut").onclick = () => { cut = null; showLesion(); draw(); };
$("threshold").oninput = () => { cut = Object.keys(here.lesions.cuts).sort()[$("threshold").value]; showLesion(); draw(); };
$("note").onblur = inTurn(saveNote);
$("list").onclick = () => toggleQueue();
$("large").onclick = () => $("large").close();
$("leave").onclick = inTurn(async () => { await saveNote(); await ask("/leave", {}); location.reload(); });
addEventListener("resize", () => here && draw());
addEventListener("pagehide", () => here && fetch("/leave", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}", keepalive: true }));
setInterval(() => { if (!$("room").hidden) ask("/beat", {}).catch(() => say("The room does not answer. Is npsle_review still running?", true)); }, 15000);

$("enter").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await ask("/enter", { initials: $("initials").value });
  } catch (error) {
    $("refused").textContent = error.message;
    return;
  }
  inTurn(begin)();
});
if (document.body.dataset.reader) inTurn(begin)();
