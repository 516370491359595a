// In the place of api.js where the page is a folder: rows and responses come from scripts beside it, filters are made here.

const PAGE = 100;
const RANGES = ["difficulty", "characters", "tokens", "score"];
const PLAIN = new Set(["sort", "desc", "offset", "limit", "problem", "q", "regex"]);
const parsed = new Map();
let index = null;

function loaded(file, name) {
  if (parsed.has(name)) return Promise.resolve(parsed.get(name));
  return new Promise((done, failed) => {
    const script = document.createElement("script");
    script.addEventListener("load", () => {
      parsed.set(name, JSON.parse(globalThis.potstillData[name]));
      delete globalThis.potstillData[name];
      done(parsed.get(name));
    });
    script.addEventListener("error", () => failed(new Error(`data/${file} is missing: was the whole folder copied?`)));
    script.setAttribute("src", `data/${file}`);
    document.head.append(script);
  });
}

export async function begin() {
  index = JSON.parse(globalThis.potstillData.index);
  return index.about;
}

function chosen(query, but = "") {
  const low = RANGES.filter(name => query.has(`min_${name}`));
  const high = RANGES.filter(name => query.has(`max_${name}`));
  const facets = index.facets.filter(name => name !== but && query.has(name)).map(name => [name, new Set(query.getAll(name))]);
  return index.rows.filter(row => facets.every(([name, values]) => values.has(row[name] ?? ""))
    && low.every(name => row[name] !== null && row[name] >= Number(query.get(`min_${name}`)))
    && high.every(name => row[name] !== null && row[name] <= Number(query.get(`max_${name}`))));
}

function list(query) {
  const rows = chosen(query);
  const sort = query.get("sort");
  if (sort) {
    const sign = query.get("desc") === "1" ? -1 : 1;
    const value = row => row[sort] ?? (typeof row[sort] === "string" ? "" : Infinity * sign);
    rows.sort((a, b) => (value(a) < value(b) ? -sign : value(a) > value(b) ? sign : 0));
  }
  const facets = {};
  for (const name of index.facets) {
    const counts = new Map();
    for (const row of chosen(query, name)) counts.set(row[name] ?? "", (counts.get(row[name] ?? "") ?? 0) + 1);
    facets[name] = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 60);
  }
  const offset = Number(query.get("offset") ?? 0);
  return { total: rows.length, offset, rows: rows.slice(offset, offset + PAGE), facets };
}

async function response(key) {
  const place = index.places[key];
  if (place === undefined) throw new Error("this response is not in the bundle");
  const part = await loaded(`${String(place).padStart(4, "0")}.js`, `part${place}`);
  const its = structuredClone(part[key]);
  its.steps.total = Math.min(its.steps.total, its.steps.rows.length);
  return its;
}

function refused() {
  return Promise.reject(new Error("this is a folder for reading: `potstill view` has this"));
}

export const api = {
  list: query => Promise.resolve(list(query)),
  response,
  problem: async number => (await loaded("problems.js", "problems"))[number] ?? refused(),
  parties: async () => (await loaded("compare.js", "compare")).parties,
  compare: async query => (await loaded("compare.js", "compare")).both[`${query.get("one")}\n${query.get("other")}`] ?? refused(),
  sent: refused,
  trained: refused,
  queue: refused,
  people: refused,
  agreement: refused,
  label: refused,
  importLabels: refused,
  exportLink: () => "#",
};

export async function search(query, stop, onLine) {
  const words = (query.get("q") ?? "").toLowerCase();
  const plain = new URLSearchParams([...query].filter(([name]) => !PLAIN.has(name)));
  let looked = 0;
  for (const row of chosen(plain)) {
    if (stop.aborted) return;
    looked += 1;
    const its = await response(row.key);
    const text = [row.question, ...its.steps.rows.map(step => step.text), its.answer.text].join("\n");
    const at = text.toLowerCase().indexOf(words);
    if (at >= 0) onLine({ hit: { ...row, field: "text", before: text.slice(Math.max(0, at - 60), at), found: text.slice(at, at + words.length), after: text.slice(at + words.length, at + words.length + 60) } });
    if (looked % 40 === 0) onLine({ looked });
  }
  onLine({ done: true, looked, all: true });
}
