// The Billing page's cards and tables as a team would write them with Next.js: server components, a page per request.
import { facts } from "../facts";

export const dynamic = "force-dynamic";

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });
const whole = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumFractionDigits: 0 });
const cents = new Intl.NumberFormat("en", { style: "currency", currency: "USD" });
const format = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options });
const date = format({ day: "numeric", month: "short", year: "numeric" });
const minute = format({ day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
const clock = format({ hour: "2-digit", minute: "2-digit" });

const Amount = ({ credits }) => <data value={credits}>{number.format(credits)}</data>;
const Price = ({ cents: n, long }) => <data value={n / 100}>{(long || n % 100 ? cents : whole).format(n / 100)}</data>;
const When = ({ at, as = date }) => <time dateTime={new Date(at).toISOString()}>{as.format(at)}</time>;

export default async function Page() {
  const it = facts();
  return (
    <>
      <a href="#main" className="skip">Skip to content</a>
      <header className="top">
        <div className="wide">
          <a href="/" className="brand">Gleaner</a>
          <nav aria-label="Account">
            <a href="/billing" aria-current="page">Billing</a>
            <a href="/usage">Usage</a>
            <a href="/history">History</a>
            <a href="/settings">Settings</a>
          </nav>
          <div className="person">
            <span className="name truncate">few@bench.example</span>
            <form method="post" action="/sign-out"><button className="link">Sign out</button></form>
          </div>
        </div>
      </header>
      <main id="main" className="wide">
        <h1>Billing</h1>
        <Balance it={it} />
        <div className="notice info">
          <p>
            <strong>Plan credits are used up. Top-ups are now in use.</strong> Plan resets <When at={it.plan.resets} />.
          </p>
        </div>
        <Offers packages={it.packages} />
        <TopUps top_ups={it.top_ups} ended={it.total - it.top_ups.length} />
        <Purchases purchases={it.purchases} total={it.total} />
      </main>
      <footer className="wide">
        <p>
          Paid but no credits? <a href="mailto:help@gleaner.example">help@gleaner.example</a> · <a href="/terms">Terms</a>
        </p>
        <form method="post" action="/theme">
          <div role="group" aria-label="Theme" className="switch">
            {["Auto", "Light", "Dark"].map((name) => (
              <button key={name} name="theme" value={name} aria-pressed={name === "Auto"} className="link">{name}</button>
            ))}
          </div>
        </form>
      </footer>
    </>
  );
}

function Balance({ it }) {
  const { plan } = it;
  const used = Math.round((plan.used / plan.allowance) * 1000);
  return (
    <section aria-label="Balance" className="card balance">
      <div>
        <h2 className="label">Available now</h2>
        <p className="total"><Amount credits={it.available} /></p>
        <p className="note">
          credits · <When at={it.now} as={clock} /> <span className="screen">· <a href="/billing">Refresh</a></span>
        </p>
      </div>
      <div className="plan">
        <div className="ends">
          <h2 className="label">Plan credits · {plan.name}</h2>
          <p className="label"><Price cents={plan.price} /> a month</p>
        </div>
        <p className="figure">
          <Amount credits={plan.left} /><small> left of <Amount credits={plan.allowance} /></small>
        </p>
        <div role="progressbar" aria-label="Plan credits" aria-valuemin={0} aria-valuemax={plan.allowance}
          aria-valuenow={plan.used} className="bar">
          <svg viewBox="0 0 1000 1" preserveAspectRatio="none" aria-hidden="true">
            <rect width={used} height="1" className="used" />
            <rect x={used} width="0" height="1" className="held" />
          </svg>
        </div>
        <div className="ends">
          <p className="note"><Amount credits={plan.used} /> used</p>
          <p className="note">Resets <When at={plan.resets} /></p>
        </div>
      </div>
      <div>
        <h2 className="label">Top-up credits</h2>
        <p className="figure top-up"><Amount credits={it.available - plan.left} /></p>
        <p className="note">In use since <When at={it.in_use_since} /></p>
      </div>
    </section>
  );
}

function Offers({ packages }) {
  return (
    <section aria-labelledby="buy">
      <div className="heading">
        <h2 id="buy">Buy a top-up</h2>
        <p className="note">One-time. Plus tax where it applies. Used after your plan credits.</p>
      </div>
      <ul className="offers">
        {packages.map((one) => (
          <li key={one.id} className="card offer buys">
            <h3><Amount credits={one.credits} /> credits</h3>
            <p className="figure"><Price cents={one.price} /></p>
            <p className="note per">
              <span><Price cents={one.per} long /> per 1,000</span>{" "}
              {one.saving && <span className="badge good">Save {one.saving}%</span>}
            </p>
            <form method="post" action="/buy">
              <input type="hidden" name="purchase" value={crypto.randomUUID()} />
              <input type="hidden" name="package" value={one.id} />
              <input type="hidden" name="price" value={one.price} />
              <button className="button buy">Buy for <Price cents={one.price} /></button>
            </form>
            <p className="terms">Valid 12 months · Non-refundable</p>
          </li>
        ))}
      </ul>
      <p className="after">Most pages cost 2 credits.</p>
    </section>
  );
}

function TopUps({ top_ups, ended }) {
  return (
    <section aria-labelledby="top-ups">
      <h2 id="top-ups">Your top-ups</h2>
      <table className="card top-ups">
        <caption className="sr-only">Your top-ups</caption>
        <thead>
          <tr>
            <th scope="col">Bought</th>
            <th scope="col" className="number">Left</th>
            <th scope="col" className="number">Of</th>
            <th scope="col">Expires (UTC)</th>
            <th scope="col">Status</th>
          </tr>
        </thead>
        <tbody>
          {top_ups.map((one, n) => (
            <tr key={one.id}>
              <th scope="row" className="first"><a href={`/purchases/${one.id}`}><When at={one.bought} /></a></th>
              <td className="number lead"><Amount credits={one.left} /></td>
              <td className="number of"><Amount credits={one.credits} /></td>
              <td className="dated"><span data-zone="UTC" className="until"><When at={one.expires} as={minute} /></span></td>
              <td className="state"><span className={n ? "badge plain" : "badge good"}>{n ? "Next" : "In use"}</span></td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="after">
        Soonest to expire is used first. <a href="/billing?top_ups=all">Show used and expired ({ended})</a>
      </p>
    </section>
  );
}

function Purchases({ purchases, total }) {
  return (
    <section aria-labelledby="purchases">
      <h2 id="purchases">Purchases</h2>
      <table className="card purchases">
        <caption className="sr-only">Purchases</caption>
        <thead>
          <tr>
            <th scope="col">Date</th>
            <th scope="col">Package</th>
            <th scope="col" className="number">Price</th>
            <th scope="col">Status</th>
            <th scope="col"><span className="sr-only">Invoice</span></th>
          </tr>
        </thead>
        <tbody>
          {purchases.map((one) => (
            <tr key={one.id}>
              <th scope="row" className="first"><a href={`/purchases/${one.id}`}><When at={one.bought} /></a></th>
              <td className="what"><Amount credits={one.credits} /> credits</td>
              <td className="number lead"><Price cents={one.price} long /></td>
              <td className="state"><span className="badge good">Credited</span></td>
              <td className="more">
                <a href={`/purchases/${one.id}/invoice`}>Invoice<span className="sr-only"> of <When at={one.bought} /></span></a>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="after"><a href="/billing?purchases=all">Show all {total} purchases</a></p>
    </section>
  );
}
