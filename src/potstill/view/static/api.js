// What the server answers. The token stands behind the # of the first link and is exchanged for a cookie at once.

const OURS = { "X-Potstill": "1", "Content-Type": "application/json" };

async function answered(reply) {
  const body = await reply.json().catch(() => ({ error: `the server answered ${reply.status}` }));
  if (!reply.ok) throw new Error(body.error ?? `the server answered ${reply.status}`);
  return body;
}

async function ask(path, query) {
  const asked = query ? `?${query}` : "";
  let reply;
  try {
    reply = await fetch(`/api/${path}${asked}`, { credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("the server does not answer: is `potstill view` still running?");
  }
  return answered(reply);
}

async function tell(path, body) {
  let reply;
  try {
    reply = await fetch(`/api/${path}`, { method: "POST", headers: OURS, body: JSON.stringify(body) });
  } catch {
    throw new Error("NOT SAVED: the server does not answer; is `potstill view` still running?");
  }
  return answered(reply);
}

/** Exchange the token of the link, if it has one, and take it out of the address. */
export async function begin() {
  const found = /[#&]token=([\w-]+)/.exec(location.hash);
  if (found) {
    history.replaceState(null, "", location.pathname + location.hash.replace(/[#&]token=[\w-]+/, "").replace(/^#?$/, "#/list"));
    await tell("session", { token: found[1] });
  }
  return ask("about");
}

export const api = {
  list: query => ask("list", query),
  response: (key, query) => ask(`response/${encodeURIComponent(key)}`, query),
  problem: number => ask(`problem/${encodeURIComponent(number)}`),
  sent: key => ask(`sent/${encodeURIComponent(key)}`),
  trained: key => ask(`trained/${encodeURIComponent(key)}`),
  parties: () => ask("parties"),
  compare: query => ask("compare", query),
  queue: query => ask("queue", query),
  people: () => ask("people"),
  agreement: () => ask("agreement"),
  label: body => tell("label", body),
  importLabels: body => tell("import", body),
  exportLink: shape => `/api/export?shape=${encodeURIComponent(shape)}`,
};

/** Search, and give each hit as it comes; `stop` is an AbortSignal. */
export async function search(query, stop, onLine) {
  const reply = await fetch(`/api/search?${query}`, { credentials: "same-origin", signal: stop });
  if (!reply.ok) return answered(reply);
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return undefined;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line) onLine(JSON.parse(line));
  }
}
