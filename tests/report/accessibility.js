// Says of each rule what breaks it; an empty list is a page that keeps all of them.
(() => {
  const wrong = [];
  const say = (rule, one) => wrong.push(rule + ": " + one.outerHTML.slice(0, 120));
  const all = (selector) => [...document.querySelectorAll(selector)];
  const shown = (one) => one.getClientRects().length > 0;
  const name = (one) => one.getAttribute("aria-label") || one.getAttribute("title")
    || (one.labels && [...one.labels].map((l) => l.textContent.trim()).join("")) || one.textContent.trim();
  for (const one of all("img:not([aria-hidden=true])")) if (!one.getAttribute("alt")) say("alternative text", one);
  for (const one of all("input, textarea, select, button, a[href], summary")) {
    if (!name(one) && !one.querySelector("title")) say("name of a control", one);
  }
  for (const one of all("[role=img], [role=region], [role=group], nav")) {
    if (!one.getAttribute("aria-label")) say("name of a part", one);
  }
  const ids = all("[id]").map((one) => one.id);
  for (const one of all("[id]")) if (ids.indexOf(one.id) !== ids.lastIndexOf(one.id)) say("one id twice", one);
  for (const one of all("[aria-labelledby]")) {
    if (!document.getElementById(one.getAttribute("aria-labelledby"))) say("label that is not there", one);
  }
  for (const one of all("a[href^='#']")) {
    if (!document.getElementById(one.getAttribute("href").slice(1))) say("link to nowhere", one);
  }
  let last = 0;
  for (const one of all("h1, h2, h3, h4").filter(shown)) {
    const level = Number(one.tagName[1]);
    if (level > last + 1) say("level of headings left out", one);
    last = level;
  }
  for (const part of ["h1", "header", "nav", "main"]) if (all(part).filter(shown).length !== 1) wrong.push("not one " + part);
  for (const one of all("table")) if (!one.querySelector("th")) say("table without headings", one);
  for (const one of all(".scroll")) if (one.tabIndex !== 0) say("not scrolled by keys", one);
  if (document.documentElement.lang !== "en") wrong.push("language");
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (text) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const part = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
  };
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return rgb("Canvas");
  };
  const texts = all("body *").filter((one) => shown(one) && !one.closest("svg")
    && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  for (const one of texts) {
    const pair = [light(rgb(getComputedStyle(one).color)), light(behind(one))].sort((a, b) => b - a);
    if ((pair[0] + 0.05) / (pair[1] + 0.05) < 4.5) say("contrast below 4.5", one);
  }
  return [...new Set(wrong)];
})()
