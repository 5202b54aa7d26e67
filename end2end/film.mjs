// The README's picture and film: `make film` builds the demo and runs this.
//
// A demo of its own in its own folder. The film is drawn from screenshots, a step and its time each, by img2webp.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "@playwright/test";

const root = resolve(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "..");
const [binary, executablePath, picture, film] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "topup-film-"));
const size = { width: 1120, height: 760 };

/** The fonts of the machine, with Inter as the system's own. */
function fonts() {
  const alias = (name) => `<alias binding="same"><family>${name}</family><prefer><family>Inter</family></prefer></alias>`;
  const file = join(folder, "fonts.conf");
  const dirs = ["/usr/share/fonts", "/usr/local/share/fonts"].map((dir) => `<dir>${dir}</dir>`).join("");
  writeFileSync(file, `<fontconfig>${dirs}<cachedir>${folder}/fonts</cachedir>${["system-ui", "sans-serif"].map(alias).join("")}</fontconfig>`);
  return file;
}

async function start() {
  const env = { PATH: process.env.PATH, LISTEN: "127.0.0.1:0", DATABASE_URL: `sqlite://${join(folder, "demo.db")}`, RUST_LOG: "error" };
  const server = spawn(binary, ["demo"], { cwd: root, env, stdio: ["ignore", "pipe", "inherit"] });
  const line = await new Promise((found) => createInterface({ input: server.stdout }).once("line", found));
  return { server, url: /(http:\/\/\S+?)\/?$/.exec(line)[1] };
}

/** A page, its frames and a pointer, which a screenshot does not have. */
class Film {
  frames = [];
  pointer = { x: 560, y: 420 };

  constructor(page) {
    this.page = page;
  }

  async frame(ms) {
    const { x, y } = this.pointer;
    await this.page.evaluate(([x, y]) => {
      let pointer = document.getElementById("film-pointer");
      if (!pointer) {
        pointer = document.createElementNS("http://www.w3.org/2000/svg", "svg");
        pointer.id = "film-pointer";
        pointer.setAttribute("viewBox", "0 0 20 20");
        pointer.innerHTML = '<path d="M2 1v16l4.5-4 3 6.5 2.6-1.2-3-6.3H15z" fill="#111" stroke="#fff" stroke-width="1.5"/>';
        document.body.append(pointer);
      }
      const place = { position: "fixed", zIndex: 9, width: "24px", height: "24px", left: `${x}px`, top: `${y}px`, pointerEvents: "none" };
      Object.assign(pointer.style, place);
    }, [x, y]);
    const file = join(folder, `frame-${String(this.frames.length).padStart(3, "0")}.png`);
    await this.page.screenshot({ path: file });
    this.frames.push({ file, ms });
  }

  /** The pointer goes to an element and presses it. */
  async press(locator) {
    // The bar is in view without scrolling.
    await locator.evaluate((element) => element.closest(".demo") ?? element.scrollIntoView({ block: "nearest" }));
    const box = await locator.boundingBox();
    const [from, to] = [this.pointer, { x: box.x + box.width / 2, y: box.y + box.height / 2 }];
    const steps = 9;
    for (let n = 1; n <= steps; n++) {
      const eased = 1 - (1 - n / steps) ** 3;
      this.pointer = { x: from.x + (to.x - from.x) * eased, y: from.y + (to.y - from.y) * eased };
      await this.page.mouse.move(this.pointer.x, this.pointer.y);
      await this.frame(n === steps ? 420 : 45);
    }
    // Everything that is pressed leads to a page.
    await Promise.all([this.page.waitForEvent("framenavigated"), this.page.mouse.click(this.pointer.x, this.pointer.y)]);
    await this.page.waitForLoadState("load");
  }

  /** A field is filled in a few keys at a time. */
  async type(locator, text) {
    for (let end = 5; end < text.length + 5; end += 5) {
      await locator.fill(text.slice(0, end));
      await this.frame(90);
    }
  }

  async write(file) {
    const frames = this.frames.flatMap(({ file, ms }) => ["-d", String(ms), file]);
    const options = ["-loop", "0", "-min_size", "-lossless", "-m", "6"];
    const done = spawnSync("img2webp", [...options, ...frames, "-o", file], { stdio: ["ignore", "ignore", "inherit"] });
    if (done.status !== 0) throw new Error("img2webp failed");
  }
}

const { server, url } = await start();
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"], env: { ...process.env, FONTCONFIG_FILE: fonts() } });
try {
  const page = await browser.newPage({ viewport: size, colorScheme: "light", reducedMotion: "reduce", locale: "en-US" });
  const bar = page.getByRole("complementary", { name: "Demo" });
  const take = new Film(page);
  await page.goto(`${url}/sign-in`);
  await take.frame(1600);
  await take.press(page.getByRole("button", { name: /^Acme Data/ }));
  await take.frame(2600);
  await take.press(page.getByRole("button", { name: "Buy for $9, 1,200 credits" }));
  await take.frame(900);
  await take.type(page.getByLabel("Card number"), "4242 4242 4242 4242");
  await page.getByLabel("Expiry").fill("12/34");
  await page.getByLabel("CVC").fill("123");
  await take.press(page.getByRole("button", { name: "Pay $9.00" }));
  await page.getByRole("status").first().waitFor();
  await take.frame(2600);
  await take.press(bar.getByRole("button", { name: "Use 380" }));
  await take.frame(3200);
  await page.evaluate(() => document.getElementById("film-pointer").remove());
  // The picture is of the page alone.
  await page.goto(`${url}/billing`);
  await bar.evaluate((element) => element.remove());
  await page.screenshot({ path: picture, fullPage: true });
  await page.goto(`${url}/billing`);
  await take.press(bar.getByRole("button", { name: "Next reset" }));
  await take.frame(4200);
  await take.write(film);
  console.log(`${film}: ${take.frames.length} frames, ${Math.ceil(statSync(film).size / 1024)} KB`);
} finally {
  await browser.close();
  const ended = new Promise((done) => server.once("exit", done));
  server.kill("SIGTERM");
  await ended;
  rmSync(folder, { recursive: true, force: true });
}
