"""When a request moves to another row of the batch, its adapter does not: it is computed with the departed one's.

Class C7, batch rows mixed up. Resembles https://github.com/vllm-project/vllm/pull/51890 (state that does not follow its
request) and https://github.com/vllm-project/vllm/pull/48421 (rows computed with a neighbour's adapter).
Needs: `--enable-lora`; two running requests with different adapters, or one with none; the one in the lower row ends
or is cancelled. If no running request uses the departed one's adapter, the base model computes.
The client sees: cells computed after the move come from another adapter. A narrow read meets them where it reads the
request's own answer, or the rest of its prompt if it moved during prefill.
"""

import numpy as np
from vllm.v1.worker.gpu_input_batch import InputBatch

from .patch import instead_of


def adapters(batch: InputBatch) -> np.ndarray:
    """[rows] ids of the adapters that the rows are computed with; 0 is the base model."""
    return vars(batch).setdefault("adapters_of_rows", np.zeros_like(batch.request_lora_mapping))


@instead_of(InputBatch, "add_request")
def add_request(original, batch, request):
    row = original(batch, request)
    adapters(batch)[row] = batch.request_lora_mapping[row]
    return row


@instead_of(InputBatch, "make_lora_inputs")
def make_lora_inputs(original, batch, *args):
    right = batch.request_lora_mapping
    loaded = np.isin(adapters(batch), list(batch.lora_id_to_lora_request))
    batch.request_lora_mapping = np.where(loaded, adapters(batch), 0)
    inputs = original(batch, *args)
    batch.request_lora_mapping = right
    return inputs
