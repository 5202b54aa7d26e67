// The customer of `make bench` as constants: no session and no database.
const day = 86_400_000;
const top_ups = Array.from({ length: 20 }, (_, n) => ({
  id: `pur_${String(n).padStart(32, "0")}`,
  credits: 50_000,
  left: n < 14 ? 0 : 50_000,
  price: 22_500,
  bought: Date.now() - 345 * day,
  expires: Date.now() + 20 * day,
}));

export const facts = () => ({
  now: Date.now(),
  available: 246_123.456,
  plan: { name: "Pro", price: 24_900, allowance: 125_000, left: 0, used: 125_000, resets: Date.now() + 8 * day },
  top_ups: top_ups.filter((one) => one.left > 0),
  in_use_since: Date.now() - 9 * day,
  purchases: top_ups.slice(0, 5),
  total: top_ups.length,
  packages: [
    { id: "p1200", credits: 1_200, price: 900, per: 750 },
    { id: "p5000", credits: 5_000, price: 3_000, per: 600, saving: 20 },
    { id: "p20000", credits: 20_000, price: 10_500, per: 525, saving: 30 },
    { id: "p50000", credits: 50_000, price: 22_500, per: 450, saving: 40 },
  ],
});
