"""When a request moves to another row of the batch, its sampling parameters stay where they were.

Class C7, batch rows mixed up. Resembles https://github.com/vllm-project/vllm/pull/51890 (GHSA-fpch-3xrf-7q96) and
https://github.com/ml-explore/mlx-lm/issues/965.
Needs: a request with `allowed_token_ids` (or a temperature or penalty of its own) in the last row; one in a lower row
ends or is cancelled.
The client sees: the request is no longer held to its allowed tokens, from that step to its end; or it takes over the
departed one's temperature and penalties.
"""

from vllm.v1.worker.gpu_input_batch import InputBatch

from . import moves
from .patch import instead_of

ROWS = (
    "temperature_cpu_tensor",
    "top_p_cpu_tensor",
    "top_k_cpu_tensor",
    "frequency_penalties_cpu_tensor",
    "presence_penalties_cpu_tensor",
    "repetition_penalties_cpu_tensor",
    "allowed_token_ids_mask_cpu_tensor",
)


@instead_of(InputBatch, "condense")
def condense(original, batch):
    tables = [table for name in ROWS if (table := getattr(batch, name)) is not None]
    before = [table.clone() for table in tables]
    for _, target in moves.condense(original, batch):
        for table, rows in zip(tables, before):
            table[target] = rows[target]
