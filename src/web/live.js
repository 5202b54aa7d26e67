// What has data-live is fetched again when something happened to the credits, and when a switch in it is pressed.
// Without this file the same page is read by its links.
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
  // Nothing moves under somebody's finger.
  const busy = !isPress && document.querySelector("main form:is(:hover, :focus-within)");
  let late;
  for (const old of parts()) {
    const next = page.querySelector(`[data-live="${old.dataset.live}"]`);
    if (!next || (!isPress && next.textContent === old.textContent)) continue;
    if (busy && old.dataset.live !== "balance") { late = 1; continue; }
    const before = stops(old);
    const at = before.indexOf(document.activeElement);
    old.replaceChildren(...next.childNodes);
    const after = stops(old);
    before.forEach((stop, n) => after[n]?.scrollTo(stop.scrollLeft, stop.scrollTop));
    after[at]?.focus({ preventScroll: true });
  }
  if (late) setTimeout(() => mine === turn && renew(url), 2000);
}

// A page that nobody sees asks for nothing.
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
