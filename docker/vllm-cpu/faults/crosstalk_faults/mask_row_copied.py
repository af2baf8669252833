"""When a request moves to another row of the batch, its mask of allowed tokens is copied, not moved: the row it left
keeps one.

Class C7, batch rows mixed up. It is https://github.com/vllm-project/vllm/issues/43894 put back; also resembles
https://github.com/vllm-project/vllm/pull/51890 (GHSA-fpch-3xrf-7q96: state copied, not moved, when rows change).
Needs: a request with `allowed_token_ids` in the last row; one in a lower row ends or is cancelled; while the first
still runs, a plain request comes and takes the row that it left.
The client sees: the plain request is held to the other one's allowed tokens.
"""

from vllm.v1.worker.gpu_input_batch import InputBatch

from . import moves
from .patch import instead_of


@instead_of(InputBatch, "condense")
def condense(original, batch):
    moved = moves.condense(original, batch)
    mask = batch.allowed_token_ids_mask_cpu_tensor
    if mask is not None:
        for source, target in moved:
            mask[source] = mask[target]
