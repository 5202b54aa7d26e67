import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Shop } from "./shop";

/** A shop whose paid plans have prices at Stripe: the sample catalogue, and nothing else of it changed. */
export async function withPricedShop(use: (shop: Shop) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "topup-e2e-catalog-"));
  const catalog = join(folder, "catalog.toml");
  const sample = await readFile(resolve(__dirname, "../../catalog.toml"), "utf8");
  await writeFile(catalog, sample.replace(/id = "(starter|builder|pro)"/g, 'id = "$1"\nstripe_prices = ["price_$1"]'));
  const shop = await Shop.start({ CATALOG: catalog });
  try {
    await use(shop);
  } finally {
    await shop.stop();
    await rm(folder, { recursive: true });
  }
}
