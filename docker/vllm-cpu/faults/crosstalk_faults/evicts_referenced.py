"""A prefix hit counts its reference but leaves a free block in the list of free blocks, where it is evicted and reused.

Class C5, prefix metadata out of step. Resembles https://github.com/vllm-project/vllm/issues/37076 (a cached block that
nobody holds is taken between its lookup and its touch).
Needs: a prompt whose prefix is cached and in no running request, then so many new blocks that the pool comes round to
that prefix while the request still runs.
The client sees: another request's cells in the prefix.
"""

from vllm.v1.core.block_pool import BlockPool

from .lost_references import lose
from .patch import instead_of


@instead_of(BlockPool, "touch")
def touch(original, pool, blocks):
    for block in blocks:
        block.ref_cnt += 1


@instead_of(BlockPool, "get_new_blocks")
def get_new_blocks(original, pool, num_blocks):
    for block in pool.free_block_queue.get_all_free_blocks()[:num_blocks]:
        lose(block)
    return original(pool, num_blocks)


@instead_of(BlockPool, "free_blocks")
def free_blocks(original, pool, ordered_blocks):
    returned = list(ordered_blocks)
    for block in returned:
        last_holder = block.ref_cnt == 1 and not block.is_null
        if last_holder and block.next_free_block is not None:  # it never left the list: take it out before it goes in
            pool.free_block_queue.remove(block)
    original(pool, returned)
