// What has data-live is fetched again when something happened to the credits, and when a switch in it is pressed.
// Without this file the same page is read by its links.
const parts = () => document.querySelectorAll("[data-live]");
const stops = (part) => [...part.querySelectorAll("a, button, [tabindex]")];
const old = document.querySelector("[data-old]");
let turn = 0, seen = document.querySelector("[data-last]").dataset.last, source, timer, lost = 0;

// Whether the page shows what is so now.
async function renew(url, isPress) {
  const mine = ++turn;
  let page;
  try {
    const answer = await fetch(url, { headers: { accept: "text/html", "topup-live": isPress ? "0" : "1" } });
    if (!answer.ok || answer.redirected) throw answer.status;
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    if (isPress) location.assign(url);
    return mine !== turn;
  }
  if (mine !== turn) return true;
  if (isPress) history.pushState(null, "", url);
  // Nothing moves under somebody's finger.
  const busy = !isPress && document.querySelector("main form:is(:hover, :focus-within)");
  let late;
  for (const part of parts()) {
    const next = page.querySelector(`[data-live="${part.dataset.live}"]`);
    if (!next || (!isPress && next.textContent === part.textContent)) continue;
    if (busy && part.dataset.live !== "balance") { late = 1; continue; }
    const before = stops(part);
    const at = before.indexOf(document.activeElement);
    part.replaceChildren(...next.childNodes);
    const after = stops(part);
    before.forEach((stop, n) => after[n]?.scrollTo(stop.scrollLeft, stop.scrollTop));
    after[at]?.focus({ preventScroll: true });
  }
  if (late) setTimeout(() => mine === turn && update(), 2000);
  return true;
}

async function update(data) {
  if (data !== seen && !(await renew(location.href))) { seen = ""; return fail(); }
  seen = data;
  lost = 0;
  old.hidden = true;
}

// A browser gives a stream up for good after a 502. It is opened again, ever more slowly up to five minutes; from the
// second failure in a row on the figures are said to be old.
function fail() {
  source.close();
  delete document.documentElement.dataset.stream;
  clearTimeout(timer);
  if (lost++) old.hidden = false;
  timer = setTimeout(listen, 1000 * 2 ** Math.min(lost, 8) * (1 + Math.random() / 5));
}

// A page that nobody sees asks for nothing.
function listen() {
  source?.close();
  clearTimeout(timer);
  if (document.hidden) return;
  source = new EventSource("/live");
  // The server ends a stream after five minutes: one that goes on has been cut on the way.
  timer = setTimeout(fail, 330000);
  source.onopen = () => { document.documentElement.dataset.stream = ""; };
  source.onerror = fail;
  source.onmessage = ({ data }) => update(data);
}

addEventListener("click", (event) => {
  const link = event.target.closest("[data-live] nav a");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  renew(link.href, true);
});
addEventListener("popstate", async () => await renew(location.href) || location.reload());
document.addEventListener("visibilitychange", listen);
listen();
