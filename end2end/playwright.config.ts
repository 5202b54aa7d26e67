import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { defineConfig } from "@playwright/test";

/** The system's Chromium: no test downloads a browser. `scripts/lib.sh` looks in the same order. */
function chromium(): string {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? "").split(delimiter);
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    const found = folders.map((folder) => join(folder, name)).find(existsSync);
    if (found) return found;
  }
  throw new Error("No Chromium: install the package chromium, or set CHROMIUM to a browser's path.");
}

function environment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((pair): pair is [string, string] => pair[1] !== undefined));
}

const desktop = { width: 1440, height: 900 };
const phone = { width: 360, height: 740 };

export default defineConfig({
  testDir: "specs",
  testMatch: "*.spec.ts",
  outputDir: "test-results",
  fullyParallel: true,
  workers: 2,
  // A test that passes at the second try has failed.
  retries: 0,
  forbidOnly: !!process.env.CI,
  reporter: [["list"]],
  timeout: 60_000,
  expect: {
    timeout: 10_000,
    // Another build of the browser may draw an edge a little otherwise; a word, a colour or a place may not differ.
    toHaveScreenshot: { maxDiffPixels: 60, threshold: 0.03, animations: "disabled", caret: "hide", scale: "css" },
  },
  snapshotPathTemplate: "pictures/{arg}{ext}",
  use: {
    browserName: "chromium",
    locale: "en-US",
    // axe would measure the colours in the middle of a transition.
    contextOptions: { reducedMotion: "reduce" },
    screenshot: "only-on-failure",
    trace: process.env.TRACE ? "on" : "off",
    launchOptions: {
      executablePath: chromium(),
      env: { ...environment(), FONTCONFIG_FILE: join(__dirname, "support/fonts.conf") },
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  projects: [
    // Every page works without script, so every spec runs without it, except those of axe and live updates.
    {
      name: "html",
      testIgnore: ["accessibility.spec.ts", "live-updates.spec.ts", "pictures.spec.ts", "stripe-library.spec.ts"],
      use: { viewport: desktop, javaScriptEnabled: false },
    },
    { name: "script", use: { viewport: desktop } },
    {
      name: "phone",
      testIgnore: [
        "operator.spec.ts",
        "pictures.spec.ts",
        "plan-reset.spec.ts",
        "refunds-and-disputes.spec.ts",
        "stripe-failures.spec.ts",
        "stripe-library.spec.ts",
        "twelve-months.spec.ts",
      ],
      use: { viewport: phone, isMobile: true, hasTouch: true },
    },
  ],
});
