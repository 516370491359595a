// Keys of a page: one handler at a time; none while somebody writes into a field.

let now = {};

/** Say what keys do from here on: key -> function. */
export function keysAre(map) {
  now = map;
}

export function listen() {
  document.addEventListener("keydown", event => {
    const writing = event.target.closest?.("input, textarea, select");
    if (event.altKey || event.metaKey || (event.ctrlKey && event.key !== "Enter")) return;
    if (writing && event.key !== "Escape" && !(event.ctrlKey && event.key === "Enter")) return;
    if (writing && event.key === "Escape") {
      event.target.blur();
      return;
    }
    if (event.key === "Enter" && !event.ctrlKey && event.target.closest?.("a, button, summary")) return;
    const does = now[event.ctrlKey ? `Ctrl+${event.key}` : event.key];
    if (does) {
      event.preventDefault();
      does(event);
    }
  });
}
