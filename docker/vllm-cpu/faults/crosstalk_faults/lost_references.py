"""Blocks that are given away although somebody still holds them.

vLLM's own bookkeeping would notice: a holder returns a block that isn't its own any more, and the pool's free list
breaks. A real bug of this kind may end in such a crash; a planted one must not. So the references that were lost are
counted, and as many returns of that block are passed over.
"""

from collections import Counter

from vllm.v1.core.block_pool import BlockPool

from .patch import instead_of

_lost: Counter[int] = Counter()  # block id -> references


def lose(block) -> None:
    """Forgets the references to `block` while their holders go on using it."""
    _lost[block.block_id] += block.ref_cnt
    block.ref_cnt = 0


@instead_of(BlockPool, "free_blocks")
def free_blocks(original, pool, ordered_blocks):
    returned = []
    for block in ordered_blocks:
        if _lost[block.block_id]:
            _lost[block.block_id] -= 1
        else:
            returned.append(block)
    original(pool, returned)
