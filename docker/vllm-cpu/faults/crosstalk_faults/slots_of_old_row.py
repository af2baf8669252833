"""The slots that a step writes to are looked up in the block table as it was before rows moved in that step.

Class C6 and C7, a slot mapping that is one step late. Resembles https://github.com/vllm-project/vllm/pull/36580 (slot
mapping wrong for some rows) and https://github.com/vllm-project/vllm-ascend/issues/13863 (values of the rows of the step
before).
Needs: a request in a lower row ends or is cancelled while the one in the last row runs on.
The client sees: the cells of one step are missing from the request that moved: one cell if it decodes, a chunk if it
was in its prefill. They overwrite the departed one's block at the same positions, which may be cached.
"""

from vllm.v1.worker.block_table import BlockTable

from .patch import instead_of


@instead_of(BlockTable, "clear_row")
def clear_row(original, table, row):
    vars(table).setdefault("departed", {})[row] = table.block_table.np[row].copy()
    original(table, row)


@instead_of(BlockTable, "move_row")
def move_row(original, table, source, target):
    original(table, source, target)
    vars(table).setdefault("late", set()).add(target)


@instead_of(BlockTable, "compute_slot_mapping")
def compute_slot_mapping(original, table, *args):
    rows = table.block_table.np  # on a CPU the worker's copy is this one
    late = {row: rows[row].copy() for row in vars(table).pop("late", ())}
    for row in late:
        rows[row] = table.departed[row]
    original(table, *args)
    for row, blocks in late.items():
        rows[row] = blocks
