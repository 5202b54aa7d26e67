// Figures that move while you look: what has data-live is fetched again when something happened to the credits, and
// when a switch in it is pressed. Without this file the same page is read by its links.
const parts = () => document.querySelectorAll("[data-live]");
const stops = (part) => [...part.querySelectorAll("a, button, [tabindex]")];
let turn = 0, seen = document.querySelector("[data-last]").dataset.last, source;

async function renew(url, isPress) {
  const mine = ++turn;
  let page;
  try {
    const answer = await fetch(url, { headers: { accept: "text/html", "topup-live": isPress ? "0" : "1" } });
    if (!answer.ok || answer.redirected) throw answer.status;
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    if (isPress) location.assign(url);
    return;
  }
  if (mine !== turn) return;
  if (isPress) history.pushState(null, "", url);
  for (const old of parts()) {
    const next = page.querySelector(`[data-live="${old.dataset.live}"]`);
    if (!next || next.outerHTML === old.outerHTML) continue;
    const before = stops(old);
    const at = before.indexOf(document.activeElement);
    old.replaceWith(next);
    const after = stops(next);
    before.forEach((stop, n) => after[n]?.scrollTo(stop.scrollLeft, stop.scrollTop));
    after[at]?.focus({ preventScroll: true });
  }
}

// A page that nobody sees asks for nothing, and takes no connection from its neighbours.
function listen() {
  source?.close();
  if (document.hidden) return;
  source = new EventSource("/live");
  source.onmessage = ({ data }) => {
    if (seen !== data) renew(location.href);
    seen = data;
  };
}

addEventListener("click", (event) => {
  const link = event.target.closest("[data-live] nav a");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  renew(link.href, true);
});
addEventListener("popstate", () => renew(location.href));
document.addEventListener("visibilitychange", listen);
listen();
