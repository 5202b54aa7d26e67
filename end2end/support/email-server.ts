import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { simpleParser, type ParsedMail } from "mailparser";
import { SMTPServer } from "smtp-server";

/** An email as it arrived by SMTP. */
export interface Received {
  to: string[];
  email: ParsedMail;
}

/** An SMTP server on a free local port that keeps every email. */
export class EmailServer {
  private readonly received: Received[] = [];
  private readonly waiting = new Set<() => void>();
  private readonly server = new SMTPServer({
    disabledCommands: ["AUTH", "STARTTLS"],
    onData: (stream, session, done) => {
      const to = session.envelope.rcptTo.map(({ address }) => address);
      simpleParser(stream).then((email) => {
        this.received.push({ to, email });
        for (const wake of this.waiting) wake();
        done();
      }, done);
    },
  });

  static async start(): Promise<EmailServer> {
    const peer = new EmailServer();
    peer.server.listen(0, "127.0.0.1");
    await once(peer.server.server, "listening");
    return peer;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.server.server.address() as AddressInfo).port}`;
  }

  /** The one email to an address with a subject; waits for it. */
  async to(address: string, subject: RegExp): Promise<ParsedMail> {
    for (;;) {
      const found = this.received.filter(({ to, email }) => to.includes(address) && subject.test(email.subject ?? ""));
      if (found.length > 1) throw new Error(`${found.length} emails "${subject}" to ${address}`);
      if (found[0]) return found[0].email;
      await new Promise<void>((resolve) => this.waiting.add(resolve));
    }
  }

  async stop(): Promise<void> {
    await new Promise<void>((done) => this.server.close(done));
  }
}
