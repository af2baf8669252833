"""When a request moves to another row of the batch, its row of the block table does not: it keeps the departed one's.

Class C7, batch rows mixed up. Resembles https://github.com/tenstorrent/vllm-tt-plugin/pull/103 (a moved request uses
block ids of the row's former owner) and https://github.com/ml-explore/mlx-lm/issues/965.
Needs: two requests decode; the one in the lower row ends or is cancelled while the one in the last row runs on.
The client sees: from then on that request reads the departed one's cells and writes its own into blocks that belong to
nobody, or by now to somebody else; the prefix cache has keys for cells that were never written.
"""

from vllm.v1.worker.block_table import BlockTable

from .patch import instead_of


@instead_of(BlockTable, "clear_row")
def clear_row(original, table, row):
    table.num_blocks_per_row[row] = 0  # the block ids stay until they are overwritten


@instead_of(BlockTable, "move_row")
def move_row(original, table, source, target):
    table.num_blocks_per_row[target] = table.num_blocks_per_row[source]
    table.num_blocks_per_row[source] = 0
