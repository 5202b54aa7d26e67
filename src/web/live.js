// What has data-live is fetched again when something happened to the credits, and when a link in its navigation is
// pressed. Without this file the same page is read by its links.
const all = (css, at = document) => [...at.querySelectorAll(css)];
const stops = (part) => all("a, button, input, [tabindex]", part);
const old = all("[data-old]")[0];
let turn = 0, drawn = all("[data-last]")[0].dataset.last, seen = drawn, source, timer, lost = 0;

// Whether the page shows what is so now.
async function renew(url, press) {
  const mine = ++turn;
  let page;
  try {
    const answer = await fetch(url, { headers: { accept: "text/html", "topup-live": press ? "" : drawn } });
    if (!answer.ok || answer.redirected) throw 0;
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    if (press) location.assign(url);
    return mine !== turn;
  }
  if (mine !== turn) return 1;
  if (press) {
    drawn = all("[data-last]", page)[0].dataset.last;
    if (url !== location.href) history.pushState(null, "", url);
  }
  // Nothing moves under somebody's finger.
  const busy = !press && all("main form:is(:hover, :focus-within)")[0];
  let late;
  for (const part of all("[data-live]")) {
    const name = part.dataset.live, next = all(`[data-live="${name}"]`, page)[0];
    if (!next || (!press && next.textContent === part.textContent)) continue;
    if (busy && name !== "balance") { late = 1; continue; }
    const before = stops(part), at = before.indexOf(document.activeElement);
    part.replaceChildren(...next.childNodes);
    const after = stops(part);
    before.forEach((stop, n) => {
      if (!after[n]) return;
      after[n].scrollTo(stop.scrollLeft, stop.scrollTop);
      if (!press) read(after[n], stop.value);
    });
    if (at >= 0) (after[at] ?? part).focus({ preventScroll: true });
  }
  if (late) setTimeout(() => mine === turn && update(), 2000);
  return 1;
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

// Shows the words of a chart's bar, and where it is. The slider over the bars has the keys.
function read(at, n) {
  const chart = at.closest("figure"), bar = chart && all("g", chart)[n];
  if (!bar) return;
  const slider = all("input", chart)[0];
  all(".on", chart)[0].classList.remove("on");
  bar.classList.add("on");
  slider.value = n;
  slider.ariaValueText = all(".read", chart)[0].textContent = bar.dataset.words;
}

addEventListener("input", ({ target }) => read(target, target.value));
addEventListener("pointerover", ({ target }) => {
  const bar = target.closest("figure g");
  if (bar) read(bar, all("g", bar.parentNode).indexOf(bar));
});
addEventListener("click", (event) => {
  const link = event.target.closest("[data-live] nav a");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  renew(link.href, 1);
});
addEventListener("popstate", () => renew(location.href, 1));
document.addEventListener("visibilitychange", listen);
listen();
