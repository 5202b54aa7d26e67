import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { simpleParser, type ParsedMail } from "mailparser";
import { SMTPServer } from "smtp-server";

/** One mail as a real mail server was handed it. */
export interface Received {
  to: string[];
  mail: ParsedMail;
}

/** A mail server on a free port of this machine, which accepts everything and keeps it. */
export class MailServer {
  private readonly received: Received[] = [];
  private readonly waiting = new Set<() => void>();
  private readonly server = new SMTPServer({
    disabledCommands: ["AUTH", "STARTTLS"],
    onData: (stream, session, done) => {
      const to = session.envelope.rcptTo.map(({ address }) => address);
      simpleParser(stream).then((mail) => {
        this.received.push({ to, mail });
        for (const wake of this.waiting) wake();
        done();
      }, done);
    },
  });

  static async start(): Promise<MailServer> {
    const peer = new MailServer();
    peer.server.listen(0, "127.0.0.1");
    await once(peer.server.server, "listening");
    return peer;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.server.server.address() as AddressInfo).port}`;
  }

  /** The one mail to an address with a subject, as soon as it is there. */
  async to(address: string, subject: RegExp): Promise<ParsedMail> {
    for (;;) {
      const found = this.received.filter(({ to, mail }) => to.includes(address) && subject.test(mail.subject ?? ""));
      if (found.length > 1) throw new Error(`${found.length} mails "${subject}" to ${address}`);
      if (found[0]) return found[0].mail;
      await new Promise<void>((resolve) => this.waiting.add(resolve));
    }
  }

  async stop(): Promise<void> {
    await new Promise<void>((done) => this.server.close(done));
  }
}
