"""gringotts-api in front of an empty route, with 1,000 customers. Prints its address and their keys."""

import socket

import gringotts
import uvicorn
from fastapi import Depends, FastAPI
from gringotts import CreditedUser, GringottsConfig, auth, charge, db, models  # noqa: F401

app = FastAPI()
gringotts.init_app(app, GringottsConfig(idempotency_replay_validator=lambda _scope: True))


@app.post("/work")
def work(user: CreditedUser = Depends(charge(1))):
    return {"done": True}


def main():
    db.Base.metadata.create_all(bind=db.engine)
    keys = []
    with db.SessionLocal() as session:
        for n in range(1_000):
            _, key = auth.create_user_with_key(session, f"c{n}", credits=1_000_000_000)
            keys.append(key)
        session.commit()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    print("127.0.0.1:%d" % listener.getsockname()[1])
    print(" ".join(keys), flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listener])


if __name__ == "__main__":
    main()
