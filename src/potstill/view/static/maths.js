// Mathematics by Temml, which builds MathML node by node: trust off, bounded in length, number and time.

const LONGEST = 3000;
const MOST = 300;
const PAGE_MS = 1500;
const DEEPEST = 60;

let made = 0;
let spent = 0;
const waiting = new WeakMap();
const watcher = typeof IntersectionObserver === "undefined" ? null
  : new IntersectionObserver(seen => seen.filter(one => one.isIntersecting).forEach(one => draw(one.target)), { rootMargin: "200px" });

/** Begin a page: it may draw so many formulas, in so many milliseconds; the others stay as their source. */
export function beginPage() {
  made = 0;
  spent = 0;
}

/** Return a formula: its source, which becomes mathematics once it is seen. */
export function formula(tex, display) {
  const place = document.createElement(display ? "div" : "span");
  place.className = display ? "tex display" : "tex";
  place.textContent = tex;
  if (!globalThis.temml || tex.length > LONGEST || depth(tex) > DEEPEST) return place;
  waiting.set(place, { tex, display });
  if (watcher) watcher.observe(place);
  return place;
}

function depth(tex) {
  let now = 0;
  let most = 0;
  for (const letter of tex) {
    if (letter === "{") most = Math.max(most, ++now);
    else if (letter === "}") now -= 1;
  }
  return most;
}

function draw(place) {
  watcher.unobserve(place);
  const its = waiting.get(place);
  waiting.delete(place);
  if (!its || made >= MOST || spent >= PAGE_MS) return;
  made += 1;
  const began = performance.now();
  const target = document.createElement("span");
  try {
    globalThis.temml.render(its.tex, target, {
      displayMode: its.display, trust: false, strict: false, throwOnError: true, maxExpand: 300, maxSize: [20, 20], macros: {},
    });
    if (target.querySelector("a, script, img, [href], [src]")) throw new Error("no formula holds these");
    target.querySelector("math")?.setAttribute("aria-label", its.tex);
    place.replaceChildren(...target.childNodes);
    place.classList.add("drawn");
    place.title = its.tex.slice(0, 400);
  } catch {
    place.classList.add("not-drawn");
    place.title = "shown as its source";
  }
  const took = performance.now() - began;
  spent += took;
  globalThis.potstillSlowest = Math.max(globalThis.potstillSlowest ?? 0, took);
}
