import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { Operator } from "./operator";
import { Customer, type NewCustomer } from "./customer";

const root = resolve(__dirname, "../..");
const binary = process.env.TOPUP_BIN ?? join(root, "target/debug/topup");

/**
 * The real binary with its Stripe sandbox, on its own port and database, with a test clock and no customers.
 */
export class Shop {
  private constructor(
    readonly url: string,
    readonly operator: Operator,
    private readonly process: ChildProcess,
    private readonly folder: string,
    private readonly lines: string[],
  ) {}

  /** `more` are settings beside the usual ones; with an SMTP server emails are not written to files. */
  static async start(more: Record<string, string | undefined> = {}): Promise<Shop> {
    const folder = await mkdtemp(join(tmpdir(), "topup-e2e-"));
    const key = more.OPERATOR_KEYS ?? randomBytes(24).toString("hex");
    const { PATH, HOME, RUST_LOG, RUST_BACKTRACE } = process.env;
    const child = spawn(binary, ["demo"], {
      cwd: root,
      env: {
        PATH,
        HOME,
        RUST_LOG,
        RUST_BACKTRACE,
        LISTEN: "127.0.0.1:0",
        DATABASE_URL: `sqlite://${join(folder, "topup.db")}`,
        ...(more.SMTP_URL ? {} : { MAIL_DIR: join(folder, "emails") }),
        OPERATOR_KEYS: key,
        TEST_CLOCK: "1",
        DEMO_SEED: "none",
        ...more,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });

    const lines: string[] = [];
    const keep = (line: string) => {
      lines.push(line);
      if (lines.length > 500) lines.shift();
    };
    createInterface({ input: child.stderr }).on("line", keep);
    const stdout = createInterface({ input: child.stdout });
    const firstLine = new Promise<string>((found) => stdout.once("line", found));
    stdout.on("line", keep);
    const gone = new Promise<never>((_, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) =>
        reject(new Error(`${binary} demo ended (${code ?? signal}) before it listened:\n${lines.join("\n")}`)),
      );
    });
    try {
      const line = await Promise.race([firstLine, gone]);
      const url = /^listening on (http:\/\/\S+?)\/?$/.exec(line)?.[1];
      if (!url) throw new Error(`The first line is not the address: ${line}`);
      return new Shop(url, new Operator(url, key), child, folder, lines);
    } catch (error) {
      child.kill("SIGKILL");
      await rm(folder, { recursive: true, force: true });
      throw error;
    } finally {
      gone.catch(() => {});
    }
  }

  /** The folder of the emails, a file each. */
  get emails(): string {
    return join(this.folder, "emails");
  }

  /** The URL of its Stripe sandbox, from the CSP. */
  async sandbox(): Promise<URL> {
    const policy = (await fetch(`${this.url}/sign-in`)).headers.get("content-security-policy") ?? "";
    const origin = /form-action[^;]*?(http:\/\/127\.0\.0\.1:\d+)/.exec(policy)?.[1];
    if (!origin) throw new Error(`No sandbox in the policy: ${policy}`);
    return new URL(origin);
  }

  /** The output of the binary so far. */
  log(): string {
    return this.lines.join("\n");
  }

  /** A customer of the SaaS, made by the operator API as the SaaS makes one. */
  async customer(wanted: NewCustomer = {}): Promise<Customer> {
    const id = `e2e-${randomUUID()}`;
    const email = wanted.email ?? `${id}@customer.example`;
    const { name = "Acme Data", plan = "starter", used = 0, cycle_anchor } = wanted;
    await this.operator.put(`/v1/customers/${id}`, { email, name, plan, cycle_anchor });
    const customer = new Customer(this, id, email);
    if (used > 0) await customer.charge(used);
    return customer;
  }

  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const exited = once(this.process, "exit");
      this.process.kill("SIGTERM");
      const late = setTimeout(() => this.process.kill("SIGKILL"), 10_000);
      await exited;
      clearTimeout(late);
    }
    await rm(this.folder, { recursive: true, force: true });
    if (this.process.exitCode !== 0) {
      throw new Error(`${binary} demo did not end well (${this.process.exitCode ?? this.process.signalCode}):\n${this.log()}`);
    }
  }
}
