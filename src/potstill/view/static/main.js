// The page: which view the link means, the head with its links, and what is said when something is wrong.
import { begin } from "./api.js";
import { fill, h, say } from "./dom.js";
import { here, linkTo } from "./link.js";
import { beginPage } from "./maths.js";
import { keysAre, listen } from "./keys.js";
import { listPage } from "./list.js";
import { problemPage } from "./problem.js";
import { responsePage } from "./trace.js";
import { comparePage } from "./compare.js";
import { labelPage } from "./label.js";
import { peoplePage } from "./people.js";

const PAGES = { list: listPage, problem: problemPage, response: responsePage, compare: comparePage, label: labelPage, people: peoplePage };
const NAMED = { list: "Traces", compare: "Compare", label: "Label", people: "People" };
let about = null;
let turn = 0;

function head(page) {
  const links = Object.entries(NAMED).filter(([name]) => about.labels || (name !== "label" && name !== "people"));
  const reports = about.runs.filter(run => run.report && about.labels);
  fill(document.getElementById("top"),
    h("p", { class: "what" }, h("b", {}, "potstill view"), " ", h("span", { class: "name" }, about.name)),
    h("nav", { "aria-label": "Pages" }, links.map(([name, text]) =>
      h("a", { href: linkTo(name), "aria-current": page === name ? "page" : null }, text))),
    reports.length ? h("p", { class: "small" }, reports.map(run => h("a", { href: `/report/${encodeURIComponent(run.name)}` }, reports.length > 1 ? `report of ${run.name} ` : "report"))) : null);
}

async function show() {
  const place = here();
  const page = PAGES[place.page] ? place.page : "list";
  const mine = ++turn;
  keysAre({});
  beginPage();
  say("");
  head(page);
  const main = document.getElementById("main");
  try {
    const made = await PAGES[page](about, place, () => mine === turn);
    if (mine !== turn || !made) return;
    fill(main, made);
    const title = main.querySelector("h1");
    document.title = `${title?.textContent.slice(0, 60) ?? NAMED[page]} – potstill view`;
    main.querySelector("[data-focus]")?.focus({ preventScroll: true });
    if (page !== "list") scrollTo(0, 0);
  } catch (error) {
    if (mine === turn) wrong(error);
  }
}

function wrong(error) {
  fill(document.getElementById("main"), h("section", { class: "alert", role: "alert" }, h("h1", {}, "This cannot be shown"), h("p", {}, error.message)));
}

async function start() {
  listen();
  try {
    about = await begin();
  } catch (error) {
    wrong(error);
    return;
  }
  addEventListener("hashchange", show);
  await show();
}

start();
