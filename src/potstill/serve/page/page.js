// The page to try a student: what it writes is put in as text and never as HTML.
"use strict";

const at = (id) => document.getElementById(id);
const turns = [];
let model = "";
let stopping = null;

function headers() {
  const key = at("key").value;
  return { "Content-Type": "application/json", ...(key ? { Authorization: `Bearer ${key}` } : {}) };
}

function trouble(text) {
  at("trouble").textContent = text;
  at("trouble").hidden = !text;
}

// Spells out controls and marks of direction, which would deceive whoever reads.
function visible(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function shown(kind, text) {
  const made = document.createElement(kind === "thought" ? "div" : "p");
  made.className = kind === "thought" ? kind : `turn ${kind}`;
  made.textContent = visible(text);
  at("turns").append(made);
  return made;
}

async function refused(reply) {
  const said = await reply.json().catch(() => ({}));
  at("locked").hidden = reply.status !== 401 && !at("key").value;
  return new Error(said.error?.message ?? `the server says ${reply.status}`);
}

async function named() {
  const reply = await fetch("/v1/models", { headers: headers() });
  if (!reply.ok) throw await refused(reply);
  model = (await reply.json()).data[0].id;
  at("model").textContent = model;
  document.title = `${model} - potstill`;
}

// Yields the events of a stream of server-sent events.
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    held += value;
    const whole = held.split("\n\n");
    held = whole.pop();
    for (const one of whole) if (one !== "data: [DONE]") yield JSON.parse(one.slice("data: ".length));
  }
}

async function answered(reply) {
  const began = performance.now();
  const thought = shown("thought", "");
  const answer = shown("assistant", "");
  const said = { reasoning_content: "", content: "" };
  let first = 0;
  for await (const event of events(reply.body)) {
    if (event.error) throw new Error(event.error.message);
    for (const choice of event.choices) {
      for (const field of ["reasoning_content", "content"]) {
        if (!choice.delta[field]) continue;
        first ||= performance.now();
        said[field] += choice.delta[field];
        (field === "content" ? answer : thought).textContent = visible(said[field]);
      }
      if (choice.finish_reason === "length") shown("told", "cut off: no room for more");
    }
    if (event.usage) {
      const seconds = (performance.now() - began) / 1000;
      shown("told", `${event.usage.completion_tokens} tokens in ${seconds.toFixed(1)} s`);
    }
  }
  turns.push({ role: "assistant", content: said.content });
}

async function send() {
  const question = at("question").value;
  if (!question.trim() || stopping) return;
  trouble("");
  stopping = new AbortController();
  at("send").hidden = true;
  at("stop").hidden = false;
  const before = turns.length;
  try {
    if (!model) await named();
    turns.push({ role: "user", content: question });
    shown("user", question);
    at("question").value = "";
    const body = { model, messages: turns, stream: true, stream_options: { include_usage: true } };
    const reply = await fetch("/v1/chat/completions", {
      method: "POST", headers: headers(), body: JSON.stringify(body), signal: stopping.signal,
    });
    if (!reply.ok) throw await refused(reply);
    await answered(reply);
  } catch (error) {
    turns.length = before;
    if (error.name !== "AbortError") trouble(error.message);
  } finally {
    stopping = null;
    at("send").hidden = false;
    at("stop").hidden = true;
  }
}

at("send").addEventListener("click", send);
at("stop").addEventListener("click", () => stopping?.abort());
at("key").addEventListener("change", () => named().then(() => trouble(""), (error) => trouble(error.message)));
at("anew").addEventListener("click", () => {
  turns.length = 0;
  at("turns").replaceChildren();
  trouble("");
});
at("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send();
  }
});
named().catch((error) => trouble(error.message));
