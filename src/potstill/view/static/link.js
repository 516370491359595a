// The state of a page stands in its link: `#/list?outcome=wrong&q=train`.

export function here() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const pieces = path.split("/").filter(Boolean).map(piece => decode(piece));
  return { page: pieces[0] || "list", rest: pieces.slice(1), query: new URLSearchParams(query) };
}

function decode(piece) {
  try {
    return decodeURIComponent(piece);
  } catch {
    return piece;
  }
}

export function linkTo(page, rest = [], query = new URLSearchParams()) {
  const asked = query.toString();
  return `#/${[page, ...rest].map(encodeURIComponent).join("/")}${asked ? `?${asked}` : ""}`;
}

export function go(page, rest, query) {
  location.hash = linkTo(page, rest, query);
}

/** Change the link without a new entry in the history. */
export function replace(page, rest, query) {
  history.replaceState(null, "", linkTo(page, rest, query));
}
