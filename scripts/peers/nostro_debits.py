"""hf-nostro's debit() on PostgreSQL, called by 32 threads of four processes, since one interpreter would be the limit.

Reads lines of "CUSTOMERS SECONDS" from standard input and prints the debits a second; "end" stops it.
"""

import multiprocessing
import sys
import threading
import time
import uuid
from decimal import Decimal

from nostro import Ledger
from nostro.migrate import migrate
from psycopg_pool import ConnectionPool

PROCESSES, THREADS = 4, 8


def pool(url):
    return ConnectionPool(url, min_size=THREADS, max_size=THREADS, open=True)


def debit_for(ledger, accounts, seconds, counts, place):
    end, done, amount = time.monotonic() + seconds, 0, ledger.amount(Decimal("0.001"))
    while time.monotonic() < end:
        account = accounts[(place + done * THREADS) % len(accounts)]
        ledger.debit(account, amount, category="scrape", idempotency_key=uuid.uuid4().hex)
        done += 1
    counts[place] = done


def worker(url, accounts, pipe):
    ledger = Ledger(pool=pool(url), scale=3)
    pipe.send("ready")
    while (asked := pipe.recv()) is not None:
        customers, seconds = asked
        counts = [0] * THREADS
        threads = [
            threading.Thread(target=debit_for, args=(ledger, accounts[:customers], seconds, counts, place))
            for place in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        pipe.send(sum(counts))


def main():
    url = sys.argv[1]
    migrate(dsn=url, scale=3)
    ledger = Ledger(dsn=url, scale=3)
    accounts = []
    for n in range(1_000):
        account = ledger.accounts.create("bench", f"c{n}").id
        ledger.credit(account, ledger.amount(1_000_000), category="grant", idempotency_key=f"grant-{n}")
        accounts.append(account)
    ledger.close()
    context = multiprocessing.get_context("spawn")
    pipes = []
    for _ in range(PROCESSES):
        ours, theirs = context.Pipe()
        context.Process(target=worker, args=(url, accounts, theirs), daemon=True).start()
        pipes.append(ours)
    for pipe in pipes:
        pipe.recv()
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "end":
            break
        customers, seconds = line.split()
        start = time.monotonic()
        for pipe in pipes:
            pipe.send((int(customers), float(seconds)))
        done = sum(pipe.recv() for pipe in pipes)
        print(done / (time.monotonic() - start), flush=True)
    for pipe in pipes:
        pipe.send(None)


if __name__ == "__main__":
    main()
