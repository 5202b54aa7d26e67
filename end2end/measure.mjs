// The size and speed of a release: `make measure` builds it and runs this.
//
// One server of the release build on a free port and an SQLite file of its own, one customer with purchases of
// usage behind it, its pages as its owner sees them. Prints a table; nothing is asserted.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import http from "node:http";
import { chromium as playwright } from "@playwright/test";
import { pathToFileURL } from "node:url";

const root = resolve(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "..");
const [binary, lighthouseFolder, chromium] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "topup-measure-"));
const key = randomBytes(24).toString("hex");

async function start() {
  const began = performance.now();
  const server = spawn(binary, ["serve"], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      LISTEN: "127.0.0.1:0",
      DATABASE_URL: `sqlite://${join(folder, "topup.db")}`,
      OPERATOR_KEYS: key,
      // Nobody buys here; the page is drawn with its Buy buttons.
      STRIPE_SECRET_KEY: "sk_test_measure",
      STRIPE_WEBHOOK_SECRETS: "whsec_measure0000000000000000000000",
      RUST_LOG: "error",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const line = await new Promise((found) => createInterface({ input: server.stdout }).once("line", found));
  const url = /(http:\/\/\S+?)\/?$/.exec(line)[1];
  await fetch(`${url}/healthz`);
  return { server, url, ms: performance.now() - began };
}

async function stop({ server }) {
  const ended = new Promise((done) => server.once("exit", done));
  server.kill("SIGTERM");
  await ended;
}

const memoryMb = ({ server }) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))[1]) / 1024;

async function call(url, method, path, body, more = {}) {
  const answer = await fetch(url + path, {
    method,
    headers: { "x-api-key": key, "content-type": "application/json", ...more },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** A customer with usage and bonus credits, and the cookie of its owner's session. */
async function customer(url) {
  await call(url, "PUT", "/v1/customers/acme", { email: "ada@acme.example", name: "Acme Data", plan: "starter" });
  for (let n = 0; n < 40; n++) {
    await call(url, "POST", "/v1/customers/acme/usage", { credits: 120.5, operation: "scrape" }, { "idempotency-key": `job-${n}` });
  }
  const link = await call(url, "POST", "/v1/customers/acme/portal_sessions", { member_email: "ada@acme.example", role: "owner" });
  const answer = await fetch(`${url}/_fn/open-session`, {
    method: "POST",
    redirect: "manual",
    headers: { origin: url, "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ token: link.url.split("/").at(-1) }),
  });
  const cookie = answer.headers.getSetCookie().map((set) => set.split(";")[0]).join("; ");
  if (!cookie) throw new Error(`No session: ${answer.status}`);
  return cookie;
}

/** Bytes of an answer as they come over the wire, head and body. */
function wire(url, cookie) {
  return new Promise((done, fail) => {
    const headers = { cookie, accept: "text/html,text/css,*/*", "accept-encoding": "gzip, deflate, br, zstd", "user-agent": "Mozilla/5.0 Chrome/142" };
    http.get(url, { headers, agent: false }, (answer) => {
      answer.on("data", () => {});
      answer.on("end", () => done({ bytes: answer.socket.bytesRead, status: answer.statusCode, encoding: answer.headers["content-encoding"] }));
    }).on("error", fail);
  });
}

async function cold(url, cookie, path) {
  const page = await (await fetch(url + path, { headers: { cookie } })).text();
  const links = [...page.matchAll(/<(?:link|script|img)[^>]+(?:href|src)="([^"]+)"/g)].map(([, href]) => href).filter((href) => href.startsWith("/"));
  const parts = [path, ...new Set(links)];
  const sizes = await Promise.all(parts.map((part) => wire(url + part, cookie)));
  return { parts: parts.map((part, n) => `${part} ${sizes[n].bytes}`), bytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0), scripts: (page.match(/<script/g) ?? []).length };
}

async function serverMs(url, cookie, path) {
  const times = [];
  for (let n = 0; n < 200; n++) {
    const began = performance.now();
    await (await fetch(url + path, { headers: { cookie } })).arrayBuffer();
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[100];
}

async function audit(url, cookie, path) {
  const { default: lighthouse } = await import(pathToFileURL(join(lighthouseFolder, "node_modules/lighthouse/core/index.js")).href);
  const { launch } = await import(pathToFileURL(join(lighthouseFolder, "node_modules/chrome-launcher/dist/index.js")).href);
  const chrome = await launch({ chromePath: chromium, chromeFlags: ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"] });
  try {
    const result = await lighthouse(url + path, { port: chrome.port, logLevel: "error", extraHeaders: { Cookie: cookie }, onlyCategories: ["performance", "accessibility", "best-practices"] });
    const { categories, audits } = result.lhr;
    const failed = Object.values(audits).filter(({ score }) => score !== null && score < 0.9).map(({ id, displayValue }) => `${id} ${displayValue ?? ""}`);
    return { categories, audits, failed };
  } finally {
    await chrome.kill();
  }
}

/**
 * From the navigation to a Buy button that can be pressed, on a processor four times as slow: a page without script is
 * ready when it is parsed and painted. A new browser context each time: nothing is cached.
 */
async function buyMs(url, cookie) {
  const browser = await playwright.launch({ executablePath: chromium, args: ["--no-sandbox", "--disable-gpu", "--disable-quic"] });
  const times = [];
  try {
    for (let n = 0; n < 9; n++) {
      const context = await browser.newContext({ extraHTTPHeaders: { cookie } });
      const page = await context.newPage();
      await (await context.newCDPSession(page)).send("Emulation.setCPUThrottlingRate", { rate: 4 });
      await page.goto(`${url}/billing`);
      await page.getByRole("button", { name: /^Buy for/ }).first().click({ trial: true });
      times.push(await page.evaluate(() => {
        const painted = performance.getEntriesByName("first-contentful-paint")[0].startTime;
        return Math.max(painted, performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd);
      }));
      await context.close();
    }
  } finally {
    await browser.close();
  }
  return times.sort((a, b) => a - b)[4];
}

const rows = [];
const row = (what, figure) => rows.push(`| ${what} | ${figure} |`);
try {
  await stop(await start()); // makes the database
  const starts = [];
  for (let n = 0; n < 5; n++) {
    const run = await start();
    starts.push(run.ms);
    await stop(run);
  }
  row("start to first answer, median of 5", `${starts.sort((a, b) => a - b)[2].toFixed(0)} ms`);
  const run = await start();
  row("memory at rest", `${memoryMb(run).toFixed(1)} MB`);
  const cookie = await customer(run.url);
  for (const path of ["/billing", "/usage", "/history", "/settings"]) {
    const weight = await cold(run.url, cookie, path);
    row(`${path} cold, headers and all`, `${weight.bytes} bytes (${weight.parts.join(", ")}); ${weight.scripts} scripts`);
    row(`${path}, median of 200 requests one by one`, `${(await serverMs(run.url, cookie, path)).toFixed(2)} ms`);
    if (!lighthouseFolder) continue;
    const { categories, audits, failed } = await audit(run.url, cookie, path);
    const scores = Object.values(categories).map(({ title, score }) => `${title} ${Math.round(score * 100)}`);
    row(`${path}, Lighthouse mobile`, scores.join(", "));
    const shown = ["largest-contentful-paint", "total-blocking-time", "cumulative-layout-shift"].map((id) => audits[id].displayValue);
    row(`${path}: largest contentful paint, blocking time, layout shift`, shown.join(", "));
    if (failed.length) row(`${path}: audits under 0.9`, failed.join("; "));
  }
  row("Buy on /billing, four times as slow a processor", `${(await buyMs(run.url, cookie)).toFixed(0)} ms`);
  row("memory after that", `${memoryMb(run).toFixed(1)} MB`);
  await stop(run);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(["| what | figure |", "| --- | --- |", ...rows].join("\n"));
