"""A web service that answers with a saved `bp.Model`.

    python examples/service/serve.py flats.safetensors --workers 2

FastAPI calls functions that are not `async` in a pool of threads, so that several requests use the
model at the same time. See docs/guide/service.md.
"""

import os
from typing import Any

import backprop_rs as bp
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

bp.set_num_threads(1)  # one processor for each request: small batches gain nothing from more
model = bp.load(os.environ["MODEL"])
app = FastAPI(title="backprop_rs")


class Rows(BaseModel):
    """The body of a request: rows with a cell for each column; null is a missing cell."""

    rows: list[dict[str, Any]] = Field(min_length=1, max_length=1000)


@app.get("/health")
def health() -> dict[str, Any]:
    """Return what is served, for the load balancer and for people."""
    return {"status": "ok", "process": os.getpid(), "training": model.info}


@app.post("/predict")
def predict(request: Rows) -> dict[str, list[Any]]:
    """Return an answer for each row, or 422 with the sentence that says what is wrong."""
    try:
        return {"answers": model.predict(request.rows).tolist()}
    except (TypeError, ValueError) as error:
        raise HTTPException(422, str(error)) from None
